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

"""Raspberry Pi cameras through picamera2, which runs in a capture worker."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
import os
from pathlib import Path
import shutil
import sys
import time
from typing import Any

from . import advice
from .base import check_sensor, SENSOR, TURNING
from .worker_source import WorkerSource
from ..core.child import Child
from ..core.errors import PermanentError, TemporaryError

_WORKER = Path(__file__).with_name('workers') / 'picamera2' / 'worker.py'
_SYSTEM_PYTHON = '/usr/bin/python3'  # for which Raspberry Pi OS has picamera2
_PROBE_S = 30.0  # a Pi Zero takes several seconds to import picamera2
_OWN_SIZE = (1280, 720)  # picamera2's, of pictures of a video
_WORKS = 'it works'
# Importing it tells more than finding it: a NumPy that it was not built for is a usual failure.
_PROBE = (f"""
import os
out = os.dup(1)
os.dup2(2, 1)
try:
    import picamera2
    text = '{_WORKS}'
except BaseException as error:
    text = ' '.join(str(error).split()) or repr(error)
os.write(out, text.encode())
os._exit(0)
""")


class Picamera2Source(WorkerSource):
    """A Raspberry Pi camera, by a worker under the system's Python where ours has no picamera2."""

    starts_with = frozenset({'fps', 'jpeg_quality'})
    options = SENSOR | {'python'}
    hands_on = TURNING | {'crop', 'fps', 'height', 'noise_reduction', 'quality', 'sensor_mode',
                          'width'}
    first_picture_s = 20.0  # a Pi Zero imports and opens for half of it

    def check(self) -> None:
        check_sensor(self.settings)

    @property
    def title(self) -> str:
        hello = self.hello  # another thread may change it
        if not hello:
            return 'Raspberry Pi camera'
        return 'Raspberry Pi camera {camera} {width}x{height}'.format(**hello)

    @property
    def focuses(self) -> bool:
        return 'AfMode' in self.controls()

    def no_camera(self) -> str:
        return advice.no_camera()

    def command(self) -> Sequence[str]:
        python = find_python(self.settings.python)
        return [python, '-u', str(_WORKER)]

    def environment(self) -> Mapping[str, str]:
        return environment_for(find_python(self.settings.python))

    def open_message(self) -> dict[str, Any]:
        settings = {**asdict(self.settings), 'fps': self.fps, 'controls': self.chosen_controls()}
        if self.settings.sized:  # picamera2 knows no single one
            settings['width'], settings['height'] = self.settings.size_of(*_OWN_SIZE)
        return settings


def environment_for(python: str) -> dict[str, str]:
    """
    Return the environment in which `python` finds its own libraries.

    Any other than ours does not get the places of this ROS and this virtual environment, which
    have modules and libraries for our Python, and perhaps another libcamera. The mark of the ROS
    wheels goes with their LD_LIBRARY_PATH.
    """
    environment = dict(os.environ)
    environment.pop('PYTHONSAFEPATH', None)  # the worker finds the files beside it
    if python == sys.executable:
        return environment
    environment.pop('_ROS_WHEELS_BOOTSTRAP_COMPLETE', None)
    foreign = [place for place in environment.get('AMENT_PREFIX_PATH', '').split(':') if place]
    if sys.prefix != sys.base_prefix:
        foreign.append(sys.prefix)
        environment.pop('VIRTUAL_ENV', None)
    for name in ('LD_LIBRARY_PATH', 'PYTHONPATH'):
        places = [place for place in environment.pop(name, '').split(':') if place and not any(
            place == prefix or place.startswith(f'{prefix}/') for prefix in foreign)]
        if places:
            environment[name] = ':'.join(places)
    return environment


def find_python(wanted: str) -> str:
    """
    Return the interpreter for the worker: the one wanted, or the first that has picamera2.

    Raises PermanentError when there is none, with what each one tried says.
    """
    tried = {}
    for python in [wanted] if wanted else dict.fromkeys((sys.executable, _SYSTEM_PYTHON)):
        tried[python] = _probe(python, os.environ.get('PYTHONPATH', ''))
        if tried[python] == _WORKS:
            return shutil.which(python) or python
    _probe.cache_clear()  # it may be installed before the next attempt
    remedy = advice.how_to_get('python3-picamera2')
    raise PermanentError(
        'no Python can import picamera2: '
        + ', '.join(f'{python} says: {answer}' for python, answer in tried.items())
        + f". {remedy[0].upper()}{remedy[1:]}; or set the parameter 'picamera2.python' to an "
          'interpreter that has it')


@lru_cache
def _probe(python: str, python_path: str) -> str:  # noqa: ARG001 - the answer depends on it
    path = shutil.which(python)
    if path is None:
        return 'no such program exists'
    child = Child([path, '-c', _PROBE], environment_for(path))
    answer, deadline_s = b'', time.monotonic() + _PROBE_S
    try:
        while (remaining_s := deadline_s - time.monotonic()) > 0:
            answer += child.read(remaining_s)
        return f'no answer within {_PROBE_S:.0f} s'
    except TemporaryError as end:
        return answer.decode(errors='replace') or str(end)
    finally:
        child.stop()
