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

"""What our worker uses of picamera2 is there, in the real one and in the fake one alike."""

import ast
from pathlib import Path
import subprocess
import sys
import zipfile

from pi_camera_stream.sources import workers
import pytest
from support.fake_camera import FAKE

VERSION = '0.3.38'
WORKERS = Path(workers.__file__).parent
SOURCES = [WORKERS / name for name in
           ('picamera2/worker.py', 'picamera2/picamera2_configuration.py',
            'picamera2/picamera2_encoding.py', 'picamera2/picamera2_controls.py',
            'picamera2/picamera2_bitrate.py', 'picamera2/picamera2_stamps.py',
            'picamera2/picamera2_output.py', 'picamera2/picamera2_video.py',
            'runtime/worker_pipe.py')]
# (module, class) -> what of it is used, by way of which variables of the worker
USED = {
    ('picamera2', 'Picamera2'): {
        '__init__', 'global_camera_info', 'load_tuning_file', 'camera_controls', 'sensor_modes',
        'create_video_configuration', 'configure', 'camera_configuration', 'set_controls',
        'start_encoder', 'stop_encoder', 'encoders', 'start', 'stop', 'post_callback',
        'request_lock', 'camera_properties', 'lock'},
    ('encoders.encoder', 'Encoder'): {'firsttimestamp', 'stop', 'encode', 'outputframe'},
    ('encoders.jpeg_encoder', 'JpegEncoder'): {'__init__', 'encode_func', 'q'},
    ('encoders.v4l2_encoder', 'V4L2Encoder'): {'bitrate', 'vd'},
    ('encoders.mjpeg_encoder', 'MJPEGEncoder'): {'__init__'},
    ('encoders.h264_encoder', 'H264Encoder'): {'__init__', 'force_key_frame'},
    ('outputs.output', 'Output'): {'__init__', 'outputframe'},
    ('request', 'CompletedRequest'): {'get_metadata', 'acquire', 'release'},
}
VARIABLES = {'picam2': 'Picamera2', 'self._picam2': 'Picamera2', 'Picamera2': 'Picamera2',
             'self.picam2': 'Picamera2', 'request': 'CompletedRequest', 'encoder': 'Encoder',
             'self._encoder': 'Encoder'}


