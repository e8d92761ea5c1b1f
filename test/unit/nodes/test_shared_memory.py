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

import fcntl
import os
from pathlib import Path
from xml.etree import ElementTree

from pi_camera_stream.nodes import shared_memory
from pi_camera_stream.nodes.shared_memory import (
    configured,
    fit,
    largest_segment,
    profile_variable,
    remove_leavings,
    room_for,
    Segment,
)
import pytest

KILTED = '7f00-7f10 r-xp 0 00:01 1 /opt/ros/kilted/lib/libfastdds.so.3.2\n'
JAZZY = '7f00-7f10 r-xp 0 00:01 1 /opt/ros/jazzy/lib/libfastrtps.so.2.14\n'
HD = 3 * 1920 * 1080
MB = 2**20
ROOM = 64 * 2**30


@pytest.mark.parametrize(('rmw', 'maps', 'variable'), [
    ('rmw_fastrtps_cpp', KILTED, 'FASTDDS_DEFAULT_PROFILES_FILE'),
    ('rmw_fastrtps_cpp', JAZZY, 'FASTRTPS_DEFAULT_PROFILES_FILE'),
    ('rmw_fastrtps_dynamic_cpp', JAZZY, 'FASTRTPS_DEFAULT_PROFILES_FILE'),
    ('rmw_fastrtps_cpp', '', ''),
    ('rmw_cyclonedds_cpp', KILTED, ''),
    ('rmw_zenoh_cpp', JAZZY, ''),
])
def test_each_distribution_has_its_variable_and_other_middlewares_none(rmw, maps, variable):
    assert profile_variable(rmw, maps) == variable


