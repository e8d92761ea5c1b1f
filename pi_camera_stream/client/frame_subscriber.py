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

"""The newest picture of a topic, for programs: in a loop, or as a stand-in for VideoCapture."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
import secrets
import time
from typing import Any

import cv2
from rclpy.node import Node

from .background_node import BackgroundNode
from .calibration_subscription import CalibrationSubscription
from .clock_service import ClockService, PublisherClock
from .decoded_video import DecodedVideo
from .image_subscription import ImageSubscription
from .trace import TracePublisher
from ..codecs.decoding import decode_frame
from ..codecs.jpeg_codec import REDUCTIONS
from ..codecs.limits import MAX_PIXELS
from ..core.frame import Frame, H264, Image, image_size, JPEG, StampedImage
from ..core.mailbox import Mailbox
from ..core.pacing import Occasionally
from ..core.reception import Signal
from ..vision.rectifier import Rectifier

_SLICE_S = 0.25  # how long a wait cannot be ended by a shutdown
_EXPLAIN_S = 3.0  # without a picture, before it is said what topics there are
_REPEAT_S = 30.0
_READ_S = 5.0  # how long `read` waits, as VideoCapture does for a camera


@dataclass(frozen=True, eq=False)
class ReceivedFrame:
    """
    One picture, decoded.

    Attributes
    ----------
    image
        H x W x 3 (BGR) or H x W (grey), uint8.
    jpeg
        The same as it came; empty where that was no JPEG.
    stamp_ns
        Capture time in ns of ROS time (`header.stamp`).
    frame_id
        TF frame.
    sequence
        Counts the pictures that arrived, from 1; the gaps are those that were dropped for newer
        ones.

    """

    image: Image
    jpeg: bytes
    stamp_ns: int
    frame_id: str
    sequence: int
    _now_ns: Callable[[], int]

    @property
    def age_s(self) -> float:
        """
        Return the seconds since capture, now.

        They are by the camera's clock, where its node is one of this package and on another
        machine; its offset is known to half of a round trip.
        """
        return (self._now_ns() - self.stamp_ns) / 1e9


class FrameSubscriber:
    """
    Receive an image topic, compressed or raw, and give out its newest picture whenever asked.

    Use it as a context manager and iterate: a picture that is being worked on costs others, never
    their age. The iteration waits while no picture comes, leaves out what cannot be decoded, and
    ends with `close`, or when ROS shuts down. It is also a stand-in for `cv2.VideoCapture`:
    `isOpened`, `read`, `get`, `release`. One thread reads; any may close.

    Attributes
    ----------
    topic
        Full name of the topic.

    """

    def __init__(self, topic: str = '/camera/image_raw/compressed', *, node: Node | None = None,
                 reduce: int = 1, color: str = 'bgr', rectify: bool = False,
                 adaptive: bool = True, max_pixels: int = MAX_PIXELS, codec: str = JPEG) -> None:
        """
        Subscribe, best effort; to H.264 reliable.

        Parameters
        ----------
        topic
            Its name; a relative one belongs to the namespace of `node`. Where only `image_raw` is
            published, `image_raw/compressed` stands for it, too, and the other way round.
        node
            A node of one's own, which must be spun; None makes one, with a context and a thread.
        reduce
            1, 2, 4 or 8: decode at this part of the size, in a fraction of the time.
        color
            `bgr` or `gray`.
        rectify
            Undistort by the topic's `camera_info`; pictures come as they are while there is no
            calibration that fits them.
        adaptive
            Let the camera know what arrives, so that it sends no more than the link can take.
        max_pixels
            Leave out a picture of more pixels: a few bytes can claim to be one of gigabytes.
        codec
            `jpeg`, or `h264` for `image_raw/foxglove` of the same `image_raw`: a tenth of the
            bytes. Every picture is decoded then, in a thread of its own, whoever asks for it.

        Raises
        ------
        ValueError
            An argument is none of those.

        """
        if color not in ('bgr', 'gray'):
            raise ValueError(f"color must be 'bgr' or 'gray', not {color!r}")
        if reduce not in (1, *REDUCTIONS):
            raise ValueError(f'reduce must be 1, 2, 4 or 8, not {reduce!r}')
        if max_pixels < 1:
            raise ValueError(f'max_pixels must be 1 or more, not {max_pixels!r}')
        if codec not in (JPEG, H264):
            raise ValueError(f"codec must be 'jpeg' or 'h264', not {codec!r}")
        self._reduction, self._grey, self._max_pixels = reduce, color == 'gray', max_pixels
        self._newest: Mailbox[tuple[Frame | StampedImage, str]] = Mailbox()
        self._grabbed: ReceivedFrame | None = None
        self._size = (0, 0)
        self._begun_s = time.monotonic()
        self._explained = Occasionally(_REPEAT_S)
        self._unrectified = Occasionally(_REPEAT_S)
        self._closed = False
        self._rectifier = Rectifier()
        self._calibration: CalibrationSubscription | None = None
        self._own: BackgroundNode | None = None
        if node is None:
            # Nodes are told from each other by their names.
            self._own = BackgroundNode(f'frame_subscriber_{secrets.token_hex(4)}')
            node = self._own.node
            ClockService(node)
        self._node: Node = node
        self._trace = TracePublisher(node) if self._own else None
        self._subscription: ImageSubscription | DecodedVideo = \
            DecodedVideo(self._node, topic, self._on_frame, max_pixels=max_pixels) \
            if codec == H264 else ImageSubscription(self._node, topic, self._on_frame,
                                                    adaptive=adaptive, max_pixels=max_pixels)
        self._clock = PublisherClock(self._node, lambda: self._subscription.source)
        try:
            self._subscription.subscribe()
            self.topic = self._subscription.topic
            if rectify:
                self._calibration = CalibrationSubscription(self._node, self.topic)
                self._calibration.follow(True)
        except Exception:  # rclpy's, about the name
            self.close()
            raise
        if self._own is not None:
            self._own.start()

    def __enter__(self) -> 'FrameSubscriber':
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[ReceivedFrame]:
        """Yield the newest picture, again and again, each at most once."""
        while True:
            try:
                frame = self.next_frame(_SLICE_S)
            except Mailbox.Closed:
                return
            if frame is not None:
                yield frame
            elif not self._node.context.ok():
                return

    def next_frame(self, timeout_s: float | None = None) -> ReceivedFrame | None:
        """
        Wait for a picture that was not given out yet; None when `timeout_s` passed without one.

        Raises Mailbox.Closed after `close`.
        """
        deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            rest_s = _SLICE_S if deadline_s is None else deadline_s - time.monotonic()
            newest = self._newest.take(min(max(rest_s, 0.0), _SLICE_S))
            if newest is not None:
                frame = self._decode(*newest)
                if frame is not None:
                    return frame
            elif not self._node.context.ok():
                return None
            else:
                self._log_why_silent()
            if deadline_s is not None and time.monotonic() >= deadline_s:
                return None

    def counters(self) -> Mapping[str, int]:
        """Return how many came, their bytes, were dropped for newer ones, and were unusable."""
        reception = self._subscription.reception
        undecoded = self._subscription.dropped \
            if isinstance(self._subscription, DecodedVideo) else 0
        return {'received': reception.received.total, 'bytes': reception.received.total_bytes,
                'dropped': self._newest.dropped + undecoded, 'corrupt': reception.refused}

    def signal(self) -> Signal:
        """Return whether pictures come, and why none is shown while none is. Any thread."""
        return self._subscription.reception.signal()

    def close(self) -> None:
        """Receive nothing any more; whoever iterates comes to the end."""
        if self._closed:
            return
        self._closed = True
        self._newest.close()
        if self._own is not None:
            self._own.stop()
            if isinstance(self._subscription, DecodedVideo):
                self._subscription.stop()
        else:
            self._subscription.unsubscribe()
            self._clock.close()
            if self._calibration is not None:
                self._calibration.follow(False)

    # As cv2.VideoCapture has them:
    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        """Return whether pictures may come."""
        return not self._closed and bool(self._node.context.ok())

    def grab(self) -> bool:
        """Wait up to 5 s for a picture, for `retrieve`."""
        try:
            self._grabbed = self.next_frame(_READ_S)
        except Mailbox.Closed:
            self._grabbed = None
        return self._grabbed is not None

    def retrieve(self) -> tuple[bool, Image | None]:
        """Return the picture that was grabbed."""
        return (True, self._grabbed.image) if self._grabbed is not None else (False, None)

    def read(self) -> tuple[bool, Image | None]:
        """Wait up to 5 s, and return (True, the newest picture), or (False, None)."""
        self.grab()
        return self.retrieve()

    def get(self, property_id: int) -> float:
        """Return width, height or rate of the pictures, or the capture time in ms; 0 otherwise."""
        return {
            cv2.CAP_PROP_FRAME_WIDTH: float(self._size[0]),
            cv2.CAP_PROP_FRAME_HEIGHT: float(self._size[1]),
            cv2.CAP_PROP_FPS: self._subscription.reception.received.per_second(),
            cv2.CAP_PROP_POS_MSEC: self._grabbed.stamp_ns / 1e6 if self._grabbed else 0.0,
        }.get(property_id, 0.0)

    def set(self, _property_id: int, _value: float) -> bool:
        """Return False: what the camera does is set at its node."""
        return False

    release = close

    def _on_frame(self, frame: Frame | StampedImage, message: Any) -> None:
        self._newest.put((frame, message.header.frame_id))
        self._publish_trace('received', frame)

    def _decode(self, frame: Frame | StampedImage, frame_id: str) -> ReceivedFrame | None:
        try:
            image = decode_frame(frame, self._reduction, self._grey, self._max_pixels)
        except ValueError as error:
            self._subscription.refuse(str(error))
            return None
        self._subscription.reception.show()
        self._size = image_size(image)
        if self._calibration is not None:
            calibration = self._calibration.for_size(*self._size)
            if calibration is not None:
                image = self._rectifier.rectify(image, calibration)
            elif self._unrectified.due():
                self._node.get_logger().warning(
                    f"pictures of '{self.topic}' are not rectified: no matching calibration has "
                    f"been received on '{self._calibration.topic}'")
        self._publish_trace('decoded', frame)
        jpeg = frame.data if isinstance(frame, Frame) else b''
        return ReceivedFrame(image, jpeg, frame.stamp_ns, frame_id, frame.sequence,
                             self._clock.now_ns)

    def _publish_trace(self, what: str, frame: Frame | StampedImage) -> None:
        if self._trace is not None:
            self._trace.publish(self.topic, frame.stamp_ns, **{what: self._trace.now_ns()})

    def _log_why_silent(self) -> None:
        signal = self.signal()
        if signal.lost and time.monotonic() - self._begun_s > _EXPLAIN_S \
                and self._explained.due():
            self._node.get_logger().warning(
                f"no picture of '{self.topic}': {signal}; still waiting")
