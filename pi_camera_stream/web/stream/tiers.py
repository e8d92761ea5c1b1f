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

"""Quality tiers: the renditions that viewers share, and who moves to which one when."""

from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
import math
from typing import Any

from ...core import frame
from ...core.rendition_spec import RenditionSpec
from ...core.video_spec import VideoSpec

Spec = RenditionSpec | VideoSpec | None
"""What a rendition is like; None for the bytes of the topic."""

H264, H264_SMALL = VideoSpec(), VideoSpec(scale=0.5, longest=640, shortest=360)


@dataclass(frozen=True)
class Tier:
    """A rendition that is shared by all viewers whose way is about as wide."""

    name: str
    spec: Spec
    # About how many bytes it needs for each byte of the full picture; H.264, at its lowest rate.
    share: float
    # How long its pictures may be on their way, in parts of the time there is. The larger ones
    # give way first: that is how viewers who share a link come to have equal parts of it.
    budget_share: float


TIERS = (
    Tier('full', None, 1.0, 0.6),
    Tier('high', RenditionSpec(scale=0.75, quality=70), 0.42, 0.7),
    Tier('medium', RenditionSpec(scale=0.5, quality=60), 0.19, 0.8),
    Tier('low', RenditionSpec(scale=0.375, quality=50), 0.09, 0.9),
    Tier('lowest', RenditionSpec(scale=0.25, quality=40), 0.04, 1.0),
    Tier('h264', H264, 0.06, 0.7),
    Tier('h264_small', H264_SMALL, 0.015, 0.8),
)
NAMES = tuple(tier.name for tier in TIERS)
FULL, H264_INDEX, H264_SMALL_INDEX = map(NAMES.index, ('full', 'h264', 'h264_small'))
Ladder = tuple[int, ...]
"""The tiers among which the bridge chooses, by their index, from the best one down."""

JPEG_LADDER: Ladder = tuple(index for index, tier in enumerate(TIERS)
                            if not isinstance(tier.spec, VideoSpec))
LADDERS: dict[str, Ladder] = {'jpeg': JPEG_LADDER, **{name: tuple(map(NAMES.index, tiers))
                                                      for name, tiers in {
    'auto': ('full', 'h264', 'h264_small', 'low', 'lowest'), 'h264': ('h264', 'h264_small'),
}.items()}}
NOTHING = RenditionSpec(quality=0)  # where pictures come to the viewer by another way
NO_TIER = 'none'
JPEG_NAMES = tuple(NAMES[index] for index in JPEG_LADDER)
CUSTOM = 'custom'  # what a viewer's own rendition is called in place of a tier,
CUSTOM_INDEX = 255  # and its index on the wire

LEAST_SHARE = 0.35  # of the bit rate that H.264 needs to look sharp, before it is a smaller size
_LATEST_S = 0.05  # so long may a picture be on its way at the most, whatever the rate
_LATE = (4, 8)  # so many late ones of so many, and the viewer moves down
_MUCH_TOO_LATE = (2, 4)  # the same of those that took three times as long as they may
_MUCH = 3.0
_AIM = 0.6  # of what is allowed, for the tier to which one moves down
_AIM_OF_CROWDS = 2.0
_COMFORT = 0.7  # of what is allowed on the next tier: whoever needs no more tries it
_CALM_FRAMES = 30  # so many pictures in time, before a viewer moves up
_FIRST_HOLD_S = 2.0
_LONGEST_HOLD_S = 60.0
_LEAST_STAY_S = 8.0  # with inter-coded frames, before larger ones are tried, which cost more
_CLOCK_S = 0.001  # no time is known better
_PROVEN_S = 30.0  # whoever stayed up so long, did not fail


