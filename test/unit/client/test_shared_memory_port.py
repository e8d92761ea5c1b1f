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

from pi_camera_stream.client.shared_memory_port import lost
import pytest

MAP = '7f00-7f10 rw-s 00000000 00:1a 23    /dev/shm/fastdds_port'
LOCKS = ['/dev/shm/fastdds_port7413_el', 'socket:[17]']


@pytest.mark.parametrize(('maps', 'locks', 'expected'), [
    ('', LOCKS, False),
    (f'{MAP}7413\n', LOCKS, False),
    (f'{MAP}7413\n{MAP}7411 (deleted)\n', LOCKS, False),  # of another process, which has ended
    (f'{MAP}7413 (deleted)\n', LOCKS, True),
    (f'{MAP}7413 (deleted)\n', ['/dev/shm/fastdds_port7413_el (deleted)'], True),
    (f'{MAP}7413 (deleted)\n{MAP}7413\n', LOCKS, False),  # it has got another one
    (f'{MAP}7413 (deleted)\n', [], False),
    (f'{MAP}7413 (deleted)\n'.replace('fastdds', 'fastrtps'),
     ['/dev/shm/fastrtps_port7413_el'], True),
])
def test_a_port_is_lost_when_it_is_ours_and_has_no_name(maps, locks, expected):
    assert lost(maps, locks) == expected
