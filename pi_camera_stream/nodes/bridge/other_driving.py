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

"""What other nodes tell the vehicle on `cmd_vel`, for a recorder."""

from collections.abc import Callable
import math
import time
from typing import Any

from .twists import DEPTH, TwistMessage, TYPES, word_of
from ..base_node import BaseNode
from ...client.entities import create_subscription, destroy, Periodic
from ...client.graph import publishers
from ...client.qos import image_qos
from ...core.driving.contest import Word
from ...core.pacing import TokenBucket

_LOOK_S = 1.0
_MOST_PER_S = 200.0  # controllers take 10 to 100; a flood shall not fill the card


class OtherDriving:
    """
    Hear what others drive with: a joystick's node, a planner, a program of the user's.

    Where this node drives, too, `OtherPublishers` hears them already, and tells theirs from ours;
    otherwise there is a subscription here, while it is wanted and somebody publishes, of the type
    that they publish. A participant of DDS cannot have both types of one name.
    """

    def __init__(self, node: BaseNode) -> None:
        # Hears of each command, in the executor's thread.
        self.on_driven: Callable[[Word], None] = lambda _: None
        self._node, self._topic = node, node.resolve_topic_name('cmd_vel')
        self._bucket = TokenBucket(_MOST_PER_S, _MOST_PER_S)
        self._looking: Periodic | None = None
        self._subscription: Any = None
        self._type = ''  # of the subscription

    def hear(self, message: TwistMessage) -> None:
        """Take in a command that is not this node's; the executor's thread."""
        word = word_of(message)
        if all(map(math.isfinite, word.velocity)) and self._bucket.take(time.monotonic()):
            self.on_driven(word)

    def listen(self, wanted: bool) -> None:
        """Look for it and subscribe, or no more. Any thread."""
        self._node.run_soon(lambda: self._follow(wanted))

    def _follow(self, wanted: bool) -> None:
        if wanted and self._looking is None:
            self._looking = Periodic(self._node, _LOOK_S, self._look)
            self._look()
        elif not wanted and self._looking is not None:
            self._looking.stop()
            self._looking = None
            self._unsubscribe()

    def _look(self) -> None:
        published = {end.topic_type for end in publishers(self._node, self._topic)}
        if self._type and self._type not in published:
            self._unsubscribe()  # the other type's turn is at the next look, when this has gone
        elif not self._type and (found := [name for name in TYPES if name in published]):
            self._type = found[0]
            self._subscription = create_subscription(
                self._node, TYPES[self._type], self._topic, self.hear, image_qos(DEPTH))

    def _unsubscribe(self) -> None:
        if self._subscription is not None:
            destroy(self._node, self._subscription)
        self._subscription, self._type = None, ''
