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

from dataclasses import dataclass, field
import secrets
import time

from .link import Link
from .rendition import Rendition
from .tiers import CUSTOM, CUSTOM_INDEX, NAMES, TierControl, TIERS
from ...core.frame import Frame
from ...core.pacing import RateLimit
from ...core.rendition_spec import RenditionSpec
from ...core.statistics import Recent

_DRIVER, _SPECTATOR = 1.9, 0.4  # slack while somebody drives


@dataclass(frozen=True)
class StreamRequest:
    tier: int | None = None  # index of a tier; None leaves it to the bridge
    spec: RenditionSpec | None = None  # of its own, which wins over the tier
    fps: float = 0.0  # at the most; 0 is all


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
    rendition: Rendition | None = None
    link: Link | None = None
    visitor: str = ''  # as what the address is counted; empty where it has no limit
    # By which a page can say that it is this viewer, and no other.
    name: str = field(default_factory=lambda: secrets.token_hex(8))

    def __post_init__(self) -> None:
        self._control = TierControl(self.since_s)
        self._rate_limit = RateLimit()

    def spec(self) -> RenditionSpec | None:
        return self.request.spec or TIERS[self._tier()].spec

    def tier_name(self) -> str:
        return CUSTOM if self.request.spec else NAMES[self._tier()]

    def tier_index(self) -> int:
        return CUSTOM_INDEX if self.request.spec else self._tier()

    def admits(self) -> bool:
        """Return whether a frame is due now; stamps tell nothing of that, they may all be 0."""
        return self._rate_limit.admits(time.monotonic_ns(), self.request.fps)

    def observe(self, transit_s: float, interval_s: float, preferred: str = '') -> bool:
        """
        Take in how long a picture was on its way; True when it needs another rendition.

        The viewer who is preferred gives way late, all others early.
        """
        if self.request.tier is not None or self.request.spec is not None:
            return False
        return self._control.observe(transit_s, interval_s, time.monotonic(), 1.0 if not preferred
                                     else _DRIVER if preferred == self.name else _SPECTATOR)

    def count(self, frame: Frame) -> None:
        """Note that `frame` was sent; those between it and the one before were skipped."""
        if self.last_sequence:
            self.skipped += frame.sequence - self.last_sequence - 1
        self.last_sequence = frame.sequence
        self.sent += 1
        self.sent_bytes += len(frame.data)

    def state(self) -> dict[str, object]:
        age_ms = self.age_ms.median()
        return {
            'address': self.address, 'transport': self.transport, 'tier': self.tier_name(),
            'connected_s': round(time.monotonic() - self.since_s, 1),
            'frames_sent': self.sent, 'frames_skipped': self.skipped,
            'bytes_sent': self.sent_bytes,
            'age_ms': round(age_ms, 1) if age_ms == age_ms else None,
            'backlog_bytes': self.link.backlog_bytes() if self.link else 0,
        }

    def _tier(self) -> int:
        return self._control.index if self.request.tier is None else self.request.tier
