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

"""A topic of ROS, received as a program receives it."""

from .watched import Totals
from ...client.frame_subscriber import FrameSubscriber
from ...core.errors import PermanentError
from ...core.frame import H264, Image, image_size, JPEG

_VIDEO = '/foxglove'  # what image_transport calls our topics of H.264


class TopicWatch:
    """Decodes the newest picture in the thread that calls `take`."""

    logs_silence = True
    why_ageless = ''
    ended = False

    def __init__(self, topic: str) -> None:
        """Subscribe; PermanentError when the name cannot be one."""
        video = topic.endswith(_VIDEO)
        codec = H264 if video else JPEG
        try:
            self._frames = FrameSubscriber(topic.removesuffix(_VIDEO), codec=codec)
        except Exception as error:  # rclpy's, about the name
            reason = ' '.join(str(error).split())
            raise PermanentError(f"cannot subscribe to '{topic}' ({reason}): see `ros2 topic "
                                 'list` for its name') from error
        self.title = self._frames.topic
        self._totals = Totals()
        self._compressed = 'H.264' if video else 'JPEG'

    @property
    def totals(self) -> Totals:
        counters = self._frames.counters()
        totals = self._totals
        totals.pictures, totals.size_bytes = counters['received'], counters['bytes']
        totals.dropped, totals.broken = counters['dropped'], counters['corrupt']
        return totals

    @property
    def why_silent(self) -> str:
        return self._frames.signal().reason

    def look(self) -> None:
        pass  # ROS connects by itself

    def take(self, timeout_s: float) -> Image | None:
        frame = self._frames.next_frame(timeout_s)
        if frame is None:
            return None
        totals = self._totals
        totals.ages_s.append(frame.age_s)
        totals.width, totals.height = image_size(frame.image)
        raw = not frame.jpeg and self._compressed == 'JPEG'
        totals.detail = f'{"raw" if raw else self._compressed} over ROS'
        return frame.image

    def close(self) -> None:
        self._frames.close()
