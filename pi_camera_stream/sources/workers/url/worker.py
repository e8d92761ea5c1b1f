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

"""
Receive a stream from the network and deliver its newest picture: the worker of `UrlSource`.

Three threads hand pictures on: one reads, one decodes, one encodes; a slow one leaves out what is
old and delays none before it. The main thread calls again about once a second while the sender is
away, and sees to it that the reason is told.
"""

import threading
import time
from typing import Any

import av

from .byte_stream import receive_bytes
from .libav_stream import receive_libav
from ..runtime.frame_writer import FrameWriter
from ..runtime.worker_pipe import Device, Failure, run, WorkerPipe
from ..runtime.worker_status import WorkerStatus
from ...base import SourceSettings
from ...stream_address import hide_secrets, parse_address, StreamAddress
from ....core.errors import PermanentError, StreamError

_RETRY_S = 1.0
_WATCH_S = 0.2


class UrlWorker(Device):
    """Receives in a thread, and watches in another how long nothing comes."""

    def __init__(self, body: dict[str, Any], pipe: WorkerPipe) -> None:
        av.logging.set_level(av.logging.PANIC)  # its messages have whole addresses in them
        try:
            settings = SourceSettings(**body['settings'])
            address = parse_address(settings.path)
        except (StreamError, TypeError, KeyError) as error:
            raise Failure(hide_secrets(str(error)), permanent=True) from error
        self._pipe, self._give_up_s = pipe, float(body['give_up_s'])
        self._writer = FrameWriter(pipe, settings)
        self._status = WorkerStatus(f'{address.shown} has not answered yet: is the sender there?')
        threading.Thread(target=self._receive, args=(address,), name='reader', daemon=True).start()
        threading.Thread(target=self._watch, name='watch', daemon=True).start()

    def _watch(self) -> None:
        begin_s = time.monotonic()
        while time.monotonic() - max(begin_s, self._writer.last_s) < self._give_up_s:
            time.sleep(_WATCH_S)
        self._pipe.fail(hide_secrets(self._status.sentence))

    def _receive(self, address: StreamAddress) -> None:
        receive = receive_bytes if address.scheme in ('udp', 'tcp') else receive_libav
        while True:
            begin_s = time.monotonic()
            try:
                receive(address, self._writer, self._status)
            except PermanentError as error:
                self._pipe.fail(hide_secrets(str(error)), permanent=True)
            except StreamError as error:
                self._status.sentence = str(error)
            except Exception as error:  # whatever a library throws is no end in silence
                self._pipe.fail(hide_secrets(f'{address.shown} cannot be received ({error!r})'))
            time.sleep(max(0.0, begin_s + _RETRY_S - time.monotonic()))


if __name__ == '__main__':
    run(UrlWorker)
