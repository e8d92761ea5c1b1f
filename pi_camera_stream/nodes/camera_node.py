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

"""The node that owns the camera."""

from collections.abc import Sequence
import threading

from rclpy.time import Time
from sensor_msgs.msg import CameraInfo, CompressedImage

from . import diagnostics
from .image_topic import create_image_publisher, jpeg_message
from .parameter_tables import CAMERA
from .run import run_node
from .stream_node import StreamNode
from ..core.errors import EndOfStream
from ..core.frame import Capture, Image
from ..core.jpeg import check_whole, JpegHeader, NotAJpegError
from ..core.mailbox import Mailbox
from ..core.parameters import Value
from ..core.statistics import RateMeter, Recent
from ..encoders.jpeg_encoder import JpegEncoder
from ..sources.base import SourceSettings
from ..sources.capture_loop import CaptureLoop
from ..sources.registry import create_source

_MISSING_S = 1.0  # pictures are missing after this time, or after five intervals


class CameraNode(StreamNode):
    """
    Publish a source's pictures as `image_raw/compressed`, and `camera_info` with the same stamp.

    The capture thread reads the source; the publishing thread takes the newest picture, encodes it
    when it has to, and publishes; the executor's thread serves parameters and diagnostics. Nothing
    is encoded while nobody subscribes.
    """

    def __init__(self) -> None:
        super().__init__('camera', CAMERA)
        self._source = create_source(SourceSettings(
            self.value('source'), self.value('path'), self.value('width'), self.value('height'),
            self.value('fps')))
        self._frame_id = self.value('frame_id')
        self._encoder = JpegEncoder(self.value('jpeg_quality'))
        self._images = create_image_publisher(self, CompressedImage, 'image_raw/compressed')
        self._infos = create_image_publisher(self, CameraInfo, 'camera_info')
        self._published = RateMeter()
        self._ages_ms = Recent()
        self._corrupt = 0
        self._capture = CaptureLoop(self._source, lambda: self.get_clock().now().nanoseconds,
                                    self._on_source_end, self._on_problem)
        self._publisher = threading.Thread(target=self._publish_all, name='publish', daemon=True)
        diagnostics.Diagnostics(self, 'stream', self._health)

    def start(self) -> None:
        """Start the source and the threads."""
        super().start()
        self.get_logger().info(f"publishing {self._source.title} on '{self._images.topic_name}'")
        if self.value('source') == 'auto':
            self.get_logger().warning(
                'source auto found no camera, so this is a test pattern: pipe a camera into '
                "source stdin, or play a video with source file and the parameter 'path'")
        self._capture.start()
        self._publisher.start()

    def stop(self) -> None:
        """Stop the source and end the threads."""
        if self._publisher.is_alive():
            self._capture.stop()
            self._publisher.join(timeout=1.0)

    def on_parameter(self, name: str, value: Value) -> None:
        """Use a new frame rate, JPEG quality or frame id from the next picture on."""
        if name == 'fps':
            self._source.fps = float(value)
        elif name == 'jpeg_quality':
            self._encoder.quality = int(value)
        elif name == 'frame_id':
            self._frame_id = str(value)

    def _on_source_end(self, reason: Exception) -> None:
        if isinstance(reason, EndOfStream):
            self.get_logger().info(f'{self._source.title}: the end')
        self.end(reason)

    def _on_problem(self, sentence: str) -> None:
        self.get_logger().error(f'{sentence}; trying again', throttle_duration_sec=10.0)

    def _publish_all(self) -> None:
        try:
            while True:
                newest = self._capture.mailbox.take()
                if newest is not None:
                    self._publish(*newest)
        except Mailbox.Closed:
            pass  # the capture thread has said why
        except Exception as error:
            if self.context.ok():  # otherwise Ctrl-C has closed the topics, and this is the end
                self.end(error)

    def _publish(self, capture: Capture, stamp_ns: int) -> None:
        images_wanted = self._images.get_subscription_count() > 0
        if not images_wanted and self._infos.get_subscription_count() == 0:
            return
        try:
            jpeg, header = self._as_jpeg(capture.picture, images_wanted)
        except NotAJpegError as error:
            self._corrupt += 1
            self.get_logger().warning(f'left out a picture that is no whole JPEG: {error}',
                                      throttle_duration_sec=10.0)
            return
        stamp = Time(nanoseconds=stamp_ns).to_msg()
        if images_wanted:
            self._images.publish(jpeg_message(jpeg, header, stamp, self._frame_id))
            self._published.add(len(jpeg))
            self._ages_ms.add((self.get_clock().now().nanoseconds - stamp_ns) / 1e6)
        # An uncalibrated camera says its size and leaves the matrices zero.
        info = CameraInfo(width=header.width, height=header.height)
        info.header.stamp = stamp
        info.header.frame_id = self._frame_id
        self._infos.publish(info)

    def _as_jpeg(self, picture: bytes | Image, wanted: bool) -> tuple[bytes, JpegHeader]:
        if isinstance(picture, bytes):
            return picture, check_whole(picture)
        components = 1 if picture.ndim == 2 else 3
        header = JpegHeader(picture.shape[1], picture.shape[0], components)
        return (self._encoder.encode(picture) if wanted else b''), header

    def _health(self) -> diagnostics.Health:
        wanted, got = self._source.nominal_fps, self._capture.captured.per_second()
        silent_s = self._capture.silent_s()
        values = {
            'source': self._source.title,
            'frames/s wanted': wanted or 'as many as come',
            'frames/s': got,
            'frames/s published': self._published.per_second(),
            'bytes/s published': round(self._published.bytes_per_second()),
            'age when published [ms]': self._ages_ms.median(),
            'subscribers': self._images.get_subscription_count(),
            'dropped, publishing is slower': self._capture.mailbox.dropped,
            'corrupt pictures': self._corrupt,
            **self._source.counters(),
        }
        if silent_s > max(_MISSING_S, 5 / wanted if wanted else 0):
            return diagnostics.Health(
                diagnostics.ERROR, f'no picture for {silent_s:.0f} s', values)
        if got < 0.8 * wanted:
            return diagnostics.Health(
                diagnostics.WARN, f'{got:.1f} of {wanted:.1f} frames/s', values)
        return diagnostics.Health(diagnostics.OK, f'{got:.1f} frames/s', values)


def main(args: Sequence[str] | None = None) -> int:
    """Run the camera node; `args` are the arguments behind the program's name."""
    return run_node(CameraNode, 'camera_node', args)
