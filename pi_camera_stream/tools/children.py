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

"""Child processes that end with their parent, whatever way it ends."""

from collections.abc import Sequence
import signal
import subprocess
import time

from ..core.shutdown_signals import hold_sigint
from ..core.with_parent import with_parent

_POLITE_S = 3.0  # how long a child may take to end by itself; a second is not enough on a busy Pi


class Children:
    """
    Start programs, see which has ended, and end the others.

    They run in sessions of their own, so that Ctrl-C reaches only the parent, which then ends them
    in order. It belongs to the main thread: the kernel takes the end of the one that starts them
    for the end of the parent.
    """

    def __init__(self) -> None:
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: Sequence[str], keep_stdin: bool = False) -> None:
        """
        Start a program of this package.

        It reads the parent's standard input if told so, and none otherwise.
        """
        with hold_sigint():
            self._processes[name] = subprocess.Popen(
                with_parent(command, signal.SIGTERM),
                stdin=None if keep_stdin else subprocess.DEVNULL, start_new_session=True)

    def ended(self) -> tuple[str, int] | None:
        """Return name and exit code of a child that has ended; None while all run."""
        for name, process in self._processes.items():
            code = process.poll()
            if code is not None:
                return name, code
        return None

    def stop(self) -> None:
        """End all that still run: politely first, then for certain."""
        for process in self._processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        deadline_s = time.monotonic() + _POLITE_S
        for process in self._processes.values():
            try:
                process.wait(max(0.0, deadline_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
