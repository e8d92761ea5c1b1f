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

"""The RTP time of frames, from which a page can tell when a picture was taken."""

from ...core.frame import Frame

_HZ = 90_000  # of video (RFC 6184)
_NS = 1_000_000_000
_LONGEST_NS = 10 * _NS  # between two frames, as their stamps have it


class RtpClock:
    """
    Give frames RTP times that are as far apart as their stamps.

    Where a stamp is not later than the one before, or much later, the clock of the stamps was set,
    or there is none: then the time since the frame before counts.

    Attributes
    ----------
    last
        RTP time of the last frame, without a limit.
    stamp_ns
        Its stamp; None before the first.

    """

    def __init__(self) -> None:
        self.last = 0
        self.stamp_ns: int | None = None
        self._now_ns = 0

    def time(self, frame: Frame, now_ns: int) -> int:
        """Return the RTP time of the next frame; `now_ns` is of a clock that nobody sets."""
        if self.stamp_ns is not None:
            apart_ns = frame.stamp_ns - self.stamp_ns
            if not 0 < apart_ns < _LONGEST_NS:
                apart_ns = now_ns - self._now_ns
            # From the stamp itself, so that what is rounded does not add up.
            ticks = frame.stamp_ns * _HZ // _NS - self.stamp_ns * _HZ // _NS \
                if apart_ns == frame.stamp_ns - self.stamp_ns else apart_ns * _HZ // _NS
            self.last += max(1, ticks)
        self.stamp_ns, self._now_ns = frame.stamp_ns, now_ns
        return self.last
