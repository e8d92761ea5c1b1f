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

"""Sound from ALSA by its own program, `arecord`: a driver that hangs is not ours to wait for."""

import os
import re
import shutil

from ..core.child import Child
from ..core.errors import PermanentError, TemporaryError
from ..core.sound import CHANNELS, RATE

_PERIOD_US = 5000  # the shortest that USB devices do well with
_BUFFER_US = 200_000  # for a busy machine; nobody waits for it
_MOST_BYTES = 8192  # of what it says, at the end
_NAME = re.compile(r'(?!-)[ -~]{1,128}', re.ASCII)
# What ALSA says -> what helps; the first that fits.
_REMEDIES = (
    ('Device or resource busy',
     "the microphone '{name}' is in use by another program: stop that, or set the "
     "parameter 'audio' to 'dsnoop:…', which several programs can share"),
    ('Permission denied',
     "no permission to use the microphone '{name}': sudo usermod -aG audio $USER, then log in "
     'again'),
    ('Unknown PCM',
     "ALSA does not know '{name}': set the parameter 'audio' to a name that `arecord -L` lists"),
    ('non available',
     "the microphone '{name}' does not support 48 kHz, 16 bits, mono: set the parameter 'audio' "
     "to its name with 'plughw:', which converts"),
    ('No such file or directory',
     "there is no microphone '{name}': plug it in, or set the parameter 'audio' to one that "
     '`arecord -l` lists, as in plughw:1'),
    ('No such device',
     "the microphone '{name}' was unplugged: plug it in again"),
    ('Input/output error',
     "the microphone '{name}' was unplugged: plug it in again"),
)


def check_name(name: str) -> None:
    """PermanentError where a microphone cannot be called so."""
    if not _NAME.fullmatch(name):
        raise PermanentError("the parameter 'audio' must be 'off', 'default' or a name that "
                             f'`arecord -L` lists, not {name!r}')


def why_no_program() -> str:
    """Return what helps where the program is missing; empty where it is there."""
    return '' if shutil.which('arecord') else 'sound needs arecord: sudo apt install alsa-utils'


class Arecord:
    """A device that is open: one thread opens, reads and closes it."""

    def __init__(self, name: str) -> None:
        """TemporaryError where it cannot be opened, or later, has one sentence for the user."""
        if reason := why_no_program():
            raise TemporaryError(reason)
        self._name, self._said = name, b''
        # As it is, `hw:` takes nothing but what the device has.
        device = f'plug{name}' if name.startswith('hw:') else name
        self._child = Child(
            ['arecord', '-q', '-D', device, '-t', 'raw', '-f', 'S16_LE', '-r', str(RATE),
             '-c', str(CHANNELS), f'--period-time={_PERIOD_US}', f'--buffer-time={_BUFFER_US}'],
            {**os.environ, 'LC_ALL': 'C'}, hear=self._hear, quiet=True)

    def read(self, timeout_s: float) -> bytes:
        """Wait for sound; nothing when `timeout_s` passed."""
        try:
            return self._child.read(timeout_s)
        except TemporaryError as error:
            raise TemporaryError(self._sentence(str(error))) from error

    def close(self) -> None:
        self._child.stop()

    def _hear(self, chunk: bytes) -> None:
        self._said = (self._said + chunk)[-_MOST_BYTES:]

    def _sentence(self, end: str) -> str:
        said = self._said.decode(errors='replace')
        for sign, remedy in _REMEDIES:
            if sign in said:
                return remedy.format(name=self._name)
        last = said.strip().rpartition('\n')[2][:200]
        return (f"no sound from the microphone '{self._name}': {end}"
                + (f' ({last})' if last else '') + '; `arecord -L` lists the others')
