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

"""A microphone without a sound card: ALSA's file plug-in reads a named pipe as it is written."""

from collections.abc import Callable
from contextlib import suppress
import os
from pathlib import Path
import threading
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

RATE = 48_000
_CHUNK = 240  # samples, 5 ms
_CONFIGURATION = """</usr/share/alsa/alsa.conf>
pcm.{name} {{ type file slave.pcm null file /dev/null infile {pipe} format raw }}
"""

Wave = Callable[[int, int], NDArray[Any]]
"""Returns so many samples (-1 to 1) from that one on, the first being 0."""


def clicks(period: int = RATE // 2, length: int = 96) -> Wave:
    """Return one that is nearly silent but for a tone of 2 kHz, 2 ms long, every so often."""
    def wave(first: int, count: int) -> NDArray[Any]:
        at = np.arange(first, first + count)
        noise = np.sin(at * 0.7) * 5e-4
        return np.where(at % period < length, 0.6 * np.sin(at % period * 2 * np.pi * 2000 / RATE),
                        noise)
    return wave


class SoundCard:
    """
    Let `arecord -D NAME` record a wave, as it would from a card, with `environment`.

    Attributes
    ----------
    begin_ns
        When the first sample was taken (CLOCK_MONOTONIC), since it was opened last; 0 before.
    opened
        Whether somebody records.

    """

    name = 'mic'

    def __init__(self, folder: Path, wave: Wave, fast: float = 0.0) -> None:
        """Make it in a folder; `fast` is by what share its clock goes faster than ours."""
        self._pipe = folder / 'microphone'
        os.mkfifo(self._pipe)
        self._configuration = folder / 'asound.conf'
        self.environment = {'ALSA_CONFIG_PATH': str(self._configuration)}
        self.plug_in()
        self.begin_ns, self.opened = 0, False
        self._wave, self._rate = wave, RATE * (1 + fast)
        self._left_out = 0  # samples
        self._ended = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def lose(self, seconds: float) -> None:
        """Lose what is taken in the next seconds, as a card does that nobody reads in time."""
        self._left_out = round(seconds * RATE)

    def plug_in(self) -> None:
        self._unplugged = False
        self._configuration.write_text(_CONFIGURATION.format(name=self.name, pipe=self._pipe))

    def unplug(self) -> None:
        """Be a microphone that ALSA does not know any more."""
        self._configuration.write_text('</usr/share/alsa/alsa.conf>\n')
        self._unplugged = True

    def stop(self) -> None:
        self._ended = True
        with suppress(OSError):  # a writer that waits for a reader has one
            os.close(os.open(self._pipe, os.O_RDONLY | os.O_NONBLOCK))
        self._thread.join(5.0)

    def _run(self) -> None:
        while not self._ended:
            pipe = os.open(self._pipe, os.O_WRONLY)
            try:
                self._play(pipe)
            except BrokenPipeError:
                pass
            finally:
                self.opened = False
                os.close(pipe)

    def _play(self, pipe: int) -> None:
        self.opened = True
        self.begin_ns = time.monotonic_ns()
        count = 0
        while not (self._ended or self._unplugged):
            if self._left_out:
                count, self._left_out = count + self._left_out, 0
            samples = self._wave(count, _CHUNK)
            count += _CHUNK
            time.sleep(max(0.0, self.begin_ns / 1e9 + count / self._rate - time.monotonic()))
            os.write(pipe, (np.clip(samples, -1, 1) * 32767).astype('<i2').tobytes())
