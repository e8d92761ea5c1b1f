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

"""The thread that reads a source, watches it, and starts it again when it fails."""

from collections.abc import Callable
import math
import threading
import time

from .base import Source
from .silence import longest_silence_s
from ..core.backoff import Backoff
from ..core.clock import NowNs, to_clock
from ..core.errors import EndOfStream, PermanentError, StreamError, TemporaryError
from ..core.frame import Capture, VideoUnit
from ..core.mailbox import Mailbox
from ..core.statistics import RateMeter, Recent

_READ_TIMEOUT_S = 0.25  # how long a stop may take
_STOP_TIMEOUT_S = 1.5  # a worker may have to be killed
_LEAST_SILENCE_S = 1.0
_SILENT_FRAMES = 5
_HANGING = 2  # times as long as the source itself would wait
_SILENT_UNKNOWN_S = 5.0  # where nobody knows how often pictures come


class CaptureLoop:
    """
    Run a source in a thread of its own, and keep its newest picture, or hand each one on.

    The source is drained at its own pace, whatever happens to its pictures. One that fails, or
    delivers nothing for longer than `longest_silence_s`, is stopped and started again, for ever;
    but what cannot work from the beginning ends the loop.
    """

    def __init__(self, source: Source, now_ns: NowNs, on_end: Callable[[Exception], None],
                 on_problem: Callable[[str], None], on_delivery: Callable[[], None],
                 on_refusal: Callable[[Source, str], None] | None = None) -> None:
        """
        Make the loop; nothing is read yet.

        All are called in the capture thread: `on_end` when the source ends, or fails for good,
        `on_problem` with a sentence when it fails and is to be started again, `on_delivery` when
        its first picture has come, each time it was started, `on_refusal` with a source that was
        changed to and cannot work, and a sentence; the one that worked before it goes on then.
        """
        # (capture, stamp in ns of `now_ns`); closed when the source has ended.
        self.mailbox: Mailbox[tuple[Capture, int]] = Mailbox()
        self.captured = RateMeter()
        # Called in the capture thread with each picture and its stamp, and must return at once.
        self.on_capture: Callable[[Capture, int], None] = lambda *newest: self.mailbox.put(newest)
        # Called in the capture thread with each access unit that the source has, and its stamp,
        # while such are wanted; it must return at once. To be set before the start.
        self.on_video: Callable[[VideoUnit, int], None] | None = None
        # Called in the capture thread when the source has told what became of its controls.
        self.on_answer: Callable[[], None] = lambda: None
        self.restarts = 0  # after failures
        self.problem = ''  # why there are no pictures at present; empty while all is well
        self._source = source
        self._now_ns = now_ns
        self._stamped = -1, 0  # the last moment, and its stamp
        self._on_end = on_end
        self._on_problem = on_problem
        self._on_delivery = on_delivery
        self._on_refusal = on_refusal or (lambda _, sentence: on_problem(
            f'{sentence}; the settings before that are used'))
        self._wants_video, self._video_bps = False, 0.0  # 0 while nobody has said it
        self._changed = threading.Condition()  # guards the next five
        self._next: Source | None = None
        self._proven = source  # the last one that worked, or else the first one
        self._wanted = True
        self._stopping = False
        self._delivered = False  # whether any picture has ever come
        self._last_s = time.monotonic()
        self._backoff = Backoff()
        self._began_s = self._opened_s = 0.0  # of the present attempt
        self._came = False  # whether it has worked
        self._intervals_s = Recent()  # between its pictures
        self._thread = threading.Thread(target=self._run, name='capture', daemon=True)

    @property
    def source(self) -> Source:
        with self._changed:
            return self._next or self._source

    @property
    def present(self) -> Source:
        """Return the source that is read, even when another one is to follow it."""
        return self._source

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(timeout=_STOP_TIMEOUT_S)

    def change(self, source: Source) -> None:
        """
        Read another source from now on; but the present one if that one cannot work at all.

        What the present one has opened stays open where the other one can go on with it.
        """
        with self._changed:
            self._next = source
            self._changed.notify_all()

    def limit_bitrate(self, bitrate_bps: float) -> bool:
        """Have the source keep to a bit rate, as `Source.limit_bitrate`."""
        return self.source.limit_bitrate(bitrate_bps)

    @property
    def has_video(self) -> bool:
        """Whether the source that is read has H.264 now, with no encoding of ours."""
        return self._source.has_video

    @property
    def why_no_video(self) -> str:
        """Return why the H.264 of the source cannot be had, as `Source.why_no_video`."""
        return self._source.why_no_video

    def want_video(self, wanted: bool) -> None:
        """Say whether `on_video` is to be called, of this source and all that follow it."""
        self._wants_video = wanted
        self._source.want_video(wanted)

    def request_key_frame(self) -> bool:
        """Ask for a key frame, as `Source.request_key_frame`."""
        return self._source.request_key_frame()

    def limit_video_bitrate(self, bitrate_bps: float) -> bool:
        """Limit it, as `Source.limit_video_bitrate`, of this source and all that follow it."""
        self._video_bps = bitrate_bps
        return self._source.limit_video_bitrate(bitrate_bps)

    def want(self, wanted: bool) -> None:
        """Say whether pictures are wanted; without, the source is stopped."""
        with self._changed:
            if wanted and not self._wanted:
                self._last_s = time.monotonic()
            self._wanted = wanted
            self._changed.notify_all()

    @property
    def wanted(self) -> bool:
        return self._wanted

    def silent_s(self) -> float:
        """Return the seconds since the last picture, or since pictures were wanted."""
        return time.monotonic() - self._last_s

    def longest_silence_s(self) -> float:
        source = self._source
        if (not self._came or source.starting) and math.isfinite(source.first_picture_s):
            return source.first_picture_s
        if source.tells_silence:  # so this is for one that hangs
            return max(_HANGING * longest_silence_s(self._intervals_s, source.first_picture_s),
                       _SILENT_FRAMES / source.fps if source.fps > 0 else 0.0)
        fps = source.nominal_fps
        interval_s = 1 / fps if fps > 0 else self._intervals_s.median()
        if math.isnan(interval_s):
            return _SILENT_UNKNOWN_S
        return max(_LEAST_SILENCE_S, _SILENT_FRAMES * interval_s)

    def _run(self) -> None:
        try:
            while self._wait_until_due():
                try:
                    self._read()
                except TemporaryError as error:
                    self._fail(str(error))
        except (EndOfStream, StreamError) as end:
            self._on_end(end)
        finally:
            self.mailbox.close()

    def _wait_until_due(self) -> bool:
        """Wait while no pictures are wanted; False when this is the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or self._wanted)
            if self._next is not None:
                self._source, self._next = self._next, None
            self._tell_video()
            return not self._stopping

    def _tell_video(self) -> None:
        """Let the source know what is wanted of its H.264."""
        if self.on_video is not None:
            self._source.on_video = self._put_video
            self._source.want_video(self._wants_video)
            if self._video_bps:
                self._source.limit_video_bitrate(self._video_bps)

    def _put_video(self, unit: VideoUnit) -> None:
        if self.on_video is not None:
            self.on_video(unit, self._stamp_ns(unit.monotonic_ns))

    def _stamp_ns(self, monotonic_ns: int) -> int:
        """Return the stamp of a picture: one, though it comes as JPEG and as H.264."""
        if self._stamped[0] != monotonic_ns:
            self._stamped = monotonic_ns, to_clock(monotonic_ns, self._now_ns)
        return self._stamped[1]

    def _goes_on(self) -> bool:
        return self._wanted and self._next is None and not self._stopping

    def _begin(self) -> None:
        self._began_s = self._opened_s = time.monotonic()
        self._came = False
        self._intervals_s.clear()

    def _take_over(self) -> bool:
        """Let the next source go on with what the present one has opened, if it can."""
        with self._changed:
            if self._next is None or not self._wanted or self._stopping or (
                    not self._next.take_over(self._source)):
                return False
            self._source, self._next = self._next, None
        self._tell_video()
        self._begin()
        return True

    def _read(self) -> None:
        self._begin()
        try:
            self._source.start()
            self._opened_s = time.monotonic()
            while self._goes_on() or self._take_over():
                capture = self._source.read(_READ_TIMEOUT_S)
                if capture is not None:
                    self._put(capture)
                else:
                    self._watch()
                if self._source.take_answer():
                    self.on_answer()
                if (successor := self._source.take_successor()) is not None:
                    self._succeed(successor)
        except EndOfStream:
            raise
        except PermanentError as error:
            if self._source is not self._proven:
                self._refuse(str(error))
            elif not self._delivered and self._next is None:
                raise
            else:
                raise TemporaryError(str(error)) from error  # it did work, so it may again
        except StreamError as error:
            raise TemporaryError(str(error)) from error
        except Exception as error:  # whatever a driver throws must not end the thread in silence
            raise TemporaryError(f'{self._source.title} failed: {error!r}') from error
        finally:
            self._stop_source()

    def _refuse(self, sentence: str) -> None:
        """Go back to the source that worked, unless there is another one already."""
        with self._changed:
            refused, self._next = self._source, self._next or self._proven
        self._on_refusal(refused, sentence)

    def _succeed(self, source: Source) -> None:
        with self._changed:
            chosen = self._next  # by somebody, at the same time
        if chosen is None:
            self.change(source)

    def _stop_source(self) -> None:
        try:
            self._source.stop()
        except Exception as error:
            self._on_problem(f'{self._source.title} cannot be stopped: {error!r}')

    def _put(self, capture: Capture) -> None:
        stamp_ns, now_s = self._stamp_ns(capture.monotonic_ns), time.monotonic()
        if self._came:
            self._intervals_s.add(now_s - self._last_s)
        self._last_s = now_s
        if not self._came:
            with self._changed:
                self._delivered = self._came = True
                self._proven = self._source
            self.problem = ''
            self._on_delivery()
        self.captured.add()
        self.on_capture(capture, stamp_ns)

    def _watch(self) -> None:
        silent_s = self.silent_s() if self._came else time.monotonic() - self._opened_s
        longest_silence_s = self.longest_silence_s()
        if silent_s > longest_silence_s and math.isfinite(self._source.first_picture_s):
            raise TemporaryError(self._source.explained(
                f'{self._source.title} delivered no picture for {longest_silence_s:.1f} s'))

    def _fail(self, sentence: str) -> None:
        self.problem = sentence
        self.restarts += 1
        self._on_problem(sentence)
        wait_s = self._backoff.failed(time.monotonic() - self._began_s, self._came)
        with self._changed:
            self._changed.wait_for(lambda: not self._goes_on(), wait_s)
