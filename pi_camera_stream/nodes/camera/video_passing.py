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

"""The H.264 that a camera has as such, on its way to the topic."""

from collections.abc import Callable
import math
import threading
import time

from ...core.frame import Frame
from ...core.group_mailbox import GroupMailbox
from ...core.mailbox import Mailbox
from ...sources.capture_loop import CaptureLoop
from ...sources.loop_video import LoopVideo

_BACKLOG = 5  # access units, as many as the topic keeps
_MOST_BEHIND_S = 0.3  # then the rest of their group is left out
_PATIENCE_S = 2.0  # until the first key frame has come, and without any access unit


class VideoPassing:
    """
    Take access units from the source while they are wanted, and publish them unencoded.

    They come in the capture thread and are published in a thread of their own, which the first one
    starts: a topic that must be waited for holds no picture up. Any thread may call the rest.
    """

    def __init__(self, capture: CaptureLoop, publish: Callable[[Frame], None]) -> None:
        self._capture, self._publish = capture, publish
        self._source = LoopVideo(capture, self._put)
        self._wanted = self._flows = False  # whether it is asked for, and comes
        self._since_s = 0.0  # when that was asked for, or the last one came
        self._units: GroupMailbox[Frame] = GroupMailbox(_BACKLOG, _MOST_BEHIND_S,
                                                        self._source.request_key_frame)
        self._thread: threading.Thread | None = None

    @property
    def dropped(self) -> int:
        return self._units.dropped

    @property
    def flows(self) -> bool:
        """Whether what is published comes from the source at present."""
        return self._flows and time.monotonic() - self._since_s < _PATIENCE_S

    def want(self, wanted: bool, most_bps: float = math.inf) -> bool:
        """
        Say whether somebody subscribes, and the bit rate at the most, where that can be limited.

        Return whether nothing need be encoded for them.
        """
        wanted = wanted and self._source.available
        if wanted and math.isfinite(most_bps):
            self._source.limit_bitrate(most_bps)
        if wanted != self._wanted:
            self._wanted, self._flows, self._since_s = wanted, False, time.monotonic()
            self._units.jump()
            self._source.want(wanted)
        return wanted and time.monotonic() - self._since_s < _PATIENCE_S

    def request_key_frame(self) -> bool:
        """Ask the source for one; False where it cannot be asked, and has its own."""
        return self._capture.request_key_frame()

    def close(self) -> None:
        self._units.close()

    def join(self, timeout_s: float) -> None:
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _put(self, frame: Frame) -> None:
        now_s = time.monotonic()
        self._flows, self._since_s = True, now_s
        self._units.put(frame, lambda: frame.key, now_s)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name='h264 pass', daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                self._publish(self._units.take())
            except Mailbox.Closed:
                return
