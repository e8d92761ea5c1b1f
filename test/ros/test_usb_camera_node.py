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

"""A USB camera under the camera node, with the fake of `support`."""

from diagnostic_msgs.msg import DiagnosticStatus
import pytest
from rcl_interfaces.msg import ParameterType
from rcl_interfaces.srv import DescribeParameters, GetParameters, ListParameters
from sensor_msgs.msg import CompressedImage
from support.processes import parameters, running, WAIT_S, wait_until
from support.usb_camera import plug_in

TOPIC, NODE = '/camera/image_raw/compressed', '/camera/camera'
EXPOSURE, AUTO = 'v4l2.exposure_time_absolute', 'v4l2.auto_exposure'
MANUAL, AUTOMATIC = 'Manual Mode', 'Aperture Priority Mode'


@pytest.fixture
def camera(tmp_path, monkeypatch, missing):
    return plug_in(tmp_path, monkeypatch, missing)


def start(camera, **more):
    return running('camera', *parameters(source='v4l2', path=str(camera.path), **more))


def wait_for_control(guest, name):
    wait_until(lambda: name in guest.call(ListParameters, f'{NODE}/list_parameters').result.names)


def value(guest, name):
    """Return what `ros2 param get` shows."""
    shown, = guest.call(GetParameters, f'{NODE}/get_parameters', names=[name]).values
    return {1: shown.bool_value, 2: shown.integer_value, 4: shown.string_value}[shown.type]


def describe(guest, name):
    descriptor, = guest.call(DescribeParameters, f'{NODE}/describe_parameters',
                             names=[name]).descriptors
    return descriptor


def test_controls_are_parameters_with_their_ranges(guest, camera):
    with start(camera):
        wait_for_control(guest, 'v4l2.privacy')
        bounds, = describe(guest, 'v4l2.pan_absolute').integer_range
        assert (bounds.from_value, bounds.to_value, bounds.step) == (-36000, 36000, 3600)
        assert value(guest, AUTO) == AUTOMATIC
        assert describe(guest, AUTO).additional_constraints == f'1 ({MANUAL}) or 3 ({AUTOMATIC})'
        assert describe(guest, 'v4l2.privacy').read_only
        assert value(guest, 'v4l2.privacy') is False
        assert 'without effect at present' in describe(guest, EXPOSURE).description
        for name, wanted, reason in (
                ('v4l2.gain', 101, 'Min: 0, Max: 100'), ('v4l2.pan_absolute', 3601, 'step: 3600'),
                ('v4l2.gain', 'much', "must be of type int, not 'much'"),
                (AUTO, 'Sports', f"must be 1 ({MANUAL}) or 3 ({AUTOMATIC}), not 'Sports'"),
                ('v4l2.privacy', True, 'read-only')):
            result = guest.set_parameter(NODE, name, wanted)
            assert not result.successful
            assert reason in result.reason
        assert camera.values() == {}


def test_controls_are_live(guest, camera):
    with start(camera):
        wait_for_control(guest, 'v4l2.privacy')
        assert guest.set_parameter(NODE, AUTO, 1).successful  # as v4l2-ctl has it
        wait_until(lambda: value(guest, AUTO) == MANUAL)
        assert 'without effect' not in describe(guest, EXPOSURE).description
        assert guest.set_parameter(NODE, EXPOSURE, 99).successful
        wait_until(lambda: camera.values() == {'Auto Exposure': 1, 'Exposure Time, Absolute': 99})
        assert guest.set_parameter(NODE, 'v4l2.white_balance_automatic', 0).successful
        wait_until(lambda: camera.values().get('White Balance, Automatic') == 0)
        wait_until(lambda: describe(guest, 'v4l2.white_balance_automatic').type
                   == ParameterType.PARAMETER_BOOL)
        assert guest.set_parameter(NODE, 'v4l2.do_white_balance', True).successful
        wait_until(lambda: camera.values().get('Do White Balance') == 1)
        wait_until(lambda: value(guest, 'v4l2.do_white_balance') is False)


def test_what_the_camera_refuses_does_not_stay_visible(guest, camera):
    camera.state('stubborn')
    with start(camera) as node:
        wait_for_control(guest, 'v4l2.privacy')
        guest.set_parameter(NODE, 'v4l2.gain', 30)
        node.wait_for('v4l2.gain cannot be 30 .*it can be 0 to 100')
        wait_until(lambda: value(guest, 'v4l2.gain') == 20)
        guest.set_parameter(NODE, EXPOSURE, 30)
        node.wait_for(f'{EXPOSURE} is not in use while {AUTO} is {AUTOMATIC}: set that to '
                      f'{MANUAL} first')
        wait_until(lambda: value(guest, EXPOSURE) == 250)
        values = guest.diagnostics('camera: stream', lambda v: 'refused' in v['message'])
        assert values['level'] == DiagnosticStatus.WARN
        assert guest.set_parameter(NODE, 'v4l2.brightness', 9).successful
        wait_until(lambda: camera.values() == {'Brightness': 9})
        assert value(guest, 'v4l2.brightness') == 9


def test_what_is_given_at_the_start_is_set_again_after_each_opening(guest, camera):
    wanted = {AUTO: MANUAL, EXPOSURE: 99, 'v4l2.gain': 500, 'v4l2.power_line_frequency': 2,
              'v4l2.privacy': True}
    with start(camera, **wanted) as node:
        node.wait_for(r'v4l2.gain.*Min: 0, Max: 100.*the camera goes on without it')
        node.wait_for('v4l2.privacy.*can only be read.*the camera goes on without it')
        expected = {'Auto Exposure': 1, 'Exposure Time, Absolute': 99, 'Power Line Frequency': 2}
        wait_until(lambda: camera.values() == expected)
        wait_until(lambda: value(guest, 'v4l2.power_line_frequency') == '60 Hz')
        assert value(guest, 'v4l2.gain') == 20
        assert value(guest, 'v4l2.privacy') is False
        assert guest.set_parameter(NODE, EXPOSURE, 88).successful
        wait_until(lambda: camera.values() == expected | {'Exposure Time, Absolute': 88})
        for number in (7, 8):  # unplugged, then stopped by a change of the size
            (camera.path.parent / 'video7.set').unlink()
            if number == 7:
                camera.unplug()
                node.wait_for('plug the camera in')
                camera.plug_in()
            else:
                assert guest.set_parameter(NODE, 'hflip', True).successful
            wait_until(lambda: camera.values() == expected | {'Exposure Time, Absolute': 88})
            wait_until(lambda: value(guest, EXPOSURE) == 88)
        guest.listen(CompressedImage, TOPIC).get(timeout=WAIT_S)


def test_the_log_says_which_camera_was_chosen(guest, camera):
    with running('camera', *parameters(source='v4l2', path=str(camera.path.parent))) as node:
        node.wait_for(f'publishing first camera of {camera.path.parent}')
        node.wait_for(f'pictures come from camera {camera.path} .Fake Camera.')


def test_auto_still_shows_that_there_is_no_camera_after_a_change(guest):
    with running('camera', *parameters(source='auto')) as node:
        node.wait_for('source auto found no camera')
        assert guest.set_parameter(NODE, 'hflip', True).successful
        node.wait_for('camera')
        values = guest.diagnostics('camera: stream', lambda v: v['restarts'] == '0')
        assert values['source'] == 'no camera 1280x720'
