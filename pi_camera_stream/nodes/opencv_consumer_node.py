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

"""The node that works on pictures with OpenCV."""

from collections.abc import Sequence
from dataclasses import asdict
import json
import threading
import time
import traceback

from sensor_msgs.msg import CompressedImage
from std_msgs.msg import String

from . import diagnostics
from .decoding import decode
from .image_topic import create_image_publisher, jpeg_message, JpegSubscription
from .parameter_tables import OPENCV_CONSUMER
from .run import run_node
from .stream_node import StreamNode
from ..core.frame import Frame, Image
from ..core.jpeg import JpegHeader
from ..core.mailbox import Mailbox
from ..core.parameters import Value
from ..core.statistics import RateMeter, Recent
from ..encoders.jpeg_encoder import JpegEncoder
from ..vision.processor import Findings, Processor
from ..vision.registry import create_processor


class OpencvConsumerNode(StreamNode):
    """
    Decode the newest picture, process it, publish what was found.

    The executor's thread only receives; while the working thread is busy with one picture, newer
    ones replace each other. So a processor that is slower than the camera costs pictures, but
    does not make the results older.
    """

    def __init__(self) -> None:
        super().__init__('opencv_consumer', OPENCV_CONSUMER)
        self._processor = self._named_processor(self.value('processor'))
        self._encoder = JpegEncoder(self.value('jpeg_quality'))
        self._newest: Mailbox[tuple[Frame, CompressedImage]] = Mailbox()
        self._subscription = JpegSubscription(self, 'image_raw/compressed', self._on_frame)
        self._results = self.create_publisher(String, 'results', 1)
        self._images = create_image_publisher(self, CompressedImage, 'image_processed/compressed')
        self._processed = RateMeter()
        self._ages_ms, self._work_ms = Recent(), Recent()
        self._detections = 0
        self._undecodable = 0
        self._failed = 0
        self._worker = threading.Thread(target=self._work, name='work', daemon=True)
        diagnostics.Diagnostics(self, 'processing', self._health)

    def start(self) -> None:
        """Subscribe, and start to work."""
        super().start()
        self._subscription.subscribe()
        self._worker.start()
        self.get_logger().info(f"running '{self._processor[0]}' on '{self._subscription.topic}'")

    def stop(self) -> None:
        """End the working thread."""
        self._newest.close()
        if self._worker.is_alive():
            self._worker.join(timeout=1.0)

    def on_parameter(self, name: str, value: Value) -> None:
        """Change the processor or the JPEG quality from the next picture on."""
        if name == 'processor':
            self._processor = self._named_processor(str(value))
        elif name == 'jpeg_quality':
            self._encoder.quality = int(value)

    @staticmethod
    def _named_processor(name: str) -> tuple[str, Processor]:
        """Return a processor together with its name: the working thread must see both change."""
        return name, create_processor(name)

    def _on_frame(self, frame: Frame, message: CompressedImage) -> None:
        self._newest.put((frame, message))

    def _work(self) -> None:
        while True:
            try:
                newest = self._newest.take()
                if newest is not None:
                    self._process(*newest)
            except Mailbox.Closed:
                return
            except Exception as error:  # one picture that a processor chokes on is one picture
                if not self.context.ok():  # Ctrl-C has closed the topics
                    return
                self._failed += 1
                self.get_logger().error(
                    f"processor '{self._processor[0]}' failed: {error!r}\n"
                    + traceback.format_exc(), throttle_duration_sec=1.0)

    def _process(self, frame: Frame, message: CompressedImage) -> None:
        started_s = time.perf_counter()
        image = decode(message)
        if image is None:
            self._undecodable += 1
            self.get_logger().warning('left out a picture that cannot be decoded',
                                      throttle_duration_sec=10.0)
            return
        name, processor = self._processor
        findings = processor.process(image)
        work_ms = (time.perf_counter() - started_s) * 1e3
        age_ms = (self.get_clock().now().nanoseconds - frame.stamp_ns) / 1e6
        self._publish_results(name, frame, message, findings, age_ms, work_ms)
        if self._images.get_subscription_count() > 0:
            self._publish_image(processor, image, findings, message)
        self._processed.add()
        self._ages_ms.add(age_ms)
        self._work_ms.add(work_ms)
        self._detections = len(findings.detections)

    def _publish_results(self, processor: str, frame: Frame, message: CompressedImage,
                         findings: Findings, age_ms: float, work_ms: float) -> None:
        self._results.publish(String(data=json.dumps({
            'stamp': {'sec': message.header.stamp.sec, 'nanosec': message.header.stamp.nanosec},
            'frame_id': message.header.frame_id,
            'width': frame.width,
            'height': frame.height,
            'processor': processor,
            'detections': [asdict(detection) for detection in findings.detections],
            'values': findings.values,
            'age_ms': round(age_ms, 2),
            'processing_ms': round(work_ms, 2),
        })))

    def _publish_image(self, processor: Processor, image: Image, findings: Findings,
                       message: CompressedImage) -> None:
        annotated = processor.annotate(image, findings)
        header = JpegHeader(annotated.shape[1], annotated.shape[0],
                            1 if annotated.ndim == 2 else 3)
        self._images.publish(jpeg_message(self._encoder.encode(annotated), header,
                                          message.header.stamp, message.header.frame_id))

    def _health(self) -> diagnostics.Health:
        received, rate = self._subscription.received.per_second(), self._processed.per_second()
        values = {
            'topic': self._subscription.topic,
            'processor': self._processor[0],
            'frames/s received': received,
            'frames/s processed': rate,
            'age of the result [ms]': self._ages_ms.median(),
            'decoding and processing [ms]': self._work_ms.median(),
            'detections': self._detections,
            'dropped, processing is slower': self._newest.dropped,
            'corrupt pictures': self._subscription.corrupt + self._undecodable,
            'pictures on which the processor failed': self._failed,
        }
        if received == 0:
            return diagnostics.Health(
                diagnostics.WARN, f"no picture from '{self._subscription.topic}'", values)
        if rate == 0:
            return diagnostics.Health(
                diagnostics.ERROR, 'pictures come, but none was processed for 2 s', values)
        return diagnostics.Health(diagnostics.OK, f'{rate:.1f} frames/s', values)


def main(args: Sequence[str] | None = None) -> int:
    """Run the OpenCV consumer; `args` are the arguments behind the program's name."""
    return run_node(OpencvConsumerNode, 'opencv_consumer_node', args)
