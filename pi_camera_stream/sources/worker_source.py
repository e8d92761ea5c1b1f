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
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
import math
import threading
import time
from typing import Any

from .base import Source, SourceSettings
from .complaints import Complaints
from .controls import Controls, settle
from .records import FrameRecord, Message, pack_message, RecordReader, VideoRecord
from .video_intake import VideoIntake
from ..core.child import Child
from ..core.errors import PermanentError, TemporaryError
from ..core.frame import Capture, EncodedImage
from ..core.pacing import RateLimit

_NOTICEABLE = 0.05  # a smaller change of the bit rate is not worth a message
_RECONFIGURED_S = 5.0  # how long a worker may take until it delivers with other settings


class WorkerSource(Source):
    """Read the records of a worker. Only the newest of the pictures that have come is used."""

    first_picture_s = 10.0

    def __init__(self, settings: SourceSettings) -> None:
        super().__init__(settings)
        # What the worker said of its camera when it began to deliver; empty before.
        self.hello: Mapping[str, Any] = {}
        self.refused = ''
        self._child: Child | None = None
        self._complaints = Complaints()
        self._reader = RecordReader()
        self._rate_limit = RateLimit()
        # Settings that its worker was given since its start. What it takes before its hello with
        # the last ones is not used: it may have the ones before, and it may refuse these.
        self._given = 0
        self._replaced = self._lost = self._last_number = 0
        self._lock = threading.Lock()  # guards the next four
        self._set: dict[str, Any] = {}  # controls that were ever set
        self._unsent: dict[str, Any] = {}
        self._unanswered = 0  # messages with controls
        self._answered = False  # since `take_answer` was last called
        self._wants_metadata = self._asked_metadata = False
        self._next_metadata: Mapping[str, Any] | None = None  # of the frame that comes next
        self._adapts = False
        self._bitrate_bps = self._sent_bps = math.inf
        self._video = VideoIntake()
        self._wants_video: bool | None = None  # None while nobody has said it
        self._asked_video = self._wants_key = False
        self._video_bps = self._sent_video_bps = 0.0

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

    def no_camera(self) -> str:
        """Return why the worker may find no camera; empty to leave it to the worker."""
        return ''

    def start(self) -> None:
        self.hello, self._last_number = {}, 0
        self._given = 0
        self.first_picture_s = type(self).first_picture_s
        self._adapts, self._sent_bps = False, math.inf
        self._asked_metadata, self._next_metadata = False, None
        self._video = VideoIntake(self._video.left_out)
        self._asked_video, self._sent_video_bps = False, 0.0
        self._reader = RecordReader()
        self._complaints.forget()
        self._child = Child(self.command(), self.environment(), 'the capture worker',
                            self._complaints.hear)
        self._child.write(pack_message('O', self.open_message()))
        with self._lock:
            self._unsent = dict(self._set)
            self._unanswered, self._answered = 0, False

    def take_over(self, running: Source) -> bool:
        if type(running) is not type(self) or not isinstance(running, WorkerSource) or (
                running._child is None or not running.hello):
            return False
        changed = {field.name for field in fields(SourceSettings) if getattr(
            running.settings, field.name) != getattr(self.settings, field.name)}
        given = running._given + 1
        if not changed <= self.hands_on or not running._child.write(
                pack_message('S', {'settings': self.open_message(), 'number': given})):
            return False
        self._child, running._child = running._child, None
        self._complaints = running._complaints
        self._reader, self._rate_limit = running._reader, running._rate_limit
        self.hello, self._last_number = running.hello, running._last_number
        self._replaced, self._lost = running._replaced, running._lost
        self._adapts, self._sent_bps = running._adapts, running._sent_bps
        self._bitrate_bps = running._bitrate_bps
        with self._lock:
            self._unanswered += running._unanswered
        self.metadata = running.metadata
        self._wants_metadata = running._wants_metadata
        self._asked_metadata = running._asked_metadata
        self._take_over_video(running)
        self._given = given
        self.first_picture_s = _RECONFIGURED_S
        return True

    def read(self, timeout_s: float) -> Capture | None:
        if self._child is None:
            raise TemporaryError(f'{self.title} has not been started')
        deadline_s = time.monotonic() + timeout_s
        while (remaining_s := deadline_s - time.monotonic()) >= 0:
            self._send_controls(self._child)
            self._send_bitrate(self._child)
            self._ask_for_metadata(self._child)
            self._ask_for_video(self._child)
            newest, metadata = None, None
            for record in self._reader.feed(self._read_child(self._child, remaining_s)):
                if isinstance(record, FrameRecord):
                    self._replaced += newest is not None
                    metadata, self._next_metadata = self._next_metadata, None
                    newest = record if self._told >= self._given else None
                    self._replaced += newest is None  # taken with settings that count no more
                    self._count(record)
                elif isinstance(record, VideoRecord):
                    self._take_video(record)
                elif record.kind == 'M':
                    self.metadata = self._next_metadata = record.body
                else:
                    self._take(record)
            if newest is not None and self._rate_limit.admits(newest.monotonic_ns, self.fps):
                return Capture(EncodedImage(newest.data), newest.monotonic_ns, metadata)
        return None

    def stop(self) -> None:
        if self._child is not None:
            self._child.stop()
            self._child = None
            self._video = VideoIntake(self._video.left_out)

    def counters(self) -> Mapping[str, int]:
        counters = {'left out by the worker': self._lost, 'replaced by newer': self._replaced,
                    'left out for fps': self._rate_limit.skipped}
        if self._video.left_out:
            counters['H.264 left out up to a key frame'] = self._video.left_out
        return counters

    def controls(self) -> Controls:
        controls: Controls = self.hello.get('controls', {})
        return controls

    def set_controls(self, values: Mapping[str, Any]) -> None:
        with self._lock:
            self._set.update(values)
            self._unsent.update(values)

    def keep_controls(self, names: Collection[str]) -> None:
        with self._lock:
            self._set = {name: value for name, value in self._set.items() if name in names}

    def chosen_controls(self) -> dict[str, Any]:
        """Return the controls that were set so far, for workers that take them in at once."""
        with self._lock:
            return dict(self._set)

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

    def want_metadata(self, each: bool) -> None:
        self._wants_metadata = each

    def limit_bitrate(self, bitrate_bps: float) -> bool:
        self._bitrate_bps = bitrate_bps
        return self._adapts

    @property
    def _told(self) -> int:
        return int(self.hello.get('number') or 0)

    def sensor(self) -> Mapping[str, Any]:
        sensor: Mapping[str, Any] = self.hello.get('sensor') or {}
        return sensor

    def encoder(self) -> str:
        detail = str(self.hello.get('detail') or '')
        return f'{detail}; {self.why_no_video}' if detail and self.why_no_video else detail

    @property
    def has_video(self) -> bool:
        return self._video.why_not == ''

    @property
    def why_no_video(self) -> str:
        return self._video.why_not or ''

    def want_video(self, wanted: bool) -> None:
        self._wants_video = wanted

    def request_key_frame(self) -> bool:
        self._wants_key = self._video.steers
        return self._wants_key

    def limit_video_bitrate(self, bitrate_bps: float) -> bool:
        self._video_bps = bitrate_bps
        return self._video.steers

    def explained(self, sentence: str) -> str:
        return self._complaints.added_to(sentence)

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

    def _read_child(self, child: Child, timeout_s: float) -> bytes:
        try:
            return child.read(timeout_s)
        except TemporaryError as error:
            raise TemporaryError(self.explained(str(error))) from error

    def _ask_for_metadata(self, child: Child) -> None:
        if self.hello and self._wants_metadata != self._asked_metadata and child.write(
                pack_message('S', {'metadata': self._wants_metadata})):
            self._asked_metadata = not self._asked_metadata

    def _ask_for_video(self, child: Child) -> None:
        video = self._video
        changed = abs(self._video_bps - self._sent_video_bps) > _NOTICEABLE * self._sent_video_bps
        if video.steers and changed and child.write(
                pack_message('S', {'video_bitrate': self._video_bps})):
            self._sent_video_bps = self._video_bps
        wanted = bool(self._wants_video) and self.has_video
        if wanted != self._asked_video and child.write(pack_message('S', {'video': wanted})):
            self._asked_video = wanted
            video.jump()
        needed = self._wants_key or (video.steers and video.awaits_key_frame)
        if needed and wanted and child.write(pack_message('S', {'key_frame': True})):
            self._wants_key = False

    def _take_video(self, record: VideoRecord) -> None:
        if self._told < self._given:  # made with settings that count no more
            self._video.jump()
            return
        unit = self._video.take(record)
        if unit is not None and self._wants_video and self.on_video is not None:
            self.on_video(unit)

    def _take_over_video(self, running: 'WorkerSource') -> None:
        self._video, self._asked_video = running._video, running._asked_video
        if self._wants_video is None:
            self._wants_video = running._wants_video
        self._wants_key = self._wants_key or running._wants_key
        self._video_bps = self._video_bps or running._video_bps
        self._sent_video_bps = running._sent_video_bps
        self.on_video = self.on_video or running.on_video

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
            if message.body.get('no_camera'):
                sentence = self.no_camera() or sentence
            sentence = self.explained(sentence)
            raise (PermanentError if message.body.get('permanent') else TemporaryError)(sentence)
        elif message.kind == 'A':
            self.refused = str(message.body.get('error', self.refused))
            self._adapts = bool(message.body.get('adapts', self._adapts))
            if 'video' in message.body:
                self._video.tell(message.body['video'], bool(message.body.get('steers')))
            self._take_answer(message.body)

    def _take_answer(self, body: Mapping[str, Any]) -> None:
        with self._lock:
            self._unanswered -= 'error' in body
            if controls := body.get('controls'):
                self.hello = {**self.hello, 'controls': controls}
                self._answered = True
                if self._settled():
                    settle(self._set, controls)
