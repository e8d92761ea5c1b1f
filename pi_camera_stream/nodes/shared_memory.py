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
Shared memory in which large pictures pass to the other programs of this machine.

Fast DDS copies each message into a segment of shared memory that belongs to who publishes. By
itself it takes 512 kB: of a larger picture, which is sent only once, the beginning is overwritten
before it is read. The size can be said in a profile only, which Fast DDS reads when a process
makes its first node. The profile here adds one transport, with a larger segment, to those that
ROS and Fast DDS choose by themselves; of two of a kind, the first one sends. So discovery and all
else remain as they are, and where the segment cannot be had, Fast DDS's own is used.

Fast DDS writes to the whole segment at once: its size is memory that is gone. A process that is
killed leaves it behind, so the next one takes such leavings away. Who only receives needs none.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, ExitStack, suppress
from dataclasses import dataclass
import fcntl
import os
from pathlib import Path
import re
from tempfile import NamedTemporaryFile
import time

FAST_DDS_BYTES = 512 * 2**10  # what Fast DDS takes by itself
_PICTURES = 4  # that have room at a time: who receives may be late
_FEWEST = 2  # of them; below that, it is said
_SHARE_OF_FREE = 2  # half of what is free in /dev/shm at the most: others need some, too
_SHARE_OF_MEMORY = 16
_FOLDER = Path('/dev/shm')  # noqa: S108 - where Fast DDS has its segments
_LEAVINGS_S = 10.0  # how old they are at the least: a segment is made in the meantime
_LOCK = re.compile(r'(fast(?:dds|rtps)_[0-9a-f]{16})_el')  # that a segment's owner holds
_MAPS = Path('/proc/self/maps')
# Where a user, or who made the robot, says how Fast DDS is to transport messages.
_VARIABLES = ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE',
              'FASTDDS_BUILTIN_TRANSPORTS', 'FASTDDS_ENVIRONMENT_FILE',
              'RMW_FASTRTPS_USE_QOS_FROM_XML', 'ROS2_EASY_MODE')
_FILES = 'DEFAULT_FASTDDS_PROFILES.xml', 'DEFAULT_FASTRTPS_PROFILES.xml'  # where it is started
_LIBRARIES = {'libfastdds.so': 'FASTDDS_DEFAULT_PROFILES_FILE',  # Kilted and newer
              'libfastrtps.so': 'FASTRTPS_DEFAULT_PROFILES_FILE'}
_PROFILE = """<?xml version="1.0" encoding="UTF-8"?>
<dds xmlns="http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles"><profiles>
  <transport_descriptors><transport_descriptor>
    <transport_id>pictures</transport_id><type>SHM</type><segment_size>{size}</segment_size>
  </transport_descriptor></transport_descriptors>
  <participant profile_name="pictures" is_default_profile="true"><rtps><userTransports>
    <transport_id>pictures</transport_id>
  </userTransports></rtps></participant>
</profiles></dds>
"""


@dataclass(frozen=True)
class Segment:
    """How many bytes of shared memory pictures have, and what is wrong with that."""

    size: int  # 0 where it is not ours to say
    complaint: str = ''  # a sentence for people; empty when all is well


@dataclass
class Room:
    """What a process has got, once `room_for` has been left."""

    segment: Segment


@contextmanager
def room_for(picture_bytes: int, rmw: str) -> Iterator[Room]:
    """
    Let the process's first node, made within, have shared memory for pictures of that size.

    `rmw` is the middleware that `rclpy.init` has loaded. Nothing is done where it is not Fast DDS,
    or the user has configured it, or 0 bytes are wanted. No file and no variable is left behind.
    """
    variable = profile_variable(rmw, _read(_MAPS))
    room = Room(Segment(0))
    if picture_bytes and variable and not configured(os.environ, Path()):
        remove_leavings(_FOLDER)
        room.segment = fit(picture_bytes, free_bytes(_FOLDER), memory_bytes())
    size = room.segment.size
    with ExitStack() as stack:
        if size:
            try:
                stack.enter_context(_profile(variable, size))
            except OSError as error:
                room.segment, size = Segment(0, _failed(size, str(error))), 0
        yield room
    if largest_segment(_read(_MAPS)) < size:
        room.segment = Segment(0, _failed(size, 'Fast DDS has said why'))


