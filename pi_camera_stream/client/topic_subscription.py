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

"""What subscriptions of pictures have in common, whatever their codec."""

from abc import ABC, abstractmethod
import threading
from typing import Any

from rclpy.node import Node
from rclpy.validate_topic_name import validate_topic_name

from .entities import destroy, guarded, Periodic
from .graph import full_name, publishers
from .publisher_health import PublisherHealth
from ..core.exchange import Exchange
from ..core.frame import Frame
from ..core.pacing import Occasionally
from ..core.reception import Reception

_POLL_S = 0.5
_UNEXPLAINED_S = 1.0  # without a picture, before it is looked why, and between two looks
_REPEAT_S = 10.0  # how often it is logged that pictures are left out

Choice = tuple[str, Any, Any]
"""Topic, kind of its messages, and quality of service, by which a subscription is made."""


def exchange_of(node: Node) -> Exchange:
    """Return where a node hands frames over to others of its process; one of its own if none."""
    exchange: Exchange | None = getattr(node, 'exchange', None)
    return exchange if exchange is not None else Exchange()


class TopicSubscription(ABC):
    """
    Follow what is published: made anew where the choice is another one, and explained in silence.

    What a node of this process publishes is handed over without ROS. Any thread may call what has
    no underscore; the rest is called with the lock held, but for what comes.
    """

    def __init__(self, node: Node, topic: str) -> None:
        """Make it; nothing is received yet."""
        self._node, self._exchange, self._name = node, exchange_of(node), topic
        self.reception = Reception()
        self._health = PublisherHealth(node)
        self._logged, self._looked = Occasionally(_REPEAT_S), Occasionally(_UNEXPLAINED_S)
        self._lock = threading.Lock()  # guards all that follows
        self._polling: Periodic | None = None
        self._subscription: Any = None
        self._taken = ''  # the topic whose frames are handed over to it
        self._taker = guarded(node, self._on_handed_over)
        self._made_for: Choice | None = None

    @property
    @abstractmethod
    def topic(self) -> str:
        """Return the full name of the topic that is received at first, remapped."""

    @property
    def source(self) -> str:
        """Return the full name of the topic that is received at present."""
        made_for = self._made_for
        return made_for[0] if made_for else self.topic

    def subscribe(self) -> None:
        """Begin to receive; InvalidTopicNameException where the topic's name is none."""
        validate_topic_name(self._name)
        with self._lock:
            if self._polling is None:
                self._start()
                self._polling = Periodic(self._node, _POLL_S, self._poll)
        self._poll()

    def unsubscribe(self) -> None:
        with self._lock:
            if self._polling is not None:
                self._polling.stop()
                self._polling = None
            self._health.stop()
            self._end()
            self._stop()

    def refuse(self, reason: str) -> None:
        """Note that a picture is left out, because `reason`; any thread may call it."""
        self.reception.refuse(reason)
        if self._logged.due():
            self._node.get_logger().warning(f"left out a picture of '{self.source}': {reason}")

    @abstractmethod
    def _choose(self) -> Choice | None:
        """Return what is to be received; None while nobody can know."""

    @abstractmethod
    def _begin(self, wanted: Choice) -> None:
        """Subscribe to that, or have it handed over."""

    @abstractmethod
    def _why_missing(self) -> str:
        """Return why nothing comes."""

    @abstractmethod
    def _on_handed_over(self, frame: Frame, frame_id: str) -> None:
        """Take in what another node of this process has published."""

    def _start(self) -> None:  # noqa: B027 - most have nothing to prepare
        """Prepare for what comes after `subscribe`."""

    def _follow(self, topic: str) -> None:  # noqa: B027
        """Hear, at each look, which topic it is; who publishes it may be another one."""

    def _stop(self) -> None:  # noqa: B027
        """Let go of what was needed until `unsubscribe`."""

    def _end(self) -> None:
        """Receive nothing more of what was chosen."""
        if self._taken:
            self._exchange.leave(self._taken, self._taker)
            self._taken = ''
        if self._subscription is not None:
            destroy(self._node, self._subscription)
            self._subscription = None

    def _take_over(self, topic: str) -> None:
        """Have frames handed over from now on."""
        self._taken = topic
        self._exchange.take(topic, self._taker)

    def _complain(self, topic: str, error: Exception) -> None:
        """Say that rclpy refuses a subscription, such as for two types of one name."""
        self._node.get_logger().warning(f"cannot receive '{topic}': {error}",
                                        throttle_duration_sec=_REPEAT_S)

    def _poll(self) -> None:
        with self._lock:
            if self._polling is None:
                return
            self._explain()
            wanted = self._choose()
            if wanted is None:
                return
            self._follow(wanted[0])
            if self._subscription is not None or self._taken:
                if wanted == self._made_for:
                    return
                self._end()
                if self._made_for is not None and wanted[0] == self._made_for[0] \
                        and wanted[1] != self._made_for[1]:
                    # The executor lets go of the old one later, and Fast DDS refuses to have two
                    # of different types: at the next look.
                    return
            self._made_for = wanted
            self._begin(wanted)

    def _explain(self) -> None:
        """Find out why nothing comes, while nothing does."""
        self.reception.note = getattr(self._node, 'missing_clock', '')
        if not self.reception.is_silent(_UNEXPLAINED_S):
            self.reception.missing = ''
            self._health.stop()
            return
        self._health.start()
        if not self._looked.due():  # it asks for all topics of the graph
            return
        said = [f'{name} says: {message}' for name in dict.fromkeys(
            full_name(end) for end in publishers(self._node, self.source))
            if (message := self._health.said_by(name))]
        self.reception.missing = '; '.join([self._why_missing(), *said])
