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



"""The topics on which the OpenCV consumer tells what it found."""

from collections.abc import Sequence
from typing import Any

from rclpy.node import Node
from std_msgs.msg import String

from .detection_messages import (
    Detection2DArray,
    detection_array,
    marker_array,
    MarkerArray,
)
from ..jpeg_topic import JpegTopic
from ..qos_watch import QosWatch
from ...client.entities import create_publisher
from ...client.image_topic import stamp_ns
from ...client.qos import reliable_qos
from ...codecs.jpeg_codec import encode_jpeg
from ...core.frame import Frame, Image, image_size
from ...vision.pipeline import Outcome
from ...vision.processor import FrameInfo
from ...vision.results import results_text

LARGEST_BYTES = 4_000_000  # of an annotated picture: a JPEG of 20 megapixels, as a rule


class ConsumerTopics:
    """
    Publish results, each kind only while somebody subscribes to it.

    `detections` exists where vision_msgs is installed, `markers` where visualization_msgs is. The
    working thread publishes.
    """

    def __init__(self, node: Node, jpeg_quality: int, reliable: bool) -> None:
        self.jpeg_quality = jpeg_quality  # 1 to 100; may change at any time
        self._results = create_publisher(node, String, 'results', reliable_qos(1))
        self._images = JpegTopic(node, 'image_processed/compressed', reliable)
        QosWatch(node, [self._images.publisher])
        self._detections: Any = None if Detection2DArray is None else \
            create_publisher(node, Detection2DArray, 'detections', reliable_qos(1))
        self._markers: Any = None if MarkerArray is None else \
            create_publisher(node, MarkerArray, 'markers', reliable_qos(1))

    def wanted(self) -> bool:
        return self.image_wanted() or any(map(_wanted, (
            self._results, self._detections, self._markers)))

    def publish_results(self, header: Any, info: FrameInfo, outcomes: Sequence[Outcome],
                        age_ms: float, processing_ms: float) -> None:
        """Tell what was found in the picture of this header (std_msgs/Header)."""
        if _wanted(self._results):
            documents = [outcome.document for outcome in outcomes]
            self._results.publish(String(
                data=results_text(info, documents, age_ms, processing_ms)))
        if _wanted(self._detections):
            self._detections.publish(detection_array(header, outcomes))
        if _wanted(self._markers):
            self._markers.publish(marker_array(header, outcomes))

    def image_wanted(self) -> bool:
        """Return whether anybody watches the picture with what was found drawn in."""
        return self._images.subscribers() > 0

    def publish_image(self, header: Any, image: Image) -> None:
        self._images.publish(
            Frame(encode_jpeg(image, self.jpeg_quality), stamp_ns(header), 0, *image_size(image)),
            3, header.frame_id)


def _wanted(publisher: Any) -> bool:
    return publisher is not None and publisher.get_subscription_count() > 0
