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

"""A page changes the camera: through the bridge, by the parameters of the camera's node."""

from contextlib import contextmanager
import json
import math
import os

import pytest
from rcl_interfaces.msg import (
    FloatingPointRange,
    ParameterDescriptor,
    ParameterType,
    ParameterValue,
)
from rcl_interfaces.srv import (
    DescribeParameters,
    GetParameters,
    ListParameters,
    SetParametersAtomically,
)
from support.fake_camera import FAKE
from support.guest import Camera, Guest
from support.processes import parameters, Program, running, wait_until
from support.web import ask, bridge

TOPIC, NODE, TOKEN = '/camera/image_raw/compressed', '/camera/camera', 'correct-horse-battery'
KNOWN = {'Authorization': f'Bearer {TOKEN}'}


class Panel:
    """What the page has: the camera's controls."""

    def __init__(self, program):
        self._port = program.port
        self._headers = {**KNOWN, 'Origin': program.url.rstrip('/'),
                         'Content-Type': 'application/json'}

    def look(self, topic=''):
        """Return status and controls by name, or the sentence."""
        status, _, text = self._ask(f'/camera?topic={topic}', **KNOWN)
        if status != 200:
            return status, text
        return status, {control['name']: control for control in json.loads(text)['controls']}

    def wait_for(self, name):
        """Return the controls once that one is among them."""
        return wait_until(lambda: (found := self.look())[0] == 200 and name in found[1]
                          and found[1])

    def change(self, name, value, topic=''):
        """Return status and text."""
        status, _, text = self._ask('/camera', 'POST', json.dumps(
            {'topic': topic, 'name': name, 'value': value}), **self._headers)
        return status, text.strip()

    def _ask(self, *arguments, **headers):
        """Ask; once more, where that was too much at a time."""
        return wait_until(lambda: (answer := ask(self._port, *arguments, **headers))[0] != 429
                          and answer)


@contextmanager
def panel():
    with bridge(access_token=TOKEN, camera_controls='true') as program:
        yield Panel(program)


@pytest.fixture
def picamera2(monkeypatch, tmp_path):
    """Run a Raspberry Pi's camera, made by the fake of `support`."""
    monkeypatch.setenv('ROS_HOME', str(tmp_path))
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join(
        [str(FAKE), *filter(None, [os.environ.get('PYTHONPATH')])]))
    with running('camera', *parameters(source='picamera2', width=640, height=480, fps=20)):
        yield


def test_the_controls_of_a_raspberry_pis_camera_are_seen_and_changed(picamera2, guest):
    with panel() as page:
        controls = page.wait_for('ExposureTime')
        assert {'AeEnable', 'AnalogueGain', 'AwbMode', 'ColourGains', 'hflip', 'vflip',
                'rotation'} <= set(controls)
        assert not {'path', 'source', 'camera', 'use_sim_time'} & set(controls)
        exposure = controls['ExposureTime']
        assert 0 < exposure['minimum'] < 7000 < exposure['maximum']
        assert (exposure['kind'], controls['AwbMode']['kind']) == ('int', 'int')
        assert {'value': 0, 'name': 'Auto'} in controls['AwbMode']['choices']
        assert controls['ColourGains']['length'] == 2
        assert [choice['value'] for choice in controls['rotation']['choices']] == [
            0, 90, 180, 270]
        for name, value in (('ExposureTime', 7000), ('AnalogueGain', 2), ('AwbMode', 5),
                            ('ColourGains', [1.5, 2]), ('hflip', True)):
            assert page.change(name, value) == (200, '{}'), name
            assert page.look()[1][name]['value'] == value
        assert guest.get_parameters(NODE, 'ExposureTime', 'AnalogueGain', 'hflip') == [
            7000, 2.0, True]


def test_what_the_camera_refuses_is_said_in_its_words(picamera2):
    with panel() as page:
        most = page.wait_for('ExposureTime')['ExposureTime']['maximum']
        status, text = page.change('ExposureTime', most + 1)
        assert status == 422
        assert 'ExposureTime' in text
        assert str(most) in text
        assert page.change('ExposureTime', 'long')[0] == 422
        assert page.change('Sparkle', 1)[0] == page.change('path', '/dev/video0')[0] == 403
        assert page.change('v4l2.gain', 1) == (422, "the camera has no control 'v4l2.gain'")