def choose(name: str, codecs: Collection[str] = (frame.JPEG,)) -> dict[str, Any]:
    """
    Return the fields of a StreamRequest for the name of a tier or ladder.

    ValueError with one sentence where there is none for a client that can decode these codecs.
    """
    names = [*LADDERS, *NAMES] if frame.H264 in codecs else ['auto', 'jpeg', *JPEG_NAMES]
    if name not in names:
        unknown = name in LADDERS or name in NAMES
        raise ValueError(
            f'tier {name} is for a WebSocket that asks for codecs=jpeg,h264' if unknown else
            f"tier must be {', '.join(names[:-1])} or {names[-1]}, not {name[:40]!a}")
    if name in LADDERS:
        return {'ladder': LADDERS[name if frame.H264 in codecs else 'jpeg']}
    index = NAMES.index(name)
    if isinstance(TIERS[index].spec, VideoSpec):
        return {'ladder': (index,)}  # it is chosen, and its rate still follows its viewers
    return {'tier': index}


@dataclass
class Surroundings:
    """
    What the choice of a tier goes by besides how late pictures are; it changes meanwhile.

    Attributes
    ----------
    sizes
        About how many bytes a picture of some tiers has, of H.264 at its lowest rate.
    crowded
        Whether viewers together get so many bytes that those who can show H.264 get that.

    """

    sizes: dict[int, float] = field(default_factory=dict)
    crowded: bool = False

    def share(self, index: int) -> float:
        """Return the bytes of a tier for each byte of the full picture."""
        full, size = self.sizes.get(FULL, 0.0), self.sizes.get(index, 0.0)
        return size / full if full and size else TIERS[index].share


def allowed_s(index: int, interval_s: float, slack: float = 1.0) -> float:
    """Return how long pictures of a tier may be on their way, where they come so often."""
    return TIERS[index].budget_share * min(interval_s, _LATEST_S) * slack


_ALONE = Surroundings()
Relieve = Callable[[float], bool]
"""Returns whether late pictures will be smaller anyway; takes how much smaller they need to be."""


