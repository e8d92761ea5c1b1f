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


"""Whether the cameras' clocks agree with ours."""

from collections.abc import Iterator

from . import Finding, Options
from .surroundings import Surroundings

_HARMLESS_MS, _HARMFUL_MS = 2.0, 50.0
_REMEDY = ('synchronise both: `sudo apt install chrony` and `timedatectl set-ntp true`, then see '
           '`chronyc tracking`; until then, ages are wrong by that much, and TF rejects stamps '
           'from the future')


def check_clocks(surroundings: Surroundings, options: Options) -> Iterator[Finding]:
    for node, offset in sorted(surroundings.observe(options.seconds).clocks.items()):
        known_ms, doubt_ms = offset.offset_ns / 1e6, offset.uncertainty_ns / 1e6
        least_ms = max(0.0, abs(known_ms) - doubt_ms)
        if least_ms <= _HARMLESS_MS:
            yield Finding('ok', f'the clock of {node} agrees with ours (to {doubt_ms:.1f} ms)')
            continue
        yield Finding(
            'broken' if least_ms > _HARMFUL_MS else 'note',
            f'the clock of {node} is {"ahead of" if known_ms > 0 else "behind"} ours by '
            f'{abs(known_ms):.1f} ms (known to {doubt_ms:.1f} ms)', _REMEDY)
