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
    'codecs': {'core'},
    'sources': {'core', 'codecs'},
    'sound': {'core', 'codecs'},
    'web': {'core', 'codecs'},
    'outlets': {'core', 'codecs', 'web'},
    'recording': {'core', 'codecs', 'web'},
    'vision': {'core'},
    'client': {'core', 'codecs', 'vision'},
    'parameters': {'core', 'codecs', 'sources', 'sound', 'web', 'outlets', 'recording', 'vision'},
    'serve': {'core', 'codecs', 'sources', 'web', 'outlets', 'recording', 'vision', 'parameters'},
    'nodes': {'core', 'codecs', 'sources', 'web', 'outlets', 'recording', 'vision', 'client',
              'parameters'},
    'tools': {'core', 'codecs', 'sources', 'web', 'outlets', 'recording', 'vision', 'client',
              'parameters', 'nodes'},
}
ROS = re.compile(r'rclpy|cv_bridge|launch|launch_ros|\w+_(msgs|srvs|interfaces)')
CORE_MAY = {'numpy'}
# The drivers of a Raspberry Pi's camera, and what workers import from their own folder.
MAY_LACK = {'aioice', 'aiortc', 'matplotlib', 'playwright', 'picamera2', 'libcamera',
            'worker_pipe', 'picamera2_bitrate', 'picamera2_configuration'}
IMPORT_ALL = """
from importlib import import_module
import re
for name in {names}:
    try:
        import_module(name)
    except ImportError as error:  # the folder launch/ looks like a package without content
        if not re.fullmatch({may_lack!r}, error.name.split('.')[0]):
            raise
"""
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


def faults(path):
    """Return what is wrong with the imports of a file of a room."""
    room = path.relative_to(ROOT).parts[0]
    found = []
    for package, imported in imports(path):
        if package in ('benchmarks', 'support'):
            found.append(f'{package} is not installed')
        if imported is not None and imported != room and imported not in ALLOWED[room]:
            found.append(f'{room} imports {imported}')
        if package in ('benchmarks', 'support'):
            found.append(f'{package} is not installed')
        if ROS.fullmatch(package) and room not in ('client', 'nodes'):
            found.append(f'{package} belongs into client/ or nodes/')
        if room == 'core' and package not in {*sys.stdlib_module_names, *CORE_MAY,
                                              'pi_camera_stream'}:
            found.append(f'the core does not need {package}')
    return found


@pytest.mark.parametrize('path', MODULES, ids=identity)
def test_arrows_point_one_way(path):
    if path.relative_to(ROOT).parts[0] in ALLOWED:  # __init__ and __main__ stand above the rooms
        assert faults(path) == []


@pytest.mark.usefixtures('pyav')
def test_every_module_can_be_imported_up_to_what_a_machine_may_lack(tmp_path):
    """What cannot be evaluated with old libraries, such as annotations, raises at the import."""
    names = ['.'.join(path.relative_to(root.parent).with_suffix('').parts)
             for root, paths in ((ROOT, MODULES), (BENCHMARKS, MEASURING)) for path in paths]
    paths = [str(ROOT.parent), str(BENCHMARKS.parent), str(BENCHMARKS.parent / 'test')]
    program = tmp_path / 'import_all.py'
    program.write_text(IMPORT_ALL.format(
        names=[name.removesuffix('.__init__') for name in names if not name.endswith('__main__')],
        may_lack='|'.join([ROS.pattern, *MAY_LACK])))
    done = subprocess.run([sys.executable, program], capture_output=True, text=True,
                          env={**os.environ, 'PYTHONPATH': os.pathsep.join(paths)}, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


DECODING = re.compile(r'\b(imdecode|imread|VideoCapture|compressed_imgmsg_to_cv2|av\.open|'
                      r'CodecContext\.create|decode_upright)\((?!.*, .w.\))')  # no encoders


def test_tables_of_parameters_need_no_web_server_and_no_codec():
    """The camera and the consumer have them, too, which serve nothing: 15 MB each."""
    heavy = '{"aiohttp", "aiortc", "av", "cv2"}'
    subprocess.run([sys.executable, '-c', 'import sys, pi_camera_stream.parameters.tables; '
                    f'sys.exit(" ".join({heavy} & sys.modules.keys()) or 0)'], check=True)


def test_nothing_is_decoded_without_a_limit():
    decoders = [path for path in MODULES if DECODING.search(path.read_text())]
    assert len(decoders) > 5
    assert [identity(path) for path in decoders if 'max_pixels' not in path.read_text()] == []


@pytest.mark.parametrize(('folder', 'text', 'fault'), [
    ('core', 'from ..nodes.run import run_node', 'core imports nodes'),
    ('core/driving', 'from ...codecs import jpeg', 'core imports codecs'),
    ('core/driving', 'from ... import web', 'core imports web'),
    ('core/driving', 'def late():\n    import cv2', 'the core does not need cv2'),
    ('client', 'from ..nodes.run import run_node', 'client imports nodes'),
    ('vision', 'from ..web.app import Application', 'vision imports web'),
    ('web/stream', 'import rclpy.node', 'rclpy belongs'),
    ('sources/workers/url', 'from nav_msgs.msg import Odometry', 'nav_msgs belongs'),
    ('tools/doctor', 'import rcl_interfaces.msg', 'rcl_interfaces belongs'),
    ('codecs', 'from std_srvs.srv import Trigger', 'std_srvs belongs'),
])
def test_the_checker_sees_a_bad_import_wherever_it_is_planted(monkeypatch, folder, text, fault):
    path = ROOT / folder / 'planted.py'
    monkeypatch.setattr(Path, 'read_text', lambda self, *args, **kw: text)
    found, = faults(path)
    assert fault in found
