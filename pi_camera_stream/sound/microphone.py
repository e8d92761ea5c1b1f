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

"""A microphone: open, and encoded, while somebody listens."""

from collections.abc import Callable, Iterator, Mapping
import threading
import time

import numpy as np

from .arecord import Arecord, check_name, why_no_program
from .grid import Grid, Piece
from ..codecs.opus_encoder import OpusEncoder, Samples, why_missing
from ..core.backoff import Backoff
from ..core.clock import NowNs, to_clock
from ..core.errors import TemporaryError
from ..core.pacing import Occasionally
from ..core.sound import RATE, SAMPLE_BYTES, SoundFeed, SoundPacket

_LOOK_S = 0.05  # between two looks at whether anybody listens, where nothing comes
_SILENT_S = 3.0  # a device that gives nothing for so long is opened anew
_FASTER_S = 2.0  # so much sound cannot have come before it was to be heard
_REPEAT_S = 60.0  # how often the same reason is logged
_SAMPLE_NS = 1_000_000_000 / RATE


class Microphone:
    """
    Take sound from ALSA, and give it to the `feed` as Opus, to `pcm` as it is.

    A thread of its own reads and encodes, and opens the device again when it fails; nothing is
    open while nobody listens, nor encoded while nobody wants Opus. What nobody has listened to is
    nowhere.

    Attributes
    ----------
    feed, pcm
        Whoever listens; any thread may.
    reason
        Why there is no sound, and what helps; empty where there is, or nobody listens.

    """

    def __init__(self, name: str, now_ns: NowNs, log: Callable[[str], None]) -> None:
        """
        Make it; PermanentError where none can have that name.

        `now_ns` reads the clock of the pictures' stamps, `log` hears why there is no sound.
        """
        check_name(name)
        self._name, self._now_ns, self._log = name, now_ns, log
        self._changed = threading.Condition()
        self._wanted = self._ended = False
        self._grid = Grid()
        self._packets = self._restarts = 0
        self._logged = Occasionally(_REPEAT_S)
        self._last = ''  # reason that was logged
        self.feed, self.pcm = SoundFeed(self._on_demand), SoundFeed(self._on_demand)
        self.reason = self._lacking = why_no_program()
        self._thread = threading.Thread(target=self._run, name='sound', daemon=True)

    def start(self) -> None:
        if self.reason:
            self._log(self.reason)
        self._thread.start()

    def stop(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join(timeout=1.0)

    def title(self) -> str:
        """Return what it is and does, for a reader."""
        return f'{self._name}, ' + ('heard' if self._listeners() else 'off: nobody is listening')

    def state(self) -> Mapping[str, object]:
        """Return what `/state` says of it."""
        return {'device': self._name, 'listeners': self._listeners(), 'reason': self.reason,
                'packets_missing': self._grid.missing, 'restarts': self._restarts}

    def _listeners(self) -> int:
        return self.feed.listeners + self.pcm.listeners

    def _on_demand(self, _: bool) -> None:
        with self._changed:
            self._wanted = self._listeners() > 0
            if not self._wanted:
                self.reason = self._lacking
            self._changed.notify()

    def _run(self) -> None:
        backoff = Backoff()
        while self._wait(lambda: self._wanted, None):
            begun_s, before = time.monotonic(), self._packets
            try:
                self._listen()
                continue
            except TemporaryError as error:
                self._tell(str(error))
            except Exception as error:  # of the encoder, whatever it did not expect
                self._tell(f'cannot encode sound ({error!r}): sudo apt install --reinstall '
                           'python3-av')
            self._restarts += 1
            self._wait(lambda: not self._wanted, backoff.failed(
                time.monotonic() - begun_s, self._packets > before))

    def _wait(self, come: Callable[[], bool], longest_s: float | None) -> bool:
        """Wait until something has come; return whether this is to go on."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or come(), longest_s)
            return not self._ended

    def _listen(self) -> None:
        """Hand out what the device gives, until nobody listens any more."""
        device = Arecord(self._name)
        encoder: OpusEncoder | None = None
        try:
            self._grid.begin_anew()
            for samples, now_ns in self._samples(device):
                for piece in self._grid.cut(samples, now_ns):
                    if self.pcm.listeners:
                        self._hand_out(self.pcm, piece.samples.astype('<i2').tobytes(), piece)
                    if self.feed.listeners:
                        encoder = encoder or _create_encoder()
                        data, early = encoder.encode(piece.samples)
                        self._hand_out(self.feed, data, piece, early)
                    else:
                        encoder = None  # which would go on from what was before
                    self.reason = ''
                    self._packets += 1
        finally:
            device.close()

    def _hand_out(self, feed: SoundFeed, data: bytes, piece: Piece, early: int = 0) -> None:
        """Hand out a piece, in which sound begins so many samples before it."""
        taken_ns = round(piece.taken_ns - early * _SAMPLE_NS)
        feed.hand_out(SoundPacket(data, to_clock(taken_ns, self._now_ns), piece.number))

    def _samples(self, device: Arecord) -> Iterator[tuple[Samples, int]]:
        """Yield what has come, and by when (CLOCK_MONOTONIC), as long as somebody listens."""
        begun_ns = came_ns = time.monotonic_ns()
        count, rest = 0, b''
        while self._wanted and not self._ended:
            chunk = device.read(_LOOK_S)
            now_ns = time.monotonic_ns()
            if chunk:
                came_ns = now_ns
            elif now_ns - came_ns > _SILENT_S * 1e9:
                raise TemporaryError(f"the microphone '{self._name}' sends nothing: plug it in "
                                     "again, or set the parameter 'audio' to another one that "
                                     '`arecord -l` lists')
            rest += chunk
            samples = np.frombuffer(rest, '<i2', len(rest) // SAMPLE_BYTES)
            rest = rest[samples.nbytes:]
            count += len(samples)
            if count * _SAMPLE_NS - (now_ns - begun_ns) > _FASTER_S * 1e9:
                raise TemporaryError(
                    f"'{self._name}' sends sound faster than real time, so it is not a "
                    "microphone: set the parameter 'audio' to one that `arecord -l` lists")
            if len(samples):
                yield samples, now_ns

    def _tell(self, reason: str) -> None:
        if self._wanted:
            self.reason = reason
        if reason != self._last or self._logged.due():
            self._last = reason
            self._log(f'{reason}; trying again')


def _create_encoder() -> OpusEncoder:
    """TemporaryError where there is none."""
    if reason := why_missing():
        raise TemporaryError(reason)
    return OpusEncoder()
