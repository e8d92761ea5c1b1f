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
Topics of H.264, by the conventions of image_transport, and the messages that they have.

Neither package is on PyPI, nor needed for anything else: they are imported where they are used.
"""

from collections.abc import Sequence
from dataclasses import dataclass
import importlib
from typing import Any

COMPRESSED, FOXGLOVE, FFMPEG = '/compressed', '/foxglove', '/ffmpeg'
DEPTH = 5  # one that was lost is sent again: others build on it

REQUEST_SERVICE = 'request_keyframe'
"""Below the name of the node that publishes; std_srvs/Trigger."""


@dataclass(frozen=True)
class VideoMessage:
    """
    A message with one access unit in it.

    Attributes
    ----------
    type_name
        As the graph has it.
    suffix
        What its topic has behind the name of `image_raw`.

    """

    type_name: str
    suffix: str

    @property
    def package(self) -> str:
        return self.type_name.partition('/')[0]

    def find(self) -> Any:
        """Return its class; None where its package is not installed."""
        try:
            module = importlib.import_module(f'{self.package}.msg')
        except ImportError:
            return None
        return getattr(module, self.type_name.rpartition('/')[2], None)

    def why_missing(self) -> str:
        """Return what is missing and what helps; empty where nothing is."""
        if self.find() is not None:
            return ''
        return (f'H.264 on topics needs {self.package}: '
                f'sudo apt install ros-$ROS_DISTRO-{self.package.replace("_", "-")}')


COMPRESSED_VIDEO = VideoMessage('foxglove_msgs/msg/CompressedVideo', FOXGLOVE)
FFMPEG_PACKET = VideoMessage('ffmpeg_image_transport_msgs/msg/FFMPEGPacket', FFMPEG)
MESSAGES: Sequence[VideoMessage] = COMPRESSED_VIDEO, FFMPEG_PACKET  # the first is preferred


def base_name(topic: str) -> str:
    """Return the name of the topic without what image_transport puts behind it."""
    for suffix in (COMPRESSED, *(message.suffix for message in MESSAGES)):
        topic = topic.removesuffix(suffix)
    return topic
