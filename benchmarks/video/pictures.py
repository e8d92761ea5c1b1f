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

"""What pages note of the pictures that they get, and what can be told of that."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
import itertools
import math
import statistics
from typing import NamedTuple

from ..load.record import percentile

H264 = 1  # in the head of a message, where a JPEG has 0


class Picture(NamedTuple):
    """
    A picture as a page has got it; it travels as JSON. All times are ns of the system's clock.

    Attributes
    ----------
    came_ns
        When its last byte was there.
    shown_ns
        When it was decoded, and so could be painted; 0 where the page decodes nothing.
    stamp_ns
        When it was taken.
    size
        Bytes, without the head.

    """

    page: int
    came_ns: int
    shown_ns: int
    stamp_ns: int
    tier: str
    codec: int
    key: bool
    sequence: int
    size: int


@dataclass(frozen=True)
class Spread:
    """Values in ms, NaN where there are none."""

    median: float
    p95: float
    p99: float
    most: float

    @classmethod
    def of(cls, values_ms: Iterable[float]) -> 'Spread':
        ordered = sorted(values_ms)
        return cls(*(percentile(ordered, percent) for percent in (50, 95, 99, 100)))


@dataclass(frozen=True)
class Figures:
    """
    What pages got in a span of time.

    Attributes
    ----------
    per_s, least_per_s
        Pictures a second: the mean of all pages, and of the one with the fewest.
    came_ms, shown_ms
        Ages at the last byte, and when decoded.
    gap_ms
        The longest time without a new picture, of all pages.
    kb
        Mean size of a picture.
    tiers
        The shares of the tiers, by their names.

    """

    count: int
    per_s: float
    least_per_s: float
    came_ms: Spread
    shown_ms: Spread
    gap_ms: float
    kb: float
    mbps: float
    tiers: dict[str, float]

    def __str__(self) -> str:
        shown = '' if math.isnan(self.shown_ms.median) else (
            f', decoded {self.shown_ms.median:.1f} / {self.shown_ms.p95:.1f}')
        tiers = ', '.join(f'{name} {share:.0%}' for name, share in self.tiers.items())
        return (f'{self.per_s:5.1f}/s each (least {self.least_per_s:.1f}), age median / p95 / p99 '
                f'{self.came_ms.median:.1f} / {self.came_ms.p95:.1f} / {self.came_ms.p99:.1f} ms'
                f'{shown}, longest gap {self.gap_ms:.0f} ms, {self.kb:.1f} kB, '
                f'{self.mbps:.2f} Mbit/s; {tiers}')


def figures(pictures: Sequence[Picture], pages: Iterable[int], since_ns: int, until_ns: int
            ) -> Figures:
    """Return what these pages got from `since_ns` on and before `until_ns`."""
    span_s = (until_ns - since_ns) / 1e9
    wanted = set(pages)
    got = [one for one in pictures
           if one.page in wanted and since_ns <= one.came_ns < until_ns]
    of_each = Counter(one.page for one in got)
    tiers = Counter(one.tier for one in got)
    size = sum(one.size for one in got)
    return Figures(
        count=len(got),
        per_s=len(got) / len(wanted) / span_s,
        least_per_s=min(of_each[page] for page in wanted) / span_s,
        came_ms=Spread.of((one.came_ns - one.stamp_ns) / 1e6 for one in got),
        shown_ms=Spread.of((one.shown_ns - one.stamp_ns) / 1e6 for one in got if one.shown_ns),
        gap_ms=max(longest_gap_ms(pictures, page, since_ns, until_ns) for page in wanted),
        kb=size / len(got) / 1e3 if got else math.nan,
        mbps=size * 8 / span_s / 1e6,
        tiers={name: count / len(got) for name, count in tiers.most_common()})


def soonest_ms(pictures: Iterable[Picture], since_ns: int, until_ns: int) -> Spread:
    """Return how old each picture was when the first of all pages had it: made, and sent once."""
    ages_ms: dict[int, float] = {}
    for one in pictures:
        if since_ns <= one.came_ns < until_ns:
            age_ms = (one.came_ns - one.stamp_ns) / 1e6
            ages_ms[one.stamp_ns] = min(age_ms, ages_ms.get(one.stamp_ns, age_ms))
    return Spread.of(ages_ms.values())


def longest_gap_ms(pictures: Iterable[Picture], page: int, since_ns: int, until_ns: int) -> float:
    """
    Return the longest time in which a page had no new picture, of the span that is told.

    A gap that reaches into the span counts from the span's beginning on, and up to its end.
    """
    times = [since_ns, *(seen_ns(one) for one in pictures if one.page == page
                         and since_ns <= seen_ns(one) < until_ns), until_ns]
    return max(after - before for before, after in itertools.pairwise(times)) / 1e6


def seen_ns(picture: Picture) -> int:
    """Return when a page could paint it."""
    return picture.shown_ns or picture.came_ns


def first(pictures: Iterable[Picture], page: int, since_ns: int,
          fits: Callable[[Picture], bool] = lambda _: True) -> Picture | None:
    """Return the first that a page got from then on, of those that fit."""
    return next((one for one in pictures
                 if one.page == page and one.came_ns >= since_ns and fits(one)), None)


def largest_share(pictures: Sequence[Picture], bitrate_bps: float, fps: float) -> float:
    """Return how many times as large as the mean allows the largest access unit is."""
    return max(one.size for one in pictures) * 8 * fps / bitrate_bps


def middle(rounds: Sequence[Figures], value: Callable[[Figures], float]) -> float:
    """Return the median of several rounds."""
    return statistics.median(map(value, rounds))
