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

"""The folder that recordings are in: how they are called, known again, and deleted."""

from collections.abc import Collection, Iterator
from contextlib import suppress
import json
import os
from pathlib import Path
import re
import stat
import time

from .matroska import Head, HEAD_BYTES, MARK, read_head
from ..core.recording import Recording

VIDEO, NOTES = '.mkv', '.jsonl'
_STEM = r'\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ_[\w-]{1,100}(?:\.\d{1,3})?'
_NAME = re.compile(_STEM + re.escape(VIDEO), re.ASCII)
_OURS = re.compile(f'({_STEM})({re.escape(VIDEO)}|{re.escape(NOTES)})', re.ASCII)
_MOST_OF_A_SECOND = 1000  # files of a topic
_TAIL_BYTES = 65536  # in which the last picture is named


class Folder:
    """
    Names and deletes; all methods look at the disk, and raise OSError, so that a thread does it.

    A file counts as ours that has such a name, is a file and no link, and carries our mark inside.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self) -> None:
        """Make it, in a folder that is there: what is to be plugged in is not made instead."""
        with suppress(FileExistsError):
            self.path.mkdir(0o750)

    def free(self) -> tuple[int, int]:
        """Return the free bytes of the disk, for us, and all that it has."""
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize

    def new_stem(self, topic: str, began: float) -> str:
        """Return a name for a recording of a topic, without what it ends with."""
        place = re.sub(r'[^\w-]', '_', topic.strip('/').removesuffix('/compressed'),
                       flags=re.ASCII)
        moment = time.gmtime(max(0.0, began))
        stem = f'{time.strftime("%Y-%m-%dT%H-%M-%SZ", moment)}_{place[-100:] or "pictures"}'
        for number in range(_MOST_OF_A_SECOND):
            name = f'{stem}.{number}' if number else stem
            if not any((self.path / f'{name}{kind}').exists() for kind in (VIDEO, NOTES)):
                return name
        raise FileExistsError(f'already {_MOST_OF_A_SECOND} recordings of that second')

    def files(self, running: Collection[str] = ()) -> list[Recording]:
        """Return what is there, the newest first, but for those that are `running`."""
        found = []
        for name in os.listdir(self.path):
            if _NAME.fullmatch(name) and name not in running:
                with suppress(OSError):  # it has gone meanwhile
                    if (recording := self._look(name)) is not None:
                        found.append(recording)
        return sorted(found, key=lambda one: (one.began, one.name), reverse=True)

    def find(self, name: str) -> Path | None:
        """Return where a recording is, if it is one of ours."""
        path = self.path / name
        return path if _NAME.fullmatch(name) and _read_head(path) is not None else None

    def delete(self, name: str) -> bool:
        """Delete a recording and what lies beside it; False where it is none of ours."""
        path = self.find(name)
        if path is None:
            return False
        notes = path.with_suffix(NOTES)
        # The large one last: what is left of a deletion that is cut short can be deleted again.
        if _has_mark(notes):
            notes.unlink(missing_ok=True)
        path.unlink()
        return True

    def keep(self, most_bytes: float, running: Collection[str]) -> tuple[int, int]:
        """
        Delete the oldest until all of ours take no more than that.

        Those that are `running` count, and stay. Return how many bytes are left, and were deleted.
        """
        ours = sorted(self._stems())
        total, gone = sum(size for _, size, _ in ours), 0
        for stem, size, parts in ours:
            if total - gone <= most_bytes:
                break
            if f'{stem}{VIDEO}' in running:
                continue
            for path in sorted(parts, key=lambda part: part.suffix == VIDEO):
                path.unlink(missing_ok=True)
            gone += size
        return total - gone, gone

    def _stems(self) -> Iterator[tuple[str, int, list[Path]]]:
        """Yield name, bytes and files of what is ours; the names are in the order of time."""
        parts: dict[str, list[Path]] = {}
        for name in os.listdir(self.path):
            if match := _OURS.fullmatch(name):
                path = self.path / name
                with suppress(OSError):
                    if _read_head(path) if match[2] == VIDEO else _has_mark(path):
                        parts.setdefault(match[1], []).append(path)
        for stem, paths in parts.items():
            with suppress(OSError):
                yield stem, sum(path.lstat().st_blocks * 512 for path in paths), paths

    def _look(self, name: str) -> Recording | None:
        path = self.path / name
        head = _read_head(path)
        if head is None:
            return None
        state = path.lstat()
        duration_s = head.duration_s
        if duration_s is None:  # it was not finished
            duration_s = _last_picture_s(path.with_suffix(NOTES))
        if duration_s is None:
            duration_s = max(0.0, state.st_mtime - head.began)
        return Recording(name, head.topic, head.began, duration_s, state.st_size, head.codec,
                         running=False)


def is_name(name: str) -> bool:
    """Return whether a recording could have that name."""
    return _NAME.fullmatch(name) is not None


def _begin_of(path: Path, length: int, from_end: bool = False) -> bytes:
    """Return that many bytes of a file; nothing where it is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b''
    try:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            return b''
        return os.pread(descriptor, length, max(0, state.st_size - length) if from_end else 0)
    finally:
        os.close(descriptor)


def _read_head(path: Path) -> Head | None:
    return read_head(_begin_of(path, HEAD_BYTES))


def _has_mark(path: Path) -> bool:
    first, _, _ = _begin_of(path, HEAD_BYTES).partition(b'\n')
    try:
        line = json.loads(first)
    except ValueError:
        return False
    return isinstance(line, dict) and line.get('by') == MARK


def _last_picture_s(path: Path) -> float | None:
    for line in reversed(_begin_of(path, _TAIL_BYTES, from_end=True).split(b'\n')):
        if b'"picture"' in line:
            with suppress(ValueError, KeyError, TypeError):
                return float(json.loads(line)['s'])
    return None
