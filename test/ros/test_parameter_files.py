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

"""Which section of a parameter file a node reads is what rclpy says."""

from pi_camera_stream.parameters.files import check_parameter_file, matches
import pytest
import rclpy

NAME, NAMESPACE = 'camera', '/robot/left'


def read_by_ros(file):
    """Return the parameter `number` that such a node has from a file."""
    context = rclpy.Context()
    rclpy.init(args=['--ros-args', '--params-file', str(file)], context=context)
    try:
        node = rclpy.create_node(NAME, namespace=NAMESPACE, context=context,
                                 automatically_declare_parameters_from_overrides=True)
        value = node.get_parameter('number').value if node.has_parameter('number') else None
        node.destroy_node()
        return value
    finally:
        context.try_shutdown()


@pytest.mark.parametrize('section', [
    '/**', '**', '/*', '/**/camera', '**/camera', '/*/camera', '/*/*/camera', '/robot/*/camera',
    '/robot/left/camera', 'robot/left/camera', '/robot/left', '/left/camera', 'camera', '/camera',
    '/robot/**', '/robot/**/camera', '/**/left/**', '/**/left', '/**/cam', '/**/camera/**',
    '/robot/left/camera2', '/ROBOT/left/camera'])
def test_sections_match_as_rclpy_matches_them(tmp_path, section):
    file = tmp_path / 'robot.yaml'
    file.write_text(f"'{section}':\n  ros__parameters:\n    number: 7\n")
    assert (read_by_ros(file) == 7) is matches(section, f'{NAMESPACE}/{NAME}')


@pytest.mark.parametrize('text', [
    '/robot:\n  left:\n    camera:\n      ros__parameters:\n        number: 7\n',
    '/robot/left:\n  camera:\n    ros__parameters:\n      number: 7\n',
    '/**:\n  camera:\n    ros__parameters:\n      number: 7\n',
    'robot:\n  left/camera:\n    ros__parameters:\n      number: 7\n',
])
def test_nested_sections_are_found_as_rcl_finds_them(tmp_path, text):
    file = tmp_path / 'robot.yaml'
    file.write_text(text)
    assert read_by_ros(file) == 7
    assert check_parameter_file(file, [f'{NAMESPACE}/{NAME}'], [NAME]) == []
