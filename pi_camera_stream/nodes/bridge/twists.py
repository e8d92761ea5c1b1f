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

"""Velocities as nodes publish them on `cmd_vel`: Twist and TwistStamped."""

from typing import TypeAlias

from geometry_msgs.msg import Twist, TwistStamped

from ...client.image_topic import stamp_ns
from ...core.driving.contest import Word

TwistMessage: TypeAlias = Twist | TwistStamped
TYPES: dict[str, type[TwistMessage]] = {
    f'geometry_msgs/msg/{kind.__name__}': kind for kind in (Twist, TwistStamped)}
DEPTH = 20  # messages that may wait for a busy executor: a second of ours


def word_of(message: TwistMessage) -> Word:
    twist = message.twist if isinstance(message, TwistStamped) else message
    return Word((twist.linear.x, twist.linear.y, twist.linear.z,
                 twist.angular.x, twist.angular.y, twist.angular.z),
                stamp_ns(message.header) if isinstance(message, TwistStamped) else 0)
