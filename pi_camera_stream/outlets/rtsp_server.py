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

"""An RTSP server, for players and recorders: `rtsp://robot:8554/camera`."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from .listening import ListeningOutlet
from .multicast import Groups
from .outlet import Log, Outlet
from .rtp import Numbers, Packer
from .rtsp_connection import DEFAULT_PATH, RtspConnection
from ..web.access.access_rules import AccessRules
from ..web.access.admission import Admission
from ..web.stream.catalog import Catalog
from ..web.stream.stream import Stream

if TYPE_CHECKING:
    from ..web.sound.listeners import Listeners


class RtspServer(ListeningOutlet):
    """
    Serves H.264 by RTSP 1.0 (RFC 2326), as RTP in the connection or by UDP.

    `/camera` is the default topic, and any other topic has its name. Where there is an access
    token, players prove to know it; it is never sent.
    """

    kind, what, parameter = 'rtsp', 'RTSP', 'rtsp_port'

    def __init__(self, address: str, port: int, catalog: Catalog, rules: AccessRules,
                 places: Admission, note_wrong: Callable[[str], float], log: Log,
                 multicast: bool = False, sound: 'Listeners | None' = None) -> None:
        """
        Make it; nothing listens yet.

        `note_wrong` hears of wrong passwords, and returns for how many seconds another one from
        that address is one too many; `multicast` is whether players may have pictures sent to a
        group; `sound` is what they may hear.
        """
        super().__init__(address, port, catalog, rules, places, log)
        self.outlet: Outlet = self
        self.packer, self.note_wrong, self.sound = Packer(), note_wrong, sound
        self.groups = Groups(self, self.packer) if multicast else None
        self._numbers: WeakValueDictionary[tuple[Stream, str], Numbers] = WeakValueDictionary()

    def numbers(self, stream: Stream, tier: str) -> Numbers:
        """Return those of all who play that."""
        numbers = self._numbers.get((stream, tier))
        if numbers is None:
            numbers = self._numbers[stream, tier] = Numbers(stream.now_ns)
        return numbers

    def url(self) -> str:
        return f'rtsp://{self.host()}:{self.port}/{DEFAULT_PATH}'

    def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
                   ) -> RtspConnection:
        return RtspConnection(self, reader, writer)
