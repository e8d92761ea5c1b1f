# Copyright 2026 pi_camera_stream contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""A capture worker's two pipes: what it is asked, and what it delivers."""

import os
import sys
import threading
from typing import Any, NoReturn

from ..records import FrameRecord, Message, pack_frame, pack_message, RecordError, RecordReader

_CHUNK_BYTES = 2**16


class Outlet:
    """
    Write records to what was the standard output; any thread may.

    Whatever else is printed goes to standard error from now on. The process ends, in whatever its
    threads are, when nobody reads any more, or standard input ends.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reader = RecordReader()
        self._output = os.dup(1)
        os.dup2(2, 1)

    def opened(self) -> dict[str, Any]:
        """Wait for the first message and return what it asks for."""
        while chunk := os.read(0, _CHUNK_BYTES):
            for record in self._reader.feed(chunk):
                if isinstance(record, Message) and record.kind == 'O':
                    threading.Thread(target=self._listen, name='stdin', daemon=True).start()
                    return record.body
        os._exit(0)

    def hello(self, **body: Any) -> None:
        """Say what delivers."""
        self._write(pack_message('H', {'controls': {}, **body}))

    def frame(self, frame: FrameRecord) -> None:
        """Deliver a picture."""
        self._write(pack_frame(frame))

    def fail(self, sentence: str, permanent: bool = False) -> NoReturn:
        """Say why there are no pictures, and end."""
        self._write(pack_message('E', {'sentence': sentence, 'permanent': permanent}))
        os._exit(1)

    def _write(self, data: bytes) -> None:
        with self._lock:
            try:
                sent = 0
                while sent < len(data):
                    sent += os.write(self._output, memoryview(data)[sent:])
            except OSError:
                os._exit(0)

    def _listen(self) -> None:
        try:
            while chunk := os.read(0, _CHUNK_BYTES):
                for record in self._reader.feed(chunk):
                    if isinstance(record, Message) and record.kind == 'S':
                        self._write(pack_message('A', {'error': 'it has no controls'}))
        except (OSError, RecordError) as error:
            print(f'{sys.argv[0]}: {error}', file=sys.stderr)
        finally:
            os._exit(0)
