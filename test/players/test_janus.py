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

"""A media server that takes one stream from the robot, and shows it to many by WebRTC."""

import json
import subprocess
import sys

from benchmarks.common import networks
from benchmarks.players import crowds, janus
import pytest
from support.processes import running

VIEWERS, COUNT = 3, 20
_STATE = 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())'


@pytest.fixture(autouse=True)
def _needs(missing, aiortc):
    if reason := networks.unavailable() or janus.missing():
        missing(reason)


def test_many_watch_by_webrtc_what_the_robot_sends_once(tmp_path):
    robot_address, address = networks.ADDRESSES[:2]
    mount_points = (janus.by_rtsp(f'rtsp://{robot_address}:8554/camera', 1) + janus.by_rtp(2))
    with networks.two_hosts() as (robot, server), running(
            'serve', '--source', 'pattern', '--size', '640x480', '--fps', '30',
            '--address', robot_address, '--rtsp-port', '8554',
            '--outlets', f'rtp://{address}:{janus.RTP_PORT}', prefix=robot) as program, \
            janus.janus(server, address, tmp_path, mount_points):
        url = program.wait_for(r'Open (\S+) in')[1]
        for number in (1, 2):
            with crowds.running(server, 'janus_viewers', '--url',
                                f'http://{address}:{janus.PORT}/janus', '--count', str(VIEWERS),
                                '--mount-point', str(number), '--pictures', str(COUNT)) as viewers:
                got = viewers.got()
            assert not got.ended
            assert all(got.frames_ns)
            assert len(got.frames_ns) == VIEWERS
            seen = [code for code, _ in got.decoded]
            assert seen == sorted(seen)
            assert len(set(seen)) > COUNT / 2
        state = json.loads(subprocess.run(
            [*robot, sys.executable, '-c', _STATE, f'{url}state'], check=True,
            stdout=subprocess.PIPE).stdout)
    for outlet in state['outlets']:
        assert outlet['clients'] == 1, outlet  # Janus, and nobody else
        assert outlet['frames_sent'] >= COUNT
