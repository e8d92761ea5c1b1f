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

"""Sources whose driver runs in a capture worker, a process that can be killed."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
import math
import threading
import time
from typing import Any

from .base import Source, SourceSettings
from .child import Child
from .controls import Controls, settle
from .records import FrameRecord, Message, pack_message, RecordReader
from ..core.errors import PermanentError, TemporaryError
from ..core.frame import Capture, EncodedImage
from ..core.pacing import RateLimit

_NOTICEABLE = 0.05  # a smaller change of the bit rate is not worth a message


class WorkerSource(Source):
    """Read the records of a worker. Only the newest of the pictures that have come is used."""

    first_picture_s = 10.0

    def __init__(self, settings: SourceSettings) -> None:
        super().__init__(settings)
        # What the worker said of its camera when it began to deliver; empty before.
        self.hello: Mapping[str, Any] = {}
        self.refused = ''
        self._child: Child | None = None
        self._reader = RecordReader()
        self._rate_limit = RateLimit()
        self._replaced = self._lost = self._last_number = 0
        self._lock = threading.Lock()  # guards the next four
        self._set: dict[str, Any] = {}  # controls that were ever set
        self._unsent: dict[str, Any] = {}
        self._unanswered = 0  # messages with controls
        self._answered = False  # since `take_answer` was last called
        self._adapts = False
        self._bitrate_bps = self._sent_bps = math.inf

    @property
    def nominal_fps(self) -> float:
        own = self._worker_fps()
        return min(self.fps or own, own)

    @property
    def opened_fps(self) -> float:
        return float(self.hello.get('fps') or 0.0)

    @abstractmethod
    def command(self) -> Sequence[str]:
        """Return the worker's command line; PermanentError when what it needs is not installed."""

    def environment(self) -> Mapping[str, str] | None:
        return None

    @abstractmethod
    def open_message(self) -> dict[str, Any]:
        """Return what the worker is told first; secrets belong here, not into the command."""

    def start(self) -> None:
        self.hello, self._last_number = {}, 0
        self._adapts, self._sent_bps = False, math.inf
        self._reader = RecordReader()
        self._child = Child(self.command(), self.environment(), 'the capture worker')
        self._child.write(pack_message('O', self.open_message()))
        with self._lock:
            self._unsent = dict(self._set)
            self._unanswered, self._answered = 0, False

    def read(self, timeout_s: float) -> Capture | None:
        if self._child is None:
            raise TemporaryError(f'{self.title} has not been started')
        deadline_s = time.monotonic() + timeout_s
        while (remaining_s := deadline_s - time.monotonic()) >= 0:
            self._send_controls(self._child)
            self._send_bitrate(self._child)
            newest = None
            for record in self._reader.feed(self._child.read(remaining_s)):
                if isinstance(record, FrameRecord):
                    self._replaced += newest is not None
                    newest = record
                    self._count(record)
                else:
                    self._take(record)
            if newest is not None and self._rate_limit.admits(newest.monotonic_ns, self.fps):
                return Capture(EncodedImage(newest.data), newest.monotonic_ns)
        return None

    def stop(self) -> None:
        if self._child is not None:
            self._child.stop()
            self._child = None

    def counters(self) -> Mapping[str, int]:
        return {'left out by the worker': self._lost, 'replaced by newer': self._replaced,
                'left out for fps': self._rate_limit.skipped}

    def controls(self) -> Controls:
        controls: Controls = self.hello.get('controls', {})
        return controls

    def set_controls(self, values: Mapping[str, Any]) -> None:
        with self._lock:
            self._set.update(values)
            self._unsent.update(values)

    def take_answer(self) -> bool:
        with self._lock:
            answered = self._answered and self._settled()
            self._answered = self._answered and not answered
            return answered

    def is_settled(self) -> bool:
        with self._lock:
            return self._settled()

    def _settled(self) -> bool:
        return not self._unsent and not self._unanswered

    def limit_bitrate(self, bitrate_bps: float) -> bool:
        self._bitrate_bps = bitrate_bps
        return self._adapts

    def _worker_fps(self) -> float:
        own = self.opened_fps
        if limits := self._set.get('FrameDurationLimits'):  # in us; a longer exposure is slower
            own = min(own, 1e6 / max(*limits, 1))
        return own

    def _send_controls(self, child: Child) -> None:
        with self._lock:
            if self.hello and self._unsent:
                child.write(pack_message('S', {'controls': self._unsent}))
                self._unsent = {}
                self._unanswered += 1

    def _send_bitrate(self, child: Child) -> None:
        wanted_bps = self._bitrate_bps
        if fps := self.nominal_fps:  # the encoder does not know which of its pictures are left out
            wanted_bps *= self._worker_fps() / fps
        if math.isfinite(wanted_bps) and math.isfinite(self._sent_bps):
            changed = abs(wanted_bps - self._sent_bps) > _NOTICEABLE * self._sent_bps
        else:
            changed = wanted_bps != self._sent_bps
        if self._adapts and changed and child.write(pack_message(
                'S', {'bitrate': wanted_bps if math.isfinite(wanted_bps) else None})):
            self._sent_bps = wanted_bps

    def _count(self, frame: FrameRecord) -> None:
        if self._last_number:
            self._lost += max(0, frame.number - self._last_number - 1)
        self._last_number = frame.number

    def _take(self, message: Message) -> None:
        if message.kind == 'H':
            self.hello = message.body
            self._adapts = bool(message.body.get('adapts'))
        elif message.kind == 'E':
            sentence = str(message.body.get('sentence', 'the capture worker has failed'))
            raise (PermanentError if message.body.get('permanent') else TemporaryError)(sentence)
        elif message.kind == 'A':
            self.refused = str(message.body.get('error', self.refused))
            self._adapts = bool(message.body.get('adapts', self._adapts))
            self._take_answer(message.body)

    def _take_answer(self, body: Mapping[str, Any]) -> None:
        with self._lock:
            self._unanswered -= 'error' in body
            if controls := body.get('controls'):
                self.hello = {**self.hello, 'controls': controls}
                self._answered = True
                if self._settled():
                    settle(self._set, controls)
