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

"""What is noted of each picture that a viewer gets, and the figures made of it."""

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
import math

from ..common.multipart import Part


def percentile(ordered: Sequence[float], percent: float) -> float:
    """
    Return the value that `percent` of all are not above, by nearest rank; NaN of nothing.

    Parameters
    ----------
    ordered
        The values, smallest first.
    percent
        Above 0, up to 100.

    """
    if not ordered:
        return math.nan
    return ordered[math.ceil(len(ordered) * percent / 100) - 1]


@dataclass(frozen=True)
class Figures:
    """
    The figures of one run; ages in ms, from the stamp to a picture's last byte.

    Attributes
    ----------
    frames_of_each
        How many pictures each viewer has got.

    """

    frames: int
    frames_of_each: list[int]
    frames_per_viewer: float
    frames_per_s_min: float
    frames_per_s_mean: float
    age_median_ms: float | None
    age_p95_ms: float | None
    age_p99_ms: float | None
    age_max_ms: float | None
    frame_kb: float | None


class Record:
    """Counts and ages of pictures, since it was made."""

    def __init__(self) -> None:
        self._ages_ms = array('d')
        self._bytes = 0
        self._frames: Counter[int] = Counter()

    @property
    def frames(self) -> int:
        """How many pictures came."""
        return len(self._ages_ms)

    def add(self, viewer: int, part: Part, now_s: float) -> None:
        """Note a picture that viewer number `viewer` has got whole at `now_s` (epoch)."""
        self._ages_ms.append((now_s - part.stamp_s) * 1e3)
        self._bytes += part.size
        self._frames[viewer] += 1

    def figures(self, viewers: Sequence[int], span_s: float) -> Figures:
        """Return the figures for viewers of these numbers, who watched for `span_s`."""
        ages_ms, frames = sorted(self._ages_ms), self.frames
        of_each = [self._frames[viewer] for viewer in viewers]
        return Figures(
            frames=frames,
            frames_of_each=of_each,
            frames_per_viewer=frames / len(viewers),
            frames_per_s_min=min(of_each) / span_s,
            frames_per_s_mean=frames / len(viewers) / span_s,
            age_median_ms=_known(percentile(ages_ms, 50)),
            age_p95_ms=_known(percentile(ages_ms, 95)),
            age_p99_ms=_known(percentile(ages_ms, 99)),
            age_max_ms=_known(percentile(ages_ms, 100)),
            frame_kb=self._bytes / frames / 1e3 if frames else None)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value  # JSON knows no NaN
