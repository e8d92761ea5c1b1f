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


"""
Nodes tell each other what their clocks show.

The service `~/read_clock` (std_srvs/Trigger) answers with what `core/clock_exchange.py` describes.
"""

from collections.abc import Callable
import threading
import time
from typing import Any

from rclpy.node import Node
from std_srvs.srv import Trigger

from .clock import now_function
from .entities import Client, create_service, Periodic
from .graph import full_name, NAMELESS, publishers
from ..core.clock_exchange import read_answer, write_answer
from ..core.clock_offset import Offset, OffsetEstimator
from ..core.machine import machine_name

SERVICE = 'read_clock'
_PERIOD_S = 0.5  # between two questions, and until one is answered
_AT_ONCE = 8  # at first, the next question follows an answer
_ANSWER_S = 0.7  # then the question counts as lost
_POLL_S = 1.0
_SELDOM_S = 5.0


class ClockService:
    def __init__(self, node: Node) -> None:
        self._now_ns = now_function(node)
        create_service(node, Trigger, f'~/{SERVICE}', self._answer)

    def _answer(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        arrived_ns = self._now_ns()
        response.success = True
        response.message = write_answer(arrived_ns, self._now_ns)
        return response


class RemoteClock:
    """Ask a node for its clock, in the executor's thread; any may call `offset`."""

    def __init__(self, node: Node, other: str, period_s: float = _PERIOD_S) -> None:
        """`other` is the full name of the node, asked every `period_s` once it has answered."""
        self._now_ns = now_function(node)
        self._period_s = period_s
        self._lock = threading.Lock()
        self._estimator = OffsetEstimator()
        self._machine = ''
        self._answered = False
        self._asked = 0
        self._asked_s = -_ANSWER_S
        self._waits_for: Any = None
        self._client = Client(node, Trigger, f'{other}/{SERVICE}')
        self._asking = Periodic(node, _PERIOD_S, self._ask_in_time)

    def close(self) -> None:
        self._asking.stop()
        self._client.close()

    @property
    def machine(self) -> str:
        """What the other machine is called; empty while it has not answered."""
        return self._machine

    def offset(self) -> Offset | None:
        """
        Return the other clock minus ours; None while it has not answered.

        On the same machine that is exactly nothing, but for a node with simulated time.
        """
        with self._lock:
            best = self._estimator.best(self._now_ns())
            if best is not None and self._machine == machine_name() != '' \
                    and abs(best.offset_ns) <= best.uncertainty_ns:
                return Offset(0.0, 0.0)
            return best

    def _ask_in_time(self) -> None:
        pause_s = self._period_s if self._answered else 0.0
        if time.monotonic() - self._asked_s > pause_s - _PERIOD_S / 2:  # the timer may be early
            self._ask()

    def _ask(self) -> None:
        now_s = time.monotonic()
        waits = self._waits_for is not None and now_s - self._asked_s < _ANSWER_S
        if waits or not self._client.ready():
            return
        if self._waits_for is not None:
            self._client.forget(self._waits_for)
        self._asked += 1
        self._asked_s = now_s
        sent_ns = self._now_ns()
        self._waits_for = self._client.ask(
            Trigger.Request(), lambda response: self._on_answer(response.message, sent_ns))

    def _on_answer(self, text: str, sent_ns: int) -> None:
        received_ns = self._now_ns()
        self._waits_for = None
        try:
            machine, arrived_ns, answered_ns = read_answer(text)
            with self._lock:
                self._machine = machine
                self._estimator.add(sent_ns, arrived_ns, answered_ns, received_ns)
            self._answered = True
        except ValueError:
            pass  # another service of this name, or a clock that was set: the next one will do
        if self._asked < _AT_ONCE:
            self._ask()


class PublisherClock:
    """
    The clock of the node that publishes a topic, and so stamps it.

    Make it before its node is spun; `now_ns` may be called by any thread.
    """

    def __init__(self, node: Node, topic: Callable[[], str]) -> None:
        self._node, self._topic = node, topic
        self._own_ns = now_function(node)
        self._publisher = ''
        self._remote: RemoteClock | None = None
        self._polling = Periodic(node, _POLL_S, self._poll)

    def close(self) -> None:
        self._polling.stop()
        if self._remote is not None:
            self._remote.close()

    def now_ns(self) -> int:
        """Return what it shows now; what ours shows, while it has not told."""
        remote = self._remote
        offset = remote.offset() if remote is not None else None
        return int(self._own_ns() + (offset.offset_ns if offset is not None else 0))

    def _poll(self) -> None:
        ends = publishers(self._node, self._topic())
        publisher = full_name(ends[0]) if ends else ''
        if publisher not in (self._publisher, NAMELESS):
            if self._remote is not None:
                self._remote.close()
            self._publisher = publisher
            self._remote = RemoteClock(self._node, publisher, _SELDOM_S) if publisher else None
