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

"""One topic that is recorded: what has come of it, and the file that it goes into."""

from collections.abc import Callable
import math
import time

from .backlog import Arrival, Backlog
from .folder import Folder
from .recording_file import RecordingFile
from .settings import RecordSettings
from ..core.frame import Frame

_STEADY_S = 1.0  # between two files that begin because the pictures are others


class Track:
    """
    `backlog` is guarded by the lock of the disk writer; its thread calls all methods.

    Attributes
    ----------
    file
        What is written now; None between two recordings.
    wants_key
        Whether the file goes on, or a new one begins, with the next key frame.
    fault
        Why it is not written; empty where it is, as far as known.
    left_out
        Frames that could not be written, and for which nothing else is to blame.

    """

    def __init__(self, topic: str, settings: RecordSettings) -> None:
        self.topic, self._settings = topic, settings
        self.backlog = Backlog(settings.before_s)
        self.file: RecordingFile | None = None
        self.wants_key = False
        self.fault = ''
        self.left_out = 0
        self._changed_at_s = -math.inf

    def write(self, arrival: Arrival | None, folder: Folder,
              make_room: Callable[[], None]) -> None:
        """
        Write what has come; None ends the file.

        `make_room` is called before a file begins. OSError where the disk does not take it,
        FrameRefusedError where it is nothing to begin with.
        """
        if arrival is None:
            self.finish()
            return
        frame = arrival.content
        if not isinstance(frame, Frame):
            if self.file is not None:
                self.file.take(arrival)
            return
        if self.file is not None and not self._goes_on(frame, arrival.at_s):
            return
        if self.file is not None:
            self.file.take(arrival)
        elif frame.key:
            self.wants_key = False
            make_room()
            began = time.time() - (time.monotonic() - arrival.at_s)
            self.file = RecordingFile(folder, self.topic, frame, arrival.at_s, began,
                                      self._settings.sound_channels)
        else:
            self.wants_key = True
            self.left_out += 1

    def finish(self) -> None:
        """End the file, if there is one."""
        if self.file is not None:
            try:
                self.file.finish()
            finally:
                self.file = None

    def abandon(self) -> None:
        """Leave the file as it is."""
        if self.file is not None:
            self.file.abandon()
            self.file = None

    def _goes_on(self, frame: Frame, at_s: float) -> bool:
        """Begin another file where it is time for one; False where the frame is left out."""
        assert self.file is not None  # noqa: S101 - for mypy
        if not self.file.fits(frame, at_s):
            if at_s - self._changed_at_s < _STEADY_S:  # or each frame would be a file
                self.left_out += 1
                return False
            self._changed_at_s = at_s
            self.finish()
        elif self.file.length_s(frame) >= 60 * self._settings.minutes:
            self.wants_key = not frame.key
            if frame.key:
                self.finish()
        return True