def test_a_camera_that_is_not_there_is_named():
    with panel() as page:
        assert page.look() == (503, f"no node publishes '{TOPIC}' now\n")
        assert page.change('hflip', True)[0] == 503


@pytest.mark.parametrize(('given', 'sentence'), [
    ({}, r"'camera_controls' needs an access token \(parameter 'access_token'\)"),
    ({'teleop__enabled': 'true'}, "'teleop.enabled' needs"),
])
def test_it_cannot_be_switched_on_for_everyone(given, sentence):
    program = Program('bridge', *parameters(
        port=0, address='127.0.0.1', camera_controls='true', **given))
    assert program.wait() == 1
    program.wait_for(sentence)


def test_it_is_off_by_itself_and_on_for_those_who_may_drive():
    with bridge(access_token=TOKEN) as program:
        assert ask(program.port, '/camera', **KNOWN)[0] == 404
        assert json.loads(ask(program.port, '/state', **KNOWN)[2])['camera_controls'] is False
    with bridge(camera_controls='true', teleop__enabled='true',
                teleop__insecure='true') as program:
        program.wait_for('without an access token: anyone on the network can')
        assert ask(program.port, '/camera')[0] == 503
        assert json.loads(ask(program.port, '/state')[2])['camera_controls'] is True


def value(kind, **fields):
    return ParameterValue(type=kind, **fields)


class Stranger(Guest):
    """A node that publishes pictures and has parameter services of another kind."""

    def __init__(self):
        super().__init__('stranger', start_parameter_services=False)
        self.names = ['Contrast', 'Contrast', 'path', '', *(
            f'v4l2.a{number}' for number in range(300))]
        self.descriptors, self.values = [], []  # empty for as many as are asked for
        Camera(self)
        for kind, name in ((ListParameters, 'list'), (DescribeParameters, 'describe'),
                           (GetParameters, 'get'), (SetParametersAtomically, 'set')):
            suffix = '_atomically' if name == 'set' else ''
            self.node.create_service(kind, f'~/{name}_parameters{suffix}',
                                     getattr(self, f'_{name}'))

    def _list(self, _, response):
        response.result.names = self.names
        return response

    def _describe(self, request, response):
        response.descriptors = self.descriptors or [ParameterDescriptor()] * len(request.names)
        return response

    def _get(self, request, response):
        one = value(ParameterType.PARAMETER_DOUBLE, double_value=1.0)
        response.values = self.values or [one] * len(request.names)
        return response

    def _set(self, _, response):
        response.result.reason = 'no\n' * 1000
        return response


@pytest.fixture
def stranger():
    node = Stranger()
    yield node
    node.close()


def test_whatever_a_foreign_node_answers_the_bridge_goes_on(stranger):
    with panel() as page:
        controls = page.wait_for('Contrast')
        assert len(controls) == 100
        assert controls['Contrast']['value'] == 1.0
        status, text = page.change('Contrast', 2)
        assert (status, text[:6], len(text)) == (422, 'no no ', 500)
        stranger.names = ['Contrast', 'Saturation', 'Sharpness', 'hflip', 'rotation']
        stranger.descriptors = [ParameterDescriptor(
            floating_point_range=[FloatingPointRange(from_value=math.nan, to_value=math.inf)],
            additional_constraints='1 (a), 1 to x')] * 5
        stranger.values = [value(ParameterType.PARAMETER_DOUBLE, double_value=math.nan),
                           value(ParameterType.PARAMETER_BYTE_ARRAY), value(99),
                           value(ParameterType.PARAMETER_DOUBLE_ARRAY),
                           value(ParameterType.PARAMETER_STRING, string_value='\a' * 999)]
        assert {name: (control['kind'], control['value'], control['minimum'])
                for name, control in page.look()[1].items()} == {
            'Contrast': ('float', None, None), 'Saturation': ('float', None, None),
            'Sharpness': ('float', None, None)}
        stranger.values = stranger.values[:2]  # fewer than were asked for
        assert page.look() == (200, {})
        assert page.change('Contrast', 2) == (422, "the camera has no control 'Contrast'")


def test_a_node_that_does_not_answer_holds_nobody_up():
    silent = Guest('silent', start_parameter_services=False)
    Camera(silent)
    with panel() as page:
        status, text = wait_until(lambda: (found := page.look())[0] != 503 and found)
        assert status == 504
        assert text.startswith(f"the node that publishes '{TOPIC}' has not answered within 4 s")
        assert page.change('hflip', True)[0] == 504
    silent.close()
