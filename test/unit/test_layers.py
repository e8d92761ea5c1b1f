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

"""The arrows between the rooms go one way; nothing heavy is imported where it does not belong."""

import ast
from pathlib import Path
import re

import pi_camera_stream
import pytest

ROOT = Path(pi_camera_stream.__file__).parent
ALLOWED = {  # room -> rooms that it may import from
    'core': set(),
    'sources': {'core'},
    'encoders': {'core'},
    'web': {'core'},
    'vision': {'core'},
    'nodes': {'core', 'sources', 'encoders', 'web', 'vision'},
    'tools': {'core', 'sources', 'encoders', 'web', 'vision', 'nodes'},
}
ROS = {'rclpy', 'rcl_interfaces', 'sensor_msgs', 'std_msgs', 'diagnostic_msgs', 'cv_bridge',
       'launch', 'launch_ros', 'builtin_interfaces', 'vision_msgs', 'visualization_msgs'}
CORE_MAY = {'numpy'}
MAX_LINES = 300
MODULES = sorted(ROOT.rglob('*.py'))


def imports(path):
    """Yield (top-level package, room or None) for each import anywhere in a file."""
    package = path.relative_to(ROOT.parent).with_suffix('').parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.split('.')[0], _room(alias.name.split('.'))
        elif isinstance(node, ast.ImportFrom):
            base = list(package[:len(package) - node.level + 1]) if node.level else []
            names = base + (node.module.split('.') if node.module else [])
            if len(names) == 1 and node.level:  # from .. import core
                for alias in node.names:
                    yield names[0], _room([*names, alias.name])
            else:
                yield names[0], _room(names)


def _room(names):
    return names[1] if names[0] == 'pi_camera_stream' and len(names) > 1 else None


def identity(path):
    return str(path.relative_to(ROOT))


def test_every_room_is_known():
    rooms = {path.name for path in ROOT.iterdir() if (path / '__init__.py').exists()}
    assert rooms == set(ALLOWED)


@pytest.mark.parametrize('path', MODULES, ids=identity)
def test_arrows_point_one_way(path):
    room = path.relative_to(ROOT).parts[0]
    if room not in ALLOWED:
        return  # __init__ and __main__ stand above the rooms
    for package, imported in imports(path):
        if imported is not None:
            assert imported == room or imported in ALLOWED[room], f'{room} imports {imported}'
        if package in ROS:
            assert room == 'nodes', f'{package} belongs into nodes/'


@pytest.mark.parametrize('path', sorted((ROOT / 'core').glob('*.py')), ids=identity)
def test_the_core_needs_nothing_but_numpy(path):
    import sys
    for package, _ in imports(path):
        assert package in {*sys.stdlib_module_names, *CORE_MAY, 'pi_camera_stream'}, package


@pytest.mark.parametrize('path', MODULES, ids=identity)
def test_no_file_is_too_long_to_read(path):
    assert len(path.read_text().splitlines()) <= MAX_LINES


DECODING = re.compile(r'\b(imdecode|imread|VideoCapture|compressed_imgmsg_to_cv2|av\.open|'
                      r'CodecContext\.create)\(')


def test_nothing_is_decoded_without_a_limit():
    decoders = [path for path in MODULES if DECODING.search(path.read_text())]
    assert len(decoders) > 5
    assert [identity(path) for path in decoders if 'max_pixels' not in path.read_text()] == []


def test_the_checker_sees_an_arrow_that_points_back(monkeypatch):
    source = 'from ..nodes.run import run_node\nfrom .. import web\nimport rclpy.node\n'
    path = ROOT / 'core' / 'frame.py'
    original = Path.read_text
    monkeypatch.setattr(Path, 'read_text', lambda self, *args, **kw: source
                        if self == path else original(self, *args, **kw))
    assert set(imports(path)) == {('pi_camera_stream', 'nodes'), ('pi_camera_stream', 'web'),
                                  ('rclpy', None)}
