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
import os
from pathlib import Path
import re
import subprocess
import sys

import benchmarks
import pi_camera_stream
import pytest

ROOT = Path(pi_camera_stream.__file__).parent
BENCHMARKS = Path(benchmarks.__file__).parent
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
       'launch', 'launch_ros', 'builtin_interfaces', 'vision_msgs', 'visualization_msgs',
       'geometry_msgs', 'std_srvs'}
CORE_MAY = {'numpy'}
# The drivers of a Raspberry Pi's camera, and what workers import from their own folder.
MAY_LACK = {'matplotlib', 'playwright', 'picamera2', 'libcamera', 'worker_records',
            'picamera2_bitrate'}
IMPORT_ALL = """
from importlib import import_module
for name in {names}:
    try:
        import_module(name)
    except ImportError as error:  # the folder launch/ looks like a package without content
        if error.name.split('.')[0] not in {may_lack}:
            raise
"""
MAX_LINES = 300
MODULES = sorted(ROOT.rglob('*.py'))
MEASURING = sorted(BENCHMARKS.rglob('*.py'))


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
    return str(path.relative_to(ROOT if path.is_relative_to(ROOT) else BENCHMARKS.parent))


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
        assert package not in {'benchmarks', 'support'}, f'{package} is not installed'


@pytest.mark.parametrize('path', sorted((ROOT / 'core').glob('*.py')), ids=identity)
def test_the_core_needs_nothing_but_numpy(path):
    for package, _ in imports(path):
        assert package in {*sys.stdlib_module_names, *CORE_MAY, 'pi_camera_stream'}, package


def test_every_module_can_be_imported_up_to_what_a_machine_may_lack(tmp_path):
    """What cannot be evaluated with old libraries, such as annotations, raises at the import."""
    names = ['.'.join(path.relative_to(root.parent).with_suffix('').parts)
             for root, paths in ((ROOT, MODULES), (BENCHMARKS, MEASURING)) for path in paths]
    paths = [str(ROOT.parent), str(BENCHMARKS.parent), str(BENCHMARKS.parent / 'test')]
    program = tmp_path / 'import_all.py'
    program.write_text(IMPORT_ALL.format(
        names=[name.removesuffix('.__init__') for name in names if not name.endswith('__main__')],
        may_lack=ROS | MAY_LACK))
    done = subprocess.run([sys.executable, program], capture_output=True, text=True,
                          env={**os.environ, 'PYTHONPATH': os.pathsep.join(paths)}, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize('path', [*MODULES, *MEASURING], ids=identity)
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
