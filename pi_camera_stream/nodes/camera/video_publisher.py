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

"""The camera's H.264, beside its JPEGs, which must not wait."""

from dataclasses import replace
import threading
from typing import Any

from rclpy.node import Node

from .bitrate_limit import BitrateLimit
from .newest_thread import NewestThread
from .source_video import SourceVideo
from .video_encoder import VideoEncoder, VideoImage
from .video_topic import VideoTopic
from ...client.entities import Periodic
from ...client.graph import subscriptions
from ...codecs.h264_effort import default_bitrate_bps
from ...core.frame import Frame
from ...core.statistics import RateMeter
from ...sources.capture_loop import CaptureLoop

_LOOK_S = 1.0  # between two looks for new subscribers, beside their number at each picture
_NICENESS = 5  # of the thread that encodes
_REPEAT_S = 10.0  # how often the same problem is logged


class VideoPublisher:
    """
    Encode and publish the newest picture, in a thread of its own that the first one starts.

    What the source has of H.264 itself is published in place of it, as soon as that comes. Nothing
    is encoded while nobody subscribes. `put` belongs to one thread; the rest may be used by any.

    Attributes
    ----------
    most_bps
        The bit rate at the most.
    asked
        What receivers ask it to keep to.

    """

    def __init__(self, node: Node, most_bps: float, max_pixels: int,
                 capture: CaptureLoop | None = None) -> None:
        self.published = RateMeter()
        self.corrupt = 0  # could not be encoded
        self.encoder = VideoEncoder(most_bps, max_pixels)
        self.most_bps = most_bps
        self._node = node
        self._topic = VideoTopic(node)
        self.asked = BitrateLimit(node, self._topic.name)
        if missing := self._topic.why_missing():
            node.get_logger().info(f"there is no '{self._topic.name}': {missing}")
        self._source = SourceVideo(node, capture, self._pass_on) if capture else None
        self._publishing = threading.Lock()  # guards the next two, and the order of frames
        self._sequence, self._frame_id = 0, ''
        self._interval_s = 0.0  # between the last pictures
        # A busy processor is for the JPEGs first.
        self._thread: NewestThread[VideoImage] = NewestThread(
            node, 'h264', self._publish, self.encoder.forget,
            'a picture that cannot be published as H.264', _NICENESS)
        self._served = 0  # subscribers at the last picture
        # Those that were there at the last look, and whether some of them were new.
        self._known: set[bytes] = set()
        self._had_new = False
        Periodic(node, _LOOK_S, self._look)

    @property
    def publishers(self) -> tuple[Any, ...]:
        return () if self._topic.publisher is None else (self._topic.publisher,)

    def subscribers(self) -> int:
        return self._topic.subscribers()

    @property
    def failed(self) -> int:
        """Return how many could not be published."""
        return self._thread.failed + (self._source.failed if self._source else 0)

    @property
    def failure(self) -> str:
        """Return why the last one could not be published; empty when all was well since."""
        return self._thread.failure

    def put(self, picture: VideoImage) -> None:
        self._frame_id, self._interval_s = picture.frame_id, picture.interval_s
        self.encoder.most_bps = min(self.most_bps, self.asked.bps())
        if self._source is not None:
            self._source.limit_bitrate(default_bitrate_bps(
                picture.size.width, picture.size.height, 1 / picture.interval_s,
                self.encoder.most_bps))
        if self._passes(picture):
            self.encoder.request_key_frame()  # of what may be encoded behind that
            return
        self._thread.put(picture)

    def wanted(self) -> bool:
        """Return whether somebody subscribes; who has just come needs a key frame."""
        count = self.subscribers()
        if self._source is not None:
            self._source.want(count > 0)
        if count > self._served:
            self._ask()
        self._served = count
        return count > 0

    def request_key_frame(self) -> tuple[bool, str]:
        """Let a key frame come soon; return whether one will, and what is to be known of it."""
        if self._topic.why_missing() and not self.subscribers():
            return False, self._topic.why_missing()
        if not self.subscribers():
            return True, (f"nobody subscribes to '{self._topic.name}'; the first frame will be a "
                          'key frame')
        if not self._ask():
            return False, ('the source alone decides when it makes key frames: wait for the next '
                           'one')
        return not self.encoder.why_not, self.encoder.why_not or ('a key frame will come within '
                                                                  '0.5 s')

    def values(self) -> dict[str, object]:
        """Return what the diagnostics tell of it."""
        encoder, source = self.encoder, self._source
        passes = source is not None and self._served > 0 and source.flows(self._interval_s)
        return {
            'H.264 encoder': 'that of the source' if passes else encoder.title or encoder.why_not
                             or self._topic.why_missing() or 'not used',
            **({"source's H.264 is not used": source.why_not}
               if source is not None and source.why_not else {}),
            'H.264 frames/s': self.published.per_second(),
            'H.264 ms a frame': encoder.took_ms.median(),
            'H.264 bit/s': round(8 * self.published.bytes_per_second()),
            'H.264 made smaller': encoder.made_smaller or 'no',
            'dropped, H.264 is slower': self._thread.dropped + (source.dropped if source else 0),
        }

    def close(self) -> None:
        """Publish nothing more, but for the picture that is at work."""
        self._thread.close()
        if self._source is not None:
            self._source.close()

    def join(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)
        if self._source is not None:
            self._source.join(timeout_s)

    def _ask(self) -> bool:
        """Have a key frame come; False where that cannot be asked for."""
        self.encoder.request_key_frame()
        return self._source is None or not self._source.flows(self._interval_s) \
            or self._source.request_key_frame()

    def _look(self) -> None:
        """
        Have a key frame for subscribers that are new, though others have left meanwhile.

        And another one at the next look: what is sent while two ends find each other may get lost.
        """
        if not self._served:
            self._known.clear()
            return
        ends = {bytes(end.endpoint_gid) for end in subscriptions(self._node, self._topic.name)}
        has_new = not ends <= self._known
        if has_new or self._had_new:
            self._ask()
        self._known, self._had_new = ends, has_new

    def _passes(self, picture: VideoImage) -> bool:
        return self._source is not None and self._source.flows(picture.interval_s)

    def _publish(self, picture: VideoImage) -> None:
        try:
            frame, said = self.encoder.encode(picture)
        except ValueError as error:
            self.corrupt += 1
            self._node.get_logger().warning(f'left out a picture of the H.264: {error}',
                                            throttle_duration_sec=_REPEAT_S)
            return
        if said:
            self._node.get_logger().warning(said)
        if frame is not None and not self._passes(picture):
            self._pass_on(frame)

    def _pass_on(self, frame: Frame) -> None:
        with self._publishing:
            self._sequence += 1
            self._topic.publish(replace(frame, sequence=self._sequence), self._frame_id)
            self.published.add(len(frame.data))
