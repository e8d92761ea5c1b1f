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

"""Whether what we import can be imported."""

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
import os
import subprocess
import sys

from . import Finding, Level, Options
from ...core.with_parent import with_parent

_ROS = 'source /opt/ros/<release>/setup.bash, or run script/setup and use .venv/bin/python'
_IMPORT_S = 60.0


def check_modules(_: Options) -> Iterator[Finding]:
    yield from check_rclpy()
    for name in ('sensor_msgs', 'std_msgs', 'diagnostic_msgs'):
        yield from _module(name, 'broken', _ROS)
    yield from _module('aiohttp', 'broken', 'sudo apt install python3-aiohttp')
    yield from _module('cv2', 'broken', 'sudo apt install python3-opencv')
    yield from _module('av', 'note', 'sudo apt install python3-av, for video files, streams and '
                                     'H.264')
    yield from _module('foxglove_msgs', 'note', 'sudo apt install ros-$ROS_DISTRO-foxglove-msgs, '
                                                'for H.264 on topics')
    if find_spec('cv_bridge') is None:
        yield Finding('note', 'cv_bridge is not installed; OpenCV alone decodes as well')
    else:
        yield from _module('cv_bridge', 'note', 'OpenCV alone is used; cv_bridge has to be built '
                                                'for the NumPy that is installed')


def check_rclpy() -> Iterator[Finding]:
    """
    Look for rclpy and for the middleware that RMW_IMPLEMENTATION names.

    In a process of its own: where that middleware is missing, rclpy ends the process.
    """
    answer = rclpy_failure()
    if not answer:
        yield Finding('ok', f'rclpy, with {os.environ.get("RMW_IMPLEMENTATION") or "its default"}'
                            ' as middleware; it should be the same on all machines')
        return
    middleware = os.environ.get('RMW_IMPLEMENTATION', '')
    others = {name: value for name, value in os.environ.items() if name != 'RMW_IMPLEMENTATION'}
    if middleware and not _import_rclpy(others):
        yield Finding('broken', f'RMW_IMPLEMENTATION is {middleware}, which is not installed',
                      f'sudo apt install ros-{os.environ.get("ROS_DISTRO", "<release>")}-'
                      f'{middleware.replace("_", "-")}, or unset RMW_IMPLEMENTATION')
    else:
        yield Finding('broken', f'rclpy cannot be imported ({answer})', _ROS)


@cache
def rclpy_failure() -> str:
    """Return why rclpy cannot be imported in our environment; empty when it can."""
    return _import_rclpy(dict(os.environ))


def _import_rclpy(environment: dict[str, str]) -> str:
    try:
        done = subprocess.run(with_parent([sys.executable, '-c', 'import rclpy']), env=environment,
                              check=False, capture_output=True, text=True, timeout=_IMPORT_S)
    except subprocess.TimeoutExpired:
        return f'no answer within {_IMPORT_S:.0f} s'
    if done.returncode == 0:
        return ''
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return lines[-1].strip() if lines else f'exit code {done.returncode}'


def _module(name: str, level: Level, remedy: str) -> Iterator[Finding]:
    try:
        module = import_module(name)
    except Exception as error:  # a module built for something else can fail in any way
        yield Finding(level, f'{name} cannot be imported ({error})', remedy)
    else:
        version = getattr(module, '__version__', '')
        yield Finding('ok', f'{name} {version}'.rstrip())
