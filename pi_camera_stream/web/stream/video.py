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

"""The H.264 of one stream: encoded here, or as its source's own encoder made it."""

import asyncio
from collections.abc import Callable
from functools import lru_cache, partial
from importlib.util import find_spec
import logging
import time

from .hand_over import GroupHandOver
from .rendition import Status
from .sent_in_all import ABOVE_BPS, SentInAll
from .tiers import H264, H264_INDEX, H264_SMALL, H264_SMALL_INDEX, LEAST_SHARE, NAMES
from .video_renderer import VideoRate, VideoRenderer
from .video_rendition import VideoRendition
from ...codecs.h264_effort import MOST_BPS
from ...core.frame import Frame, StampedImage
from ...core.pacing import Once
from ...core.reception import Reception
from ...core.video_source import VideoSource
from ...core.video_spec import VideoSpec

_SILENT_S = 2.0  # a source that has not delivered for so long delivers nothing
_KEY_PATIENCE_S = 2.0  # so long may it take until a source has a key frame
_MOST_SAID = 20  # sentences in the log

_LOG = logging.getLogger(__name__)


class VideoOptions:
    """
    What all streams of a server have in common.

    Attributes
    ----------
    bitrate_bps
        The most that an encoder may make.
    log
        Hears what is to be known by whoever runs the server.
    sent
        What all viewers get together; where that is too much, those who can show H.264 get that.

    """

    def __init__(self, bitrate_bps: float = MOST_BPS, above_bps: float = ABOVE_BPS,
                 log: Callable[[str], None] = _LOG.warning) -> None:
        self.bitrate_bps, self.log = bitrate_bps, log
        self.sent = SentInAll(above_bps)


class Encoded:
    """One rendition that is encoded here. The event loop calls all but `put`."""

    def __init__(self, spec: VideoSpec, rate: VideoRate, rendition: VideoRendition,
                 reception: Reception, max_pixels: int) -> None:
        self.rendition = rendition
        self._hand_over = GroupHandOver(rendition.put, lambda: renderer.request_key_frame())
        self.renderer = renderer = VideoRenderer(spec, rate, self._hand_over.put, reception,
                                                 max_pixels)
        self._wanted = False

    @property
    def dropped(self) -> int:
        return self._hand_over.dropped

    @property
    def encoder(self) -> str:
        """Return what encodes at present; empty where nothing does."""
        return self.renderer.name if self._wanted and not self.renderer.failed else ''

    def want(self, wanted: bool) -> None:
        if wanted != self._wanted:
            self._wanted = wanted
            self._hand_over.attach(asyncio.get_running_loop())
            self.renderer.want(wanted)

    def begin(self, picture: Frame | StampedImage | None) -> None:
        """Encode a picture, in place of waiting for the next one to begin with."""
        if picture is not None and self._wanted:
            self.renderer.put(picture)