@pytest.mark.parametrize(('environment', 'files', 'expected'), [
    ({}, [], False),
    ({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST', 'ROS_DOMAIN_ID': '3'}, [], False),
    ({'FASTDDS_DEFAULT_PROFILES_FILE': ''}, [], False),
    ({'FASTDDS_DEFAULT_PROFILES_FILE': '/robot.xml'}, [], True),
    ({'FASTRTPS_DEFAULT_PROFILES_FILE': '/robot.xml'}, [], True),
    ({'FASTDDS_BUILTIN_TRANSPORTS': 'UDPv4'}, [], True),
    ({'FASTDDS_ENVIRONMENT_FILE': '/robot.json'}, [], True),
    ({'RMW_FASTRTPS_USE_QOS_FROM_XML': '1'}, [], True),
    ({'ROS2_EASY_MODE': '192.0.2.7'}, [], True),
    ({}, ['DEFAULT_FASTRTPS_PROFILES.xml'], True),
    ({}, ['DEFAULT_FASTDDS_PROFILES.xml'], True),
    ({'SKIP_DEFAULT_XML_FILE': '1'}, ['DEFAULT_FASTDDS_PROFILES.xml'], False),
])
def test_what_the_user_has_said_is_seen(environment, files, expected, tmp_path):
    for name in files:
        (tmp_path / name).touch()
    assert configured(environment, tmp_path) == expected


@pytest.mark.parametrize(('picture', 'free', 'memory', 'size'), [
    (HD, ROOM, ROOM, 4 * HD),
    (1000, ROOM, ROOM, 0),  # Fast DDS's own is enough
    (8 * MB, 64 * MB, ROOM, 32 * MB),  # a container
    (8 * MB, 40 * MB, ROOM, 20 * MB),
    (8 * MB, ROOM, 416 * MB, 26 * MB),  # a Zero 2 W
    (HD, None, ROOM, 0),
])
def test_a_segment_has_room_for_four_pictures_or_as_many_as_fit(picture, free, memory, size):
    assert fit(picture, free, memory) == Segment(size)


def test_a_segment_for_fewer_than_two_pictures_is_complained_of():
    segment = fit(8 * MB, 20 * MB, ROOM)
    assert segment.size == 10 * MB
    assert segment.complaint == (
        '20 MB are free in /dev/shm, so that pictures of more than 10 MB may be lost between '
        'programs of this machine: make room there, in a container with --shm-size=65m')
    segment = fit(8 * MB, 0, ROOM)
    assert segment.size == 0
    assert '0 MB are free in /dev/shm, so that pictures of more than 0.5 MB' in segment.complaint
    assert fit(32 * MB, ROOM, 416 * MB).complaint == (
        'this machine has 416 MB of memory, so that pictures of more than 26 MB may be lost '
        'between programs of this machine: make them smaller')


def test_the_largest_segment_of_a_process_is_found():
    own = f'10000-{0x10000 + 512 * 1024:x} rw-s 0 00:2 1 /dev/shm/fastdds_0123456789abcdef\n'
    large = f'20000000-{0x20000000 + 32 * MB:x} rw-s 0 00:2 2 /dev/shm/fastrtps_fedcba9876543210\n'
    port = f'40000000-{0x40000000 + 64 * MB:x} rw-s 0 00:2 3 /dev/shm/fastdds_port7411\n'
    assert largest_segment('') == 0
    assert largest_segment(KILTED + own) == 512 * 1024
    assert largest_segment(own + large + port) == 32 * MB


def test_what_killed_processes_have_left_is_removed_and_nothing_else(tmp_path):
    dead, alive, new = (f'fastdds_{number:016x}' for number in range(3))
    for name in (dead, alive, new, 'fastrtps_' + 16 * 'f'):
        (tmp_path / name).touch()
        (tmp_path / f'{name}_el').touch()
    for name in ('fastdds_port7411', 'fastdds_port7411_el', 'fastdds_0123456789abcdef',
                 'something_el'):
        (tmp_path / name).touch()
    for path in tmp_path.iterdir():
        if path.name != f'{new}_el':
            os.utime(path, (0, 0))
    with open(tmp_path / f'{alive}_el') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        remove_leavings(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        alive, f'{alive}_el', new, f'{new}_el', 'fastdds_port7411', 'fastdds_port7411_el',
        'fastdds_0123456789abcdef', 'something_el'}
    remove_leavings(tmp_path / 'nowhere')


@pytest.fixture
def maps(tmp_path, monkeypatch):
    """Return a stand-in for the list of what a process has mapped: Kilted, nothing configured."""
    file = tmp_path / 'maps'
    file.write_text(KILTED)
    monkeypatch.setattr(shared_memory, '_MAPS', file)
    monkeypatch.setattr(shared_memory, '_FOLDER', tmp_path)
    for name in shared_memory._VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return file


def test_the_profile_is_there_while_the_node_is_made_and_gone_after_it(maps, tmp_path):
    before = dict(os.environ)
    with room_for(HD, 'rmw_fastrtps_cpp') as room:
        profile = Path(os.environ['FASTDDS_DEFAULT_PROFILES_FILE'])
        assert {*os.environ} - {*before} == {'FASTDDS_DEFAULT_PROFILES_FILE'}
        size, = ElementTree.parse(profile).iterfind('.//{*}segment_size')
        assert int(size.text) == 4 * HD
        maps.write_text(f'10000-{0x10000 + 5 * HD:x} rw-s 0 00:2 1 '
                        '/dev/shm/fastdds_0123456789abcdef\n')
    assert room.segment == Segment(4 * HD)
    assert os.environ == before
    assert list(tmp_path.iterdir()) == [maps]


def test_an_empty_variable_stays_as_it_was(maps, monkeypatch):
    monkeypatch.setenv('FASTDDS_DEFAULT_PROFILES_FILE', '')
    with room_for(HD, 'rmw_fastrtps_cpp'):
        assert os.environ['FASTDDS_DEFAULT_PROFILES_FILE']
    assert os.environ['FASTDDS_DEFAULT_PROFILES_FILE'] == ''


def test_it_is_gone_where_there_is_no_node(maps, tmp_path):
    before = dict(os.environ)
    with pytest.raises(OSError, match='no camera'), room_for(HD, 'rmw_fastrtps_cpp'):
        raise OSError('no camera')
    assert os.environ == before
    assert list(tmp_path.iterdir()) == [maps]


def test_a_segment_that_could_not_be_made_is_complained_of(maps):
    with room_for(HD, 'rmw_fastrtps_cpp') as room:
        pass
    assert room.segment == Segment(0, (
        'no 23.7 MB of shared memory for large pictures (Fast DDS has said why), so that they may '
        'be lost between programs of this machine: make room in /dev/shm'))


def test_a_profile_that_cannot_be_written_is_complained_of(maps, monkeypatch):
    def refuse(*_, **__):
        raise OSError('No space left on device')

    monkeypatch.setattr(shared_memory, 'NamedTemporaryFile', refuse)
    before = dict(os.environ)
    with room_for(HD, 'rmw_fastrtps_cpp') as room:
        assert os.environ == before
    assert '(No space left on device)' in room.segment.complaint


@pytest.mark.parametrize('why', ['no pictures', 'Cyclone', 'configured'])
def test_nothing_is_done_where_nothing_is_to_be_done(maps, monkeypatch, why):
    if why == 'configured':
        monkeypatch.setenv('FASTDDS_BUILTIN_TRANSPORTS', 'DEFAULT')
    before = dict(os.environ)
    with room_for(0 if why == 'no pictures' else HD,
                  'rmw_cyclonedds_cpp' if why == 'Cyclone' else 'rmw_fastrtps_cpp') as room:
        assert os.environ == before
    assert room.segment == Segment(0)
