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


"""How much the camera may send, by what its receivers report."""

from collections import deque
from dataclasses import dataclass, field
import math
import statistics
import threading
import time

from rclpy.node import Node
from std_msgs.msg import String

from ...client.entities import create_subscription
from ...client.qos import image_qos
from ...client.report_publisher import reception_topic
from ...core.machine import network_name
from ...core.rate_control import RateControl, ReceiverStats
from ...core.receiver_report import ReceiverReport
from ...core.statistics import RateMeter, Recent

_GONE_S = 3.0  # without a report
_HOPELESS_S = 10.0  # who has got nothing in so long, has another reason for it than the link
_ON_WAY_S = 0.3  # so long a picture may take before it counts as lost
_MOST_RECEIVERS = 64
_REMEMBERED = 512  # pictures


@dataclass(frozen=True)
class _Sent:
    stamp_ns: int
    published_ns: int
    monotonic_s: float


@dataclass
class _Receiver:
    control: RateControl
    joined_s: float
    heard_s: float
    last_stamp_ns: int = 0
    arrived: RateMeter = field(default_factory=lambda: RateMeter(1.0))


class Adaptation:
    """
    Keep what may be sent, from reception reports, in `budget_bps`.

    Reports are heard in the executor's thread; any thread may call the rest. Receivers on the
    same network stack need no link, so they do not count.

    Attributes
    ----------
    enabled
        Whether reports count.
    floor_bps
        No report lowers the budget below it, so that one bad receiver does not ruin the picture
        for all.
    most_bps
        What may be sent at the most; infinite for any.

    """

    def __init__(self, node: Node, topic: str) -> None:
        self.enabled, self.floor_bps, self.most_bps = True, 0.0, math.inf
        self._network = network_name()
        self._lock = threading.Lock()
        self._sent: deque[_Sent] = deque(maxlen=_REMEMBERED)
        self._sent_meter = RateMeter(1.0)
        self._intervals_s = Recent(16)
        self._receivers: dict[str, _Receiver] = {}
        create_subscription(node, String, reception_topic(topic), self._on_report,
                            image_qos(_MOST_RECEIVERS))

    def budget_bps(self) -> float:
        """Return what may be sent now, in bits a second."""
        with self._lock:
            budgets = [receiver.control.budget_bps for receiver in self._present()]
        if not self.enabled or not budgets:
            return self.most_bps
        return min(max(min(budgets), self.floor_bps), self.most_bps)

    def receivers(self) -> int:
        """Return how many receivers the budget is for."""
        with self._lock:
            return len(self._present())

    def sent(self, stamp_ns: int, published_ns: int, size_bytes: int) -> None:
        """Note that a picture was published."""
        now_s = time.monotonic()
        with self._lock:
            if self._sent:
                self._intervals_s.add(now_s - self._sent[-1].monotonic_s)
            self._sent.append(_Sent(stamp_ns, published_ns, now_s))
            self._sent_meter.add(size_bytes)

    def _present(self) -> list[_Receiver]:
        now_s = time.monotonic()
        return [receiver for receiver in self._receivers.values()
                if now_s - receiver.heard_s < _GONE_S
                and (receiver.last_stamp_ns or now_s - receiver.joined_s < _HOPELESS_S)]

    def _on_report(self, message: String) -> None:
        try:
            report = ReceiverReport.from_json(message.data)
        except ValueError:
            return
        if report.network == self._network != '':
            return
        now_s = time.monotonic()
        with self._lock:
            receiver = self._receiver(report.receiver, now_s)
            if receiver is not None:
                receiver.control.observe(now_s, self._receiver_stats(receiver, report, now_s))
                receiver.last_stamp_ns = report.last_stamp_ns
                receiver.heard_s = now_s

    def _receiver(self, name: str, now_s: float) -> _Receiver | None:
        """Return a receiver, known or new; None when there are too many."""
        known = self._receivers.get(name)
        if known is not None and now_s - known.heard_s < _GONE_S:
            return known
        self._receivers = {other: receiver for other, receiver in self._receivers.items()
                           if now_s - receiver.heard_s < _GONE_S}
        if len(self._receivers) >= _MOST_RECEIVERS:
            return None
        self._receivers[name] = receiver = _Receiver(RateControl(now_s), now_s, now_s)
        return receiver

    def _receiver_stats(self, receiver: _Receiver, report: ReceiverReport,
                        now_s: float) -> ReceiverStats:
        """Compare a report with what was sent."""
        if report.frames:
            receiver.arrived.add(report.size_bytes)
            # Before the first report, somebody who has just come did not get what went before.
            since_ns = receiver.last_stamp_ns or report.last_stamp_ns - 1
            sent = [picture for picture in self._sent
                    if since_ns < picture.stamp_ns <= report.last_stamp_ns]
        else:
            sent = [picture for picture in self._sent if picture.stamp_ns > receiver.last_stamp_ns
                    and receiver.heard_s - _ON_WAY_S < picture.monotonic_s <= now_s - _ON_WAY_S
                    and picture.monotonic_s > receiver.joined_s + _ON_WAY_S]
        delay_s = math.nan
        if report.frames and sent:
            before_ns = statistics.median(
                picture.published_ns - picture.stamp_ns for picture in sent)
            delay_s = (report.delay_ns - before_ns) / 1e9
        return ReceiverStats(
            sent=len(sent), arrived=min(report.frames, len(sent)),
            arrived_bps=receiver.arrived.bytes_per_second() * 8,
            sent_bps=self._sent_meter.bytes_per_second() * 8, delay_s=delay_s,
            interval_s=self._intervals_s.median() if len(self._sent) > 1 else 0.0)
