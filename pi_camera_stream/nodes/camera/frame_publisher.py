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

"""What the camera node publishes of each picture: JPEG, H.264, raw, small, and its CameraInfo."""

from collections.abc import Callable
import math
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from .adaptation import Adaptation
from .raw_publisher import RawImage, RawPublisher
from .video_encoder import VideoImage
from .video_publisher import VideoPublisher
from ..jpeg_topic import JpegTopic
from ..qos_watch import QosWatch
from ..size_watch import SizeWatch
from ...client.calibration_subscription import info_topic
from ...client.image_topic import create_image_publisher, header_of
from ...client.trace import TracePublisher
from ...codecs.h264_effort import MOST_BPS
from ...codecs.jpeg import JpegHeader
from ...codecs.jpeg_codec import encode_jpeg
from ...codecs.limits import whole_jpeg
from ...codecs.rate_controlled_encoder import RateControlledEncoder
from ...core.errors import FrameRefusedError
from ...core.frame import Capture, EncodedImage, Frame, Image, image_size
from ...core.statistics import RateMeter, Recent
from ...sources.capture_loop import CaptureLoop

_LONGEST_S = 1.0  # that a picture counts for, between two of them

Info = Callable[[int, int], CameraInfo]
"""Returns the CameraInfo, but for its header, of a picture of that width and height."""


