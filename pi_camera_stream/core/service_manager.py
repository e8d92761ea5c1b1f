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

"""What systemd is told of a service that it has started with `Type=notify`: see sd_notify(3)."""

from collections.abc import Mapping
from contextlib import suppress
import os
import socket

_UNASKED_PERIOD_S = 10.0
_PARTS = 3  # so often within the time that systemd allows


class ServiceManager:
    """
    Tells whoever has started this process how it is; nothing where nobody wants to know.

    Any thread may call any method, and none waits: a word that systemd has no room for is lost,
    and said again in the next period.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = _address(environment.get('NOTIFY_SOCKET', ''))
        allowed_us = environment.get('WATCHDOG_USEC', '')
        # How often it wants to hear that all is well.
        self.period_s = int(allowed_us) / 1e6 / _PARTS if allowed_us.isdecimal() \
            and int(allowed_us) else _UNASKED_PERIOD_S
        # Below `ros2 launch` the end of this process is not that of the service.
        self._is_service = str(os.getpid()) in (environment.get('SYSTEMD_EXEC_PID'),
                                                environment.get('WATCHDOG_PID'))

    @property
    def listens(self) -> bool:
        return bool(self._address)

    def tell_ready(self) -> None:
        self._tell('READY=1')

    def tell_alive(self, status: str) -> None:
        """Say that all is well, for a period; `systemctl status` shows the status."""
        self._tell('WATCHDOG=1\nSTATUS=' + ' '.join(status.split()))

    def tell_stopping(self) -> None:
        if self._is_service:
            self._tell('STOPPING=1')

    def _tell(self, text: str) -> None:
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto(text.encode(errors='replace'), self._address)


def _address(name: str) -> str:
    """Return it as sockets have it; empty for none, or for one of a kind that is not known."""
    if name.startswith('@'):  # abstract: in no folder
        return '\0' + name[1:]
    return name if name.startswith('/') else ''
