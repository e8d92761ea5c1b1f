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

"""A child process whose output is read: it ends for certain, and with its parent."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
import fcntl
import os
import select
import signal
import subprocess
import threading
import time
from typing import BinaryIO, cast

from .errors import TemporaryError
from .with_parent import with_parent

_POLITE_S = 0.1  # how long a child may take to end by itself
_KILLED_S = 0.3  # and how long when it has been killed
_PIPE_BYTES = 2**20  # room for a picture: whoever writes it need not be woken for each 64 kB
_CHUNK_BYTES = 2**16  # a bigger buffer comes fresh from the kernel, which costs more than the read


class Child:
    """
    A program whose standard output is read here, without ever waiting longer than told.

    It belongs to the thread that starts it: the kernel takes the end of that thread for the end of
    the parent. What it writes to its standard error comes to ours, unless it is `quiet`.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None,
                 name: str = '', hear: Callable[[bytes], None] | None = None,
                 inherited: Sequence[int] = (), quiet: bool = False) -> None:
        """
        Start it; `name` is for people. TemporaryError when no process can be made.

        `hear` is told of its standard error while it is read, and when it has ended; `inherited`
        are descriptors of ours that it has, too; `quiet` is for who says it in words of their own.
        """
        self._name = name or os.path.basename(command[0])
        self._hear, self._quiet = hear, quiet
        try:
            self._process = subprocess.Popen(
                with_parent(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=None if hear is None else subprocess.PIPE, bufsize=0,
                start_new_session=True, env=environment, pass_fds=inherited)
        except OSError as error:
            raise TemporaryError(f'cannot start {self._name} ({error.strerror}): is there enough '
                                 'memory?') from error
        self._stdin = cast(BinaryIO, self._process.stdin).fileno()
        self._stdout = cast(BinaryIO, self._process.stdout).fileno()
        os.set_blocking(self._stdin, False)
        os.set_blocking(self._stdout, False)
        try:
            fcntl.fcntl(self._stdout, getattr(fcntl, 'F_SETPIPE_SZ', 1031), _PIPE_BYTES)
        except OSError:  # more than this user may have
            pass
        self._poll = select.poll()  # not select: its descriptor may be over 1023
        self._poll.register(self._stdout, select.POLLIN)
        self._stderr = -1  # when it is not heard, or has come to its end
        if self._process.stderr is not None:
            self._stderr = self._process.stderr.fileno()
            os.set_blocking(self._stderr, False)
            self._poll.register(self._stderr, select.POLLIN)

    @property
    def pid(self) -> int:
        return self._process.pid

    def read(self, timeout_s: float) -> bytes:
        """
        Wait for output; nothing when `timeout_s` passed.

        TemporaryError says how it has ended.
        """
        deadline_s = time.monotonic() + timeout_s
        while True:
            ready = dict(self._poll.poll(max(0.0, deadline_s - time.monotonic()) * 1000))
            if self._stderr in ready:
                self._pass_on()
            if self._stdout in ready:
                break
            if time.monotonic() >= deadline_s:
                return b''
        chunks: list[bytes] = []
        while len(chunks) * _CHUNK_BYTES < _PIPE_BYTES:  # all that is there, so the newest, too
            try:
                chunk = os.read(self._stdout, _CHUNK_BYTES)
            except BlockingIOError:
                break
            if not chunk and not chunks:
                self._pass_on()
                raise TemporaryError(self._obituary())
            chunks.append(chunk)
            if len(chunk) < _CHUNK_BYTES:
                break
        return b''.join(chunks)

    def write(self, data: bytes) -> bool:
        """Write to its standard input; False when it has ended, or does not read."""
        try:
            return os.write(self._stdin, data) == len(data)
        except (BrokenPipeError, BlockingIOError):
            return False

    def stop(self) -> None:
        """End it; one that hangs in a driver, where nothing ends it, is left to the kernel."""
        cast(BinaryIO, self._process.stdin).close()
        self._signal(signal.SIGTERM)
        self._await_end()
        self._signal(signal.SIGKILL)  # what it has started is in its session, too
        try:
            self._process.wait(_KILLED_S)
        except subprocess.TimeoutExpired:
            threading.Thread(target=self._process.wait, daemon=True).start()
        cast(BinaryIO, self._process.stdout).close()
        if self._process.stderr is not None:
            self._pass_on()
            self._process.stderr.close()
            self._stderr = -1

    def _pass_on(self) -> None:
        """Pass on what has come on its standard error."""
        while self._stderr >= 0 and self._hear is not None:
            try:
                chunk = os.read(self._stderr, _CHUNK_BYTES)
            except BlockingIOError:
                return
            if not chunk:
                self._poll.unregister(self._stderr)
                self._stderr = -1
                return
            if not self._quiet:
                with suppress(OSError):  # ours may be closed
                    os.write(2, chunk)
            self._hear(chunk)
            if len(chunk) < _CHUNK_BYTES:
                return

    def _signal(self, number: signal.Signals) -> None:
        # Its number is not given to others before it is waited for.
        try:
            os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):
            pass

    def _await_end(self) -> int | None:
        """Return its exit code, negative for a signal; None when it goes on for a while yet."""
        deadline_s = time.monotonic() + _POLITE_S
        while True:
            try:
                end = os.waitid(os.P_PID, self._process.pid,
                                os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:  # where SIGCHLD is ignored, nobody knows how it ended
                return None
            if end is not None:
                return end.si_status if end.si_code == os.CLD_EXITED else -end.si_status
            if time.monotonic() > deadline_s:
                return None
            time.sleep(0.005)

    def _obituary(self) -> str:
        """Say how it has ended; it has closed its output, so it is about to."""
        code = self._await_end()
        if code is None:
            return f'{self._name} has closed its output'
        if code < 0:
            return f'{self._name} was ended by {signal.Signals(-code).name}'
        return f'{self._name} has ended with exit code {code}'
