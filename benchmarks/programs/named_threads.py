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
Run a command of the package so that the kernel knows its threads by their names.

proc(5) then tells what each of them costs; the threads of libraries have the name of the one that
has started them. From Python 3.14 on, threads have their names anyway.
"""

from pathlib import Path
import sys
import threading

from pi_camera_stream.__main__ import run

_MOST = 15  # characters, the kernel's limit


def name_threads() -> None:
    """Let each thread that is started from now on say its name to the kernel first."""
    start = threading.Thread.start

    def start_named(thread: threading.Thread) -> None:
        work = thread.run

        def work_named() -> None:
            Path('/proc/thread-self/comm').write_text(thread.name[:_MOST])
            work()

        thread.run = work_named  # type: ignore[method-assign]
        start(thread)

    threading.Thread.start = start_named  # type: ignore[assignment,method-assign]


if __name__ == '__main__':
    name_threads()
    run(sys.argv[1:])
