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


"""The vehicle that is driven from a page: `cmd_vel`, buttons, battery."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
import math
import threading
import time
from typing import Any

from geometry_msgs.msg import Twist, TwistStamped
from rclpy.duration import Duration
from rclpy.node import Node
from sensor_msgs.msg import BatteryState

from .vehicle_buttons import Button
from ...client.entities import create_publisher, create_subscription
from ...client.qos import image_qos, reliable_qos
from ...core.driving.limits import Limits, STANDING
from ...core.driving.safety_chain import Command, Output, Reason, SafetyChain
from ...core.pacing import next_due

_PERIOD_S = 0.05
_FAREWELL_S = 0.2  # for the last word to get through
_AUTOMATIC = (Reason.COMMAND_LATE, Reason.SILENT, Reason.VIDEO_LATE)
_BATTERY_STALE_S = 10.0  # so old may the battery's message be


class RosVehicle:
    """
    Publish what the safety chain lets through, 20 times a second, while somebody drives.

    A thread of its own publishes, so that nothing else of the node can delay a stop; when the
    driver begins and ends, when motion must end, and when its limits change, that is published at
    once. Any thread may call the methods.
    """

    def __init__(self, node: Node, chain: SafetyChain, stamped: bool, buttons: list[Button],
                 battery_topic: str, log: Callable[[str], None]) -> None:
        self._node, self._chain, self._buttons, self._log = node, chain, buttons, log
        self._stamped = stamped
        self._publisher = create_publisher(
            node, TwistStamped if stamped else Twist, 'cmd_vel', reliable_qos(1))
        self._changed = threading.Condition()
        self._stopping = self._at_once = False
        self._wanted = False  # whether the driver wants it to move
        self._held: set[Button] = set()
        self._output: Output | None = None
        self._reason = Reason.NO_DRIVER  # of the last one
        self._stops: Counter[Reason] = Counter()
        self._battery: tuple[float, BatteryState] | None = None
        if battery_topic:
            create_subscription(node, BatteryState, battery_topic, self._on_battery, image_qos())
        self._ahead_s = node.get_clock().now().nanoseconds / 1e9 - time.monotonic()
        self._thread = threading.Thread(target=self._run, name='drive', daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End with a stop of the vehicle, while the topic is still there."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join(1.0)
        with self._changed:
            self._release_buttons()

    def now_s(self) -> float:
        """Return s since the epoch by a clock that nobody sets after the start."""
        return time.monotonic() + self._ahead_s

    def set_limits(self, limits: Limits, max_video_age_s: float) -> None:
        with self._changed:
            self._chain.set_limits(limits, max_video_age_s)
            self._hurry()

    def change_driver(self) -> None:
        with self._changed:
            self._chain.change_driver()
            self._wanted = False
            if self._output is None:
                self._reason = Reason.NO_DRIVER
            self._release_buttons()
            self._hurry()

    def on_command(self, command: Command) -> bool:
        with self._changed:
            accepted = self._chain.on_command(time.monotonic(), self._on_our_clock(command))
            wanted = bool(command.throttle or command.steering)
            if accepted and wanted != self._wanted:
                self._wanted = wanted
                self._hurry()
            return accepted

    def latch(self, latched: bool) -> None:
        with self._changed:
            self._chain.latch(latched)
            self._hurry()

    def press(self, button: str, pressed: bool) -> None:
        """Press or release a button; all are released when nothing is heard of the driver."""
        with self._changed:
            if self._stopping:
                return
            for known in self._buttons:
                if known.name == button and (pressed or known in self._held):
                    (self._held.add if pressed else self._held.discard)(known)
                    known.press(pressed)

    def state(self) -> dict[str, Any]:
        with self._changed:
            output, limits = self._output, self._chain.limits
            velocity = output.velocity if output else STANDING
            battery = self._battery
            return {
                'latched': self._chain.latched, 'reason': self._reason.value,
                'limit': round(output.limit, 3) if output else 0.0,
                'linear': round(velocity.linear, 3), 'angular': round(velocity.angular, 3),
                'max_linear': limits.max_linear, 'reverse': limits.reverse,
                'car': limits.wheelbase > 0,
                'dropped': self._chain.dropped,
                'stops': {reason.value: count for reason, count in self._stops.items()},
                'buttons': [button.name for button in self._buttons],
                'battery': _battery(battery[1]) if battery is not None
                and time.monotonic() - battery[0] < _BATTERY_STALE_S else None}

    def _on_our_clock(self, command: Command) -> Command:
        return replace(command, given_s=command.given_s - self._ahead_s,
                       seen_s=command.seen_s - self._ahead_s)

    def _release_buttons(self) -> None:
        while self._held and self._node.context.ok():
            self._held.pop().press(False)

    def _hurry(self) -> None:
        self._at_once = True
        self._changed.notify()

    def _run(self) -> None:
        due_s = time.monotonic()
        with self._changed:
            while not self._stopping:
                now_s = time.monotonic()
                wake_s = min(due_s, self._chain.ends_s())
                if not self._at_once and now_s < wake_s:
                    self._changed.wait(wake_s - now_s)
                    continue
                due_s = next_due(due_s, now_s, _PERIOD_S) if now_s >= due_s else now_s + _PERIOD_S
                self._at_once = False
                try:
                    self._publish(self._chain.output(now_s))
                except Exception as error:  # the next attempt is to be, whatever went wrong
                    if self._node.context.ok():
                        self._log(f'a command for the vehicle cannot be published: {error}')
                    self._changed.wait(_PERIOD_S)
            self._publish_last_zero()

    def _publish_last_zero(self) -> None:
        if self._output is not None and self._node.context.ok():
            self._publish(Output(STANDING, Reason.NO_DRIVER, 0.0))
            self._publisher.wait_for_all_acked(Duration(seconds=_FAREWELL_S))
        self._release_buttons()

    def _publish(self, output: Output | None) -> None:
        before, self._output = self._output, output
        if output is None:
            if before is not None:
                self._release_buttons()  # nobody is there any more
            return
        if not self._node.context.ok():
            return
        self._reason = output.reason
        twist = TwistStamped() if self._stamped else Twist()
        velocity = twist.twist if self._stamped else twist
        velocity.linear.x = output.velocity.linear
        velocity.angular.z = output.velocity.angular
        if self._stamped:
            twist.header.stamp = self._node.get_clock().now().to_msg()
            twist.header.frame_id = 'base_link'
        self._publisher.publish(twist)
        if output.reason is Reason.SILENT:
            self._release_buttons()
        if output.reason in _AUTOMATIC and output.velocity == STANDING \
                and before is not None and before.velocity != STANDING:
            self._stops[output.reason] += 1
            self._log(f'the vehicle is stopped: {output.reason.value}')

    def _on_battery(self, message: BatteryState) -> None:
        self._battery = time.monotonic(), message


def _battery(message: BatteryState) -> dict[str, float | None]:
    """Return share and V; None for what is not measured, which the message has as NaN."""
    return {'percentage': message.percentage if math.isfinite(message.percentage) else None,
            'voltage': round(message.voltage, 2) if math.isfinite(message.voltage) else None}
