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

"""
Message packages that ROS has, and PyPI has not, made from their definitions.

rosidl's own generators write the sources, and the C compiler makes a Python package of them, in
two seconds; ament_cmake is not needed. Benchmarks and tests use it. It runs itself in a process of
its own: what the generators look for is told by its environment.
"""

from hashlib import sha256
import inspect
import os
from pathlib import Path
import shutil
import subprocess
import sys
import sysconfig
import tempfile

from pi_camera_stream.core.errors import PermanentError

_DEFINITIONS = {
    'audio_common_msgs': {'AudioData': """
uint8[] data
""", 'AudioDataStamped': """
std_msgs/Header header
audio_common_msgs/AudioData audio
""", 'AudioInfo': """
uint8 channels
uint32 sample_rate
string sample_format
uint32 bitrate
string coding_format
"""},
    'foxglove_msgs': {'CompressedVideo': """
builtin_interfaces/Time timestamp
string frame_id
uint8[] data
string format
"""},
    'ffmpeg_image_transport_msgs': {'FFMPEGPacket': """
std_msgs/Header header
int32 width
int32 height
string encoding
uint64 pts
uint8 flags
bool is_bigendian
uint8[] data
"""},
}
_CACHE = Path(__file__).resolve().parents[2] / '.messages_cache'
_FAST, _INTROSPECTION = 'rosidl_typesupport_fastrtps_c', 'rosidl_typesupport_introspection_c'
_USED = 'builtin_interfaces', 'std_msgs'


def unavailable(package: str = 'foxglove_msgs') -> str:
    """Return what is missing to make them, in one sentence; nothing where all is there."""
    if os.environ.get('ROS_DISTRO'):
        return (f'{package} is not installed: '
                f'sudo apt install ros-$ROS_DISTRO-{package.replace("_", "-")}')
    if shutil.which('g++') is None:
        return 'there is no C++ compiler to make messages with: sudo apt install g++'
    if not Path(sysconfig.get_path('include'), 'Python.h').exists():
        return 'there are no headers of Python to make messages with: sudo apt install python3-dev'
    return ''


def made() -> Path:
    """Return the folder to add to PYTHONPATH; it is made where that has not been done yet."""
    if reason := unavailable():
        raise PermanentError(reason)
    key = sha256(repr((sys.prefix, sys.version, _DEFINITIONS)).encode()
                 + inspect.getsource(sys.modules[__name__]).encode()).hexdigest()[:16]
    folder = _CACHE / key
    if folder.exists():
        return folder
    _CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_CACHE) as making:
        ended = subprocess.run(
            [sys.executable, '-m', __name__, making], capture_output=True, text=True,
            cwd=_CACHE.parent, env={**os.environ, 'AMENT_PREFIX_PATH': sys.prefix})
        if ended.returncode:
            raise PermanentError(f'messages cannot be made: {ended.stderr}')
        try:
            Path(making, 'packages').rename(folder)
        except OSError:  # another process was faster
            if not folder.exists():
                raise
    return folder


def _make(folder: Path, package: str, definitions: dict[str, str]) -> None:
    written = folder / 'definitions' / package
    (written / 'msg').mkdir(parents=True)
    for message, definition in definitions.items():
        (written / 'msg' / f'{message}.msg').write_text(definition)
    code = folder / 'code'
    target = folder / 'packages' / package
    _generate(package, [f'{written}:msg/{message}.msg' for message in definitions], code / package)
    shutil.copytree(code / package, target, ignore=shutil.ignore_patterns('*.c', '*.cpp', '*.h'))
    (target / '__init__.py').touch()
    _compile(package, code, target)


def _generate(package: str, definitions: list[str], into: Path) -> None:
    from rosidl_cli.command.translate.api import translate
    from rosidl_generator_c.cli import GenerateC
    from rosidl_generator_py.cli import GeneratePython
    from rosidl_typesupport_c.cli import GenerateCTypesupport
    from rosidl_typesupport_fastrtps_c.cli import GenerateFastRTPSCTypesupport
    from rosidl_typesupport_introspection_c.cli import GenerateIntrospectionCTypesupport

    interfaces = translate(
        package_name=package, interface_files=definitions, output_format='idl',
        include_paths=[f'{sys.prefix}/share'], output_path=into.parent / 'idl' / package)
    for generator in (
            GenerateC('c'), GenerateFastRTPSCTypesupport(_FAST),
            GenerateIntrospectionCTypesupport(_INTROSPECTION),
            GenerateCTypesupport('c', typesupport_implementations=[_FAST, _INTROSPECTION]),
            GeneratePython('py', typesupport_implementations=['rosidl_typesupport_c'])):
        generator.generate(package, interfaces, [f'{sys.prefix}/share'], into)


def _compile(package: str, code: Path, target: Path) -> None:
    """
    Make the module that the Python package imports, and what that loads by name.

    The libraries of the two type supports are looked for by name, among those that are loaded
    already, too. All code is in the one, and the other leads to it.
    """
    import numpy
    libraries = Path(sys.prefix, 'lib')
    headers = [f'-I{folder}' for folder in (
        code, Path(sys.prefix, 'include'), *Path(sys.prefix, 'include').iterdir(),
        numpy.get_include(), sysconfig.get_path('include'))]
    module, *sources = sorted(
        (path for path in (code / package).rglob('*') if path.suffix in ('.c', '.cpp')),
        key=lambda path: '_s.ep.' not in path.name)
    objects = [path.with_suffix('.o') for path in (module, *sources)]
    compiling = [subprocess.Popen(['gcc', '-w', '-fPIC', '-c', path, '-o', made, *headers])
                 for path, made in zip((module, *sources), objects, strict=True)]
    codes = [process.wait() for process in compiling]
    if any(codes):
        raise PermanentError(f'{package} cannot be compiled')
    needed = [*(path for used in _USED for path in libraries.glob(f'lib{used}__*_c.so')),
              *(path for used in _USED for path in libraries.glob(f'lib{used}__*_py.so')),
              *libraries.glob('librosidl_*.so'), libraries / 'libfastcdr.so',
              libraries / 'librmw.so', libraries / 'librcutils.so']
    fast, introspection = (f'lib{package}__{support}.so' for support in (_FAST, _INTROSPECTION))
    _link(target / fast, [*objects[1:], f'-Wl,-soname,{fast}', *needed])
    _link(target / introspection, [f'-Wl,-soname,{introspection}', target / fast])
    _link(target / f'{package}_s__rosidl_typesupport_c{sysconfig.get_config_var("EXT_SUFFIX")}',
          [objects[0], target / introspection, target / fast, *needed])


def _link(library: Path, arguments: list[object]) -> None:
    subprocess.run(['g++', '-shared', '-Wl,--no-as-needed', '-o', library, *map(str, arguments),
                    f'-Wl,-rpath,$ORIGIN:{sys.prefix}/lib'], check=True)


if __name__ == '__main__':
    for name, described in _DEFINITIONS.items():
        _make(Path(sys.argv[1]), name, described)
