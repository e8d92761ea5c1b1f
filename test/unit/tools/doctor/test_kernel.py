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

from pi_camera_stream.tools.doctor import kernel, Options
from pi_camera_stream.tools.doctor.surroundings import counters, Seen
import pytest

SNMP = ('Ip: Forwarding DefaultTTL ReasmFails\nIp: 1 64 {fails}\n'
        'Udp: InDatagrams RcvbufErrors\nUdp: 7 {errors}\n')


class Watched:
    def __init__(self, before, after):
        self._seen = Seen(counters_before=counters(before), counters_after=counters(after))

    def observe(self, seconds):
        return self._seen


def write(system, values):
    for name, value in values.items():
        path = system / name.replace('.', '/')
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'{value}\n')


def test_settings_of_a_fresh_kernel_are_noted(tmp_path):
    write(tmp_path, {'net.core.rmem_max': 212992, 'net.ipv4.ipfrag_time': 30,
                     'net.ipv4.ipfrag_high_thresh': 4194304})
    finding, = kernel.compare(tmp_path)
    assert finding.level == 'note'
    for name in kernel.WANTED:
        assert name in finding.text
    assert kernel.FILE in finding.remedy


def test_settings_that_suit_are_fine(tmp_path):
    write(tmp_path, {name: value for name, (value, _, _) in kernel.WANTED.items()})
    finding, = kernel.compare(tmp_path)
    assert finding.level == 'ok'


def test_a_kernel_without_them_has_nothing_to_say(tmp_path):
    assert list(kernel.compare(tmp_path)) == []


def test_the_file_that_ships_has_what_is_wanted():
    from pathlib import Path

    import pi_camera_stream
    path = Path(pi_camera_stream.__file__).parents[1] / 'config' / '60-ros-video.conf'
    lines = [line.split('=') for line in path.read_text().splitlines()
             if line and not line.startswith('#')]
    assert {name.strip(): int(value) for name, value in lines} == {
        name: value for name, (value, _, _) in kernel.WANTED.items()}


@pytest.mark.parametrize(('fails', 'errors', 'levels'), [
    (0, 0, []), (3, 0, ['broken']), (0, 3, ['note']), (1, 1, ['note', 'broken']),
])
def test_what_was_lost_while_we_watched_is_told(fails, errors, levels):
    watched = Watched(SNMP.format(fails=10, errors=10),
                      SNMP.format(fails=10 + fails, errors=10 + errors))
    assert [finding.level for finding in kernel.check_losses(watched, Options())] == levels


def test_a_kernel_that_tells_nothing_has_lost_nothing():
    assert list(kernel.check_losses(Watched('', ''), Options())) == []