class TierControl:
    """
    Choose a viewer's tier from how long its pictures are in transit.

    It moves down when they come late, as far as it takes, and tries the next tier up when they
    come early enough even for that one. After an attempt that failed it waits twice as long before
    the next, so nobody flaps.
    """

    def __init__(self, now_s: float, ladder: Ladder = JPEG_LADDER,
                 surroundings: Surroundings = _ALONE) -> None:
        self._ladder, self._at = ladder, 0
        self.surroundings = surroundings
        # How large pictures may be that come in time, in parts of the full one, as it was when it
        # last moved down; 0 where it moved up, and any where it was sent elsewhere.
        self.fitting = math.inf
        self._transits_s: deque[float] = deque(maxlen=_CALM_FRAMES)
        self._sizes: deque[int] = deque(maxlen=_CALM_FRAMES)  # of the same pictures
        self._changed_s = now_s
        self._hold_s = _FIRST_HOLD_S
        self._trying = False

    @property
    def index(self) -> int:
        return self._ladder[self._at]

    def observe(self, transit_s: float, interval_s: float, now_s: float, slack: float = 1.0, *,
                relieve: Relieve = lambda _: False, size: int = 0, share: float = 1.0) -> bool:
        """
        Take in that a picture was on its way for `transit_s`, beyond the path's own delay.

        `interval_s` is the time between two pictures, `slack` how many times later than usual
        they may come; `relieve` is asked before it moves down; `size` is how many bytes the
        picture had, `share` with which part of its usual rate it was encoded. Returns whether the
        tier has changed.
        """
        budget_s = min(interval_s, _LATEST_S) * slack
        limit_s = allowed_s(self.index, interval_s, slack)
        self._transits_s.append(transit_s)
        self._sizes.append(size)
        if self._at < self._top():
            return self._change(self._top(), now_s, self.index)
        if transit_s > limit_s and (
                self._count(_LATE[1], limit_s) >= _LATE[0]
                or self._count(_MUCH_TOO_LATE[1], _MUCH * limit_s) >= _MUCH_TOO_LATE[0]):
            late = sorted(one for one in list(self._transits_s)[-_LATE[1]:] if one > limit_s)
            if relieve(limit_s / late[len(late) // 2]):
                self._transits_s.clear()
                self._sizes.clear()
                return False
            return self._down(budget_s, now_s)
        if share < 1:  # more would be too much
            return False
        if self._trying and now_s - self._changed_s > _PROVEN_S:
            self._trying, self._hold_s = False, max(self._hold_s / 2, _FIRST_HOLD_S)
        return self._up(budget_s, now_s)

    def give_way(self, now_s: float) -> bool:
        """Move down by one, if there is one; return whether the tier has changed."""
        return self._change(min(self._at + 1, len(self._ladder) - 1), now_s, self.index)

    def entry_share(self) -> float:
        """Return with which part of its usual rate H.264 may begin for it alone."""
        least = self.surroundings.share(self.index)
        return LEAST_SHARE * max(1.0, TIERS[self.index].budget_share * self.fitting / least)

    def use(self, ladder: Ladder, now_s: float, from_top: bool = False) -> bool:
        """
        Choose among these from now on; return whether the tier has changed.

        It goes on where it is, or near that, unless it is to begin `from_top`.
        """
        if ladder == self._ladder:
            return False
        before, share = self.index, TIERS[self.index].share
        self._ladder, self.fitting = ladder, math.inf
        fitting = [at for at, index in enumerate(ladder)
                   if index == before or TIERS[index].share <= share]
        at = ladder.index(before) if before in ladder else fitting[0] if fitting else -1
        if from_top:
            at = 0
        self._at = at % len(ladder)
        return self._change(self._at, now_s, before)

    def _count(self, last: int, limit_s: float) -> int:
        return sum(transit_s > limit_s for transit_s in list(self._transits_s)[-last:])

    def _down(self, budget_s: float, now_s: float) -> bool:
        if self._trying:
            self._hold_s = min(2 * self._hold_s, _LONGEST_HOLD_S)
        latest = sorted(list(self._transits_s)[-_LATE[1]:])
        share = self.surroundings.share
        share_a_second = share(self.index) / max(latest[len(latest) // 2], _CLOCK_S)
        self.fitting = _AIM * budget_s * share_a_second
        last = len(self._ladder) - 1
        at = min(self._at + 1, last)
        while at < last and (share(self._ladder[at]) / share_a_second
                             > self._aim(at) * TIERS[self._ladder[at]].budget_share * budget_s):
            at += 1
        return self._change(at, now_s, self.index)

    def _aim(self, at: int) -> float:
        """Return which part of the time that there is pictures of a rung should take at first."""
        # Where many viewers begin at once, each sees less of the link than there will be for them.
        begins = self._ladder[at] == H264_INDEX and self.index == FULL
        return _AIM_OF_CROWDS if begins else _AIM

    def _top(self) -> int:
        """Return the highest rung that may be used at present."""
        return int(self.surroundings.crowded and self._ladder[:2] == (FULL, H264_INDEX))

    def _up(self, budget_s: float, now_s: float) -> bool:
        if (self._at <= self._top() or now_s - self._changed_s < self._hold_s
                or len(self._transits_s) < _CALM_FRAMES):
            return False
        # A few late ones are the network's own unsteadiness.
        usual_worst_s = sorted(self._transits_s)[_CALM_FRAMES * 9 // 10]
        index = self._ladder[self._at - 1]
        limit_s = _COMFORT * TIERS[index].budget_share * budget_s
        if usual_worst_s > limit_s:
            return False
        if isinstance(TIERS[self.index].spec, VideoSpec) and (
                now_s - self._changed_s < _LEAST_STAY_S or self._predict_s(index) > limit_s):
            return False
        self._change(self._at - 1, now_s, self.index)
        self._trying, self.fitting = True, 0.0
        return True

    def _predict_s(self, index: int) -> float:
        """Return how long pictures of that tier, which are many times larger, would take."""
        size = self.surroundings.sizes.get(index, 0.0)
        if not size or not sum(self._sizes):
            return math.inf
        return size * sum(self._transits_s) / sum(self._sizes)

    def _change(self, at: int, now_s: float, before: int) -> bool:
        self._transits_s.clear()
        self._sizes.clear()
        self._trying = False
        self._at, self._changed_s = at, now_s
        return self.index != before
