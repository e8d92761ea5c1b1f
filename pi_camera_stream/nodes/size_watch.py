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

"""Pictures that are larger than the shared memory that their node has for them."""

from rclpy.node import Node


class SizeWatch:
    """Look at the sizes of pictures, and say it, once, when one has no room. Any thread."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._told = False

    def look(self, size_bytes: int) -> None:
        room_bytes = getattr(self._node, 'segment_bytes', 0)  # 0 where it is not ours to say
        if self._told or not 0 < room_bytes < size_bytes:
            return
        self._told = True
        self._node.get_logger().warning(
            f'pictures of {size_bytes / 1e6:.1f} MB are lost between programs of this machine, '
            f'whose shared memory has room for {room_bytes / 1e6:.1f} MB: restart this node with '
            "their size in the parameters 'width' and 'height', or make them smaller")
