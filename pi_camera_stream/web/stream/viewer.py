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

"""One who watches."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
import secrets
import time

from .link import Link
from .reading import Reading
from .rendition import Rendition
from .tiers import (
    allowed_s,
    CUSTOM,
    CUSTOM_INDEX,
    FULL,
    JPEG_LADDER,
    Ladder,
    NAMES,
    NO_TIER,
    NOTHING,
    Relieve,
    Spec,
    Surroundings,
    TierControl,
    TIERS,
)
from .video_rendition import VideoReader, VideoRendition
from ...core.frame import Frame, H264, JPEG
from ...core.pacing import RateLimit, TokenBucket
from ...core.rendition_spec import RenditionSpec
from ...core.statistics import Recent

_DRIVER, _SPECTATOR = 1.9, 0.4  # slack while somebody drives
_LONG_S = 3.0  # when it is told that it waits
_PATIENCE_S = 1.5  # so long may it take until a key frame comes
_COMPLAINTS, _COMPLAINTS_PER_S = 3, 0.1  # of a decoder, before smaller frames are tried


@dataclass(frozen=True)
class StreamRequest:
    tier: int | None = None  # index of a tier; None leaves it to the bridge,
    ladder: Ladder = JPEG_LADDER  # which chooses among these
    spec: RenditionSpec | None = None  # of its own, which wins over the tier
    fps: float = 0.0  # at the most, of JPEGs; 0 is all
    codecs: Collection[str] = (JPEG,)  # what the client can decode


@dataclass(eq=False)
class Viewer:
    """Where it is, how it is served, what it wants and what it got. Event loop only."""

    address: str
    transport: str
    request: StreamRequest = field(default_factory=StreamRequest)
    since_s: float = field(default_factory=time.monotonic)
    sent: int = 0
    sent_bytes: int = 0
    skipped: int = 0
    last_sequence: int = 0
    # On arrival, estimated; at paint, where a page tells that.
    age_ms: Recent = field(default_factory=Recent)
    rendition: Rendition | VideoRendition | None = None
    reader: VideoReader | None = None  # of the rendition, where that is inter-coded
    joining: VideoReader | None = None  # of the one to move to, as soon as it can be begun with
    link: Link | None = None
    reading: Reading | None = None  # where it is known
    visitor: str = ''  # as what the address is counted; empty where it has no limit
    # By which a page can say that it is this viewer, and no other.
    name: str = field(default_factory=lambda: secrets.token_hex(8))
    # Hears why there is no H.264 at present, or '' when there is again.
    on_video: Callable[[str], None] = lambda _: None

    def __post_init__(self) -> None:
        self._control = TierControl(self.since_s, self.request.ladder)
        self._rate_limit = RateLimit()
        self._missing: Collection[int] = ()  # tiers that cannot be had at present
        self._last_size = 0
        self._asked_s = self.since_s  # when it was sent elsewhere
        self.told = ''  # why it waits
        self._complaints = TokenBucket(_COMPLAINTS_PER_S, _COMPLAINTS)

    def spec(self) -> Spec:
        """Return the rendition that is right for it; it may still be on another one."""
        return self.request.spec or TIERS[self._tier()].spec

    def tier_name(self) -> str:
        if self.request.spec == NOTHING:
            return NO_TIER
        index = self.tier_index()
        return CUSTOM if index == CUSTOM_INDEX else NAMES[index]

    def tier_index(self) -> int:
        """Return the tier of what it gets."""
        if self.rendition is None or self.joining is None:
            return CUSTOM_INDEX if self.request.spec else self._tier()
        return _INDICES.get(self.rendition.spec, CUSTOM_INDEX)

    def codec(self) -> str:
        """Return the codec of what it gets."""
        return H264 if isinstance(self.rendition, VideoRendition) else JPEG

    def entry_share(self) -> float:
        """Return with which part of its usual rate H.264 may begin for it alone."""
        return self._control.entry_share() if self.rendition is not None else 1.0

    def ask(self, request: StreamRequest) -> None:
        """Serve it so from now on."""
        self.request, self._asked_s = request, time.monotonic()
        ladder = self._ladder()
        self._control.use(ladder, self._asked_s, from_top=FULL not in ladder)  # it was chosen

    def lacks(self, missing: Collection[int]) -> None:
        """Hear which tiers cannot be had."""
        self._missing = missing
        self._control.use(self._ladder(), time.monotonic())

    def admits(self) -> bool:
        """Return whether a frame is due now; stamps tell nothing of that, they may all be 0."""
        return self._rate_limit.admits(time.monotonic_ns(), self.request.fps)

    def observe(self, transit_s: float, interval_s: float, preferred: str = '') -> bool:
        """
        Take in how long the last picture was on its way; True when it needs another rendition.

        The viewer who is preferred gives way late, all others early. One who has just been sent
        elsewhere, and waits for a key frame there, is left alone.
        """
        now_s = time.monotonic()
        slack = 1.0 if not preferred else _DRIVER if preferred == self.name else _SPECTATOR
        relieve: Relieve = _never
        share = 1.0
        if self.reader is not None:
            # Who drives needs smaller frames before they are late, and gets them.
            slack, share = min(slack, 1.0), self.reader.rendition.rate.share
            relieve = self.reader.follow(transit_s, preferred, allowed_s(
                self.tier_index(), interval_s, slack))
        if (self.request.tier is not None or self.request.spec is not None
                or (self.joining is not None and now_s - self._asked_s < _PATIENCE_S)):
            return False
        moves = self._control.observe(transit_s, interval_s, now_s, slack, relieve=relieve,
                                      size=self._last_size, share=share)
        if moves:
            self._asked_s = now_s
        return moves

    def may_have(self, index: int) -> bool:
        """Return whether that is one of the tiers that are chosen from for it."""
        return self.request.spec is None and self.request.tier is None \
            and index in self.request.ladder

    def waits_long(self, now_s: float) -> bool:
        """Return whether a key frame is missing for it that should have come."""
        return self.joining is not None and now_s - self._asked_s > _LONG_S

    def complain(self) -> bool:
        """Take in that it could not decode something; True when it needs another rendition."""
        if self._complaints.take(time.monotonic()) or self.request.tier is not None:
            return False
        return self._control.give_way(time.monotonic())

    def surround(self, surroundings: Surroundings) -> None:
        """Let its choice go by these from now on."""
        self._control.surroundings = surroundings

    def count(self, frame: Frame) -> None:
        """Note that `frame` was sent; those between it and the one before were skipped."""
        if self.last_sequence:  # it is the same where the codec changes
            self.skipped += max(0, frame.sequence - self.last_sequence - 1)
        self.last_sequence = frame.sequence
        self.sent += 1
        self._last_size = len(frame.data)
        self.sent_bytes += self._last_size

    def state(self) -> dict[str, object]:
        age_ms = self.age_ms.median()
        return {
            'address': self.address, 'transport': self.transport, 'tier': self.tier_name(),
            'codec': self.codec(),
            'connected_s': round(time.monotonic() - self.since_s, 1),
            'frames_sent': self.sent, 'frames_skipped': self.skipped,
            'bytes_sent': self.sent_bytes,
            'age_ms': round(age_ms, 1) if age_ms == age_ms else None,
            'backlog_bytes': self.link.backlog_bytes() if self.link else 0,
            'unread_bytes': self.reading.unread_bytes() if self.reading else 0,
        }

    def _tier(self) -> int:
        tier = self.request.tier
        return self._control.index if tier is None or tier in self._missing else tier

    def _ladder(self) -> Ladder:
        if JPEG not in self.request.codecs:
            return self.request.ladder
        return tuple(index for index in self.request.ladder
                     if index not in self._missing) or JPEG_LADDER


def _never(_factor: float) -> bool:
    return False


_INDICES = {tier.spec: index for index, tier in enumerate(TIERS)}
