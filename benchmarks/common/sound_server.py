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

"""What a browser plays, as a sound server gets it: PulseAudio without a loudspeaker."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
import math
import os
from pathlib import Path
import shutil
import subprocess
import threading
import time

import numpy as np
from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.core.with_parent import with_parent

from .sound_card import RATE

_LOUD = 3000  # a sample of a click, of 32767
_APART = RATE // 10  # samples from one click to the next, at least
_BYTES = 2
_WAIT_S = 10.0


class SoundServer:
    """
    Plays what programs with its `environment` give it, to nobody.

    Attributes
    ----------
    clicks_ms
        When clicks were to be heard, by the clock of the system.

    """

    def __init__(self, folder: Path) -> None:
        """Start it, with what it needs in a folder. PermanentError where it is not installed."""
        if shutil.which('pulseaudio') is None or shutil.which('parec') is None:
            raise PermanentError('there is no sound server: sudo apt install pulseaudio '
                                 'pulseaudio-utils')
        self.clicks_ms: list[float] = []
        place = folder / 'pulse' / 'native'
        self.environment = {'XDG_RUNTIME_DIR': str(folder), 'HOME': str(folder),
                            'PULSE_SERVER': f'unix:{place}'}
        own = {**os.environ, **self.environment}
        self._server = subprocess.Popen(with_parent([
            'pulseaudio', '-n', '--daemonize=no', '--exit-idle-time=-1',
            '-L', 'module-native-protocol-unix auth-anonymous=1',
            '-L', f'module-null-sink sink_name=ears rate={RATE} channels=1']), env=own,
            stderr=subprocess.DEVNULL)
        begun_s = time.monotonic()
        while not place.exists():
            if time.monotonic() - begun_s > _WAIT_S or self._server.poll() is not None:
                self._server.kill()
                raise PermanentError('PulseAudio does not start: run `pulseaudio -n -v`')
            time.sleep(0.05)
        self._ears = subprocess.Popen(with_parent([
            'parec', '-d', 'ears.monitor', '--raw', '--format=s16le', '--channels=1',
            f'--rate={RATE}', '--latency-msec=2']), env=own, stdout=subprocess.PIPE)
        self._thread = threading.Thread(target=self._hear, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        for process in (self._ears, self._server):
            process.kill()
            process.wait()
        self._thread.join()
        with suppress(AttributeError):
            self._ears.stdout.close()  # type: ignore[union-attr]

    def _hear(self) -> None:
        assert self._ears.stdout is not None  # noqa: S101 - asked for above
        count, begin_s, last = 0, math.inf, -_APART
        while data := os.read(self._ears.stdout.fileno(), 1 << 16):
            samples = np.frombuffer(data[:len(data) // _BYTES * _BYTES], '<i2').astype(int)
            first, count = count, count + len(samples)
            # What comes soonest tells when they were played, as with a sound card.
            begin_s = min(begin_s, time.time() - count / RATE)
            for at in (np.flatnonzero(abs(samples) > _LOUD) + first).tolist():
                if at - last >= _APART:
                    self.clicks_ms.append((begin_s + at / RATE) * 1e3)
                last = at


@contextmanager
def listening(folder: Path) -> Iterator[SoundServer]:
    """Have a sound server as long as the context lasts."""
    server = SoundServer(folder)
    try:
        yield server
    finally:
        server.stop()
