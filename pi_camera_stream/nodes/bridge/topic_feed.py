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

"""One picture topic of the bridge: from its subscription into its stream."""

from typing import Any

from ..base_node import BaseNode
from ...client.clock import now_function
from ...client.image_subscription import ImageSubscription
from ...client.trace import TracePublisher
from ...client.video_subscription import VideoSubscription
from ...codecs.renditions import RenditionEncoder
from ...core.frame import Frame, StampedImage
from ...core.rendition_spec import RenditionSpec
from ...web.stream.stream import Stream
from ...web.stream.video import VideoOptions


class TopicFeed:
    """Receive a topic while its stream is watched: messages in the executor's thread."""

    def __init__(self, node: BaseNode, topic: str, encoder: RenditionEncoder, full: RenditionSpec,
                 *, video: VideoOptions, trace: TracePublisher, **options: Any) -> None:
        """
        Make it; nothing is received yet.

        `full` is how the full picture is encoded when the topic's are not JPEG, and `video` how
        H.264 is; `options` are those of ImageSubscription.
        """
        self._node, self._topic, self._trace = node, topic, trace
        self._now_ns = now_function(node)
        self._subscription = ImageSubscription(node, topic, self._on_frame, **options)
        # What the camera has encoded already is not encoded again.
        self._video = VideoSubscription(node, topic, lambda frame: self.stream.offer_video(frame),
                                       max_pixels=options['max_pixels'])
        self.stream = Stream(topic, self._now_ns, self._on_demand, encoder, full,
                             self._subscription.reception, options=video, video=self._video)
        self.stream.on_painted = self._on_painted

    def _on_demand(self, wanted: bool) -> None:
        self._node.run_soon(self._subscription.subscribe if wanted
                            else self._subscription.unsubscribe)
        self._node.run_soon(lambda: self._video.look(wanted))

    def _on_frame(self, frame: Frame | StampedImage, _message: Any) -> None:
        self.stream.offer(frame)
        self._trace.publish(self._topic, frame.stamp_ns, received=self._now_ns())

    def _on_painted(self, stamp_ns: int, age_ms: float, uncertainty_ms: float) -> None:
        """Publish when a page painted a picture; called by the web server's thread."""
        self._trace.publish(self._topic, stamp_ns, painted=stamp_ns + round(age_ms * 1e6),
                            uncertainty=round(uncertainty_ms * 1e6))
