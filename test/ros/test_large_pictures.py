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

"""Pictures that are larger than Fast DDS's own shared memory pass between two programs."""

import collections
import os
from pathlib import Path
import shutil
import subprocess
import sys

from benchmarks.common import networks
import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from support.guest import stamp
from support.processes import parameters, running, WAIT_S, wait_until

IN_A_ROW = 12
HD = 1920 * 1080 * 3
JPEGS, RAWS, INFOS = '/camera/image_raw/compressed', '/camera/image_raw', '/camera/camera_info'
# Prints the sizes of some raw images, for a test that is elsewhere.
RECEIVE = """
import sys
import rclpy
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
rclpy.init()
node = rclpy.create_node('receiver')
left = int(sys.argv[1])
def on_image(message):
    global left
    left -= 1
    print(len(message.data), flush=True)
node.create_subscription(Image, '/camera/image_raw', on_image, qos_profile_sensor_data)
while left > 0:
    rclpy.spin_once(node)
"""


def arrive_in_a_row(guest, message_type, topic):
    """Wait until no picture of many was lost; each has a CameraInfo, which is small."""
    infos, pictures = guest.listen(CameraInfo, INFOS), guest.listen(message_type, topic)
    expected = collections.deque(maxlen=IN_A_ROW)
    arrived = set()

    def all_are_there():
        while not infos.empty():
            expected.append(stamp(infos.get()))
        while not pictures.empty():
            arrived.add(stamp(pictures.get()))
        return len(expected) == IN_A_ROW and arrived.issuperset(expected)

    wait_until(all_are_there)


@pytest.fixture(scope='module')
def large_jpegs(tmp_path_factory):
    """Return a folder with a JPEG of 8 MB."""
    folder = tmp_path_factory.mktemp('large')
    noise = np.random.default_rng(0).integers(0, 256, (1944, 2592, 3), np.uint8)
    jpeg = cv2.imencode('.jpg', noise, [cv2.IMWRITE_JPEG_QUALITY, 98])[1]
    assert 7_500_000 < len(jpeg) < 8_000_000
    (folder / 'large.jpg').write_bytes(jpeg)
    return folder


@pytest.fixture
def small_shm(missing):
    """Return what to put before a command so that it has so many MB of shared memory."""
    if os.geteuid() or not shutil.which('unshare') or not shutil.which('nsenter'):
        missing('another /dev/shm needs root, unshare and nsenter')

    def prefix(megabytes):
        return ('unshare', '--mount', 'sh', '-c', f'mount -t tmpfs -o size={megabytes}m shm '
                '/dev/shm && exec "$@"', 'sh')
    return prefix


def test_raw_images_of_full_hd_arrive(guest):
    with running('camera', *parameters(source='pattern', width=1920, height=1080, fps=3.0)
                 ) as program:
        arrive_in_a_row(guest, Image, RAWS)
        assert max(segments(program)) > 4 * HD  # no matter of luck


def test_jpegs_of_8_mb_arrive(guest, large_jpegs):
    with running('camera', *parameters(source='file', path=large_jpegs, fps=3.0)) as program:
        arrive_in_a_row(guest, CompressedImage, JPEGS)
        assert max(segments(program)) > 4 * 8_000_000
    assert 'shared memory' not in program.output


def test_annotated_pictures_arrive(guest, large_jpegs):
    with running('camera', *parameters(source='file', path=large_jpegs, fps=2.0)), \
         running('consumer'):
        pictures = guest.listen(CompressedImage, '/camera/image_processed/compressed')
        arrived = 0
        while arrived < IN_A_ROW:
            arrived += len(pictures.get(timeout=WAIT_S).data) > 2_000_000


def test_the_profile_for_wifi_has_room_too_and_is_left_alone(small_shm, monkeypatch):
    profile = Path(__file__).resolve().parents[2] / 'config' / 'fastdds_wifi.xml'
    for name in ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE'):
        monkeypatch.setenv(name, str(profile))
    # In a /dev/shm where nothing is left of others: what they have made there stays as small.
    with running('camera', *parameters(source='pattern', width=1280, height=720, fps=2.0),
                 prefix=small_shm(256)) as program:
        program.wait_for('publishing')
        # By a program that has it, too.
        receive(inside(program), 1280 * 720 * 3)
        assert 16 * 2**20 < max(segments(program)) < 20 * 2**20
    assert 'XMLPARSER' not in program.output


@pytest.mark.parametrize('discovery', ['SUBNET', 'LOCALHOST'])
def test_the_segment_is_there_whatever_the_discovery_range_is(discovery, monkeypatch, missing):
    if reason := networks.unavailable():
        missing(reason)
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', discovery)
    with networks.hosts('alone') as (alone,), running(
            'camera', *parameters(source='pattern', width=1920, height=1080), prefix=alone
            ) as program:
        receive(alone, HD)
        assert max(segments(program)) > 4 * HD


def test_a_container_has_room_for_two_nodes(small_shm):
    with running('camera', *parameters(source='pattern', width=1920, height=1080),
                 prefix=small_shm(64)) as camera:
        camera.wait_for('publishing')
        with running('consumer', prefix=inside(camera)) as consumer:
            consumer.wait_for('running')
            receive(inside(camera), HD)
            assert max(segments(camera)) > 4 * HD
            assert max(segments(consumer)) > 2 * 4_000_000
    for program in (camera, consumer):
        assert 'shm' not in program.output, program.output
        assert 'SHM' not in program.output, program.output


def test_where_there_is_no_room_a_node_says_so_and_works(small_shm):
    with running('camera', *parameters(source='pattern'), prefix=small_shm(4)) as camera:
        camera.wait_for('publishing')
        camera.wait_for('MB are free in /dev/shm, so that pictures of more than .* may be lost')
        receive(inside(camera), 0, '/camera/lores/image_raw')
    assert 'SHM' not in camera.output, camera.output


def inside(program):
    """Return what to put before a command so that it has the same shared memory."""
    return 'nsenter', '--mount', '--target', str(program.process.pid)


def receive(prefix, size, topic=RAWS):
    """Wait for some images of that many bytes, elsewhere; any size for 0."""
    program = RECEIVE.replace(RAWS, topic)
    answer = subprocess.run([*prefix, sys.executable, '-c', program, str(IN_A_ROW)],
                            timeout=WAIT_S, capture_output=True, text=True)
    assert answer.returncode == 0, answer
    sizes = {int(line) for line in answer.stdout.split()}
    assert sizes == ({size} if size else sizes)


def segments(program):
    """Return the sizes of what a program has mapped of Fast DDS's shared memory."""
    lines = Path(f'/proc/{program.process.pid}/maps').read_text().splitlines()
    ends = [line.split()[0].split('-') for line in lines if '/fastdds_' in line
            or '/fastrtps_' in line]
    assert ends, (program.process.poll(), len(lines), program.output)
    return [int(end, 16) - int(begin, 16) for begin, end in ends]
