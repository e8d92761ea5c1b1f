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

"""
Whether a process can still receive by Fast DDS's shared memory.

Who receives has a port there, a file that others find by its name. Where a subscriber is killed,
and another one comes within the 20 s for which publishers hold it to be there, Fast DDS (2.14 and
3.2) now and then removes the file of the new one in place of the old one's: publishers then write
into another file of that name, and nothing arrives until the process has another port.
"""

from collections.abc import Iterable
import os
from pathlib import Path
import re

_PROCESS = Path('/proc/self')
_LOCK = re.compile(r'/dev/shm/(fast(?:dds|rtps)_port\d+)_el(?: \(deleted\))?')  # noqa: S108 - Fast DDS's folder
_MAPPED = re.compile(r' /dev/shm/(fast(?:dds|rtps)_port\d+)( \(deleted\))?$', re.MULTILINE)


def has_lost_its_port() -> bool:
    """Return whether nobody can write to this process any more."""
    try:
        return lost(_PROCESS.joinpath('maps').read_text(errors='replace'), open_files(_PROCESS))
    except OSError:
        return False


def lost(maps: str, files: Iterable[str]) -> bool:
    """Return whether a port whose lock is among the open files is mapped, and has no name."""
    own = {match[1] for match in map(_LOCK.fullmatch, files) if match}
    mapped = _MAPPED.findall(maps)
    named = {name for name, deleted in mapped if not deleted}
    return any(name in own - named for name, deleted in mapped if deleted)


def open_files(process: Path) -> Iterable[str]:
    """Yield what the descriptors below a folder of /proc lead to."""
    for entry in (process / 'fd').iterdir():
        try:
            yield os.readlink(entry)
        except OSError:  # closed by now
            continue
