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


"""See pictures come, and hear from the nodes around when they had done what with them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
import time
from types import TracebackType
from typing import Any

from rclpy.exceptions import InvalidTopicNameException
from std_msgs.msg import String

from ..client.background_node import BackgroundNode
from ..client.clock import now_function
from ..client.clock_service import RemoteClock
from ..client.entities import create_subscription, Periodic
from ..client.graph import full_name, image_topics, NAMELESS, publishers, topics
from ..client.image_subscription import ImageSubscription
from ..client.qos import reliable_qos
from ..client.trace import DEPTH
from ..codecs.decoding import decode_frame
from ..core.block_code import read
from ..core.clock_offset import Offset, share_clocks
from ..core.frame import Frame, StampedImage
from ..core.json_object import integer, name, read_fields
from ..core.mailbox import Mailbox

_TRACE = '/trace'
_STRING = 'std_msgs/msg/String'
_POLL_S = 0.25
_SLICE_S = 0.25
_MOST_MOMENTS = 100_000  # a quarter of an hour of a camera and three receivers
HERE = 'this program'


@dataclass(frozen=True)
class Moments:
    """What one node did with one picture."""

    node: str  # full name, or `HERE`
    stamp_ns: int
    at_ns: dict[str, int]  # moments by name, by the node's clock


class LatencyObserver:
    """
    Receive a topic as a program does, and collect the traces of all nodes that deal with it.

    Use it as a context manager; `watch` belongs to one thread.
    """

    def __init__(self, topic: str) -> None:
        self._own = BackgroundNode('latency')
        self._node = self._own.node
        self._now_ns = now_function(self._node)
        self.topic = topic
        self.moments: list[Moments] = []  # in the order in which they were heard of
        # (stamp, moment that the picture's own pixels say) in ns, where they say one.
        self.drawn: list[tuple[int, int]] = []
        self.sizes: list[tuple[int, int]] = []  # (stamp in ns, size in bytes) of the pictures
        self._newest: Mailbox[Frame | StampedImage] = Mailbox()
        self._clocks: dict[str, RemoteClock] = {}
        self._subscription = ImageSubscription(self._node, topic, self._on_frame)

    def __enter__(self) -> 'LatencyObserver':
        """Join the graph; ValueError when the topic's name is none."""
        try:
            self._subscription.subscribe()
        except InvalidTopicNameException as error:
            self._own.stop()
            raise ValueError(f"'{self.topic}' is not a valid topic name: "
                             + ' '.join(str(error).split())) from error
        self.topic = self._subscription.topic
        Periodic(self._node, _POLL_S, self._poll_traces)
        self._own.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._newest.close()
        self._own.stop()

    def watch(self, until: Callable[[], bool]) -> None:
        """Decode the newest picture, again and again, until told to end."""
        while not until():
            frame = self._newest.take(_SLICE_S)
            if frame is None:
                continue
            try:
                image = decode_frame(frame)
            except ValueError:
                continue
            decoded_ns = self._now_ns()
            self._add(Moments(HERE, frame.stamp_ns, {'decoded': decoded_ns}))
            self.sizes.append((frame.stamp_ns, len(frame.data) if isinstance(frame, Frame)
                               else image.nbytes))
            code = read(image)
            if code is not None:
                self.drawn.append((frame.stamp_ns, code.time_us * 1000))

    def forget(self) -> None:
        self.moments, self.drawn, self.sizes = [], [], []

    def received(self) -> int:
        return self._subscription.reception.received.total

    def publishers(self) -> list[str]:
        """Return the full names of the nodes that publish the topic, NAMELESS where unknown."""
        return [full_name(end) for end in publishers(self._node, self.topic)]

    def image_topics(self) -> list[str]:
        return list(image_topics(self._node))

    def offsets(self) -> dict[str, Offset | None]:
        """Return each node's clock minus ours; None where it has not told."""
        clocks = self._clocks.copy()  # to which the executor's thread adds
        return share_clocks({node: clock.offset() for node, clock in clocks.items()},
                            {node: clock.machine for node, clock in clocks.items()})

    def _add(self, moments: Moments) -> None:
        if len(self.moments) < _MOST_MOMENTS:
            self.moments.append(moments)

    def _on_frame(self, frame: Frame | StampedImage, _message: Any) -> None:
        self._add(Moments(HERE, frame.stamp_ns, {'received': self._now_ns()}))
        self._newest.put(frame)

    def _poll_traces(self) -> None:
        names = [name.removesuffix(_TRACE)
                 for name, types in topics(self._node).items()
                 if name.endswith(_TRACE) and _STRING in types]
        for node in {*names, *self.publishers()} - {NAMELESS} - self._clocks.keys():
            self._clocks[node] = RemoteClock(self._node, node)
            create_subscription(self._node, String, f'{node}{_TRACE}',
                                partial(self._on_trace, node), reliable_qos(DEPTH))

    def _on_trace(self, node: str, message: String) -> None:
        try:
            trace = read_fields(message.data, {'topic': name}, others=integer)
            if trace.pop('topic') == self.topic:
                self._add(Moments(node, trace.pop('stamp'), trace))
        except (ValueError, KeyError):
            pass  # some other topic of this name


def wait_for(observer: LatencyObserver, remind_s: float, say: Callable[[str], None]) -> None:
    """Wait for the first picture; say every `remind_s` why none may come."""
    said_s = time.monotonic()
    while not observer.received():
        time.sleep(_POLL_S)
        if not observer.received() and time.monotonic() - said_s > remind_s:
            said_s = time.monotonic()
            say(f"no picture yet from '{observer.topic}', which has "
                f'{len(observer.publishers())} publishers; topics with pictures: '
                f"{', '.join(observer.image_topics()) or 'none'}; still waiting")
