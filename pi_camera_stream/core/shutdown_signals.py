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
The end of a process: by Ctrl-C, SIGTERM, or with the terminal (SIGHUP), and for certain.

What Python calls for a signal runs in the midst of whatever the main thread does, so it may not
even set an Event, whose lock that thread may hold in `wait`; and only when that thread comes back
to Python, which may take a second. So a thread waits for what Python's signal handling writes into
a pipe the moment a signal arrives.

A library may hang while it holds the interpreter's lock, where no thread of ours could help. So
the kernel ends what has not ended in time. Shortly before, it is printed where each thread is:
such an end is a fault, which could not be found otherwise.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
import faulthandler
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import NoReturn

LAST_S = 4.5  # from the signal to the end by force; `ros2 launch` loses its patience after 5
_TRACE_S = 0.3  # before that
_POLITE_S = 2.0
_WINDOWS = not hasattr(signal, 'pthread_sigmask')  # where none of this can be, but Ctrl-C
_SIGNALS = () if _WINDOWS else (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def hold_sigint() -> Iterator[None]:
    """
    Hold SIGINT back while a program of this package is started, which inherits that.

    It would complain if hit while Python imports; `end_at_once` or `end_by_signals` let through
    what was held back.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_at_once() -> None:
    """Let SIGINT end this program without a word, from now on. Main thread only."""
    if _WINDOWS:
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def end_by_signals(end: Callable[[], None]) -> Callable[[], None]:
    """
    Call `end` in a thread of its own when the first signal comes. Main thread only.

    From then on the process has `LAST_S` to live. The main thread calls what is returned before it
    tears anything down, perhaps again: it waits for `end` to return if it was called, and lets no
    signal disturb what is left to do, for which there is as much time.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    for number in _SIGNALS:
        if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
            continue  # as nohup wants it
        # A script's shell lets what it starts with & ignore SIGINT, by which `ros2 launch` ends
        # nodes: as with rclpy's own handlers, that does not count. Python's own would raise
        # KeyboardInterrupt, in the midst of the cleaning up when a second signal comes after the
        # terminal's.
        signal.signal(number, lambda _number, _frame: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {*_SIGNALS, signal.SIGALRM})

    def wait() -> None:
        if os.read(reader, 1):
            _set_deadline()
            end()

    thread = threading.Thread(target=wait, name='signals', daemon=True)
    thread.start()

    def finish() -> None:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        if signal.set_wakeup_fd(-1) == writer:
            os.close(writer)  # the thread reads the end of the file, or what came before
        _set_deadline()
        thread.join()

    return finish


def interrupt_by_signals(code: int) -> None:
    """
    Raise KeyboardInterrupt in the main thread when the first signal comes. Main thread only.

    So it leaves what it is in, such as the ROS graph, where others wait in vain for those who do
    not say so. If it is not gone a moment later, the process ends with the exit code. On Windows,
    Ctrl-C raises it without our help.
    """
    if _WINDOWS:
        return

    def end() -> None:
        time.sleep(_POLITE_S)
        leave(code)

    heard = False

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        nonlocal heard
        if not heard:  # a second one would cut the leaving short
            heard = True
            raise KeyboardInterrupt

    end_by_signals(end)
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interrupt)


def leave(code: int) -> NoReturn:
    """
    End the process with an exit code.

    Python's own end lets threads that still run go on until they need the interpreter's lock, and
    takes them apart in the midst of C++ then, which aborts the process.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # closed, or nobody reads it
            stream.flush()
    os._exit(code)


def _set_deadline() -> None:
    """Let the kernel end the process; what was set before holds."""
    if not signal.getitimer(signal.ITIMER_REAL)[0]:
        signal.setitimer(signal.ITIMER_REAL, LAST_S)
        faulthandler.dump_traceback_later(LAST_S - _TRACE_S, file=2)
