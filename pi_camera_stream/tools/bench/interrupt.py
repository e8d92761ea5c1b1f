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

"""Ctrl-C in a measurement: its programs end at once, and without a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager
import signal


class Interrupted(Exception):
    """Ctrl-C, or SIGTERM: everything is to end. Raised where something waits for `stopping`."""


@contextmanager
def held_back() -> Iterator[None]:
    """
    Hold SIGINT back while a program is started, which inherits that.

    So it cannot be hit while Python starts and imports; when it calls `end_at_sigint`, what was
    held back comes through.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def end_at_sigint() -> None:
    """Let SIGINT end this program from now on."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
