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
End by Ctrl-C, SIGTERM, or with the terminal (SIGHUP), with a last word.

rclpy's own handlers shut the context down at once, after which nothing can be published. Python's
handlers run when the main thread comes back from the executor, which may be a second later. So a
thread waits for what Python's signal handling writes into a pipe the moment a signal arrives.
"""

from collections.abc import Callable
import os
import signal
import threading

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def end_by_signals(end: Callable[[], None]) -> Callable[[], None]:
    """
    Call `end` in a thread of its own when the first signal comes. Main thread only.

    Returns
    -------
    What is to be called, by the main thread, before anything is torn down: it waits for `end` to
    return if it has been called, and lets no signal disturb what is left to do. It may be called
    again.

    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in _SIGNALS:
        if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
            continue  # as nohup wants it
        # A script's shell lets what it starts with & ignore SIGINT, by which `ros2 launch` ends
        # nodes: as with rclpy's own handlers, that does not count. Python's own would raise
        # KeyboardInterrupt, in the midst of the cleaning up when a second signal comes after the
        # terminal's.
        signal.signal(number, lambda _number, _frame: None)

    def wait() -> None:
        if os.read(reader, 1):
            end()

    thread = threading.Thread(target=wait, name='signals', daemon=True)
    thread.start()

    def finish() -> None:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        if signal.set_wakeup_fd(-1) == writer:
            os.close(writer)  # the thread reads the end of the file, or what came before
        thread.join()

    return finish
