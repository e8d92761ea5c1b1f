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

"""Files come to the disk in another thread than the one that writes them: it may take seconds."""

from collections.abc import Mapping, Sequence
import math
import os
from queue import SimpleQueue
import threading
import time


class SyncThread:
    """
    Bring files to the disk; the writer's thread calls it, and does not wait.

    Attributes
    ----------
    since_s
        When it was asked to, of the monotonic clock; infinite once that is done.
    failed
        What went wrong, by the names of files; who reads it, removes it.

    """

    def __init__(self) -> None:
        self.since_s = math.inf
        self.failed: dict[str, OSError] = {}
        # One at the most, and the end: no thread is made each time, whose start may take long.
        self._jobs: SimpleQueue[Mapping[str, Sequence[int]] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def ask(self, files: Mapping[str, Sequence[int]]) -> None:
        """Do it for descriptors, which are closed then; nothing while it is still at work."""
        if not files or self.since_s < math.inf:
            _close(files)
            return
        self.since_s = time.monotonic()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name='sync', daemon=True)
            self._thread.start()
        self._jobs.put(files)

    def end(self) -> None:
        """Let the thread go once it is done."""
        if self._thread is not None:
            self._thread = None
            self._jobs.put(None)

    def _run(self) -> None:
        while (files := self._jobs.get()) is not None:
            try:
                for name, descriptors in files.items():
                    self._sync(name, descriptors)
            finally:
                _close(files)
                self.since_s = math.inf

    def _sync(self, name: str, descriptors: Sequence[int]) -> None:
        try:
            for descriptor in descriptors:
                os.fdatasync(descriptor)
        except OSError as error:
            self.failed[name] = error


def _close(files: Mapping[str, Sequence[int]]) -> None:
    for descriptors in files.values():
        for descriptor in descriptors:
            os.close(descriptor)
