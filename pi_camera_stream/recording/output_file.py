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

"""A file that is written by one thread, and is on the disk when that is asked for."""

from collections.abc import Sequence
import os
from pathlib import Path

_MOST_PIECES = 1000  # in a call; IOV_MAX is 1024
_MODE = 0o640  # pictures are not for every account of the machine


class OutputFile:
    """
    A new file; all methods raise OSError.

    Nothing is kept back: what was appended survives the death of this process at once, and the
    machine's after `sync`.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.size = path, 0
        self._descriptor = os.open(
            path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _MODE)

    def append(self, pieces: Sequence[bytes | memoryview]) -> None:
        """Write one behind the other; what is cut off by an error goes away again, if it can."""
        rest = [memoryview(piece) for piece in pieces if piece]
        begun = self.size
        try:
            while rest:
                written = os.writev(self._descriptor, rest[:_MOST_PIECES])
                self.size += written
                while rest and written >= len(rest[0]):
                    written -= len(rest.pop(0))
                if rest:
                    rest[0] = rest[0][written:]
        except OSError:
            if self.size != begun:
                os.ftruncate(self._descriptor, begun)
                os.lseek(self._descriptor, begun, os.SEEK_SET)
                self.size = begun
            raise

    def write_at(self, position: int, data: bytes) -> None:
        """Write over what is there."""
        os.pwrite(self._descriptor, data, position)

    def sync(self) -> None:
        """Return when all is on the disk."""
        os.fdatasync(self._descriptor)

    def descriptor(self) -> int:
        """Return another descriptor of it, to be closed by who gets it."""
        return os.dup(self._descriptor)

    def there(self) -> bool:
        """Return whether its name still leads to it."""
        try:
            found = os.stat(self.path, follow_symlinks=False)
        except FileNotFoundError:
            return False
        ours = os.fstat(self._descriptor)
        return (found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino)

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
