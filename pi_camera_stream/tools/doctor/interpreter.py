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

"""Whether this is a Python that can run us, and the one that ROS was built for."""

from collections.abc import Iterator, Mapping
import os
from pathlib import Path
import re
import shutil
import sys

from . import Finding, Options

_ROS = Path('/opt/ros')
_OLDEST = (3, 10)
_VERSION = re.compile(r'python(\d+)\.(\d+)')


def check_interpreter(_: Options) -> Iterator[Finding]:
    """Look at the interpreter, and at the ROS installations for it and for others."""
    version = sys.version_info[:2]
    text = f'Python {".".join(map(str, sys.version_info[:3]))} ({sys.executable})'
    if version < _OLDEST:
        yield Finding('broken', f'{text} is too old', 'use Python 3.10 or newer')
    else:
        yield Finding('ok', text)
    yield from wrong_interpreter(version, os.environ, _ROS)


def wrong_interpreter(version: tuple[int, ...], environment: Mapping[str, str], ros: Path
                      ) -> Iterator[Finding]:
    """
    Tell of ROS for another Python: one that is sourced, or one that could be.

    Parameters
    ----------
    version
        Of this Python: (3, 12).
    environment
        As `os.environ`; a sourced ROS puts its folder into PYTHONPATH.
    ros
        Where ROS installations are: /opt/ros.

    """
    sourced = [Path(place) for place in environment.get('PYTHONPATH', '').split(os.pathsep)
               if place and (Path(place) / 'rclpy').is_dir()]
    foreign = [place for place in sourced if _built_for(place) not in (None, version)]
    if foreign:
        wanted = _built_for(foreign[0]) or version
        yield Finding('broken', f'ROS in {foreign[0]} is built for Python {_text(wanted)}, and '
                                f'this is {_text(version)}', _remedy(wanted, environment))
    elif not sourced and 'AMENT_PREFIX_PATH' not in environment:
        for place in sorted(ros.glob('*/lib/python3.*/site-packages/rclpy')):
            setup = ros / place.relative_to(ros).parts[0] / 'setup.bash'
            built_for = _built_for(place) or version
            fits = built_for == version
            yield Finding('note', f'{setup} is not sourced; it has ROS for Python '
                                  f'{_text(built_for)}{"" if fits else ", not for this"}',
                          f'source {setup}' if fits else
                          f'source {setup}; {_remedy(built_for, environment)}')


def _remedy(wanted: tuple[int, ...], environment: Mapping[str, str]) -> str:
    system = shutil.which(f'python{_text(wanted)}', path='/usr/bin') or f'python{_text(wanted)}'
    if environment.get('CONDA_PREFIX'):
        leave = '`conda deactivate`, and for good `conda config --set auto_activate_base false`'
    elif environment.get('VIRTUAL_ENV'):
        leave = '`deactivate`, or make the virtual environment with that Python: ' \
                f'`{system} -m venv --system-site-packages …`'
    else:
        leave = 'use that Python'
    return f'{leave}; then {system} -m pi_camera_stream doctor'


def _built_for(place: Path) -> tuple[int, ...] | None:
    match = _VERSION.search(str(place))
    return (int(match[1]), int(match[2])) if match else None


def _text(version: tuple[int, ...]) -> str:
    return '.'.join(map(str, version))
