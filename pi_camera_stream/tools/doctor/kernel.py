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

"""What the kernel does with big pictures: buffers of sockets, and of IP fragments."""

from collections.abc import Iterator
from pathlib import Path

from . import Finding, Level, Options
from .surroundings import Surroundings

FILE = '/etc/sysctl.d/60-ros-video.conf'
_SYSTEM = Path('/proc/sys')
# name -> (value that suits pictures, whether a smaller one suits as well, what for)
WANTED = {
    'net.core.rmem_max': (4_194_304, False, 'room for several pictures at once'),
    'net.ipv4.ipfrag_time': (3, True, 'seconds for which fragments of a lost picture are kept'),
    'net.ipv4.ipfrag_high_thresh': (134_217_728, False, 'bytes for fragments'),
}
_LOST: dict[tuple[str, str], tuple[Level, str]] = {
    ('Udp', 'RcvbufErrors'): ('note', 'datagrams were dropped because a socket buffer was full'),
    ('Ip', 'ReasmFails'): ('broken', 'datagrams were lost because a fragment of each was missing'),
}


def check_buffers(_: Options) -> Iterator[Finding]:
    yield from compare(_SYSTEM)


def compare(system: Path) -> Iterator[Finding]:
    """Compare the settings below `system`, laid out as /proc/sys; not all need be there."""
    lines, values = [], []
    for name, (wanted, smaller_suits, purpose) in WANTED.items():
        try:
            value = int((system / name.replace('.', '/')).read_text())
        except (OSError, ValueError):
            continue
        values.append(f'{name}={value}')
        if value > wanted if smaller_suits else value < wanted:
            lines.append(f'{name}={wanted} (is {value}; {purpose})')
    if lines:
        yield Finding('note', 'the kernel is not tuned for large pictures over Wi-Fi: '
                      + '; '.join(lines),
                      f'sudo cp config/60-ros-video.conf {FILE} && sudo sysctl --system '
                      '(docs/dds.md says what each line does)')
    elif values:
        yield Finding('ok', f'kernel: {", ".join(values)}')


def check_losses(surroundings: Surroundings, options: Options) -> Iterator[Finding]:
    """Say what was lost on this machine while we watched."""
    seen = surroundings.observe(options.seconds)
    for (protocol, name), (level, text) in _LOST.items():
        lost = seen.counters_after.get((protocol, name), 0) - \
            seen.counters_before.get((protocol, name), 0)
        if lost > 0:
            yield Finding(level, f'{lost} {text} ({protocol} {name}), in {options.seconds:g} s',
                          'send smaller or fewer pictures; use the DDS profile and the kernel '
                          'settings of docs/dds.md')

