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

"""What has come of a camera since its last picture, to say why there is none."""

from collections import Counter
import threading

_BUS = ("give it a USB port of its own, without a hub, or set the parameters 'width', 'height' "
        "and 'fps' to less: cameras that share a bus share what it can carry")
DAMAGED, EMPTY = 'were damaged on their way', 'were empty'
_FAULTS_OF_THE_BUS = DAMAGED, EMPTY


class Arrivals:
    """Count buffers, and what was wrong with them. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._came = 0
        self._faults: Counter[str] = Counter()
        self._detail: dict[str, str] = {}  # of a fault, where each buffer has another one

    def add(self, count: int = 1) -> None:
        with self._lock:
            self._came += count

    def fault(self, what: str, detail: str = '') -> None:
        with self._lock:
            self._faults[what] += 1
            self._detail[what] = detail

    def reset(self) -> None:
        """Begin anew: a picture was delivered."""
        with self._lock:
            self._came = 0
            self._faults.clear()
            self._detail.clear()

    def reason(self, camera: str, silent_s: float) -> str:
        """Return why there has been no picture for so long; nothing where it is not known here."""
        with self._lock:
            if not self._came:
                return (f'the camera {camera} is open, but has sent nothing for {silent_s:.1f} s: '
                        f'check its cable, and {_BUS}; another program may use one of them')
            if not self._faults:
                return ''
            told = '; '.join(
                f'{count} {what}' + (f' ({self._detail[what]})' if self._detail[what] else '')
                for what, count in self._faults.most_common())
            remedy = f'check its cable, and {_BUS}' if any(
                self._faults[what] for what in _FAULTS_OF_THE_BUS) else (
                "set the parameters 'width' and 'height' to another size, which may come in "
                'another format, or plug the camera in again')
            return (f'{self._came} buffers came from the camera {camera} within {silent_s:.1f} s, '
                    f'and none was a picture: {told}; {remedy}')
