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

"""One recording: a film, and beside it, line by line, what happened meanwhile."""

from contextlib import suppress
import json
from typing import Any

from .backlog import Arrival, FOUND, Note, Sound
from .folder import Folder, NOTES, VIDEO
from .found_pictures import FoundPictures
from .matroska import MARK, MatroskaWriter, TICKS_PER_S, Title
from .output_file import OutputFile
from ..core.frame import Frame

_TICK_NS = 1_000_000_000 // TICKS_PER_S
_BACK_NS = 100_000_000  # so far may a stamp be before the last one: a burst, out of order
_AHEAD_S = 5.0  # so much longer may it be since the last stamp than since the last arrival


class RecordingFile:
    """
    Two files of one name, which begin with a key frame. One thread; all methods raise OSError.

    Attributes
    ----------
    name
        That of the film.
    began
        When its first picture came, as `time.time()` has it.
    seconds
        From its first picture to the last one.

    """

    def __init__(self, folder: Folder, topic: str, frame: Frame, at_s: float, began: float,
                 sound_channels: int = 0) -> None:
        """
        Begin it with a key frame that came `at_s` of the monotonic clock.

        FrameRefusedError where nothing can begin with that one.
        """
        self.topic, self.codec, self.began, self.seconds = topic, frame.codec, began, 0.0
        self._size = frame.width, frame.height
        self._first_ns = self._last_ns = frame.stamp_ns
        self._last_at_s, self._last_tick, self._has_sound = at_s, -1, sound_channels > 0
        stem = folder.new_stem(topic, began)
        self.name = f'{stem}{VIDEO}'
        self._found = FoundPictures()
        self._notes: OutputFile | None = None
        self._film = OutputFile(folder.path / self.name)
        try:
            self._writer = MatroskaWriter(self._film, frame, Title(
                topic, began, frame.stamp_ns, sound_channels))
            self._notes = OutputFile(folder.path / f'{stem}{NOTES}')
            self._note({'type': 'recording', 'by': MARK, 'topic': topic, 'codec': frame.codec,
                        'width': frame.width, 'height': frame.height,
                        'first_stamp_ns': frame.stamp_ns, 'began': round(began, 6)})
            self._add(frame, at_s)
        except BaseException:
            self._discard()
            raise

    @property
    def bytes(self) -> int:
        return self._film.size + (self._notes.size if self._notes is not None else 0)

    @property
    def film_bytes(self) -> int:
        return self._film.size

    def fits(self, frame: Frame, at_s: float) -> bool:
        """Return whether a frame can go on in it: same size and codec, and its time follows."""
        since_ns = frame.stamp_ns - self._last_ns
        return ((frame.width, frame.height) == self._size and frame.codec == self.codec
                and since_ns > -_BACK_NS
                and since_ns / 1e9 < at_s - self._last_at_s + _AHEAD_S)

    def length_s(self, frame: Frame) -> float:
        """Return how long it would be with a frame."""
        return (frame.stamp_ns - self._first_ns) / 1e9

    def take(self, arrival: Arrival) -> None:
        """Write what has come; of frames, what `fits`."""
        content = arrival.content
        if isinstance(content, Frame):
            self._add(content, arrival.at_s)
        elif isinstance(content, Note):
            if content.kind != FOUND or self._found.find(content):
                self._happened(content)
        elif self._has_sound and isinstance(content, Sound) \
                and content.stamp_ns >= self._first_ns:
            self._writer.add_sound(content.data, self._tick(content.stamp_ns))

    def descriptors(self) -> list[int]:
        """Return what is to be brought to the disk, and closed."""
        return [file.descriptor() for file in (self._film, self._notes) if file is not None]

    def check(self) -> None:
        """See that it is still there; OSError without a number where somebody has removed it."""
        if not self._film.there():
            raise OSError(f"'{self.name}' was removed while recording")

    def finish(self) -> None:
        """End it; it plays without that, too."""
        try:
            self._writer.finish()
            if self._notes is not None:
                self._notes.sync()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Leave it as it is."""
        for file in (self._film, self._notes):
            if file is not None:
                with suppress(OSError):
                    file.close()

    def _add(self, frame: Frame, at_s: float) -> None:
        tick = max(self._last_tick + 1, self._tick(frame.stamp_ns))
        self._writer.add(frame, tick)
        self._last_tick, self._last_ns, self._last_at_s = tick, frame.stamp_ns, at_s
        self.seconds = tick / TICKS_PER_S
        self._note({'type': 'picture', 'stamp_ns': frame.stamp_ns, 's': self.seconds})
        for note in self._found.write_picture(frame.stamp_ns):
            self._happened(note)

    def _tick(self, stamp_ns: int) -> int:
        return (stamp_ns - self._first_ns + _TICK_NS // 2) // _TICK_NS

    def _happened(self, note: Note) -> None:
        self._line(f'{{"type": "{note.kind}", "stamp_ns": {note.stamp_ns}, {note.data}}}\n')

    def _note(self, line: dict[str, Any]) -> None:
        self._line(json.dumps(line) + '\n')

    def _line(self, line: str) -> None:
        if self._notes is not None:
            self._notes.append([line.encode()])

    def _discard(self) -> None:
        """Leave nothing behind of what could not even begin."""
        self.abandon()
        for file in (self._film, self._notes):
            if file is not None:
                with suppress(OSError):
                    file.path.unlink()
