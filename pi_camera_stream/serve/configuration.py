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

"""The command line and the parameter files of a program without ROS."""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml  # type: ignore[import-untyped]

from .vehicle import FORM
from ..core.errors import PermanentError
from ..core.parameters import nearest, Parameter, Value
from ..parameters.aliases import ALIASES, find, take
from ..parameters.files import flat, matches, read_sections
from ..parameters.tables import CAMERA, HTTP_BRIDGE, OPENCV_CONSUMER
from ..vision import registry

_NAMESPACE = 'camera'
# Kind of node -> how an option begins that means it; the first ones need no beginning.
_KINDS = {'camera': 'camera', 'http_bridge': 'bridge', 'opencv_consumer': 'consumer'}
_TABLES: Mapping[str, Sequence[Parameter]] = {
    'camera': CAMERA, 'http_bridge': HTTP_BRIDGE, 'opencv_consumer': OPENCV_CONSUMER}
# What has a meaning among ROS nodes only.
_OF_ROS = {'adaptive', 'adaptive_floor', 'max_bitrate_bps', 'lores_width', 'snapshot_folder',
           'reliability', 'camera_controls', 'teleop.enabled', 'teleop.stamped',
           'teleop.exclusive', 'teleop.buttons', 'teleop.battery_topic'}
# What has one among ROS nodes only for one kind of node: there is no topic to encode it for.
_OF_ROS_NODE = {('camera', 'h264_bitrate')}
_DRIVING = 'teleop.'


@dataclass(frozen=True)
class CameraChoice:
    """One camera: the namespace of its topics, and its parameters by name."""

    namespace: str
    values: Mapping[str, Value]
    controls: Mapping[str, Any]  # what is given that may be a control of the camera


@dataclass(frozen=True)
class Configuration:
    cameras: Sequence[CameraChoice]
    bridge: Mapping[str, Value]
    processors: Mapping[str, Mapping[str, Value]]  # by name, in their order; none is the default
    vehicle: str  # what pages drive, as `create_motors` finds it; empty for nothing
    seconds: float  # after which it ends; 0 for never
    files: Sequence[Path]  # of parameters, as they were named
    notes: Sequence[str]  # what is odd, or taken from other programs, a sentence each


def read_configuration(words: Sequence[str]) -> Configuration:
    """Return what the words of a command line ask for; PermanentError says what is wrong."""
    parser = _Parser(prog='python3 -m pi_camera_stream serve', usage='%(prog)s [OPTION ...]',
                     allow_abbrev=False,
                     description='Show a camera to browsers, without ROS.', epilog=(
                         'Parameters are those of the nodes. A parameter file has the layout that '
                         'ROS reads; several files are several cameras.'))
    parser.add_argument('--params-file', action='append', default=[], type=Path, metavar='FILE',
                        help='parameter file (YAML); may be given for each of several cameras')
    parser.add_argument('--vehicle', default='', metavar=FORM, help=(
        'class with drive(linear, angular) and stop() for pages to drive, also from the current '
        'directory; or the name of one that an installed package provides'))
    parser.add_argument('--seconds', type=float, default=0.0, help='stop after this many seconds')
    parser.add_argument('--size', default='', metavar='WIDTHxHEIGHT', help='width and height')
    names = _add_options(parser)
    options, rest = parser.parse_known_args(words)
    processors, rest = _take_processor_options(options, rest)
    if rest:
        _refuse(rest[0], {*names, 'params-file', 'vehicle', 'seconds', 'size'})
    return _Reader(vars(options), processors).configuration()


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise PermanentError(f'{message}: --help shows all options')


def _has_meaning(name: str) -> bool:
    return name not in _OF_ROS


