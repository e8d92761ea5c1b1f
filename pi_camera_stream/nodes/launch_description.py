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

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile
import time
from typing import Any

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, EmitEvent, OpaqueFunction
from launch.events import matches_action
from launch.events.process import ShutdownProcess
import launch.logging
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.utilities import make_namespace_absolute, prefix_namespace
import yaml  # type: ignore[import-untyped]

from .restarts import DELAY_S, Restarts
from ..core.parameters import Parameter, yaml_value
from ..parameters.files import check_parameter_file
from ..parameters.tables import TABLES

_PACKAGE = 'pi_camera_stream'

# node -> launch argument -> parameter: what a user changes on the first day
_PARAMETER_ARGUMENTS = {
    'camera': {'source': 'source', 'path': 'path', 'tls_ca': 'tls_ca', 'camera': 'camera',
               'width': 'width', 'height': 'height', 'fps': 'fps', 'quality': 'jpeg_quality',
               'reliability': 'reliability', 'frame_id': 'frame_id',
               'camera_info_url': 'camera_info_url'},
    'http_bridge': {'address': 'address', 'port': 'port', 'access_token': 'access_token',
                    'rtsp_port': 'rtsp_port', 'outlets': 'outlets', 'ice_servers': 'ice_servers',
                    'audio': 'audio', 'record': 'record', 'record_folder': 'record_folder',
                    'record_topics': 'record_topics', 'record_codec': 'record_codec',
                    'record_minutes': 'record_minutes', 'record_before_s': 'record_before_s',
                    'record_after_s': 'record_after_s', 'record_keep_gb': 'record_keep_gb'},
    'opencv_consumer': {'processor': 'processor', 'reliability': 'reliability'},
}
# What two cameras cannot have in common: these arguments begin with the name of a side.
_OF_ONE_CAMERA = 'source', 'path', 'tls_ca', 'camera', 'frame_id', 'camera_info_url'
_WITH_NUMBERS = 'auto', 'picamera2', 'rpicam'  # sources that know the parameter `camera`


@dataclass(frozen=True)
class _Start:
    """A node that is to be started."""

    name: str
    namespace: str  # below the one that a group has pushed
    file: str  # the launch argument that names its parameter file
    given: Mapping[str, Any]  # parameters, above those of the file
    # Parameters below those of the file, and below what a group sets for all nodes.
    defaults: Mapping[str, Any] = field(default_factory=dict)


def describe(nodes: Sequence[str]) -> LaunchDescription:
    """Return the launch description for some of our nodes, with the arguments they take."""
    def starts(context: Any) -> list[_Start]:
        wanted = nodes if _value(context, 'consumer') == 'true' else \
            [node for node in nodes if node != 'opencv_consumer']
        return [_Start(node, _value(context, 'namespace'), 'params_file',
                       _given(context, node)) for node in wanted]

    return LaunchDescription([
        *_parameter_arguments(nodes, 'params_file'),
        *(_single_process_argument() if 'camera' in nodes else ()),
        DeclareLaunchArgument('consumer', default_value='true', choices=['true', 'false'],
                              description='Start the OpenCV consumer.'),
        DeclareLaunchArgument('namespace', default_value='camera',
                              description='Namespace of the nodes and of their topics.'),
        _file_argument('params_file', 'for all nodes'),
        *_common_arguments(),
        OpaqueFunction(function=lambda context: _start(
            context, starts(context), 'camera' in nodes and _value(
                context, 'single_process') == 'true')),
    ])


def describe_pair(*sides: str) -> LaunchDescription:
    """Return the launch description for two cameras, each in a namespace of its own."""
    def starts(context: Any) -> list[_Start]:
        cameras = [_side(context, side, number) for number, side in enumerate(sides)]
        return [*cameras, _Start('http_bridge', sides[0], 'bridge_params',
                                 _given(context, 'http_bridge'))]

    return LaunchDescription([
        *(argument for side in sides for argument in _parameter_arguments(
            ['camera'], f'{side}_params', f'{side}_', _OF_ONE_CAMERA)),
        *_parameter_arguments(['camera'], 'the parameter files', only=[
            name for name in _PARAMETER_ARGUMENTS['camera'] if name not in _OF_ONE_CAMERA]),
        *_parameter_arguments(['http_bridge'], 'bridge_params'),
        *(_file_argument(f'{side}_params', f'of the {side} camera') for side in sides),
        _file_argument('bridge_params', 'of the bridge'),
        *_common_arguments(),
        OpaqueFunction(function=lambda context: _start(context, starts(context))),
    ])


def _side(context: Any, side: str, number: int) -> _Start:
    """Return the start of one of two cameras: the Raspberry Pi's of that number, by default."""
    file, given = f'{side}_params', _given(context, 'camera', f'{side}_')
    of_group: dict[str, str] = dict(parameter for parameter in context.launch_configurations.get(
        'global_params', ()) if isinstance(parameter, tuple))  # the others are files
    source = given.get('source') or of_group.get('source', 'auto')
    defaults = {'frame_id': f'{side}_camera_optical_frame'}
    # Otherwise the file, which may say that it is a USB camera, says which one.
    if not _value(context, file) and source in _WITH_NUMBERS:
        defaults['camera'] = str(number)
    return _Start('camera', side, file, given, defaults)


def _parameter_arguments(nodes: Sequence[str], file: str, prefix: str = '',
                         only: Sequence[str] | None = None) -> Iterator[DeclareLaunchArgument]:
    rows = {argument: _row(node, name) for node in reversed(nodes)
            for argument, name in _PARAMETER_ARGUMENTS[node].items()}
    for argument in (argument for node in nodes for argument in _PARAMETER_ARGUMENTS[node]
                     if only is None or argument in only):
        if row := rows.pop(argument, None):  # several nodes may take it, and the first explains it
            yield DeclareLaunchArgument(prefix + argument, default_value='', description=(
                f'{_explain(row)}. Empty: the value in {file}, or else the default.'))


