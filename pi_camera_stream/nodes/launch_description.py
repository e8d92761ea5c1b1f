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

"""What the launch files have in common; imports `launch`, which a bare rclpy does not have."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

from .parameter_tables import TABLES
from ..core.parameters import Parameter

_PACKAGE = 'pi_camera_stream'

# node -> launch argument -> parameter: what a user changes on the first day
_PARAMETER_ARGUMENTS = {
    'camera': {'source': 'source', 'path': 'path', 'width': 'width', 'height': 'height',
               'fps': 'fps', 'quality': 'jpeg_quality'},
    'http_bridge': {'address': 'address', 'port': 'port', 'access_token': 'access_token'},
    'opencv_consumer': {'processor': 'processor'},
}


def describe(nodes: Sequence[str]) -> LaunchDescription:
    """Return the launch description for some of our nodes, with the arguments they take."""
    return LaunchDescription([
        *_parameter_arguments(nodes, 'params_file'),
        DeclareLaunchArgument('consumer', default_value='true', choices=['true', 'false'],
                              description='Whether the OpenCV consumer is started.'),
        DeclareLaunchArgument('namespace', default_value='camera',
                              description='Namespace of the nodes and of their topics.'),
        _file_argument('params_file', 'defaults', 'for all nodes; an argument that is given '
                       'overrides it'),
        *_common_arguments(),
        OpaqueFunction(function=lambda context: [
            _node(node, LaunchConfiguration('namespace'), 'params_file', _given(node, context))
            for node in nodes]),
    ])


def describe_pair(*sides: str) -> LaunchDescription:
    """Return the launch description for two cameras, each in a namespace of its own."""
    def nodes(context: Any) -> list[Node]:
        cameras = [_node('camera', side, f'{side}_params', {}) for side in sides]
        return [*cameras, _node('http_bridge', sides[0], 'bridge_params',
                                _given('http_bridge', context))]

    return LaunchDescription([
        *_parameter_arguments(['http_bridge'], 'bridge_params'),
        *(_file_argument(f'{side}_params', side, f'of the {side} camera') for side in sides),
        _file_argument('bridge_params', 'defaults', 'of the bridge; an argument that is given '
                       'overrides it'),
        *_common_arguments(),
        OpaqueFunction(function=nodes),
    ])


def _parameter_arguments(nodes: Sequence[str], file: str) -> Iterator[DeclareLaunchArgument]:
    for node in nodes:
        for argument, name in _PARAMETER_ARGUMENTS[node].items():
            yield DeclareLaunchArgument(
                argument, default_value='',
                description=f'{_explain(_row(node, name))}. Empty: as in {file}.')


def _file_argument(argument: str, default: str, use: str) -> DeclareLaunchArgument:
    path = PathJoinSubstitution([FindPackageShare(_PACKAGE), 'config', f'{default}.yaml'])
    return DeclareLaunchArgument(argument, default_value=path,
                                 description=f'Parameter file (YAML) {use}.')


def _common_arguments() -> Iterator[DeclareLaunchArgument]:
    yield DeclareLaunchArgument(
        'cmd_vel', default_value='cmd_vel',
        description='Topic by which a page drives, where that is enabled.')
    yield DeclareLaunchArgument(
        'log_level', default_value='info', choices=['debug', 'info', 'warn', 'error', 'fatal'],
        description='What the nodes write to the log.')


def _given(name: str, context: Any) -> dict[str, Any]:
    given = {}
    for argument, parameter in _PARAMETER_ARGUMENTS[name].items():
        text = LaunchConfiguration(argument).perform(context)
        if text:
            given[parameter] = _parse(argument, _row(name, parameter), text)
    return given


def _node(name: str, namespace: str | LaunchConfiguration, file: str,
          given: Mapping[str, Any]) -> Node:
    """Return the action that starts a node; what is given overrides the file."""
    remappings = [('cmd_vel', LaunchConfiguration('cmd_vel'))] if name == 'http_bridge' else []
    condition = IfCondition(LaunchConfiguration('consumer')) if name == 'opencv_consumer' else None
    return Node(
        package=_PACKAGE, executable=f'{name}_node', name=name, namespace=namespace,
        parameters=[LaunchConfiguration(file), dict(given)], remappings=remappings,
        ros_arguments=['--log-level', LaunchConfiguration('log_level')],
        output='screen', emulate_tty=True, condition=condition)


def _row(node: str, name: str) -> Parameter:
    return next(parameter for parameter in TABLES[node] if parameter.name == name)


def _explain(parameter: Parameter) -> str:
    allowed = parameter.range_text()
    return f'{parameter.description} ({allowed})' if allowed else parameter.description


def _parse(argument: str, parameter: Parameter, text: str) -> Any:
    """Return the argument's text in the type of its parameter."""
    try:
        return parameter.check(type(parameter.default)(text))
    except ValueError as error:
        raise ValueError(f"launch argument '{argument}' cannot be '{text}': it must be "
                         f'{parameter.range_text() or parameter.type_name}') from error
