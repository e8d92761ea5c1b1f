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

"""One topic as the web application sees it: its renditions, and who watches."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
import logging
import time

from aiohttp import web

from .arrivals import Arrivals
from .hand_over import HandOver
from .renderer import Rendered, Renderer
from .rendition import Moved, Rendition, Status
from .tiers import FULL, NOTHING, Surroundings, TIERS
from .video import Video, VideoOptions
from .video_rendition import VideoRendition
from .viewer import Viewer
from ...codecs.renditions import RenditionEncoder
from ...codecs.status_image import status_image
from ...core.clock import NowNs
from ...core.frame import Frame, H264, JPEG, StampedImage
from ...core.reception import Reception, Signal
from ...core.rendition_spec import RenditionSpec
from ...core.video_source import VideoSource
from ...core.video_spec import VideoSpec

_LINGER_S = 5.0  # how long the topic stays subscribed after the last viewer has gone
_TICK_S, _FIRST_TICK_S = 1.0, 0.2
_FRESH = 3  # intervals, which the newest picture is not older than
_SHARED = {tier.spec for tier in TIERS} | {NOTHING}
_MAX_CUSTOM = 8  # renditions that viewers asked for themselves, at a time
_MAX_CUSTOM_OF_ONE = 4  # of those, for one address
_SHOWING_STATUS = ('mjpeg', 'webrtc')  # transports that have a picture for it, and no words
_STATUS_SIZE = (640, 360)  # of the status picture, while no size is known
_STATUS_MOST = 640  # each way: larger ones take longer to draw than they are worth


class Stream:
    """
    Hand the newest frame of one topic to any number of viewers.

    `offer` and `offer_video` are for any thread, everything else is for the event loop's. There
    is no queue: whoever is ready takes the newest frame, and all on a tier take the same bytes.
    """

    def __init__(self, name: str, now_ns: NowNs, on_demand: Callable[[bool], None],
                 encoder: RenditionEncoder, full: RenditionSpec, reception: Reception, *,
                 options: VideoOptions | None = None, video: VideoSource | None = None) -> None:
        """
        Make the stream; nothing is asked for yet.

        `on_demand` hears whether frames are wanted; `now_ns` reads the clock of the stamps; `full`
        is how the full picture is encoded when the topic's are not JPEG; `reception` has counted
        what is offered, and knows why nothing is; `video` is what hands over H.264, too.
        """
        self.name = name
        self.reception = reception
        self.viewers: set[Viewer] = set()
        self.arrivals = Arrivals(now_ns)
        self.frames_sent = self.bytes_sent = 0
        self.interval_s = 1 / 30  # between two frames of the topic
        # Name of the viewer who drives, before whom the others give way; empty for none.
        self.preferred = ''
        # Hears when a page has painted a frame: its stamp in ns, its age then, and how wrong that
        # can be, in ms.
        self.on_painted: Callable[[int, float, float], None] = lambda *_: None
        # How many frames of its source newer ones replaced, where they wait for a processor.
        self.replaced_before: Callable[[], int] = lambda: 0
        self._now_ns = now_ns
        self._on_demand = on_demand
        self._full = Rendition(None)
        self._renditions: dict[RenditionSpec | None, Rendition] = {None: self._full}
        self._full_pictures: HandOver[Frame] = HandOver(self._full.put)
        self._rendered: HandOver[Rendered] = HandOver(self._put_rendered)
        self._renderer = Renderer(encoder, full, self._rendered.put, reception)
        # In a thread of their own: however many and large they are, tiers do not wait for them.
        self._custom: HandOver[Rendered] = HandOver(self._put_rendered)
        self._custom_renderer = Renderer(encoder, full, self._custom.put, reception)
        self._options = options or VideoOptions()
        self.video = Video(self._options, reception, encoder.max_pixels, video, self._newest)
        self._video_sequence = 0  # of the last access unit that was offered
        self._surroundings = Surroundings()
        self.sent_per_s = (0.0, 0.0)  # frames and bytes
        self._tasks: set[asyncio.Task[object] | None] = set()  # of those who want frames
        self._ticking: asyncio.Task[None] | None = None
        self._release: asyncio.TimerHandle | None = None

    def offer(self, frame: Frame | StampedImage) -> None:
        """Take in a new frame. Any thread."""
        self.arrivals.add(frame)
        if isinstance(frame, Frame):
            self._full_pictures.put(frame)
            if self._full.users:
                self.reception.show()
        self._renderer.put(frame)
        self._custom_renderer.put(frame)
        self.video.put(frame)

    def offer_video(self, frame: Frame) -> None:
        """
        Take in an access unit that is complete, of the source's own encoder. One thread at a time.

        It may be numbered anew, so that it is not older than the pictures beside it.
        """
        least = max(self._video_sequence + 1, self.last_sequence)
        if frame.sequence < least:
            frame = replace(frame, sequence=least)
        self._video_sequence = frame.sequence
        self.arrivals.note(frame.stamp_ns)
        self.video.put_ready(frame)

    @contextmanager
    def wanted(self) -> Iterator[None]:
        """Ask for frames as long as the context lasts, and a little longer; once a task."""
        self._begin()
        task = asyncio.current_task()
        self._tasks.add(task)
        try:
            yield
        finally:
            self._tasks.discard(task)
            if not self._tasks:
                self._release = asyncio.get_running_loop().call_later(_LINGER_S, self._end)

    @contextmanager
    def use(self, spec: RenditionSpec | None, visitor: str = '') -> Iterator[Rendition]:
        """Return a rendition that is made as long as the context lasts, if frames are wanted."""
        rendition = self._enter(spec, visitor)
        try:
            yield rendition
        finally:
            self._leave(rendition)

    @contextmanager
    def use_video(self, spec: VideoSpec) -> Iterator[VideoRendition]:
        """Return one that is inter-coded, for the context as `use`, and be among its readers."""
        rendition = self.video.enter(spec, self.interval_s)
        reader = rendition.join('')
        try:
            yield rendition
        finally:
            rendition.leave(reader)
            self.video.leave(rendition)

    @contextmanager
    def watch(self, viewer: Viewer) -> Iterator[None]:
        with self.wanted():
            if H264 in viewer.request.codecs:
                self.video.say_missing()
            viewer.lacks(self._missing())
            viewer.surround(self._surroundings)
            spec = viewer.spec()
            # Nobody waits for a key frame who can be shown something else until then.
            if isinstance(spec, VideoSpec) and JPEG in viewer.request.codecs:
                viewer.rendition = self._enter(None, viewer.visitor)
                self.move(viewer)
            elif isinstance(spec, VideoSpec):
                viewer.rendition = self.video.enter(spec, self.interval_s)
                viewer.reader = viewer.rendition.join(viewer.name)
            else:
                viewer.rendition = self._enter(spec, viewer.visitor)
            self.viewers.add(viewer)
            if self.reception.signal().lost:  # do not begin with an old picture
                viewer.last_sequence = self.last_sequence
            try:
                yield
            finally:
                self.viewers.discard(viewer)
                self._stay(viewer)
                self._leave_all(viewer)

    def move(self, viewer: Viewer) -> None:
        """
        Put `viewer` on the rendition that is right for it now.

        On one that is inter-coded, as soon as it can begin there.
        """
        if viewer.rendition is None:
            return
        spec = viewer.spec()
        if viewer.joining is not None and viewer.joining.rendition.spec == spec:
            return
        self._stay(viewer)
        if viewer.rendition.spec == spec:
            return
        if not isinstance(spec, VideoSpec):
            # A camera's own access units may have other numbers, and be more.
            viewer.last_sequence = min(viewer.last_sequence, self.last_sequence)
            self._put_on(viewer, self._enter(spec, viewer.visitor))
            return
        if viewer.rendition.spec == NOTHING:
            self._put_on(viewer, self._enter(None, viewer.visitor))  # until there is a key frame
        rendition = self.video.enter(
            spec, self.arrivals.interval_s(self.interval_s), viewer.entry_share())
        viewer.joining = rendition.join(viewer.name)
        viewer.joining.when_ready(lambda: self._arrive(viewer))
        if viewer.joining is not None:
            self.video.want_key(spec, viewer.name == self.preferred)

    def want_key(self, viewer: Viewer) -> None:
        """Let the decoder of a viewer begin anew, which has come upon something it cannot show."""
        if viewer.reader is not None:
            viewer.reader.jump()
            viewer.reader.rendition.want_key(viewer.name == self.preferred)
            if viewer.complain():
                self.move(viewer)

    def close(self) -> None:
        """Cancel the tasks of all who watch or wait: the server is stopping."""
        for task in self._tasks:
            if task is not None:
                task.cancel()
        self._renderer.want(())
        self._custom_renderer.want(())
        self.video.close()
        if self._release is not None:
            self._release.cancel()
        if not self.idle:
            self._end()

    @property
    def idle(self) -> bool:
        return self._ticking is None

    @property
    def last_sequence(self) -> int:
        return self.arrivals.last.sequence if self.arrivals.last else 0

    def now_ns(self) -> int:
        return self._now_ns()

    def state(self) -> dict[str, object]:
        """Return what `/state` says of this stream; times in seconds or as named."""
        reception, last, age_ms = self.reception, self.arrivals.last, self.arrivals.median_age_ms()
        return {
            'topic': self.name,
            'frames_per_s': round(reception.received.per_second(), 1),
            'bytes_per_s': round(reception.received.bytes_per_second()),
            'frames_per_s_sent': round(self.sent_per_s[0], 1),
            'bytes_per_s_sent': round(self.sent_per_s[1]),
            'width': last.width if last else None,
            'height': last.height if last else None,
            'age_ms': round(age_ms, 1) if age_ms == age_ms else None,
            'last_frame_s_ago': round(reception.silent_s(), 1) if last else None,
            'signal': signal_state(reception.signal()),
            'replaced': {'before_processing': self.replaced_before(),
                         'arriving': self._full_pictures.dropped,
                         'before_encoding': (self._renderer.replaced
                                             + self._custom_renderer.replaced),
                         'encoded': self._rendered.dropped + self._custom.dropped},
            'h264': self.video.state(),
            'undecodable': reception.refused, 'undecodable_reason': reception.reason,
            'viewers': [viewer.state() for viewer in
                        sorted(self.viewers, key=lambda viewer: viewer.since_s)],
        }

    def _begin(self) -> None:
        if self._release is not None:
            self._release.cancel()
            self._release = None
        elif not self._tasks:
            loop = asyncio.get_running_loop()
            self._full_pictures.attach(loop)
            self._rendered.attach(loop)
            self._custom.attach(loop)
            self.arrivals.restart()
            self.reception.restart()
            self._full.newest = None
            self._on_demand(True)
            self._ticking = loop.create_task(self._tick())

    def _end(self) -> None:
        self._release = None
        self.sent_per_s = (0.0, 0.0)
        self._options.sent.forget(self.name)
        if self._ticking is not None:
            self._ticking.cancel()
            self._ticking = None
        self._on_demand(False)

    def _enter(self, spec: RenditionSpec | None, visitor: str) -> Rendition:
        rendition = self._renditions.get(spec)
        if rendition is None:
            if spec not in _SHARED:
                self._check_custom(visitor)
            rendition = self._renditions[spec] = Rendition(spec, visitor)
        if (not rendition.users and rendition.newest
                and rendition.newest.sequence < self.last_sequence):
            rendition.newest = None  # from when it was made the last time
        rendition.users += 1
        self._update_renderer()
        return rendition

    def _check_custom(self, visitor: str) -> None:
        custom = [rendition for spec, rendition in self._renditions.items()
                  if spec not in _SHARED]
        mine = sum(rendition.visitor == visitor for rendition in custom) if visitor else 0
        if len(custom) >= _MAX_CUSTOM or mine >= _MAX_CUSTOM_OF_ONE:
            most = f'{_MAX_CUSTOM} custom sizes and qualities' \
                if len(custom) >= _MAX_CUSTOM else \
                f'{_MAX_CUSTOM_OF_ONE} custom sizes and qualities for your address'
            raise web.HTTPServiceUnavailable(headers={'Retry-After': '10'}, text=(
                f"'{self.name}' is shown in {most} already: leave out quality, width, height and "
                'invert, or choose a tier\n'))

    def _put_on(self, viewer: Viewer, rendition: Rendition | VideoRendition) -> None:
        """Let a viewer go on with another rendition."""
        before, reader = viewer.rendition, viewer.reader
        self._leave_all(viewer)
        viewer.rendition = rendition
        if reader is not None:
            # A source's own access units may be more than its pictures.
            viewer.last_sequence = min(viewer.last_sequence, self.last_sequence)
            reader.wake(Moved())
        elif before is not None:
            before.wake(Moved())  # it may be waiting there

    def _leave_all(self, viewer: Viewer) -> None:
        if viewer.reader is not None:
            viewer.reader.rendition.leave(viewer.reader)
        if viewer.rendition is not None:
            self._leave(viewer.rendition)
        viewer.rendition = viewer.reader = None

    def _stay(self, viewer: Viewer) -> None:
        """Let a viewer not move to where it was about to."""
        if viewer.joining is not None:
            joining, viewer.joining = viewer.joining, None
            joining.rendition.leave(joining)
            self.video.leave(joining.rendition)

    def _arrive(self, viewer: Viewer) -> None:
        """Let a viewer go on with the inter-coded rendition that it can begin now."""
        if viewer.joining is not None:
            reader, viewer.joining = viewer.joining, None
            self._put_on(viewer, reader.rendition)
            viewer.reader = reader

    def _missing(self) -> tuple[int, ...]:
        """Return the tiers that cannot be had at present."""
        return tuple(index for index, tier in enumerate(TIERS)
                     if isinstance(tier.spec, VideoSpec) and self.video.reason(tier.spec))

    def _leave(self, rendition: Rendition | VideoRendition) -> None:
        if isinstance(rendition, VideoRendition):
            self.video.leave(rendition)
            return
        rendition.users -= 1
        if rendition.users == 0 and rendition.spec is not None:
            del self._renditions[rendition.spec]
        self._update_renderer()

    def _update_renderer(self) -> None:
        used = [spec for spec, rendition in self._renditions.items()
                if rendition.users and spec != NOTHING]
        self._renderer.want([spec for spec in used if spec in _SHARED])
        self._custom_renderer.want([spec for spec in used if spec not in _SHARED])

    def _put_rendered(self, rendered: Rendered) -> None:
        # The smallest first: it does not keep the others waiting.
        for spec, frame in sorted(rendered.items(), key=lambda pair: len(pair[1].data)):
            if spec in self._renditions:
                self._renditions[spec].put(frame)

    async def _tick(self) -> None:
        tick_s = min(_FIRST_TICK_S, _TICK_S)  # before anybody moves
        while True:
            frames, size, begun_s = self.frames_sent, self.bytes_sent, time.monotonic()
            await asyncio.sleep(tick_s)
            tick_s = _TICK_S
            took_s = time.monotonic() - begun_s
            self.sent_per_s = ((self.frames_sent - frames) / took_s,
                               (self.bytes_sent - size) / took_s)
            self.interval_s = self.arrivals.interval_s(self.interval_s)
            self._look_around()
            self._explain()
            if self.video.tick(self.interval_s):
                self._follow_video()
            signal = self.reception.signal()
            if (signal.lost or signal.reason) and self.viewers:
                try:
                    status = await self._status(signal)
                except Exception:
                    logging.getLogger(__name__).exception('cannot draw the status picture')
                    continue
                if self.reception.signal().lost == signal.lost:  # still
                    for rendition in list(self._renditions.values()):
                        rendition.wake(status)
                    self.video.wake(status)

    def _explain(self) -> None:
        """Tell those who wait long for a key frame that they do, and when that is over."""
        now_s = time.monotonic()
        lost = self.reception.signal().lost  # of which all are told
        for viewer in self.viewers:
            reason = self.video.why_waiting() if viewer.waits_long(now_s) and not lost else ''
            if reason != viewer.told:
                viewer.told = reason
                viewer.on_video(reason or self.video.reason())

    def _newest(self) -> Frame | StampedImage | None:
        """Return the last picture, if it is not an old one."""
        last = self.arrivals.last
        fresh = last is not None and self.arrivals.age_s(last.stamp_ns) < _FRESH * self.interval_s
        return last if fresh else None

    def _look_around(self) -> None:
        """Note what the choice of a tier goes by: how large pictures are, and all they take."""
        sizes = self._surroundings.sizes
        if (per_s := self._full.made.per_second()) > 0:
            sizes[FULL] = self._full.made.bytes_per_second() / per_s
        last = self.arrivals.last
        if last is not None:
            sizes.update(self.video.least_sizes(last.width, last.height))
        full_bps = 8 * sizes.get(FULL, 0.0) / self.interval_s
        sent_bps = 8 * self.sent_per_s[1]
        others = sum(isinstance(viewer.rendition, VideoRendition) and viewer.may_have(FULL)
                     for viewer in self.viewers)
        self._surroundings.crowded = self._options.sent.report(
            self.name, sent_bps, sent_bps + others * full_bps)

    def _follow_video(self) -> None:
        """Tell viewers that there is H.264 again, or none any more, and move them."""
        missing, reason = self._missing(), self.video.reason()
        for viewer in self.viewers.copy():
            viewer.lacks(missing)
            self.move(viewer)
            viewer.on_video(reason)

    async def _status(self, signal: Signal) -> Status:
        last = self.arrivals.last
        size = (last.width, last.height) if last else _STATUS_SIZE
        width, height = (max(2, side * _STATUS_MOST // max(*size, _STATUS_MOST)) for side in size)
        if not signal.lost or all(viewer.transport not in _SHOWING_STATUS
                                  for viewer in self.viewers):
            return Status(signal, None)
        jpeg = await asyncio.get_running_loop().run_in_executor(
            None, status_image, width, height,
            [line for line in (signal.title, self.name, signal.reason) if line],
            self._full.newest)
        return Status(signal, Frame(jpeg, self._now_ns(), 0, width, height))


def signal_state(signal: Signal) -> dict[str, object]:
    """Return a signal as pages read it: state and reason, and seconds."""
    return {'state': signal.state, 'silent_s': round(signal.silent_s, 1), 'reason': signal.reason}
