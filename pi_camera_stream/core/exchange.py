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

"""Frames that nodes in one process hand to each other, without ROS."""

from collections.abc import Callable, Mapping
import threading

from .frame import Frame

Taker = Callable[[Frame, str], None]
"""Called with a frame and the TF frame of its camera, by the thread that publishes it."""


class Exchange:
    """
    Who publishes frames on a topic in this process, and who takes them; by the topic's full name.

    Takers must return at once. Any thread may call any method.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Replaced as a whole, so that the one who publishes need not wait for it.
        self._takers: Mapping[str, tuple[Taker, ...]] = {}

    def announce(self, topic: str) -> None:
        """Say that frames of a topic are offered here."""
        with self._lock:
            self._takers = {topic: (), **self._takers}

    def has(self, topic: str) -> bool:
        """Return whether frames of a topic are offered here."""
        return topic in self._takers

    def take(self, topic: str, taker: Taker) -> None:
        """Let `taker` have the frames of a topic from now on."""
        with self._lock:
            self._takers = {**self._takers, topic: (*self._takers.get(topic, ()), taker)}

    def leave(self, topic: str, taker: Taker) -> None:
        """Let `taker` have no more; a frame that is being offered may still come."""
        with self._lock:
            self._takers = {**self._takers, topic: tuple(
                other for other in self._takers.get(topic, ()) if other != taker)}

    def takers(self, topic: str) -> int:
        return len(self._takers.get(topic, ()))

    def offer(self, topic: str, frame: Frame, frame_id: str) -> None:
        for taker in self._takers.get(topic, ()):
            taker(frame, frame_id)