def _single_process_argument() -> Iterator[DeclareLaunchArgument]:
    yield DeclareLaunchArgument(
        'single_process', default_value='false', choices=['true', 'false'],
        description='Run the nodes in one process, which takes less memory and CPU; but if one '
                    'crashes, all of them end.')


def _file_argument(argument: str, use: str) -> DeclareLaunchArgument:
    # No file of ours with all defaults: it would override what a group sets for all nodes.
    return DeclareLaunchArgument(argument, default_value='', description=(
        f'Parameter file (YAML) {use}; launch arguments take precedence. Empty: none.'))


def _common_arguments() -> Iterator[DeclareLaunchArgument]:
    yield DeclareLaunchArgument(
        'cmd_vel', default_value='cmd_vel',
        description='Topic of the driving commands from pages, if driving is enabled.')
    yield DeclareLaunchArgument(
        'respawn', default_value='true', choices=['true', 'false'],
        description='Restart a node that has died, unless it ended because of something that has '
                    'to be fixed first.')
    yield DeclareLaunchArgument(
        'log_level', default_value='info', choices=['debug', 'info', 'warn', 'error', 'fatal'],
        description='Least severe messages that the nodes log.')


def _value(context: Any, argument: str) -> str:
    return str(LaunchConfiguration(argument).perform(context))


def _given(context: Any, name: str, prefix: str = '') -> dict[str, Any]:
    """Return the parameters of a node that arguments give; `prefix` begins those of one camera."""
    given = {}
    for argument, parameter in _PARAMETER_ARGUMENTS[name].items():
        full = prefix + argument if argument in _OF_ONE_CAMERA else argument
        if text := _value(context, full):
            given[parameter] = _parse(full, _row(name, parameter), text)
    return given


def _start(context: Any, starts: Sequence[_Start], single: bool = False) -> list[Node]:
    """Return the actions that start these nodes; PermanentError, when a file is not for them."""
    readers: dict[str, list[str]] = {}
    for start in starts:
        if file := _value(context, start.file):
            readers.setdefault(file, []).append(_full_name(context, start))
    for file, nodes in readers.items():
        for oddity in check_parameter_file(Path(file).expanduser(), nodes, tuple(TABLES)):
            launch.logging.get_logger(_PACKAGE).warning(oddity)
    return [_process(context, starts)] if single else [_node(context, start) for start in starts]


def _full_name(context: Any, start: _Start) -> str:
    pushed = context.launch_configurations.get('ros_namespace')
    namespace = make_namespace_absolute(prefix_namespace(pushed, start.namespace))
    return f'{namespace.rstrip("/")}/{start.name}'


def _node(context: Any, start: _Start) -> Node:
    file = _value(context, start.file)
    files = [str(Path(file).expanduser())] if file else []
    given = [dict(start.given)] if start.given else []
    defaults = [word for name, value in start.defaults.items()
                for word in ('-p', f'{name}:={yaml_value(value)}')]
    return Node(
        package=_PACKAGE, executable=f'{start.name}_node', name=start.name,
        namespace=start.namespace, parameters=[*files, *given],
        remappings=[('cmd_vel', _value(context, 'cmd_vel'))]
        if start.name == 'http_bridge' else [],
        ros_arguments=['--log-level', _value(context, 'log_level'), *defaults],
        **_running(context))


def _process(context: Any, starts: Sequence[_Start]) -> Node:
    """Return the action that starts these nodes, of one namespace, in one process."""
    file, names = _value(context, starts[0].file), [start.name for start in starts]
    given = {_full_name(context, start): {'ros__parameters': dict(start.given)}
             for start in starts if start.given}
    files = [str(Path(file).expanduser())] if file else []
    if given:  # a name may be that of parameters of several nodes
        with NamedTemporaryFile('w', prefix='launch_params_', suffix='.yaml', delete=False) as own:
            yaml.safe_dump(given, own)
        files.append(own.name)
    return Node(
        package=_PACKAGE, executable='all_nodes', namespace=starts[0].namespace,
        parameters=files, remappings=[('cmd_vel', _value(context, 'cmd_vel'))],
        arguments=[] if 'opencv_consumer' in names else ['--no-consumer'],
        ros_arguments=['--log-level', _value(context, 'log_level')], **_running(context))


def _running(context: Any) -> dict[str, Any]:
    """Return what all processes have in common."""
    respawn = _value(context, 'respawn') == 'true'
    return {'output': 'screen', 'emulate_tty': True, 'respawn': respawn,
            'respawn_delay': DELAY_S, 'on_exit': _stay_down(Restarts()) if respawn else None}


def _stay_down(restarts: Restarts) -> Callable[[Any, Any], list[EmitEvent] | None]:
    """
    Return the handler of a node's end that keeps launch from starting it again, where that is so.

    Launch's `respawn` asks for no exit code. But it waits for its delay before, and a node that is
    told meanwhile to shut down stays down.
    """
    def on_exit(event: Any, context: Any) -> list[EmitEvent] | None:
        if context.is_shutdown:
            return None
        refusal = restarts.refusal(event.returncode, time.monotonic())
        log = launch.logging.get_logger(event.process_name)
        if not refusal:
            log.info(f'restarting in {DELAY_S:g} s')
            return None
        log.warning(f'not restarted: {refusal}')
        return [EmitEvent(event=ShutdownProcess(process_matcher=matches_action(event.action)))]

    return on_exit


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
