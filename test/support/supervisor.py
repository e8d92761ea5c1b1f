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

"""A socket as systemd has it, for what a service tells it."""

from contextlib import contextmanager
import socket

WAIT_S = 60


class Supervisor:
    """What a service has said, in its order; `environment` is what it is started with."""

    def __init__(self, listener, address, watchdog_s):
        self._listener = listener
        name = address if isinstance(address, str) else address.decode()
        self.environment = {'NOTIFY_SOCKET': name.replace('\0', '@', 1)}
        if watchdog_s:
            self.environment['WATCHDOG_USEC'] = str(round(watchdog_s * 1e6))

    def next(self):
        """Return the lines of the next message."""
        return self._listener.recv(4096).decode().split('\n')

    def until(self, line):
        """Wait for a message with that line, and return all that came, with its own."""
        said = self.next()
        while line not in said:
            said += self.next()
        return said

    def silent_s(self, seconds):
        """Return whether nothing is said for so long."""
        self._listener.settimeout(seconds)
        try:
            self._listener.recv(4096)
        except TimeoutError:
            return True
        finally:
            self._listener.settimeout(WAIT_S)
        return False


@contextmanager
def supervising(address, watchdog_s=0.0):
    """Listen at a path, or where that begins with a zero byte, at an abstract address."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.settimeout(WAIT_S)
        listener.bind(address)
        yield Supervisor(listener, listener.getsockname(), watchdog_s)
