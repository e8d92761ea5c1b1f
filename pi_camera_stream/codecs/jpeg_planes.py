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

"""JPEGs decoded to the planes that a video encoder takes, without a picture in BGR in between."""

from typing import Any

from .limits import check_jpeg, MAX_PIXELS
from .orientation import UPRIGHT

_FULL, _LIMITED = 2, 1  # ranges, as FFmpeg numbers them: of JPEGs, and of video


class JpegPlanes:
    """
    Decode JPEGs in their own size, in one thread; whoever gets none decodes them as usual.

    That takes less than half of the time: JPEGs have these planes inside, mostly in the size that
    they have in H.264.
    """

    def __init__(self) -> None:
        self._decoder: Any = None
        self._converter: Any = None
        # None for an old PyAV (10), which cannot be told, and takes the right ones for JPEGs.
        self._ranges = {'src_color_range': _FULL, 'dst_color_range': _LIMITED}

    def decode(self, jpeg: bytes, max_pixels: int = MAX_PIXELS) -> Any:
        """Return an `av.VideoFrame`, 4:2:0 of limited range; None for all that is unusual."""
        try:
            header = check_jpeg(jpeg, max_pixels)
        except ValueError:
            return None
        if header.orientation != UPRIGHT or header.width % 2 or header.height % 2:
            return None
        import av
        try:
            if self._decoder is None:
                self._open()
            found = self._decoder.decode(av.Packet(jpeg))
            if [(one.width, one.height) for one in found] != [(header.width, header.height)]:
                return None
            return self._convert(found[0])
        except (av.FFmpegError, ValueError):  # broken
            self._decoder = None
        return None

    def _convert(self, picture: Any) -> Any:
        try:
            return self._converter.reformat(picture, format='yuv420p', **self._ranges)
        except TypeError:
            if not self._ranges:
                raise
            self._ranges = {}
            return self._convert(picture)

    def _open(self) -> None:
        import av
        from av.video.reformatter import VideoReformatter
        av.logging.set_level(av.logging.PANIC)  # what is broken is told of by whoever decides
        decoder: Any = av.CodecContext.create('mjpeg', 'r')
        decoder.thread_count = 1  # with more, pictures wait for those behind them
        decoder.options = {'err_detect': 'explode'}  # OpenCV decides on what is broken
        self._decoder, self._converter = decoder, VideoReformatter()
