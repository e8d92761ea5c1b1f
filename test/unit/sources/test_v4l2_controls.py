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

import errno

from pi_camera_stream.sources.controls import settle
from pi_camera_stream.sources.workers.v4l2 import api
from pi_camera_stream.sources.workers.v4l2.controls import parameter_name, V4l2Controls
import pytest
from support.capturing import capturing
from support.processes import wait_until
from support.usb_camera import plug_in

EXPOSURE, AUTO = 'v4l2.exposure_time_absolute', 'v4l2.auto_exposure'
MANUAL, AUTOMATIC = 'Manual Mode', 'Aperture Priority Mode'
PAN = 'v4l2.pan_absolute'


@pytest.fixture
def camera(tmp_path, monkeypatch, missing):
    return plug_in(tmp_path, monkeypatch, missing)


def answer(run, **values):
    """Set controls, by their names without `v4l2.`; return what was refused."""
    run.answers.clear()
    run.source.set_controls({f'v4l2.{name}': value for name, value in values.items()})
    wait_until(lambda: run.answers)
    return run.source.refused


@pytest.fixture
def run(camera):
    """Return the camera at work; `answers` grows with each answer to controls."""
    with capturing(camera.source()) as run:
        run.answers = []
        run.loop.on_answer = lambda: run.answers.append(run.source.controls())
        run.picture()
        yield run


@pytest.mark.parametrize(('name', 'expected'), [
    ('Exposure Time, Absolute', 'exposure_time_absolute'),
    ('White Balance Temperature, Auto', 'white_balance_temperature_auto'),
    ('  H264 I-Frame  Period (GOP) ', 'h264_i_frame_period_gop'),
    ('3D Noise', '3d_noise'),
    ('Größe', 'gr_e'),
])
def test_names_are_those_of_v4l2_ctl(name, expected):
    assert parameter_name(name) == f'v4l2.{expected}'


def test_a_name_without_letters_is_no_parameter():
    assert parameter_name('--') == ''


def test_the_camera_tells_what_can_be_set(run):
    controls = run.source.controls()
    assert controls['v4l2.brightness'] == {
        'kind': 'int', 'minimum': -64, 'maximum': 64, 'value': 0}
    assert controls[PAN] == {
        'kind': 'int', 'minimum': -36000, 'maximum': 36000, 'step': 3600, 'value': 0}
    assert controls['v4l2.white_balance_automatic'] == {
        'kind': 'bool', 'minimum': False, 'maximum': True, 'value': True}
    assert controls[AUTO] == {
        'kind': 'menu', 'minimum': 0, 'maximum': 3, 'value': AUTOMATIC,
        'choices': {'1': MANUAL, '3': AUTOMATIC}}
    assert controls['v4l2.auto_exposure_bias']['choices'] == {'0': '-1000', '1': '0', '2': '1000'}
    assert controls[EXPOSURE]['inactive']
    assert controls['v4l2.privacy']['read_only']
    assert controls['v4l2.do_white_balance']['value'] is False
    assert 'v4l2.hue' not in controls  # which is disabled
    assert not any('controls' in name for name in controls)  # the headings of classes


def test_what_is_set_is_told_back(run, camera):
    assert answer(run, brightness=-7, power_line_frequency='60 Hz') == ''
    assert run.answers[-1]['v4l2.brightness']['value'] == -7
    assert run.answers[-1]['v4l2.power_line_frequency']['value'] == '60 Hz'
    assert camera.values() == {'Brightness': -7, 'Power Line Frequency': 2}


def test_switches_are_set_before_what_they_switch(run, camera):
    assert answer(run, exposure_time_absolute=99, auto_exposure=MANUAL) == ''
    assert camera.values() == {'Auto Exposure': 1, 'Exposure Time, Absolute': 99}
    assert 'inactive' not in run.answers[-1][EXPOSURE]


@pytest.mark.parametrize(('values', 'words'), [
    ({'exposure_time_absolute': 9}, f'{EXPOSURE} is not in use while {AUTO} is {AUTOMATIC}: set '
                                    f'that to {MANUAL} first'),
    ({'white_balance_temperature': 3000}, 'v4l2.white_balance_automatic is true: set that to false'
                                          ' first'),
    ({'gain': 101}, 'v4l2.gain can be 0 to 100, not 101'),
    ({'gain': 2**32}, 'v4l2.gain can be 0 to 100, not 4294967296'),
    ({'auto_exposure': 'Sports'}, f"{AUTO} can be {MANUAL}, {AUTOMATIC}, not 'Sports'"),
    ({'privacy': True}, 'v4l2.privacy can only be read'),
    ({'zoom': 3}, 'v4l2.zoom is not a control of this camera'),
    ({'pan_absolute': 3500}, f'{PAN} is 3600, though 3500 was asked for; it can be -36000 to 36000'
                             ' in steps of 3600'),
])
def test_what_is_refused_is_said_and_does_not_take_the_others_down(run, camera, values, words):
    assert words in answer(run, brightness=5, **values)
    assert camera.values()['Brightness'] == 5
    assert answer(run, brightness=6) == ''


def test_what_the_camera_itself_refuses(run, camera):
    camera.state('stubborn')
    assert answer(run, gain=30) == ('v4l2.gain cannot be 30 (Input/output error), and stays 20; '
                                    'it can be 0 to 100')


def test_a_button_is_pressed(run, camera):
    assert answer(run, do_white_balance=True) == ''
    assert camera.values() == {'Do White Balance': 1}
    assert run.answers[-1]['v4l2.do_white_balance']['value'] is False


def test_all_is_set_again_when_the_camera_returns(run, camera):
    camera.state('stubborn')
    answer(run, auto_exposure=MANUAL, exposure_time_absolute=99, gain=7)
    camera.unplug()
    run.wait_for_problem('plug the camera in')
    run.answers.clear()
    (camera.path.parent / 'video7.set').unlink()
    camera.plug_in()
    wait_until(lambda: run.answers)
    assert camera.values() == {'Auto Exposure': 1, 'Exposure Time, Absolute': 99}
    assert run.source.refused == ''  # the gain stayed as it was, so this is no refusal any more


def test_what_is_automatic_again_is_not_set_when_the_camera_returns(run, camera):
    answer(run, auto_exposure=MANUAL, exposure_time_absolute=99)
    answer(run, auto_exposure=AUTOMATIC)
    camera.unplug()
    run.wait_for_problem('plug the camera in')
    run.answers.clear()
    (camera.path.parent / 'video7.set').unlink()
    camera.plug_in()
    wait_until(lambda: run.answers)
    assert camera.values() == {'Auto Exposure': 3}
    assert run.source.refused == ''


def test_settling():
    chosen = {'a': 1, 'b': 2, 'c': 3, 'd': 4}
    settle(chosen, {'a': {'value': 1}, 'b': {'value': 9}, 'c': {'value': 3, 'inactive': True},
                    'd': {'value': None}})
    assert chosen == {'a': 1, 'b': 9, 'd': 4}


def test_a_driver_without_controls_has_none(monkeypatch):
    def refuse(_fd, _request, _argument):
        raise OSError(errno.ENOTTY, 'no')
    monkeypatch.setattr(api, 'call', refuse)
    assert V4l2Controls(0).described == {}


def test_a_driver_that_never_ends_is_given_up(monkeypatch):
    def repeat(_fd, request, argument):
        if request == api.QUERY_EXT_CTRL:
            argument.id, argument.type, argument.name = 9, api.INTEGER, b'Gain'
            argument.maximum = 3
    monkeypatch.setattr(api, 'call', repeat)
    assert list(V4l2Controls(0).described) == ['v4l2.gain']
