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

from pi_camera_stream.nodes.camera.picture_size import largest_picture_bytes
from pi_camera_stream.nodes.early_parameters import said
from pi_camera_stream.sources.pattern import DEFAULT_SIZE
import pytest

OWN = 3 * DEFAULT_SIZE[0] * DEFAULT_SIZE[1]
FILE = """
/**:
  ros__parameters: {source: auto, width: 0, height: 0, picamera2: {python: /usr/bin/python3}}
/left:
  camera:
    ros__parameters:
      width: 640
      height: 480
      qos_overrides: {/image_raw: {publisher: {depth: 2}}}
"""


def ros(*words):
    return ['camera', '--ros-args', *words]


def test_values_are_found_on_the_command_line():
    words = ros('-r', '__ns:=/left', '-p', 'width:=640', '--param', 'camera:width:=320', '-p',
                "path:='a:=b'", '-p')
    assert said(words, 'width') == [640, 320]
    assert said(words, 'path') == ['a:=b']
    assert said(words, 'height') == []


def test_values_are_found_in_a_file_whatever_node_they_are_for(tmp_path):
    file = tmp_path / 'parameters.yaml'
    file.write_text(FILE)
    words = ros('--params-file', str(file), '-p', 'height:=1080')
    assert said(words, 'width') == [0, 640]
    assert sorted(said(words, 'height')) == [0, 480, 1080]
    assert said(words, 'picamera2.python') == ['/usr/bin/python3']
    assert said(words, 'qos_overrides./image_raw.publisher.depth') == [2]


@pytest.mark.parametrize('content', ['{', '- a\n- b', '', 'null', '\0', 'a: {ros__parameters: 3}'])
def test_what_is_no_file_of_parameters_says_nothing(content, tmp_path):
    file = tmp_path / 'parameters.yaml'
    file.write_text(content)
    assert said(ros('--params-file', str(file)), 'width') == []


def test_a_file_that_is_not_there_and_a_value_that_is_none_say_nothing():
    assert said(ros('--params-file', '/nowhere', '-p', 'width:={', '-p', 'width'), 'width') \
        == [None]


@pytest.mark.parametrize(('words', 'expected'), [
    ([], OWN),
    (['source:=v4l2'], OWN),
    (['source:=file'], 8_000_000),
    (['source:=url', 'path:=rtsp://192.0.2.7/'], 8_000_000),
    (['source:=file', 'width:=640', 'height:=480'], 3 * 640 * 480),
    (['width:=3840', 'height:=2160'], 3 * 3840 * 2160),
    (['width:=3840'], OWN),  # is refused by the node itself
    (['width:=wide', 'height:=-2'], OWN),
])
def test_the_largest_picture_is_what_is_asked_for_or_what_the_source_has(words, expected):
    words = [word for each in words for word in ('-p', each)]
    assert largest_picture_bytes(ros(*words)) == expected
