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
Camera node, bridge and consumer in one process: `ros2 run pi_camera_stream all_nodes`.

It takes the `--ros-args` of all three, and `--no-consumer`. Frames are handed from node to node as
they are; topics are published as ever, while somebody else subscribes.
"""

from collections.abc import Sequence
import sys

from .bridge.http_bridge_node import HttpBridgeNode
from .camera.camera_node import CameraNode
from .camera.picture_size import largest_picture_bytes
from .run import run_nodes

_NO_CONSUMER = '--no-consumer'


def main(args: Sequence[str] | None = None) -> int:
    words = [*(sys.argv[1:] if args is None else args)]
    kinds, picture_bytes = [CameraNode, HttpBridgeNode], largest_picture_bytes(words)
    if _NO_CONSUMER in words:
        words.remove(_NO_CONSUMER)
    else:
        from .consumer.consumer_topics import LARGEST_BYTES
        from .consumer.opencv_consumer_node import OpencvConsumerNode
        kinds.append(OpencvConsumerNode)
        picture_bytes = max(picture_bytes, LARGEST_BYTES)
    return run_nodes(kinds, 'all_nodes', words, picture_bytes)
