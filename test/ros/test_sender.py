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

"""A Pi without ROS, whose pictures a camera node elsewhere publishes."""

import json
import urllib.error

from pi_camera_stream.core.calibration import Calibration
from pi_camera_stream.parameters.calibration_file import save
import pytest
from sensor_msgs.msg import CameraInfo, CompressedImage
from support import pictures
from support.processes import parameters, running, WAIT_S, wait_until
from support.raw_camera import parts, raw_camera
from support.sending import sending
from support.web import ask, bridge, get

TOPIC, INFO, NODE = '/camera/image_raw/compressed', '/camera/camera_info', '/camera/camera'
TOKEN = 'a-token-to-keep'
GIVEN = Calibration(160, 120, 'eye', 'plumb_bob', (0.1, -0.2, 0.003, -0.004, 0.05),
                    (150, 0, 70, 0, 151, 65, 0, 0, 1), (1, 0, 0, 0, 1, 0, 0, 0, 1),
                    (150, 0, 70, 0, 0, 151, 65, 0, 0, 0, 1, 0))


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    """Let calibrations be looked for where there are none."""
    monkeypatch.setenv('ROS_HOME', str(tmp_path))
    return tmp_path


@pytest.fixture
def calibrated(tmp_path):
    """Return the options of a sender whose camera is calibrated."""
    save(tmp_path / 'eye.yaml', GIVEN)
    return ['--camera-info-url', f'file://{tmp_path}/eye.yaml', '--frame-id', 'left_eye']


def stamp_ns(header):
    return header.stamp.sec * 10**9 + header.stamp.nanosec


def test_they_come_with_capture_time_calibration_and_frame(guest, calibrated):
    with sending(10, *calibrated) as sender:
        sender.listen()
        with running('camera', *parameters(source='url', path=sender.url())) as program:
            values = guest.diagnostics(': stream', lambda values: 'stamps known to [ms]' in values)
            assert values['stamps'] == 'capture time of the sender'
            known_to_ms = float(values['stamps known to [ms]'])
            images, infos = guest.listen(CompressedImage, TOPIC), guest.listen(CameraInfo, INFO)
            right = 0
            while right < 10:
                image = images.get(timeout=WAIT_S)
                taken_ns = sender.taken_ns(bytes(image.data))
                if taken_ns is not None:
                    # Its stamp was made between the last answer and this one.
                    before_ms, known_to_ms = known_to_ms, float(
                        guest.diagnostics(': stream')['stamps known to [ms]'])
                    assert abs(stamp_ns(image.header) - taken_ns) <= 1e6 * (
                        max(before_ms, known_to_ms) + 0.2)
                    right += 1
                assert image.header.frame_id == 'left_eye'
            info = infos.get(timeout=WAIT_S)
            assert (info.header.frame_id, list(info.k)) == ('left_eye', list(GIVEN.k))
            program.wait_for('pictures have the capture time of the sender, known to')
            program.wait_for("the calibration and frame_id 'left_eye' of the sender are used")


def test_what_the_user_has_set_counts_more(guest, calibrated, home, tmp_path):
    own = GIVEN.flipped(True, False)
    save(tmp_path / 'own.yaml', own)
    with (sending(0, *calibrated) as sender,
          running('camera', *parameters(source='url', path=sender.url(), frame_id='mine',
                                        camera_info_url=f'file://{tmp_path}/own.yaml'))):
        info = guest.listen(CameraInfo, INFO).get(timeout=WAIT_S)
        assert (info.header.frame_id, list(info.k)) == ('mine', list(own.k))
        infos = guest.listen(CameraInfo, INFO)
        assert guest.set_parameter(NODE, 'frame_id', 'other').successful
        wait_until(lambda: infos.get(timeout=WAIT_S).header.frame_id == 'other')


def test_a_frame_that_is_flipped_here_has_its_calibration_flipped(guest, calibrated):
    with (sending(0, *calibrated) as sender,
          running('camera', *parameters(source='url', path=sender.url(), hflip=True))):
        info = guest.listen(CameraInfo, INFO).get(timeout=WAIT_S)
        assert list(info.k) == list(GIVEN.flipped(True, False).k)


def test_of_any_other_server_the_arrival_counts_which_is_said_once(guest):
    with (raw_camera(lambda request, call: parts([pictures.jpeg(160, 120)])) as camera,
          running('camera', *parameters(source='url', path=camera.url())) as program):
        words = 'stamped when they arrive, because the sender does not tell its clock'
        program.wait_for(words)
        values = guest.diagnostics(': stream', lambda values: 'tell' in values.get('stamps', ''))
        assert values['stamps'] == 'when pictures arrive: the sender does not tell its clock'
        assert 'stamps known to [ms]' not in values
        assert program.output.count(words) == 1


def test_the_token_is_nowhere_to_be_read(guest):
    with sending(0, '--access-token', TOKEN) as sender:
        with running('camera', *parameters(
                source='url', path=sender.url(login=f':{TOKEN}@'))) as program:
            assert guest.listen(CompressedImage, TOPIC).get(timeout=WAIT_S).data
            values = guest.diagnostics(': stream')
            assert TOKEN not in str(values)
            refused = guest.set_parameter(NODE, 'path', f'htp://:{TOKEN}@pi/')
            assert not refused.successful
            assert TOKEN not in refused.reason
        assert TOKEN not in program.output


def test_a_bridge_tells_what_is_on_the_topic(guest, calibrated):
    with (sending(0, *calibrated) as sender,
          running('camera', *parameters(source='url', path=sender.url())), bridge() as program):
        path = f'/camera_info?topic={TOPIC}'
        wait_until(lambda: ask(program.port, path)[0] == 200)  # both have found each other
        info = json.loads(ask(program.port, path)[2])
        assert (info['header'], info['width'], info['k']) == (
            {'frame_id': 'left_eye'}, 160, list(GIVEN.k))
        clock = json.load(get(f'{program.url}clock'))
        assert set(clock) == {'machine', 'arrived', 'answered'}


def test_a_bridge_without_a_camera_says_so():
    with bridge() as program:
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(f'{program.url}camera_info')
        with refused.value:
            assert refused.value.code == 503
            assert b"nothing on '/camera/camera_info' within 3 s" in refused.value.read()