class FramePublisher:
    """
    Publish pictures, each kind only while somebody subscribes to it.

    The JPEG and the CameraInfo of a picture are published at once; decoded, and as H.264, it
    follows in threads of its own (`raws`, `video`), or not, so that the next JPEG need not wait.
    `publish` belongs to one thread; the rest may be used by any.
    """

    def __init__(self, node: Node, frame_id: str, lores_width: int, quality: int,
                 info: Info, trace: TracePublisher, limit_bitrate: Callable[[float], bool],
                 max_pixels: int, reliable: bool = False, h264_bps: float = MOST_BPS,
                 capture: CaptureLoop | None = None) -> None:
        self.frame_id = frame_id
        # For what is not JPEG yet, or larger than `adaptation` says.
        self.encoder = RateControlledEncoder(quality, max_pixels)
        self.published = RateMeter()  # rate and bytes of the compressed pictures
        self.ages_ms = Recent()  # of pictures when they were published
        # No whole JPEGs, larger than they may be, or undecodable; why the last one was left out.
        self.corrupt, self.corrupt_reason = 0, ''
        self._max_pixels = max_pixels
        # The last capture and its stamp in ns; None before the first one.
        self.newest: tuple[Capture, int] | None = None
        self._node = node
        self._info = info
        self._trace = trace
        self._limit_bitrate = limit_bitrate
        self._intervals_s = Recent(16)
        self._jpegs = JpegTopic(node, 'image_raw/compressed', reliable)
        self.raws = RawPublisher(node, lores_width, max_pixels)
        self.video = VideoPublisher(node, h264_bps, max_pixels, capture)
        self._infos = create_image_publisher(node, CameraInfo, _info_topic(node, self.topic),
                                             reliable=True)
        self._lores_infos = create_image_publisher(node, CameraInfo, 'lores/camera_info',
                                                   reliable=True)
        self.qos = QosWatch(node, [self._jpegs.publisher, *self.raws.publishers,
                                   *self.video.publishers, self._infos, self._lores_infos])
        self._sizes = SizeWatch(node)
        self.adaptation = Adaptation(node, self.topic)

    @property
    def topic(self) -> str:
        return self._jpegs.name

    def subscribers(self) -> int:
        return sum((self._jpegs.subscribers(), *self.raws.subscribers(),
                    self.video.subscribers()))

    def wanted(self) -> bool:
        return self.subscribers() > 0 or any(
            publisher.get_subscription_count() > 0
            for publisher in (self._infos, self._lores_infos))

    def close(self) -> None:
        """Begin nothing more in the threads beside."""
        self.raws.close()
        self.video.close()

    def join(self, timeout_s: float) -> None:
        self.raws.join(timeout_s)
        self.video.join(timeout_s)

    def publish(self, capture: Capture, stamp_ns: int) -> None:
        if self.newest is not None:
            self._intervals_s.add((stamp_ns - self.newest[1]) / 1e9)
        self.newest = capture, stamp_ns
        images = self._jpegs.subscribers() > 0
        infos, lores_infos = (publisher.get_subscription_count() > 0
                              for publisher in (self._infos, self._lores_infos))
        full, small = (count > 0 for count in self.raws.subscribers())
        video = self.video.wanted()
        if not images:
            self._limit_bitrate(math.inf)  # the link does not matter to the others
        if not (images or full or small or video or infos or lores_infos):
            return
        content = capture.content
        try:
            if isinstance(content, EncodedImage):
                jpeg, size = whole_jpeg(content.data, self._max_pixels)
                content = EncodedImage(jpeg)
            else:
                size = JpegHeader(*image_size(content), 1 if content.ndim == 2 else 3)
        except FrameRefusedError as error:
            self._leave_out(str(error))
            return
        width, height = size.width, size.height
        if images:
            encoded = self._publish_jpeg(content, size, stamp_ns)
            # By its name, `camera_info` belongs to `image_raw`, which is never made smaller.
            if encoded is not None and not full:
                width, height = encoded.width, encoded.height
        if video:
            self.video.put(VideoImage(content, size, stamp_ns, self.frame_id, self._interval_s()))
        if not (full or small or infos or lores_infos):
            return
        header = header_of(stamp_ns, self.frame_id)
        if infos:
            self._publish_info(self._infos, width, height, header)
        if lores_infos:
            self._publish_info(self._lores_infos,
                               *self.raws.lores_size(size.width, size.height), header)
        if full:
            self._sizes.look(size.width * size.height * size.components)
        if full or small:
            self.raws.put(RawImage(content, size, header, full, small, considerate=images))

    def _publish_info(self, publisher: Any, width: int, height: int, header: Header) -> None:
        info = self._info(width, height)
        info.header = header
        publisher.publish(info)

    def as_jpeg(self, capture: Capture) -> bytes:
        content = capture.content
        return whole_jpeg(content.data, self._max_pixels)[0] \
            if isinstance(content, EncodedImage) else encode_jpeg(content, self.encoder.quality)

    def _publish_jpeg(self, content: EncodedImage | Image, size: JpegHeader, stamp_ns: int
                      ) -> Frame | None:
        """Publish a picture in the size that its receivers can take; None when in none."""
        self.encoder.interval_s = self._interval_s()
        self.encoder.bitrate_bps = self.adaptation.budget_bps()
        kept = self._limit_bitrate(self.encoder.bitrate_bps)
        try:
            encoded = self.encoder.fit(
                Frame(content.data, stamp_ns, 0, size.width, size.height), kept) \
                if isinstance(content, EncodedImage) else self.encoder.encode(content, stamp_ns)
        except ValueError as error:
            self._leave_out(f'it cannot be encoded: {error}')
            return None
        if encoded is None:
            return None
        # Before it is published: a receiver may be faster than the return.
        published_ns = self._trace.now_ns()
        self._jpegs.publish(encoded, size.components, self.frame_id)
        size_bytes = len(encoded.data)
        self._sizes.look(size_bytes)
        self.published.add(size_bytes)
        self.ages_ms.add((published_ns - stamp_ns) / 1e6)
        self.adaptation.sent(stamp_ns, published_ns, size_bytes)
        self._trace.publish(self.topic, stamp_ns, encoded=published_ns, published=published_ns)
        return encoded

    def _interval_s(self) -> float:
        """Return the time between two pictures, as it was lately."""
        interval_s = self._intervals_s.median()
        return min(interval_s, _LONGEST_S) if interval_s > 0 else _LONGEST_S

    def adaptation_values(self) -> dict[str, object]:
        budget_bps, spec = self.adaptation.budget_bps(), self.encoder.spec
        return {
            'receivers that report over a link': self.adaptation.receivers(),
            'bit rate allowed [bit/s]': 'any' if budget_bps == math.inf else round(budget_bps),
            'made smaller': f'to {spec.scale:g} of the size, quality {spec.quality}' if spec
                            else 'no',
            'left out to fit': self.encoder.left_out,
        }

    def _leave_out(self, why: str) -> None:
        self.corrupt, self.corrupt_reason = self.corrupt + 1, why
        self._node.get_logger().warning(f'left out a picture: {why}', throttle_duration_sec=10.0)


def _info_topic(node: Node, image_topic: str) -> str:
    """Return where subscribers look for it, if it has no remapping of its own."""
    remapped = node.resolve_topic_name('camera_info')
    if remapped != node.resolve_topic_name('camera_info', only_expand=True):
        return 'camera_info'
    return info_topic(image_topic)
