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

"""The nodes at the ends of a topic."""

from rclpy.topic_endpoint_info import TopicEndpointInfo

NAMELESS = 'a node without a name'


def full_name(end: TopicEndpointInfo) -> str:
    """
    Return the full name of an end's node, or NAMELESS.

    ROS hears of a node's ends a moment before it hears of its name, and programs that are none of
    ROS's never have one.
    """
    if 'UNKNOWN' in end.node_name:  # rmw_dds_common's word for it
        return NAMELESS
    return f'{end.node_namespace.rstrip("/")}/{end.node_name}'
