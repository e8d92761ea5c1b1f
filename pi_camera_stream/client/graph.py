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
Who is there, and who publishes what, as far as it has names that ROS knows.

Other DDS programs name topics, types and nodes as they like, and rclpy raises on many of those.
"""

from collections.abc import Callable, Sequence
from typing import Any, TYPE_CHECKING, TypeVar

from rclpy.node import Node
from rclpy.qos import qos_check_compatible, QoSCompatibility, QoSProfile
from rclpy.validate_full_topic_name import validate_full_topic_name

from .entities import failures_of
from .shared_memory_port import has_lost_its_port

if TYPE_CHECKING:
    from rclpy.topic_endpoint_info import TopicEndpointInfo  # Lyrical: rclpy.endpoint_info

NAMELESS = 'a node without a name'
COMPRESSED_TYPE, RAW_TYPE = 'sensor_msgs/msg/CompressedImage', 'sensor_msgs/msg/Image'
IMAGE_TYPES = COMPRESSED_TYPE, RAW_TYPE
_POLICIES = {'reliability': 'reliab', 'durability': 'transient', 'deadline': 'deadline',
             'liveliness': 'liveliness'}  # by a word of rmw's reason
_LISTED = 20  # topics in a sentence

T = TypeVar('T')


def topics(node: Node) -> dict[str, list[str]]:
    """Return the topics that ROS can name, and their types, those of subscribers included."""
    found = _ask(node, node.get_topic_names_and_types, [])
    return {name: types for name, types in sorted(found) if is_name(name)}


def publishers(node: Node, topic: str) -> 'list[TopicEndpointInfo]':
    return _ask(node, lambda: node.get_publishers_info_by_topic(topic), [])


def subscriptions(node: Node, topic: str) -> 'list[TopicEndpointInfo]':
    return _ask(node, lambda: node.get_subscriptions_info_by_topic(topic), [])


def image_topics(node: Node, kinds: Sequence[str] = IMAGE_TYPES) -> dict[str, str]:
    """Return the picture topics that somebody publishes, and their types."""
    found = {name: image_type(node, name, kinds) for name, types in topics(node).items()
             if not set(kinds).isdisjoint(types)}
    return {name: kind for name, kind in found.items() if kind}


def image_type(node: Node, topic: str, kinds: Sequence[str] = IMAGE_TYPES) -> str:
    """Return the type of the pictures that are published on a topic; empty where none are."""
    published = {end.topic_type for end in publishers(node, topic)}
    return next((kind for kind in kinds if kind in published), '')


def is_name(text: str) -> bool:
    """Return whether it can be the full name of a topic, service or node."""
    try:
        validate_full_topic_name(text)
    except Exception:  # rclpy's own ones, and ValueError for what it cannot even pass on
        return False
    return True


def full_name(end: 'TopicEndpointInfo') -> str:
    """
    Return the full name of an end's node, or NAMELESS.

    ROS hears of a node's ends a moment before its name, and programs that are none of ROS's never
    have one.
    """
    name = f'{end.node_namespace.rstrip("/")}/{end.node_name}'
    # UNKNOWN is rmw_dds_common's word for it.
    return name if 'UNKNOWN' not in end.node_name and is_name(name) else NAMELESS


def incompatible_policies(offered: QoSProfile, asked_for: QoSProfile) -> str:
    """Return what keeps these two apart, as `reliability and durability`; empty for nothing."""
    verdict, reason = qos_check_compatible(offered, asked_for)
    if verdict != QoSCompatibility.ERROR:
        return ''
    return ' and '.join(policy for policy, word in _POLICIES.items() if word in reason.lower()) \
        or 'quality of service'


def why_missing(node: Node, topic: str, subscription: Any = None,
                kinds: Sequence[str] = IMAGE_TYPES) -> str:
    """
    Return why nothing comes from an image topic (to `subscription`), and which others are.

    Those are named that have the types of `kinds`.
    """
    found, ends = image_topics(node, kinds), publishers(node, topic)
    others = sorted({end.topic_type for end in ends} - set(kinds))
    refused = '' if subscription is None else next(filter(None, (
        incompatible_policies(end.qos_profile, subscription.qos_profile) for end in ends)), '')
    if refused:
        return f"'{topic}' offers another {refused} than is requested here"
    if topic in found and has_lost_its_port():
        return (f"'{topic}' has a publisher, and Fast DDS has lost the shared memory by which "
                'this program receives: start it again')
    if topic in found:
        return f"'{topic}' has a publisher, but it sends nothing"
    listed = ', '.join(list(found)[:_LISTED]) + (', …' if len(found) > _LISTED else '')
    reason = f'is of the type {others[0]}' if others else 'has no publisher'
    what = 'topics with pictures' if kinds is IMAGE_TYPES else 'topics with H.264'
    return f"'{topic}' {reason}; {what}: {listed or 'none'}"


def _ask(node: Node, question: Callable[[], Sequence[T]], otherwise: list[T]) -> list[T]:
    try:
        return list(question())
    except Exception as error:  # what rclpy raises on names that are none
        failures_of(node).add(error)
        return otherwise
