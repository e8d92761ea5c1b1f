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


"""Why nothing may come from a topic, in a sentence."""

from rclpy.node import Node

_TYPE = 'sensor_msgs/msg/CompressedImage'


def why_silent(node: Node, topic: str) -> str:
    """Return what is the matter with a CompressedImage topic, and which others there are."""
    offers = {name: {end.topic_type for end in node.get_publishers_info_by_topic(name)}
              for name, types in node.get_topic_names_and_types() if _TYPE in types}
    found = sorted(name for name, types in offers.items() if _TYPE in types)
    others = sorted(offers.get(topic, set()) - {_TYPE})
    reason = 'is silent' if topic in found else \
        f'is of the type {others[0]}' if others else 'has no publisher'
    return (f"no picture yet: '{topic}' {reason}; topics with JPEGs: "
            f"{', '.join(found) or 'none'}; still waiting")
