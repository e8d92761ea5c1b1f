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

"""What helps a subscriber that asks for more than a topic offers."""

_REMEDIES = {  # policy -> what helps
    'reliability': "subscribe with best effort there (rviz2: Reliability Policy 'Best Effort'; "
                   'rclpy: qos_profile_sensor_data)',
    'durability': "subscribe with volatile there (rviz2: Durability Policy 'Volatile'; rclpy: "
                  'DurabilityPolicy.VOLATILE), since nothing is kept for late joiners',
    'deadline': 'request no deadline there, or a longer one than the publisher offers',
    'liveliness': 'request automatic liveliness without a lease there',
}


def remedy(policies: str) -> str:
    """
    Return what a subscriber should ask for.

    `policies` is what keeps it from a publisher, as `incompatible_policies` of `client/graph.py`
    says it.
    """
    return '; '.join(text for policy, text in _REMEDIES.items() if policy in policies) \
        or 'subscribe with best effort and volatile there'