@contextmanager
def _profile(variable: str, size: int) -> Iterator[None]:
    """Let Fast DDS find a profile, in a file that is there: it refuses one that has no name."""
    with NamedTemporaryFile('w', dir=_FOLDER, prefix='profile_', suffix='.xml') as file:
        file.write(_PROFILE.format(size=size))
        file.flush()
        before = os.environ.pop(variable, None)  # at the most an empty one
        os.environ[variable] = file.name
        try:
            yield
        finally:  # children are to find no name of a file that is gone
            del os.environ[variable]
            if before is not None:
                os.environ[variable] = before


def configured(environment: Mapping[str, str], folder: Path) -> bool:
    """Return whether a user has said how Fast DDS is to transport messages."""
    if any(environment.get(name) for name in _VARIABLES):
        return True
    return environment.get('SKIP_DEFAULT_XML_FILE') != '1' and any(
        (folder / name).exists() for name in _FILES)


def profile_variable(rmw: str, maps: str) -> str:
    """Return what names a profile to the Fast DDS that is loaded; empty where none is in use."""
    if not rmw.startswith('rmw_fastrtps'):
        return ''
    return next((variable for library, variable in _LIBRARIES.items()
                 if f'/{library}' in maps), '')


def fit(picture_bytes: int, free: int | None, memory: int) -> Segment:
    """
    Return the segment for pictures of that size.

    `free` is what is left in /dev/shm, None where it cannot be used; `memory` is the machine's.
    """
    if free is None:
        return Segment(0)
    wanted = max(_PICTURES * picture_bytes, FAST_DDS_BYTES)
    size = min(wanted, free // _SHARE_OF_FREE, memory // _SHARE_OF_MEMORY)
    complaint = ''
    if size < min(_FEWEST * picture_bytes, wanted):
        lost = (f'pictures of more than {_mb(max(size, FAST_DDS_BYTES))} MB may be lost between '
                'programs of this machine')
        complaint = (f'this machine has {_mb(memory)} MB of memory, so that {lost}: make them '
                     'smaller' if memory // _SHARE_OF_MEMORY < free // _SHARE_OF_FREE else
                     f'{_mb(free)} MB are free in /dev/shm, so that {lost}: make room there, in a '
                     f'container with --shm-size={wanted * _SHARE_OF_FREE // 2**20 + 1}m')
    return Segment(size if size > FAST_DDS_BYTES else 0, complaint)


def remove_leavings(folder: Path) -> None:
    """Remove the segments of processes that are gone, as `fastdds shm clean` does."""
    for lock in list(folder.glob('fast*_el')):
        segment = _LOCK.fullmatch(lock.name)
        with suppress(OSError):  # somebody else's, in use, or gone by now
            if segment and time.time() - lock.stat().st_mtime > _LEAVINGS_S:
                with lock.open('rb') as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    (folder / segment[1]).unlink(missing_ok=True)
                    lock.unlink()


def free_bytes(folder: Path) -> int | None:
    """Return how much room there is for segments; None where there can be none."""
    try:
        state = os.statvfs(folder)
    except OSError:
        return None
    if not os.access(folder, os.W_OK):
        return None
    # A tmpfs without a limit has no blocks at all.
    return state.f_bavail * state.f_frsize if state.f_blocks else memory_bytes()


def memory_bytes() -> int:
    return os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')


def largest_segment(maps: str) -> int:
    """Return the size of the largest segment of Fast DDS among the mappings of a process."""
    sizes = [int(end, 16) - int(begin, 16) for begin, end in re.findall(
        r'^([0-9a-f]+)-([0-9a-f]+) .*/fast(?:dds|rtps)_[0-9a-f]{16}(?: \(deleted\))?$', maps,
        re.MULTILINE)]
    return max(sizes, default=0)


def _failed(size: int, reason: str) -> str:
    return (f'no {_mb(size)} MB of shared memory for large pictures ({reason}), so that they may '
            'be lost between programs of this machine: make room in /dev/shm')


def _mb(size: int) -> str:
    return f'{size / 2**20:.3g}'


def _read(path: Path) -> str:
    try:
        return path.read_text(errors='replace')
    except OSError:
        return ''
