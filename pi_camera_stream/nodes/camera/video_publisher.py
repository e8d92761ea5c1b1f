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
from .video_encoder import VideoEncoder, VideoImage
from .video_passing import VideoPassing
from .video_topic import VideoTopic
from ...core.frame import Frame
from ...core.mailbox import Mailbox
from ...core.statistics import RateMeter
from ...sources.capture_loop import CaptureLoop

_IDLE_S = 2.0  # without a picture, until memory is given back
_REPEAT_S = 10.0  # how often the same problem is logged


class VideoPublisher:
    """
    Encode and publish the newest picture, in a thread of its own that the first one starts.

    Nothing is encoded while nobody subscribes, nor where the camera has H.264 as such. `wanted`
    and `put` belong to one thread; the rest may be used by any.

    Attributes
    ----------
    most_bps
        The bit rate at the most.
    asked
        What receivers ask it to keep to.

    """

    def __init__(self, node: Node, most_bps: float, max_pixels: int) -> None:
        self.published = RateMeter()
        self.corrupt = self.failed = 0  # could not be encoded, or not be published
        self.failure = ''  # of the last to be published; empty when all was well since
        self.encoder = VideoEncoder(most_bps, max_pixels)
        self.most_bps = most_bps
        self._node = node
        self._topic = VideoTopic(node)
        self.asked = BitrateLimit(node, self._topic.name)
        if missing := self._topic.why_missing():
            node.get_logger().info(f"there is no '{self._topic.name}': {missing}")
        self._passing: VideoPassing | None = None
        self._passes = False  # whether nothing was to be encoded of the last picture
        self._frame_id = ''
        self._pictures: Mailbox[VideoImage] = Mailbox()
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()
        self._served = self._sequence = 0  # subscribers at the last picture; frames

    def pass_from(self, capture: CaptureLoop) -> None:
        """Publish the H.264 of the source as it is, while it has some; before any picture."""
        self._passing = VideoPassing(capture, self._pass)

    @property
    def publishers(self) -> tuple[Any, ...]:
        return () if self._topic.publisher is None else (self._topic.publisher,)

    def subscribers(self) -> int:
        return self._topic.subscribers()

    def put(self, picture: VideoImage) -> None:
        self._frame_id = picture.frame_id
        if self._closed.is_set():
            return
        passes = self._passing is not None and self._passing.want(True, self._allowed_bps())
        if self._passes and not passes:
            self.encoder.request_key_frame()
        self._passes = passes
        if passes:
            return
        self._pictures.put(picture)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name='h264', daemon=True)
            self._thread.start()

    def wanted(self) -> bool:
        """Return whether somebody subscribes; who has just come needs a key frame."""
        count = self.subscribers()
        if count > self._served:
            self._ask_for_key_frame()
        self._served = count
        if not count and self._passing is not None:
            self._passing.want(False)
        return count > 0

    def request_key_frame(self) -> tuple[bool, str]:
        """Let a key frame come soon; return whether one will, and what is to be known of it."""
        if self._topic.why_missing() and not self.subscribers():
            return False, self._topic.why_missing()
        if not self.subscribers():
            return True, f"nobody subscribes to '{self._topic.name}': the first is a key frame"
        if not self._ask_for_key_frame():
            return False, "the camera's own H.264 is passed on, with the key frames that it has"
        return not self.encoder.why_not, self.encoder.why_not or 'a key frame comes within 0.5 s'

    def values(self) -> dict[str, object]:
        """Return what the diagnostics tell of it."""
        encoder, passing = self.encoder, self._passing
        own = "the camera's own" if passing is not None and passing.flows else ''
        return {
            'H.264 encoder': own or encoder.title or encoder.why_not or self._topic.why_missing()
                             or 'not used',
            'H.264 frames/s': self.published.per_second(),
            'H.264 ms a frame': encoder.took_ms.median(),
            'H.264 bit/s': round(8 * self.published.bytes_per_second()),
            'H.264 made smaller': encoder.made_smaller or 'no',
            'dropped, H.264 is slower': self._pictures.dropped + (
                passing.dropped if passing is not None else 0),
        }

    def close(self) -> None:
        """Publish nothing more, but for the picture that is at work."""
        self._closed.set()
        self._pictures.close()
        if self._passing is not None:
            self._passing.close()

    def join(self, timeout_s: float) -> None:
        for thread in (self._thread, self._passing):
            if thread is not None:
                thread.join(timeout_s)

    def _allowed_bps(self) -> float:
        return min(self.most_bps, self.asked.bps())

    def _ask_for_key_frame(self) -> bool:
        """Ask whichever makes them; False where it cannot be asked."""
        if self._passing is not None and self._passing.flows:
            return self._passing.request_key_frame()
        self.encoder.request_key_frame()
        return True

    def _pass(self, frame: Frame) -> None:
        """Publish an access unit of the camera, in a thread of its own."""
        try:
            if not self._closed.is_set():
                self._send(frame, self._frame_id)
                self.failure = ''
        except Exception as error:  # one access unit that cannot be published is one
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        if self._closed.is_set() or not self._node.context.ok():
            return  # Ctrl-C has closed the topics
        self.failed += 1
        self.failure = f'left out a picture that cannot be published as H.264: {error!r}'
        self._node.get_logger().error(self.failure, throttle_duration_sec=_REPEAT_S)

    def _send(self, frame: Frame, frame_id: str) -> None:
        self._sequence += 1
        self._topic.publish(replace(frame, sequence=self._sequence), frame_id)
        self.published.add(len(frame.data))

    def _run(self) -> None:
        while True:
            try:
                picture = self._pictures.take(_IDLE_S)
                if self._closed.is_set():
                    return
                if picture is None:
                    self.encoder.forget()
                else:
                    self._publish(picture)
                self.failure = ''
            except Mailbox.Closed:
                return
            except Exception as error:  # one picture that cannot be published is one picture
                self._fail(error)

    def _publish(self, picture: VideoImage) -> None:
        self.encoder.most_bps = self._allowed_bps()
        try:
            frame, said = self.encoder.encode(picture)
        except ValueError as error:
            self.corrupt += 1
            self._node.get_logger().warning(f'left out a picture of the H.264: {error}',
                                            throttle_duration_sec=_REPEAT_S)
            return
        if said:
            self._node.get_logger().warning(said)
        if frame is not None:
            self._send(frame, picture.frame_id)
