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

from pi_camera_stream.tools.doctor.announcements import Local, Participant
from pi_camera_stream.tools.doctor.domains import compare
from pi_camera_stream.tools.doctor.surroundings import Seen
import pytest

ROBOT = Participant('192.0.2.7', 'Fast DDS', b'1')
OTHER = Participant('192.0.2.7', 'Fast DDS', b'2')
CYCLONE = Participant('192.0.2.8', 'Cyclone DDS', b'3')
HERE = Participant('127.0.0.1', 'Fast DDS', b'4')


@pytest.mark.parametrize(('seen', 'level', 'text'), [
    (Seen(), 'note', 'no node is in ROS domain 0, nor in any other'),
    (Seen(announced={0: {ROBOT}}), 'ok', 'ROS domain 0 is in use, and it is the only one'),
    (Seen(local={0: Local(1, False)}), 'ok', 'ROS domain 0 is in use, and it is the only one'),
    (Seen(topics=['one']), 'ok', 'ROS domain 0 is in use, and it is the only one'),
    (Seen(announced={0: {ROBOT}, 7: {OTHER}}), 'ok',
     'ROS domain 0 is in use, as are others: 7'),
    (Seen(announced={7: {ROBOT, OTHER}}), 'broken',
     'no node is in ROS domain 0, but in domain 7 2 at 192.0.2.7'),
    (Seen(local={7: Local(3, True)}), 'broken',
     'no node is in ROS domain 0, but in domain 7 3 on this machine'),
    (Seen(local={7: Local(3, False)}), 'note',
     'no node is in ROS domain 0, but in domain 7 3 on this machine'),
    # What we announce ourselves while we look around is not somebody.
    (Seen(announced={0: {HERE}}), 'note', 'no node is in ROS domain 0, nor in any other'),
])
def test_who_is_where(seen, level, text):
    finding, = compare(seen, 0, 'Fast DDS')
    assert (finding.level, finding.text) == (level, text)


def test_the_remedy_names_a_domain_in_which_somebody_can_be_met():
    seen = Seen(local={3: Local(1, False)}, announced={7: {ROBOT}})
    finding, = compare(seen, 0, 'Fast DDS')
    assert finding.level == 'broken'
    assert finding.remedy == 'export ROS_DOMAIN_ID=7 here, or ROS_DOMAIN_ID=0 there'


def test_another_maker_in_our_domain_is_named():
    _, finding = compare(Seen(announced={0: {CYCLONE}, 7: {ROBOT}}), 0, 'Fast DDS')
    assert finding.level == 'note'
    assert finding.text.startswith('192.0.2.8 uses Cyclone DDS, and this machine Fast DDS')