def _add_options(parser: argparse.ArgumentParser) -> set[str]:
    taken: set[str] = set()
    for kind, prefix in _KINDS.items():
        group = parser.add_argument_group(f'parameters of the {prefix}')
        for row in _TABLES[kind]:
            if not _has_meaning(row.name) or (kind, row.name) in _OF_ROS_NODE:
                continue
            name = row.name.replace('_', '-')
            words = [f'{prefix}.{name}'] if name in taken else [name, f'{prefix}.{name}']
            taken.update(words)
            shown, *others = (*words, *(word.replace('-', '_') for word in words if '-' in word))
            group.add_argument(f'--{shown}', dest=f'{kind}:{row.name}', default=argparse.SUPPRESS,
                               metavar=row.type_name.upper(),
                               help=row.summary.replace('%', '%%'))
            for other in others:
                group.add_argument(f'--{other}', dest=f'{kind}:{row.name}',
                                   default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    parser.add_argument('--camera-name', dest='camera:camera_name',
                        default=argparse.SUPPRESS, metavar='NAME',
                        help='${NAME} in camera-info-url, instead of the namespace')
    parser.add_argument('--camera_name', dest='camera:camera_name', default=argparse.SUPPRESS,
                        help=argparse.SUPPRESS)
    return {*taken, 'camera-name'}


def _take_processor_options(options: argparse.Namespace, words: Sequence[str]
                            ) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Return what is said of the processors that are wanted, and the words that are left."""
    wanted = getattr(options, 'opencv_consumer:processor', '')
    if not wanted:
        return {}, list(words)
    parser = _Parser(add_help=False, allow_abbrev=False)
    rows = {name: registry.parameters(name) for name in registry.parse_names(wanted)}
    for row in (row for own in rows.values() for row in own):
        parser.add_argument(f'--{row.name}', f'--{row.name.replace("_", "-")}', dest=row.name,
                            default=argparse.SUPPRESS)
    given, rest = parser.parse_known_args(words)
    values: dict[str, dict[str, Any]] = {}
    for name, own in rows.items():
        values[name] = {row.name.partition('.')[2]: _checked(row, vars(given).get(row.name))
                        for row in own}
    return values, rest


def _refuse(word: str, names: Iterable[str]) -> NoReturn:
    if not word.startswith('--'):
        raise PermanentError(f"'{word}' is not an option: write options as --name value")
    name = word[2:].partition('=')[0]
    if name == 'teleop.enabled':
        raise PermanentError(f"'--{name}' is for ROS nodes only: name what pages are to drive "
                             f'here with --vehicle {FORM}')
    if not _has_meaning(name.replace('-', '_')):
        raise PermanentError(f"'--{name}' is for ROS nodes only: leave it out")
    meant = nearest(name, names)
    raise PermanentError(f"there is no option '--{name}': " + (
        f"did you mean '--{meant}'?" if meant else '--help shows all'))


class _Reader:
    """Puts together what files and options say."""

    def __init__(self, options: Mapping[str, Any],
                 processors: Mapping[str, Mapping[str, Value]]) -> None:
        self._options, self._processors = options, processors
        self._notes: list[str] = []

    def configuration(self) -> Configuration:
        files: list[Path] = self._options['params_file']
        cameras = [self._camera(file, number) for number, file in enumerate(files)] \
            if files else [self._camera(None, 0)]
        bridge: dict[str, Any] = {}
        for file in files:
            bridge.update(self._said(file, f'/{cameras[0].namespace}/http_bridge'))
        values, _ = self._values('http_bridge', bridge)
        vehicle = self._options['vehicle']
        if not vehicle:
            self._see_that_nothing_is_driven(values)
        return Configuration(cameras, values, self._processors, vehicle,
                             self._options['seconds'], files, self._notes)

    def _see_that_nothing_is_driven(self, values: Mapping[str, Value]) -> None:
        for key in self._options:
            name = key.partition(':')[2]
            if name.startswith(_DRIVING):
                raise PermanentError(f"'--{name.replace('_', '-')}' says how a vehicle is driven: "
                                     f'name the vehicle, too, with --vehicle {FORM}')
        if values['teleop.enabled']:
            self._notes.append('pages have nothing to drive here: name a vehicle with --vehicle '
                               f'{FORM}, or start the launch file instead')

    def _camera(self, file: Path | None, number: int) -> CameraChoice:
        if file is None:
            return CameraChoice(_NAMESPACE, *self._values('camera', {}))
        sections = read_sections(file)
        namespace = next((section.split('/')[1] for section, _ in sections
                          if section.startswith('/') and '*' not in section
                          and section.endswith('/camera')), '')
        namespace = namespace or (file.stem if number else _NAMESPACE)
        given = self._said(file, f'/{namespace}/camera')
        bridge = self._said(file, f'/{namespace}/http_bridge')
        if not given and not bridge:
            raise PermanentError(
                f"the parameter file '{file}' has nothing for a camera or the bridge: begin a "
                "section with '/**/camera:' or '/**/http_bridge:'")
        return CameraChoice(namespace, *self._values('camera', given))

    @staticmethod
    def _said(file: Path, node: str) -> dict[str, Any]:
        said: dict[str, Any] = {}
        for section, parameters in read_sections(file):
            if matches(section, node):
                said.update(flat(parameters))
        return said

    def _values(self, kind: str, given: Mapping[str, Any]
                ) -> tuple[dict[str, Value], dict[str, Any]]:
        """Return the parameters of a node, and what is given that is none of them."""
        table = {row.name: row for row in _TABLES[kind]}
        given = {**given, **{key.partition(':')[2]: text for key, text in self._options.items()
                             if key.startswith(f'{kind}:')}}
        taken = take(given, table, ALIASES[kind])
        if taken.used or taken.renamed:
            self._notes.append("other programs' parameters are taken: "
                               + ', '.join([*taken.used, *taken.renamed]))
        given = {**given, **taken.values}
        values = {name: _checked(row, given.get(name)) for name, row in table.items()}
        if kind == 'camera' and self._options['size']:
            values['width'], values['height'] = _size(self._options['size'])
        others = {name: value for name, value in given.items()
                  if name not in table and not find(name, ALIASES[kind])}
        return values, others


def _checked(row: Parameter, given: Any) -> Value:
    """Return a value in the type of its parameter; of an option it is the text."""
    if given is None:
        return row.default
    if isinstance(given, str) and not isinstance(row.default, str):
        try:
            given = yaml.safe_load(given)
        except yaml.YAMLError:
            pass  # which the check says
    try:
        return row.check(given)
    except ValueError as error:
        raise PermanentError(str(error)) from error


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition('x')
    try:
        return int(width), int(height)
    except ValueError:
        raise PermanentError(f"'{text}' is not a size: write it as 1280x720") from None
