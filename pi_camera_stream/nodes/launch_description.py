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

from collections.abc import Sequence
from typing import Any

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
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
    defaults = PathJoinSubstitution([FindPackageShare(_PACKAGE), 'config', 'defaults.yaml'])
    return LaunchDescription([
        *(DeclareLaunchArgument(
            argument, default_value='',
            description=f'{_explain(_row(node, name))}. Empty: as in params_file.')
          for node in nodes for argument, name in _PARAMETER_ARGUMENTS[node].items()),
        DeclareLaunchArgument('consumer', default_value='true', choices=['true', 'false'],
                              description='Whether the OpenCV consumer is started.'),
        DeclareLaunchArgument('namespace', default_value='camera',
                              description='Namespace of the nodes and of their topics.'),
        DeclareLaunchArgument('params_file', default_value=defaults,
                              description='Parameter file (YAML) for all nodes; an argument that '
                                          'is given overrides it.'),
        DeclareLaunchArgument('cmd_vel', default_value='cmd_vel',
                              description='Topic by which a page drives, where that is enabled.'),
        DeclareLaunchArgument('log_level', default_value='info',
                              choices=['debug', 'info', 'warn', 'error', 'fatal'],
                              description='What the nodes write to the log.'),
        OpaqueFunction(function=lambda context: [_node(node, context) for node in nodes]),
    ])


def describe_pair(*sides: str) -> LaunchDescription:
    """Return the launch description for two cameras, each in a namespace of its own."""
    share = FindPackageShare(_PACKAGE)
    arguments = _PARAMETER_ARGUMENTS['http_bridge']
    bridge_arguments = [DeclareLaunchArgument(
        argument, default_value=str(_row('http_bridge', name).default),
        description=_explain(_row('http_bridge', name))) for argument, name in arguments.items()]
    files = [DeclareLaunchArgument(
        f'{side}_params', default_value=PathJoinSubstitution([share, 'config', f'{side}.yaml']),
        description=f'Parameter file (YAML) of the {side} camera.') for side in sides]
    cameras = [Node(
        package=_PACKAGE, executable='camera_node', name='camera', namespace=side,
        parameters=[LaunchConfiguration(f'{side}_params')], output='screen', emulate_tty=True)
        for side in sides]
    bridge = Node(
        package=_PACKAGE, executable='http_bridge_node', name='http_bridge', namespace=sides[0],
        parameters=[{name: ParameterValue(LaunchConfiguration(argument), value_type=type(
            _row('http_bridge', name).default)) for argument, name in arguments.items()}],
        output='screen', emulate_tty=True)
    return LaunchDescription([*bridge_arguments, *files, *cameras, bridge])


def _node(name: str, context: Any) -> Node:
    """Return the action that starts a node, now that the arguments are known."""
    given = {}
    for argument, parameter in _PARAMETER_ARGUMENTS[name].items():
        text = LaunchConfiguration(argument).perform(context)
        if text:
            given[parameter] = _parse(argument, _row(name, parameter), text)
    remappings = [('cmd_vel', LaunchConfiguration('cmd_vel'))] if name == 'http_bridge' else []
    condition = IfCondition(LaunchConfiguration('consumer')) if name == 'opencv_consumer' else None
    return Node(
        package=_PACKAGE, executable=f'{name}_node', name=name,
        namespace=LaunchConfiguration('namespace'),
        parameters=[LaunchConfiguration('params_file'), given], remappings=remappings,
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