class Video:
    """
    The two renditions, `h264` and `h264_small`, and what is known of them.

    `put` and `put_ready` are for any thread, everything else is for the event loop's.
    """

    def __init__(self, options: VideoOptions, reception: Reception, max_pixels: int,
                 source: VideoSource | None,
                 newest: Callable[[], Frame | StampedImage | None]) -> None:
        """Make it; `newest` returns the picture to begin with, if that is not old."""
        self._log, self._source, self._newest = options.log, source, newest
        self._reception = reception
        self.rates = {spec: VideoRate(options.bitrate_bps) for spec in (H264, H264_SMALL)}
        self.renditions = {spec: VideoRendition(spec, partial(self._request_key, spec),
                                                partial(self._set_rate, spec))
                           for spec in self.rates}
        self._encoded = {spec: Encoded(spec, self.rates[spec], rendition, reception, max_pixels)
                         for spec, rendition in self.renditions.items()}
        self._ready_made = GroupHandOver(self._put_ready, self._lost)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready_size: tuple[int, int] | None = None  # of its group; None before a key frame
        self._keyless = 0  # frames that came before one
        self._source_wanted = self._passing = False  # whether the source's frames are taken
        self._source_since_s = self._source_last_s = 0.0
        self._reasons: dict[VideoSpec, str] = {}
        self._once = Once(_MOST_SAID)

    def put(self, picture: Frame | StampedImage) -> None:
        """Take in a picture that can be encoded."""
        for encoded in self._encoded.values():
            encoded.renderer.put(picture)

    def put_ready(self, frame: Frame) -> None:
        """Take in an access unit of the source; all calls are from one thread."""
        size = frame.width, frame.height
        if frame.key:
            self._ready_size, self._keyless = size, 0
        elif size != self._ready_size:
            if self._ready_size is not None:
                self._say(f"a frame of the camera's own H.264 is {size[0]}x{size[1]} among others "
                          f'that are {self._ready_size[0]}x{self._ready_size[1]}: frames are '
                          'skipped up to its next key frame')
                self._ready_size = None
                self._ready_made.jump()
            self._keyless += 1
            return
        self._ready_made.put(frame)

    def reason(self, spec: VideoSpec = H264) -> str:
        """Return why there is no H.264 at present; empty where it can be had, as far as known."""
        if spec == H264 and (self._passing or (self._source is not None
                                               and self._source.available)):
            return ''
        return self._reasons.get(H264) or self._reasons.get(spec) or _without_pyav()

    def say_missing(self) -> None:
        """Log that there can be none here, to be called when somebody could show some."""
        if (self._source is None or not self._source.available) and (missing := _without_pyav()):
            self._say(f'{missing}; pictures go on as JPEG')

    def enter(self, spec: VideoSpec, interval_s: float, share: float = 1.0) -> VideoRendition:
        """Return a rendition to be left again, which begins with that share of its usual rate."""
        self._loop = asyncio.get_running_loop()
        rendition = self.renditions[spec]
        if not rendition.users:
            self.rates[spec].interval_s = interval_s
            rendition.restart(share)
        rendition.users += 1
        self._update()
        if rendition.users == 1:
            self._encoded[spec].begin(self._newest())
        return rendition

    def want_key(self, spec: VideoSpec, driver: bool) -> None:
        """Ask for a key frame for who has entered; an encoder that begins makes one anyway."""
        if self.renditions[spec].users > 1 or not self._encoded[spec].encoder:
            self.renditions[spec].want_key(driver)

    def leave(self, rendition: VideoRendition) -> None:
        rendition.users -= 1
        self._update()

    def wake(self, status: Status) -> None:
        """Tell all who read at this moment why they wait."""
        for rendition in self.renditions.values():
            rendition.wake(status)

    def least_sizes(self, width: int, height: int) -> dict[int, float]:
        """Return the bytes of a frame at the lowest rate, for pictures of that size."""
        return {index: LEAST_SHARE / self.rates[spec].share * self.rates[spec].interval_s / 8
                * self.rates[spec].bitrate_bps(spec, width, height)
                for index, spec in ((H264_INDEX, H264), (H264_SMALL_INDEX, H264_SMALL))}

    def close(self) -> None:
        for encoded in self._encoded.values():
            encoded.renderer.want(False)
        if self._source is not None and self._source_wanted:
            self._source.want(False)

    def why_waiting(self) -> str:
        """Return why viewers wait for long until they can begin."""
        who = "the camera's own" if self._passing else 'the encoded'
        return f'{who} H.264 has had no key frame yet, and viewers start with one'

    def tick(self, interval_s: float) -> bool:
        """Look at what has become of it; return whether `reason` may have changed."""
        before = {spec: self.reason(spec) for spec in self.renditions}
        now_s = time.monotonic()
        for spec, rate in self.rates.items():
            rate.interval_s = interval_s
            self.renditions[spec].rate.tick(now_s)
            renderer = self._encoded[spec].renderer
            self._say(renderer.note)
            if renderer.failed and spec not in self._reasons:
                self._reasons[spec] = renderer.failed
                self._say(f'{renderer.failed}; pictures go on as JPEG')
            elif spec in self._reasons and now_s > renderer.again_s:
                del self._reasons[spec]
                self._encoded[spec].want(False)
        self._update()
        return before != {spec: self.reason(spec) for spec in self.renditions}

    def state(self) -> dict[str, object]:
        """Return what `/state` says of it; empty while nobody wants it."""
        return {name: {
            'encoder': 'source' if spec == H264 and self._passing else encoded.encoder,
            'width': rendition.newest.width if rendition.newest else None,
            'height': rendition.newest.height if rendition.newest else None,
            'frames_per_s': round(rendition.made.per_second(), 1),
            'bits_per_s': round(8 * rendition.made.bytes_per_second()),
            'most_bits_per_s': self._most_bps(spec),
            'encoding_ms': None if spec == H264 and self._passing else _rounded(
                encoded.renderer.took_ms.median()),
            'key_frames_asked_for': rendition.keys_asked,
            'left_out_before_encoding': encoded.renderer.replaced,
            'left_out_arriving': encoded.dropped + (
                self._ready_made.dropped if spec == H264 else 0),
            'reason': self.reason(spec),
        } for name, spec in (('h264', H264), ('h264_small', H264_SMALL))
            for rendition, encoded in [(self.renditions[spec], self._encoded[spec])]
            if rendition.users or self._reasons.get(spec)}

    def title(self) -> str:
        """Return who encodes what, for people; empty while nobody wants it. Any thread."""
        passing = f'{NAMES[H264_INDEX]} by the camera' if self._passing else ''
        return ', '.join(filter(None, (passing, *(
            f'{NAMES[index]} by {encoder}, {encoded.renderer.took_ms.median():.1f} ms a frame'
            for index, encoded in ((H264_INDEX, self._encoded[H264]),
                                   (H264_SMALL_INDEX, self._encoded[H264_SMALL]))
            if (encoder := encoded.encoder)))))

    def _most_bps(self, spec: VideoSpec) -> int | None:
        newest = self.renditions[spec].newest
        return round(self.rates[spec].bitrate_bps(spec, newest.width, newest.height)) \
            if newest else None

    def _update(self) -> None:
        """Let those work whose frames are wanted."""
        now_s = time.monotonic()
        users = self.renditions[H264].users
        if self._source is not None:
            if bool(users) != self._source_wanted:
                self._source_wanted, self._source_since_s = bool(users), now_s
                self._passing = self.renditions[H264].rate.fixed = False
                self._ready_made.attach(asyncio.get_running_loop())
                self._source.want(self._source_wanted)
            if self._passing and now_s - self._source_last_s > _SILENT_S:
                self._passing = self.renditions[H264].rate.fixed = False
        # A source may need a moment for its first key frame, JPEGs are shown in the meantime.
        waits = (self._source is not None and self._source_wanted and self._source.available
                 and now_s - self._source_since_s < _KEY_PATIENCE_S)
        if self._source_wanted and not self._passing and not waits and self._keyless:
            self._say("the camera's own H.264 has no key frames, and viewers start with one: have "
                      'it send at least one a second; until then, H.264 is encoded here')
        self._encoded[H264].want(users > 0 and not self._passing and not waits
                                 and H264 not in self._reasons)
        self._encoded[H264_SMALL].want(self.renditions[H264_SMALL].users > 0
                                       and H264_SMALL not in self._reasons)

    def _put_ready(self, frame: Frame) -> None:
        self._source_last_s = time.monotonic()
        if not self._source_wanted:
            return
        self._reception.show()
        self.renditions[H264].put(frame)
        if not self._passing:
            self._passing = True
            self._update()
            self._set_rate(H264)  # which it may know nothing of

    def _lost(self) -> None:
        """Ask for a key frame, from the thread of the source."""
        if self._loop is not None:
            try:
                self._loop.call_soon_threadsafe(self.renditions[H264].want_key)
            except RuntimeError:  # the loop has been closed: the server is stopping
                pass

    def _request_key(self, spec: VideoSpec) -> None:
        if spec == H264 and self._source is not None and (
                self._passing or self._source_wanted):
            self._source.request_key_frame()
        self._encoded[spec].renderer.request_key_frame()

    def _set_rate(self, spec: VideoSpec) -> None:
        rendition = self.renditions[spec]
        rate, newest = self.rates[spec], rendition.newest
        rate.share = rendition.rate.share
        if spec == H264 and self._passing and self._source is not None and newest is not None:
            rendition.rate.fixed = not self._source.limit_bitrate(
                rate.bitrate_bps(spec, newest.width, newest.height))

    def _say(self, sentence: str) -> None:
        if sentence and self._once.due(sentence):
            self._log(sentence)


@lru_cache(maxsize=1)
def _without_pyav() -> str:
    """Return that it is not installed, if so; it is not imported for that."""
    return '' if find_spec('av') else 'H.264 needs PyAV: sudo apt install python3-av'


def _rounded(value: float) -> float | None:
    return round(value, 1) if value == value else None
