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

"""What is printed: a line a second, and one at the end."""

from collections.abc import Sequence
import json
import statistics
from typing import NamedTuple

from .watched import Totals


class Line(NamedTuple):
    """What came in a time."""

    seconds: float
    pictures: int
    size_bytes: int
    dropped: int
    broken: int
    width: int
    height: int
    detail: str
    ages_s: Sequence[float]

    @classmethod
    def between(cls, before: Totals, now: Totals, seconds: float, ages_s: Sequence[float]
                ) -> 'Line':
        return cls(seconds, now.pictures - before.pictures, now.size_bytes - before.size_bytes,
                   now.dropped - before.dropped, now.broken - before.broken, now.width,
                   now.height, now.detail, ages_s)

    def text(self) -> str:
        age = 'age unknown'
        if self.ages_s:
            age = (f'age {statistics.median(self.ages_s) * 1e3:.0f} ms, at most '
                   f'{max(self.ages_s) * 1e3:.0f}')
        words = [f'{self.pictures / self.seconds:5.1f}/s',
                 f'{8 * self.size_bytes / self.seconds / 1e6:7.2f} Mbit/s',
                 f'{self.width}x{self.height}' if self.width else 'no size', self.detail, age,
                 f'{self.dropped} dropped']
        if self.broken:
            words.append(f'{self.broken} broken')
        return '  '.join(word for word in words if word)

    def json(self) -> str:
        ages_ms = [age_s * 1e3 for age_s in self.ages_s]
        return json.dumps({
            'seconds': round(self.seconds, 3), 'pictures': self.pictures,
            'per_s': round(self.pictures / self.seconds, 2),
            'bits_per_s': round(8 * self.size_bytes / self.seconds),
            'width': self.width, 'height': self.height, 'stream': self.detail,
            'age_ms': round(statistics.median(ages_ms), 1) if ages_ms else None,
            'age_max_ms': round(max(ages_ms), 1) if ages_ms else None,
            'dropped': self.dropped, 'broken': self.broken})
