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

"""Encode one rendition of a stream as H.264, once for all its viewers, in a thread."""

from collections.abc import Callable
from dataclasses import dataclass
import logging
import math
import os
import threading
import time
from typing import Any, TYPE_CHECKING

import numpy as np

from .picture_thread import Pictures, PictureThread
from ...codecs.decoding import decode_frame
from ...codecs.h264_effort import default_bitrate_bps, H264Effort
from ...codecs.jpeg_codec import REDUCTIONS
from ...codecs.jpeg_planes import JpegPlanes
from ...codecs.limits import MAX_PIXELS
from ...core.frame import Frame, image_size, JPEG, StampedImage
from ...core.mailbox import Mailbox
from ...core.reception import Reception
from ...core.statistics import Recent
from ...core.video_spec import VideoSpec

if TYPE_CHECKING:
    from ...codecs.h264_encoder import H264Encoder

_AGAIN_S = 60.0  # after an error of the encoder
_NICENESS = 2  # little: who drives may see what it makes
_SCALES = (1.0, 0.75, 0.5)  # what is encoded where this machine is too slow for the one before


@dataclass
class VideoRate:
    """What an encoder is to keep to; the event loop sets it, the encoder's thread reads it."""

    most_bps: float
    share: float = 1.0  # of what the size and rate of the pictures need to look sharp
    interval_s: float = 1 / 30  # between two pictures

    def bitrate_bps(self, spec: VideoSpec, width: int, height: int) -> float:
        return self.share * default_bitrate_bps(*spec.size(width, height), 1 / self.interval_s,
                                                self.most_bps)


class VideoRenderer:
    """
    Encode the newest picture, and the next as soon as that is done.

    `want` and `request_key_frame` belong to the event loop, `put` to the thread that receives;
    `deliver` is called by the renderer's own thread, which lives only while frames are wanted.

    Attributes
    ----------
    took_ms
        How long each of the last frames took, decoding included.
    failed
        Why there are no frames of it any more, since `want`; empty while all is well.
    again_s
        When it may be tried again after that, in s of the monotonic clock.
    note
        Why it is smaller than was meant; empty where it is not.

    """

    def __init__(self, spec: VideoSpec, rate: VideoRate, deliver: Callable[[Frame], None],
                 reception: Reception, max_pixels: int = MAX_PIXELS) -> None:
        self._spec, self._rate, self._max_pixels = spec, rate, max_pixels
        self._deliver, self._reception = deliver, reception
        self.took_ms = Recent()
        self._effort = H264Effort(len(_SCALES))
        self.failed = self.note = ''
        self.again_s = 0.0
        self._lock = threading.Lock()  # guards all that follows
        self._wanted = self._key_wanted = False
        self._thread = PictureThread('h264', self._run)

    @property
    def replaced(self) -> int:
        with self._lock:
            return self._thread.replaced

    @property
    def name(self) -> str:
        return 'libx264'

    def want(self, wanted: bool) -> None:
        with self._lock:
            if wanted and not self._wanted:
                self.failed = self.note = ''
                self.took_ms.clear()
            self._wanted = wanted
            if not wanted:
                self._thread.end()

    def request_key_frame(self) -> None:
        self._key_wanted = True

    def put(self, picture: Frame | StampedImage) -> None:
        """Offer a new picture; it is left out when nobody wants frames."""
        if not self._wanted:
            return
        with self._lock:
            if not self._wanted or self.failed:
                return
            self._thread.put(picture)

    def _run(self, pictures: Pictures) -> None:
        # On Linux, this is of the thread, and of those that x264 makes: a busy processor is for
        # the JPEGs first.
        os.nice(_NICENESS)
        # Here, because OpenCV and PyAV are not needed where nobody wants H.264: 60 MB.
        from ...codecs.h264_encoder import H264Encoder, why_missing
        if reason := why_missing():
            self._fail(pictures, reason, math.inf)  # not before the program is started anew
            return
        encoder = H264Encoder(self._rate.most_bps, 1 / self._rate.interval_s)
        planes = JpegPlanes()
        while True:
            try:
                picture = pictures.take()
                if picture is not None and self._thread.serves(pictures):
                    self._settle(pictures, self._render(pictures, encoder, planes, picture))
            except Mailbox.Closed:
                return
            except ValueError as error:  # one picture that cannot be decoded is one picture
                self._settle(pictures, None, str(error))
            except Exception as error:
                self._fail(pictures, f'H.264 cannot be encoded ({type(error).__name__}: {error})',
                           time.monotonic() + _AGAIN_S)
                logging.getLogger(__name__).exception('cannot encode H.264')
                return

    def _render(self, pictures: Pictures, encoder: 'H264Encoder', planes: JpegPlanes,
                picture: Frame | StampedImage) -> Frame | None:
        interval_s = self._rate.interval_s
        level = self._effort.level(picture.width * picture.height / interval_s)
        self.note = self._effort.reason
        if level == len(_SCALES):
            self._fail(pictures, self.note, self._effort.retry_at_s)
            return None
        begun_s = time.monotonic()
        encoder.fps = 1 / interval_s
        encoder.bitrate_bps = self._rate.bitrate_bps(self._spec, picture.width, picture.height)
        size = self._spec.size(picture.width, picture.height, _SCALES[level])
        image = _image(picture, size, planes, self._max_pixels)
        if self._key_wanted:
            self._key_wanted = False
            encoder.request_key_frame()
        frame = encoder.encode(image, picture.stamp_ns, picture.sequence)
        took_s = time.monotonic() - begun_s
        self.took_ms.add(took_s * 1e3)
        self._effort.add(took_s, interval_s)
        return frame

    def _settle(self, pictures: Pictures, frame: Frame | None,
                failure: str = '') -> None:
        """Hand on what was made, unless another thread is at work already, and ahead."""
        with self._lock:
            if not self._thread.serves(pictures):
                return
            if failure:
                self._reception.refuse(failure)
            else:
                self._reception.show()
                if frame is not None:
                    self._deliver(frame)

    def _fail(self, pictures: Pictures, reason: str, again_s: float) -> None:
        with self._lock:
            if self._thread.serves(pictures):
                self.failed, self.again_s = reason, again_s
                self._thread.end()


def _image(picture: Frame | StampedImage, size: tuple[int, int], planes: JpegPlanes,
           max_pixels: int) -> Any:
    """Return a picture in that size, decoded no larger than needed, or as planes."""
    import cv2

    reduction = 1
    if isinstance(picture, Frame):
        if size == (picture.width, picture.height) and picture.codec == JPEG:
            found = planes.decode(picture.data, max_pixels)
            if found is not None:
                return found
        # libjpeg rounds up
        reduction = next((one for one in REDUCTIONS if -(-picture.width // one) >= size[0]
                          and -(-picture.height // one) >= size[1]), 1)
    image = decode_frame(picture, reduction, max_pixels=max_pixels)
    if image_size(image) == size:
        return image
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
