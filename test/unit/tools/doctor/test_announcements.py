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

from pi_camera_stream.tools.doctor.announcements import Local, local_domains, parse, Participant
import pytest

HEAD = ('  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  '
        'timeout inode ref pointer drops\n')


def table(*ports):
    """Return /proc/net/udp with these ports in use."""
    return HEAD + ''.join(f' {index:4}: 00000000:{port:04X} 00000000:0000 07 00000000:00000000 '
                          f'00:00000000 00000000     0        0 {1000 + index} 2 0000 0\n'
                          for index, port in enumerate(ports))


@pytest.mark.parametrize(('ports', 'found'), [
    ([], {}),
    ([7400, 7410, 7411], {0: Local(1, True)}),
    ([7410, 7411, 7412, 7413], {0: Local(2, False)}),  # keeps to this machine
    ([9150, 9160, 9161, 22910, 22911], {7: Local(1, True), 62: Local(1, False)}),
    ([32650, 32660, 32661], {101: Local(1, True)}),
    ([32910, 32911, 32920, 32921], {}),  # Linux hands these out to others
    ([8554, 9993, 7411, 7413], {}),  # single ports of other programs
    ([53, 5353, 7399], {}),
    ([7399, 7410, 7411], {0: Local(1, False)}),
])
def test_ports_in_use_tell_the_domain(ports, found):
    assert local_domains(table(*ports)) == found


def test_a_table_that_cannot_be_read_has_nobody():
    assert local_domains('') == {}


def test_an_announcement_tells_who_made_the_dds():
    head = b'RTPS\x02\x03' + b'\x01\x10' + bytes(range(12))
    assert parse(head + b'more', '10.0.0.2') == Participant('10.0.0.2', 'Cyclone DDS',
                                                            bytes(range(12)))
    assert parse(head.replace(b'\x01\x10', b'\x01\x0f'), '10.0.0.2').maker == 'Fast DDS'
    assert parse(head.replace(b'\x01\x10', b'\x09\x09'), '10.0.0.2').maker == 'another DDS'


@pytest.mark.parametrize('data', [b'', b'RTPS', b'RTPX' + bytes(16), bytes(1000)])
def test_other_datagrams_announce_nobody(data):
    assert parse(data, '10.0.0.2') is None
