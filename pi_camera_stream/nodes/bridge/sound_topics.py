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

"""The microphone's sound on topics, as audio_common has them."""

import array
from collections import deque
from collections.abc import Callable
import threading
from typing import Any

import numpy as np
from rclpy.node import Node
from rclpy.serialization import serialize_message
from rclpy.time import Time

from ..serialized import publish_serialized
from ...client.entities import create_publisher, Periodic
from ...client.qos import reliable_qos
from ...core.errors import PermanentError
from ...core.sound import CHANNELS, RATE, SAMPLE_BYTES, SoundFeed, SoundPacket

_DEPTH = 10  # as audio_capture has it: 100 ms, what is older is not sent again
_MOST_WAITING = 10  # packets, while a link holds up what is published; older ones are late
_LOOK_S = 1.0  # between two looks for subscribers
_REPEAT_S = 10.0  # how often the same problem is logged


class SoundTopics:
    """
    Publish PCM as audio_capture of audio_common does, where that has its messages.

    A thread of its own publishes: neither sound for others nor a picture waits for a link that
    takes nothing. While nobody subscribes, nothing is taken from the microphone. The rest belongs
    to the executor's thread.

    Attributes
    ----------
    dropped, failed
        Packets that were late, and those that could not be published.

    """

    def __init__(self, node: Node, pcm: SoundFeed) -> None:
        """Make it; PermanentError where qos_overrides ask for a policy that there is not."""
        self.dropped = self.failed = 0
        self._node, self._pcm = node, pcm
        self._leave: Callable[[], None] | None = None
        self._waiting: deque[SoundPacket] = deque()
        self._changed = threading.Condition()
        self._ended = False
        self._thread: threading.Thread | None = None
        messages = _messages()
        self._plain, self._stamped, self._info = (
            self._create(getattr(messages, name, None), topic) for name, topic in (
                ('AudioData', 'audio'), ('AudioDataStamped', 'audio_stamped'),
                ('AudioInfo', 'audio_info')))
        self._lacking = '' if messages is not None else (
            'audio_common_msgs is not installed: sudo apt install '
            'ros-$ROS_DISTRO-audio-common-msgs')
        if self._lacking:
            node.get_logger().debug(f'no sound on topics: {self._lacking}')
        else:
            Periodic(node, _LOOK_S, self._look)

    def stop(self) -> None:
        self._want(False)
        with self._changed:
            self._ended = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(timeout=1.0)

    def title(self) -> str:
        """Return what it does, for a reader."""
        left_out = self.dropped + self.failed
        return self._lacking or ('nobody subscribes' if self._leave is None else 'published') + (
            f', {left_out} packets left out' if left_out else '')

    def _create(self, message: Any, topic: str) -> '_Topic | None':
        return None if message is None else _Topic(self._node, message, topic)

    def _look(self) -> None:
        self._want(any(topic is not None and topic.wanted
                       for topic in (self._plain, self._stamped)))
        if self._info is not None and self._info.wanted:
            self._info.publish(channels=CHANNELS, sample_rate=RATE, sample_format='S16LE',
                               bitrate=RATE * CHANNELS * SAMPLE_BYTES * 8, coding_format='wave')

    def _want(self, wanted: bool) -> None:
        if wanted and self._leave is None and not self._ended:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name='sound topics',
                                                daemon=True)
                self._thread.start()
            self._leave = self._pcm.listen(self._put)
        elif not wanted and self._leave is not None:
            self._leave()
            self._leave = None

    def _put(self, packet: SoundPacket) -> None:
        """Take a packet; the microphone's thread calls it."""
        with self._changed:
            self._waiting.append(packet)
            if len(self._waiting) > _MOST_WAITING:
                self._waiting.popleft()
                self.dropped += 1
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._ended or self._waiting)
                if self._ended:
                    return
                packet = self._waiting.popleft()
            try:
                self._publish(packet)
            except Exception as error:  # one packet that cannot be published is one packet
                if self._ended or not self._node.context.ok():
                    return  # Ctrl-C has closed the topics
                self.failed += 1
                self._node.get_logger().error(f'left out some sound: {error!r}',
                                              throttle_duration_sec=_REPEAT_S)

    def _publish(self, packet: SoundPacket) -> None:
        data = array.array('B', packet.data)
        if self._plain is not None and self._plain.wanted:
            self._plain.publish(data=data)
        if self._stamped is not None and self._stamped.wanted:
            message = self._stamped.create()
            message.header.stamp = Time(nanoseconds=packet.stamp_ns).to_msg()
            message.audio.data = data
            self._stamped.send(message)


class _Topic:
    """A topic, and the messages that it has."""

    def __init__(self, node: Node, message: Any, name: str) -> None:
        self.create = message
        try:
            self._publisher = create_publisher(node, message, name, reliable_qos(_DEPTH),
                                               overridable=True)
        except RuntimeError as error:  # how rclpy refuses a policy that it does not know
            raise PermanentError(
                f'{error}: see the values that `ros2 topic info -v` shows') from error

    @property
    def wanted(self) -> bool:
        return self._publisher.get_subscription_count() > 0

    def publish(self, **fields: Any) -> None:
        self.send(self.create(**fields))

    def send(self, message: Any) -> None:
        publish_serialized(self._publisher, np.frombuffer(serialize_message(message), np.uint8))


def _messages() -> Any:
    """Return the module that has them; None where there is none of audio_common's."""
    try:
        from audio_common_msgs import msg
        fields = msg.AudioData.get_fields_and_field_types()
    except (ImportError, AttributeError):
        return None
    # There is a package of the same name whose AudioData has other fields.
    return msg if fields == {'data': 'sequence<uint8>'} else None