@pytest.fixture(scope='module')
def wheel():
    """Return the folder of the real picamera2's source, or why it cannot be had."""
    folder = Path(sys.prefix) / 'picamera2' / VERSION
    if not (folder / 'picamera2').is_dir():
        loaded = subprocess.run(
            [sys.executable, '-m', 'pip', 'download', '--no-deps', '--only-binary', ':all:', '-qq',
             '--disable-pip-version-check', f'picamera2=={VERSION}', '-d', str(folder)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if loaded.returncode:
            return loaded.stdout
        for path in folder.glob('*.whl'):
            with zipfile.ZipFile(path) as archive:
                archive.extractall(folder)
    return folder / 'picamera2'


@pytest.fixture
def real(wheel, missing):
    """Return that folder; without, skip."""
    if isinstance(wheel, str):
        missing(f'picamera2 {VERSION} could not be downloaded: {wheel}')
    return wheel


def tree_of(root, module):
    return ast.parse((root / f"{module.replace('.', '/')}.py").read_text())


def class_of(root, module, name):
    return next(node for node in tree_of(root, module).body
                if isinstance(node, ast.ClassDef) and node.name == name)


def functions(definition):
    return {node.name: node for node in definition.body if isinstance(node, ast.FunctionDef)}


def attributes(definition):
    """Return the names of all that an instance has."""
    stored = {node.attr for node in ast.walk(definition) if isinstance(node, ast.Attribute)
              and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == 'self'}
    return stored | set(functions(definition))


def signature(function):
    """Return how it can be called: names, defaults, and whether it is static or a property."""
    arguments = function.args
    for argument in ast.walk(arguments):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    kinds = {ast.unparse(item) for item in function.decorator_list} & {'staticmethod', 'property'}
    return ast.unparse(arguments), kinds


def test_all_that_is_used_is_there(real):
    for (module, name), used in USED.items():
        assert used <= attributes(class_of(real, module, name)), name


def test_the_fake_has_the_same_signatures(real):
    compared = 0
    for path in sorted((FAKE / 'picamera2').rglob('*.py')):
        module = '.'.join(path.relative_to(FAKE / 'picamera2').with_suffix('').parts)
        if module.endswith('__init__') or module in ('sensor', 'codec'):
            continue
        for node in tree_of(FAKE / 'picamera2', module).body:
            if not isinstance(node, ast.ClassDef) or node.name == 'Request':  # that is libcamera's
                continue
            genuine = class_of(real, module, node.name)
            theirs = functions(genuine)
            for name, function in functions(node).items():
                if not name.startswith('_') or name == '__init__':
                    assert name in theirs, f'{module}.{node.name} has no {name}'
                    assert signature(function) == signature(theirs[name]), f'{node.name}.{name}'
                    compared += 1
    assert compared > 30


def test_the_fake_has_all_that_is_used():
    for (module, name), used in USED.items():
        assert used <= attributes(class_of(FAKE / 'picamera2', module, name)), name


def used_by_the_worker():
    """Yield (class, attribute) for each use of an object of picamera2's in our source."""
    for path in SOURCES[:-1]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                variable = ast.unparse(node.value)
                if variable in VARIABLES and path.name != 'worker_pipe.py':
                    yield VARIABLES[variable], node.attr


def test_the_table_of_what_is_used_is_whole():
    known = {}
    for (_, name), used in USED.items():
        known.setdefault(name, set()).update(used)
    known['Encoder'] |= known['V4L2Encoder'] | known['JpegEncoder'] | known['H264Encoder']
    found = set(used_by_the_worker())
    assert {('Picamera2', 'start_encoder'), ('Picamera2', 'request_lock'),
            ('Encoder', 'vd'), ('Encoder', 'q'),
            ('CompletedRequest', 'get_metadata'), ('Encoder', 'firsttimestamp')} <= found
    for name, attribute in found:
        assert attribute in known[name], f'{name}.{attribute}'


def calls():
    """Yield (name, call) for each call in the worker."""
    for path in SOURCES[:-1]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                yield ast.unparse(node.func).removeprefix('self._'), node


@pytest.mark.parametrize(('call', 'module', 'name', 'method', 'more'), [
    ('picam2.create_video_configuration', 'picamera2', 'Picamera2', 'create_video_configuration',
     {'main', 'controls', 'sensor'}),
    ('Picamera2', 'picamera2', 'Picamera2', '__init__', set()),
    ('JpegEncoder', 'encoders.jpeg_encoder', 'JpegEncoder', '__init__', set()),
    ('MJPEGEncoder', 'encoders.mjpeg_encoder', 'MJPEGEncoder', '__init__', set()),
    ('H264Encoder', 'encoders.h264_encoder', 'H264Encoder', '__init__', {'repeat', 'iperiod'}),
])
def test_arguments_have_the_names_that_are_used(real, call, module, name, method, more):
    arguments = functions(class_of(real, module, name))[method].args
    names = {argument.arg for argument in arguments.args}
    used = [node for what, node in calls() if what == call]
    assert used
    for node in used:
        assert {keyword.arg for keyword in node.keywords if keyword.arg} | more <= names
        assert len(node.args) < len(arguments.args)


def test_our_output_can_be_called_as_picamera2_calls_it(real):
    ours = next(node for path in SOURCES for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.ClassDef) and node.name == 'Newest')
    theirs = functions(class_of(real, 'outputs.output', 'Output'))['outputframe']
    assert signature(functions(ours)['outputframe']) == signature(theirs)


def test_the_names_of_the_two_mjpeg_encoders_still_tell_them_apart(real):
    text = (real / 'encoders' / '__init__.py').read_text()
    assert 'from .mjpeg_encoder import MJPEGEncoder\n' in text
    assert 'from .libav_mjpeg_encoder import LibavMjpegEncoder as MJPEGEncoder\n' in text


def test_the_worker_is_a_program_for_python_3_9_and_needs_nothing_but_picamera2():
    beside = {path.stem for path in SOURCES}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(), feature_version=(3, 9))):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0
                names = [node.module]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            for name in names:
                assert name.split('.')[0] in {
                    *sys.stdlib_module_names, 'picamera2', 'libcamera', *beside}, name
