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

"""What all ways to players other than browsers have in common."""

from abc import ABC, abstractmethod
import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..core.pacing import Once
from ..web.access.access_rules import AccessRules
from ..web.access.admission import Admission
from ..web.stream.catalog import Catalog
from ..web.stream.delivery import deliver, Transport
from ..web.stream.rendition import Moved
from ..web.stream.stream import Stream
from ..web.stream.stream_query import read_video_request
from ..web.stream.viewer import Viewer

# When a player that has begun gets another key frame: FFmpeg throws away what it has looked at to
# learn what it is, if it shall not hold anything back (nobuffer).
_KEYS_S = (1.0, 2.0, 4.0)
_MOST_SAID = 20  # refusals that are logged

Log = Callable[[str], None]


class Outlet(ABC):
    """
    A way on which access units go to players. Event loop only.

    Who plays is a viewer as all others are: one of `max_viewers`, in `/state` and `/metrics`, and
    served by the rule of inter-coded frames (`core/group_buffer.py`): who falls behind gets
    nothing until the next key frame. What is wanted by nobody is not encoded.

    Attributes
    ----------
    reason
        Why it does not work; empty where it does.

    """

    kind: str

    def __init__(self, catalog: Catalog, rules: AccessRules, places: Admission, log: Log) -> None:
        """Make it; `places` are those of all viewers, `log` hears what is to be known."""
        self.catalog, self.rules, self.places, self.log = catalog, rules, places, log
        self.reason = ''
        self.begun = self.refused = 0  # players, and requests
        self._said = Once(_MOST_SAID)
        self._playing: set[Viewer] = set()
        self._frames_sent = self._bytes_sent = self._frames_skipped = 0  # by those who have gone

    @abstractmethod
    async def open(self) -> None:
        """Begin; what is wrong is `reason`, and everything else goes on."""

    @abstractmethod
    async def close(self) -> None:
        """End it."""

    @abstractmethod
    def url(self) -> str:
        """Return where it is, as players have it."""

    def title(self) -> str:
        """Return where it is, as it is said when the server has begun."""
        return f'players can open {self.url()}'

    async def sdp(self, _stream: Stream, _tier: str) -> str:
        """Return the SDP of what is sent of a stream, in that tier; empty where nothing is."""
        return ''

    @property
    def frames_sent(self) -> int:
        return self._frames_sent + sum(viewer.sent for viewer in self._playing)

    @property
    def bytes_sent(self) -> int:
        return self._bytes_sent + sum(viewer.sent_bytes for viewer in self._playing)

    def state(self) -> dict[str, object]:
        return {
            'kind': self.kind, 'url': self.url(), 'clients': len(self._playing),
            'clients_begun': self.begun, 'refused': self.refused,
            'frames_sent': self.frames_sent, 'bytes_sent': self.bytes_sent,
            'frames_skipped': self._frames_skipped + sum(one.skipped for one in self._playing),
            'reason': self.reason,
        }

    def refuse(self, sentence: str) -> None:
        """Count one who is refused, and say why to whoever runs the server, if not yet."""
        self.refused += 1
        if self._said.due(sentence):
            self.log(f'refusing a player at {self.url()}: {sentence}')

    def viewer(self, address: str, transport: Transport, tier: str = '') -> Viewer:
        """Return one who gets H.264 of that tier; of the usual one, where none is named."""
        query = {'tier': tier} if tier else {}
        viewer = Viewer(address, transport.name, read_video_request(query),
                        visitor=self.rules.counted(address))
        viewer.link = transport.link

        def end(reason: str) -> None:
            """Let the player hear by the end that there is no H.264 any more."""
            if reason:
                transport.link.abort()
                wake(viewer)

        viewer.on_video = end
        return viewer

    async def play(self, stream: Stream, viewer: Viewer, transport: Transport) -> None:
        """Send frames to a player until its way is closed, or the task is cancelled."""
        with self._counted(viewer), stream.watch(viewer):
            loop = asyncio.get_running_loop()
            keys = [loop.call_later(delay_s, want_key, viewer) for delay_s in _KEYS_S]
            try:
                await deliver(stream, viewer, transport)
            finally:
                for key in keys:
                    key.cancel()

    @contextmanager
    def _counted(self, viewer: Viewer) -> Iterator[None]:
        self.begun += 1
        self._playing.add(viewer)
        try:
            yield
        finally:
            self._playing.discard(viewer)
            self._frames_sent += viewer.sent
            self._bytes_sent += viewer.sent_bytes
            self._frames_skipped += viewer.skipped


def wake(viewer: Viewer) -> None:
    """Let what is sent by a way that is closed end now, and not with the next frame."""
    if viewer.reader is not None:
        viewer.reader.wake(Moved())


def want_key(viewer: Viewer) -> None:
    """Let a player have a key frame, as soon as may be; until then it gets what there is."""
    if viewer.reader is not None:
        viewer.reader.rendition.want_key()
