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

"""
H.264 by libx264, for people who watch live.

No frame waits in the encoder, and none is much larger than the others: x264's rate buffer (VBV)
holds two frames. With one, the key frames of a moving camera are blurred for a third of a second;
with four, they take four frame intervals to arrive.
"""

from fractions import Fraction
import os
from typing import Any

import cv2
import numpy as np

from .pyav import why_no_encoder
from ..core.frame import Frame, H264, Image, image_size

_BUFFER_FRAMES = 2
_KEY_INTERVAL_S = 10.0  # between key frames that nobody has asked for
_GROWN, _SHRUNK = 1.15, 0.6  # of the bit rate it was opened with, before it is opened anew
_OTHER_RATE = 1.25  # of the frame rate
_LEAST_BPS = 50_000.0
_SMALL_PIXELS = 640 * 360  # up to here, a second thread costs more than it gains
_MOST_THREADS = 4
_OPTIONS = {
    'preset': 'superfast',
    'tune': 'zerolatency',
    'forced-idr': '1',
    # As OpenCV's conversion has it: BT.601, 16 to 235. Browsers would guess BT.709 at 720 rows.
    # Primaries and transfer are sRGB's, as in JPEGs: Chromium changes colours that do not say so.
    'x264-params': 'scenecut=0:fullrange=off:colormatrix=smpte170m:colorprim=bt709:'
                   'transfer=iec61966-2-1',
}


def why_missing() -> str:
    """Return why there is no H.264 encoder here, and what helps; empty where there is one."""
    return why_no_encoder('H.264', 'libx264')


class H264Encoder:
    """
    Images in, access units out (Annex B), each at once; parameter sets before each key frame.

    One thread calls `encode`; any may call `request_key_frame` and set the rates.

    Attributes
    ----------
    bitrate_bps
        Of all frames together. Within what it was opened with it changes at once, beyond that with
        a key frame.
    fps
        How many images come in a second, which is what the bit rate is divided by.

    """

    codec = H264

    def __init__(self, bitrate_bps: float, fps: float) -> None:
        self.bitrate_bps, self.fps = bitrate_bps, fps
        self._context: Any = None
        self._size = (0, 0)
        self._opened_bps = self._opened_fps = 0.0
        self._key_wanted = False
        self._count = 0

    def request_key_frame(self) -> None:
        self._key_wanted = True

    def encode(self, image: Any, stamp_ns: int, sequence: int = 0) -> Frame | None:
        """
        Return the frame of an image; the last row and column of an odd size are left out.

        An `av.VideoFrame` is 4:2:0 of limited range, and of an even size.

        Raises ValueError with one sentence when it cannot be encoded.
        """
        import av
        planes = isinstance(image, av.VideoFrame)
        width, height = (image.width, image.height) if planes else (
            side & ~1 for side in image_size(image))
        if not width or not height:
            raise ValueError('a picture of one row or column cannot be H.264')
        bitrate_bps, fps = max(self.bitrate_bps, _LEAST_BPS), max(self.fps, 1.0)
        if self._context is None or not self._fits((width, height), bitrate_bps, fps):
            self._open((width, height), bitrate_bps, fps)
        self._context.bit_rate = round(min(bitrate_bps, self._opened_bps))
        picture = image if planes else av.VideoFrame.from_ndarray(
            _i420(image[:height, :width]), format='yuv420p')
        picture.pict_type = av.video.frame.PictureType.NONE  # JPEGs say that they are key frames
        picture.pts = self._count
        picture.time_base = self._context.time_base
        self._count += 1
        if self._key_wanted:
            self._key_wanted = False
            picture.pict_type = av.video.frame.PictureType.I
        packets = self._context.encode(picture)
        if not packets:
            return None
        return Frame(b''.join(map(bytes, packets)), stamp_ns, sequence, width, height,
                     codec=H264, key=any(packet.is_keyframe for packet in packets))

    def _fits(self, size: tuple[int, int], bitrate_bps: float, fps: float) -> bool:
        """Return whether what is open can do it."""
        return (size == self._size
                and _SHRUNK * self._opened_bps <= bitrate_bps <= _GROWN * self._opened_bps
                and 1 / _OTHER_RATE <= fps / self._opened_fps <= _OTHER_RATE)

    def _open(self, size: tuple[int, int], bitrate_bps: float, fps: float) -> None:
        """Make an encoder anew, which takes 2 ms: x264 does not change its rate buffer."""
        import av
        self._size, self._opened_bps, self._opened_fps = size, bitrate_bps, fps
        context: Any = av.CodecContext.create('libx264', 'w')
        context.width, context.height = size
        context.pix_fmt = 'yuv420p'
        context.framerate = Fraction(fps).limit_denominator(1000)
        context.time_base = 1 / context.framerate
        context.gop_size = round(_KEY_INTERVAL_S * fps)
        context.thread_count = 1 if size[0] * size[1] <= _SMALL_PIXELS else min(
            _MOST_THREADS, os.cpu_count() or 1)
        context.bit_rate = round(bitrate_bps)
        context.options = {**_OPTIONS, 'maxrate': str(round(bitrate_bps)),
                           'bufsize': str(round(_BUFFER_FRAMES * bitrate_bps / fps))}
        self._context, self._count, self._key_wanted = context, 0, False


def _i420(image: Image) -> Image:
    """Return an image as x264 takes it: 1.3 ms for 1280x720, where PyAV would take 4.5."""
    colours = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) if image.ndim == 2 else image
    return np.asarray(cv2.cvtColor(colours, cv2.COLOR_BGR2YUV_I420), np.uint8)
