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
A car that is not there: it follows `cmd_vel`, and tells where it has got.

As a program, `python -m support.car [TOPIC]`, it prints each command as a line of JSON.
"""

from dataclasses import asdict, dataclass
import json
import math
import sys
import threading
import time

from geometry_msgs.msg import Twist, TwistStamped
from nav_msgs.msg import Odometry
from rclpy.qos import QoSProfile

from .guest import Guest, stamp

TOPIC = '/camera/cmd_vel'
_PERIOD_S = 0.02


@dataclass(frozen=True)
class Heard:
    """A command: when it came, its own stamp (NaN where it has none), in s; m/s and rad/s."""

    came_s: float
    stamp_s: float
    linear: float
    angular: float

    @property
    def standing(self):
        """Whether it is a stop."""
        return self.linear == self.angular == 0.0


class Car:
    """
    Does what the last command says, for as long as diff_drive_controller would.

    Attributes
    ----------
    heard
        All commands since the last `reset`.
    x, y, yaw
        Where it stands (REP 103), in m and rad, from where it was at the last `reset`.
    path
        Where it has been: time in s, x, y and yaw.
    timeout_s
        How long a command counts; infinite for a controller without time-out.

    """

    def __init__(self, guest, topic=TOPIC, stamped=True, timeout_s=0.5):
        self.timeout_s = timeout_s
        self._lock = threading.Lock()
        self.reset()
        self._clock = guest.node.get_clock()
        self._odometry = guest.node.create_publisher(Odometry, 'odom', 10)
        self._subscription = guest.node.create_subscription(
            TwistStamped if stamped else Twist, topic, self._on_command, QoSProfile(depth=100))
        self._timer = guest.node.create_timer(_PERIOD_S, self._move)

    def reset(self):
        """Begin anew, standing at the origin."""
        with self._lock:
            self.heard, self.path = [], []
            self.x = self.y = self.yaw = 0.0
            self._moved_s = time.monotonic()
            self._present, self._until_s = (0.0, 0.0), 0.0

    @property
    def standing(self):
        """Whether it does not move."""
        return self._velocity(time.monotonic()) == (0.0, 0.0)

    def _on_command(self, message):
        twist = getattr(message, 'twist', message)
        self._move()
        with self._lock:
            self._present = twist.linear.x, twist.angular.z
            self._until_s = time.monotonic() + self.timeout_s
            self.heard.append(Heard(
                time.time(), stamp(message) if twist is not message else math.nan,
                *self._present))

    def _velocity(self, now_s):
        return self._present if now_s < self._until_s else (0.0, 0.0)

    def _move(self):
        with self._lock:
            now_s = time.monotonic()
            linear, angular = self._velocity(now_s)
            elapsed_s, self._moved_s = now_s - self._moved_s, now_s
            self.yaw += angular * elapsed_s
            self.x += linear * elapsed_s * math.cos(self.yaw)
            self.y += linear * elapsed_s * math.sin(self.yaw)
            self.path.append((time.time(), self.x, self.y, self.yaw))
        message = Odometry(child_frame_id='base_link')
        message.header.frame_id = 'odom'
        message.header.stamp = self._clock.now().to_msg()
        pose = message.pose.pose
        pose.position.x, pose.position.y = self.x, self.y
        pose.orientation.z, pose.orientation.w = math.sin(self.yaw / 2), math.cos(self.yaw / 2)
        message.twist.twist.linear.x, message.twist.twist.angular.z = linear, angular
        self._odometry.publish(message)


def main():
    """Print commands until the standard output is closed."""
    guest = Guest('car')
    car, told = Car(guest, *sys.argv[1:2]), 0
    print('ready', flush=True)
    try:
        while True:
            for heard in car.heard[told:]:
                print(json.dumps(asdict(heard)), flush=True)
                told += 1
            time.sleep(_PERIOD_S)
    except (BrokenPipeError, KeyboardInterrupt):
        guest.close()


if __name__ == '__main__':
    main()
