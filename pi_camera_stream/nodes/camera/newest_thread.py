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

"""A thread that publishes something of the newest picture, beside the JPEGs."""

from collections.abc import Callable
import os
import threading
from typing import Generic, TypeVar

from rclpy.node import Node

from ...core.mailbox import Mailbox

T = TypeVar('T')

_IDLE_S = 2.0  # without a picture, until memory is given back
_REPEAT_S = 10.0  # how often the same problem is logged


class NewestThread(Generic[T]):
    """
    Publish the newest, in a thread that the first one starts; a newer one takes its place.

    `put` belongs to one thread; any may call the rest.

    Attributes
    ----------
    failed
        How many could not be published.
    failure
        Why the last one could not; empty when all was well since.
    closed
        Set when nothing more is to be published.

    """

    def __init__(self, node: Node, name: str, publish: Callable[[T], None],
                 forget: Callable[[], None], what: str, niceness: int = 0) -> None:
        """
        Make it.

        `publish` and `forget`, which gives memory back when nothing comes, are called in the
        thread of that name; `what` is the one that is left out when publishing raises.
        """
        self.failed, self.failure = 0, ''
        self.closed = threading.Event()
        self._node, self._name, self._niceness = node, name, niceness
        self._publish, self._forget, self._what = publish, forget, what
        self._newest: Mailbox[T] = Mailbox()
        self._thread: threading.Thread | None = None

    @property
    def dropped(self) -> int:
        return self._newest.dropped

    def put(self, item: T) -> None:
        if self.closed.is_set():
            return
        self._newest.put(item)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Publish nothing more, but for what is at work."""
        self.closed.set()
        self._newest.close()

    def join(self, timeout_s: float) -> None:
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        os.nice(self._niceness)  # on Linux, of this thread, and of those that it starts
        while True:
            try:
                item = self._newest.take(_IDLE_S)
                if self.closed.is_set():
                    return
                if item is None:
                    self._forget()
                else:
                    self._publish(item)
                self.failure = ''
            except Mailbox.Closed:
                return
            except Exception as error:  # one picture that cannot be published is one picture
                if self.closed.is_set() or not self._node.context.ok():
                    return  # Ctrl-C has closed the topics
                self.failed += 1
                self.failure = f'left out {self._what}: {error!r}'
                self._node.get_logger().error(self.failure, throttle_duration_sec=_REPEAT_S)
