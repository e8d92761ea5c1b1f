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

"""The H.264 that a source has itself, on its way to the topic as it is."""

from collections.abc import Callable
import threading
import time

from rclpy.node import Node

from ...core.frame import Frame, H264, VideoUnit
from ...core.group_mailbox import GroupMailbox
from ...core.mailbox import Mailbox
from ...sources.capture_loop import CaptureLoop

_MOST, _MOST_BEHIND_S = 8, 1.0  # access units that wait for the network, and how long
_LATELY_S, _LATELY_INTERVALS = 1.0, 3  # since the last one, while the source makes some
_FIRST_S = 2.0  # until the first comes, which is a key frame
_KEY_S = 0.5  # between two key frames that are asked for
_REPEAT_S = 10.0  # how often the same problem is logged


class SourceVideo:
    """
    Hand access units on in a thread of its own that the first one starts; any may call the rest.

    Attributes
    ----------
    failed
        How many could not be published.

    """

    def __init__(self, node: Node, capture: CaptureLoop, publish: Callable[[Frame], None]) -> None:
        self.failed = 0
        self._node, self._capture, self._publish = node, capture, publish
        self._units: GroupMailbox[Frame] = GroupMailbox(_MOST, _MOST_BEHIND_S, self._want_key)
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()
        self._wanted = self._key_wanted = False
        self._heard = True  # whether the source could be asked, the last time
        self._bitrate_bps = 0.0  # as it was told
        self._wanted_s = self._last_s = self._asked_s = 0.0  # since when; last one; last request
        capture.on_video = self._put

    @property
    def dropped(self) -> int:
        return self._units.dropped

    @property
    def why_not(self) -> str:
        """Return why the source does not hand on what it has; empty where there is no reason."""
        return self._capture.why_no_video

    def flows(self, interval_s: float) -> bool:
        """Return whether they come, or will soon; where not, pictures are to be encoded."""
        now_s, lately_s = time.monotonic(), max(_LATELY_S, _LATELY_INTERVALS * interval_s)
        return self._wanted and (now_s - self._last_s < lately_s or (
            self._capture.has_video and now_s - self._wanted_s < _FIRST_S))

    def want(self, wanted: bool) -> None:
        if wanted != self._wanted:
            self._wanted, self._wanted_s = wanted, time.monotonic()
            self._capture.want_video(wanted)

    def limit_bitrate(self, bitrate_bps: float) -> None:
        """Let them have no more bit/s than that, where the source can do it."""
        if bitrate_bps != self._bitrate_bps:
            self._bitrate_bps = bitrate_bps
            self._capture.limit_video_bitrate(bitrate_bps)

    def request_key_frame(self) -> bool:
        """Let one come soon; False where the source makes its own ones alone."""
        self._key_wanted = True
        now_s = time.monotonic()
        if now_s - self._asked_s >= _KEY_S:  # else a little later, with a unit
            self._asked_s, self._heard = now_s, self._capture.request_key_frame()
        return self._heard

    def _want_key(self) -> None:
        self.request_key_frame()

    def close(self) -> None:
        """Hand nothing more on."""
        self._closed.set()
        self._units.close()

    def join(self, timeout_s: float) -> None:
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _put(self, unit: VideoUnit, stamp_ns: int) -> None:
        now_s = time.monotonic()
        if unit.key:
            self._key_wanted, self._asked_s = False, now_s
        elif self._key_wanted and now_s - self._asked_s >= _KEY_S:
            self.request_key_frame()
        if self._closed.is_set() or not self._wanted:
            return
        self._last_s = now_s
        self._units.put(Frame(unit.data, stamp_ns, 0, unit.width, unit.height, codec=H264,
                              key=unit.key), lambda: unit.key, now_s)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name='video', daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                frame = self._units.take()
                if self._closed.is_set():
                    return
                self._publish(frame)
            except Mailbox.Closed:
                return
            except Exception as error:  # one that cannot be published is one group of pictures
                if self._closed.is_set() or not self._node.context.ok():
                    return  # Ctrl-C has closed the topics
                self.failed += 1
                self._units.jump()
                self._node.get_logger().error(
                    f'left out H.264 that cannot be published: {error!r}',
                    throttle_duration_sec=_REPEAT_S)
