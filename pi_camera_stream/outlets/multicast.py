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

"""Pictures that go to a group of receivers, once for all of them."""

import asyncio
import secrets
from typing import Any, TYPE_CHECKING

from .opening import SOUND_PORT
from .outlet import Outlet, want_key
from .rtp import Packer, RtpSender
from .rtp_transports import MulticastTransport
from .rtsp_messages import Delivery
from ..web.stream.stream import Stream
from ..web.stream.viewer import Viewer

if TYPE_CHECKING:
    from .rtp_sound import GroupSound

_PORTS = range(20_000, 30_000, 2 * SOUND_PORT)


class Group:
    """
    A group that gets a stream while somebody plays it. Event loop only.

    Its address is of those that stay within a site (239.255.0.0/16, RFC 2365), and chosen here.
    """

    def __init__(self, outlet: Outlet, stream: Stream, tier: str, local: tuple[Any, ...],
                 packer: Packer) -> None:
        """Make it; it is sent from that address of this machine. OSError where that is IPv6."""
        if len(local) > 2:
            raise OSError('multicast needs IPv4')
        self.stream, self.tier, self.local = stream, tier, local
        self._outlet, self._packer = outlet, packer
        self._address = f'239.255.{secrets.randbelow(256)}.{secrets.randbelow(255) + 1}'
        self._port = secrets.choice(_PORTS)
        self._sender = RtpSender(stream.now_ns)
        self._sound: GroupSound | None = None
        self._players = 0
        self._viewer: Viewer | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def plays(self) -> bool:
        return self._players > 0 or (self._sound is not None and self._sound.plays)

    @property
    def sound(self) -> 'GroupSound':
        """Return what is heard beside the pictures."""
        from .rtp_sound import GroupSound

        if self._sound is None:
            self._sound = GroupSound(self.local, self._address, self._port + SOUND_PORT,
                                     self.stream.now_ns)
        return self._sound

    @property
    def said(self) -> str:
        """Return what a Transport header says of it."""
        return (f'RTP/AVP;multicast;destination={self._address};port={self._port}-'
                f'{self._port + 1};ttl=1;ssrc={self._sender.ssrc:08X}')

    def enter(self) -> None:
        """Let it be sent until as many have left."""
        self._players += 1
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._send())
        elif self._viewer is not None:
            want_key(self._viewer)

    async def wait(self) -> None:
        """Wait until there is nothing more to send, for who has entered."""
        if self._task is not None:
            await asyncio.shield(self._task)

    def leave(self) -> None:
        self._players -= 1
        if not self._players and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _send(self) -> None:
        transport = MulticastTransport(
            self.local, (self._address, self._port),
            Delivery(port=self._port, control_port=self._port + 1), self._packer, self._sender)
        try:
            viewer = self._viewer = self._outlet.viewer(self._address, transport, self.tier)
            transport.on_loss = lambda: viewer.reader.jump() if viewer.reader else None
            await self._outlet.play(self.stream, viewer, transport)
        finally:
            transport.close()
            self._viewer = None


class Groups:
    """The groups of a server: one for each stream, its tier, and network of this machine."""

    def __init__(self, outlet: Outlet, packer: Packer) -> None:
        self._outlet, self._packer = outlet, packer
        self._groups: list[Group] = []

    def find(self, stream: Stream, tier: str, local: tuple[Any, ...]) -> Group:
        """Return the one of a stream; OSError where there can be none."""
        for group in self._groups:
            if (group.stream, group.tier, group.local[0]) == (stream, tier, local[0]):
                return group
        # What nobody plays any more would keep streams of topics that nobody wants.
        self._groups = [group for group in self._groups if group.plays]
        self._groups.append(Group(self._outlet, stream, tier, local, self._packer))
        return self._groups[-1]
