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
"""The pictures of a ROS bag, without ROS: SQLite or MCAP, as `ros2 bag record` has made it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ...core.errors import PermanentError

_IMAGE, _VIDEO = 'sensor_msgs/msg/CompressedImage', 'foxglove_msgs/msg/CompressedVideo'
_RAW = 'sensor_msgs/msg/Image'
_METADATA = 'metadata.yaml'
_SUFFIXES = '.mcap', '.db3', '.bag', '.yaml'  # of files that are read
# For bags that do not tell what their messages are: those of Humble, and of ROS 1.
_VIDEO_DEFINITION = """
builtin_interfaces/Time timestamp
string frame_id
uint8[] data
string format
"""


class Picture(NamedTuple):
    """A message: what it has, and when that was taken."""

    stamp_ns: int
    data: bytes
    codec: str  # as a CompressedVideo names it; empty in a CompressedImage


class Bag:
    """A bag that is read from its beginning to its end. PermanentError says what is wrong."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.cut_off = ''  # after `pictures`: why the rest could not be read
        if reason := _why_not(path):
            raise PermanentError(f'{reason}: name the folder that `ros2 bag record` has made, or '
                                 'its .mcap or .db3 file')
        self._reader: Any = _open(path)

    def close(self) -> None:
        self._reader.close()

    def choose(self, topic: str) -> str:
        """Return the topic to be taken: the one that is asked for, or the only one."""
        types: dict[str, str] = {one.topic: one.msgtype for one in self._reader.connections}
        found = sorted(name for name, kind in types.items() if kind in (_IMAGE, _VIDEO))
        if topic in found:
            return topic
        if types.get(topic) == _RAW:
            raise PermanentError(f"'{topic}' has raw images, which would have to be encoded: "
                                 f"name a topic of compressed ones with --topic{_listed(found)}")
        if not found:
            raise PermanentError(
                f"'{self._path}' has no topic with compressed images or video{_listed(types)}: "
                'record image_raw/compressed, or image_raw/foxglove')
        if topic:
            raise PermanentError(f"'{self._path}' has no topic '{topic}' with pictures: name "
                                 f'another one with --topic{_listed(found)}')
        if len(found) > 1:
            raise PermanentError(f"'{self._path}' has several topics with pictures: name one with "
                                 f'--topic{_listed(found)}')
        return found[0]

    def pictures(self, topic: str) -> Iterator[Picture]:
        """Yield all that can be read, in the order in which they were recorded."""
        connections = [one for one in self._reader.connections if one.topic == topic]
        try:
            for connection, came_ns, data in self._reader.messages(connections):
                message = self._reader.deserialize(data, connection.msgtype)
                yield _picture(message, came_ns)
        # Whatever a reader raises where a file is damaged, or ends in the midst.
        except Exception as error:
            self.cut_off = f'{type(error).__name__}: {error}'


def _why_not(path: Path) -> str:
    """Return why it cannot be a bag, which a reader may not see, or not before it waits."""
    try:
        if not path.is_dir():
            return f"there is no bag '{path}'" if not path.exists() else _why_no_file(path)
        for file in path.iterdir():
            if file.suffix in _SUFFIXES and (reason := _why_no_file(file)):
                return reason
        return '' if (path / _METADATA).exists() else \
            f"the folder '{path}' has no {_METADATA}, which `ros2 bag reindex` makes anew"
    except OSError as error:
        return f"'{path}' cannot be read ({error.strerror})"


def _why_no_file(path: Path) -> str:
    if not path.is_file():
        return f"'{path}' is no regular file"
    if path.suffix not in _SUFFIXES:
        return f"'{path}' is not a bag"
    return f"'{path}' is empty" if not path.stat().st_size else ''


def _open(path: Path) -> Any:
    try:
        from rosbags.highlevel import AnyReader
        from rosbags.typesys import get_types_from_msg, get_typestore, Stores
    except ImportError as error:
        raise PermanentError(
            f"the Python module '{error.name}' is missing, which reads bags: "
            '`python3 -m pip install rosbags`, in a virtual environment') from error
    types = get_typestore(Stores.LATEST)
    types.register(get_types_from_msg(_VIDEO_DEFINITION, _VIDEO))
    try:
        reader = AnyReader([path], default_typestore=types)
        reader.open()
    except Exception as error:  # as above
        raise PermanentError(
            f"'{path}' cannot be read as a bag ({type(error).__name__}: {error}): where its "
            'recording was cut off, `ros2 bag reindex` helps') from error
    return reader


def _picture(message: Any, came_ns: int) -> Picture:
    header = getattr(message, 'header', None)
    stamp = message.timestamp if header is None else header.stamp
    stamp_ns = stamp.sec * 10**9 + stamp.nanosec
    return Picture(stamp_ns or came_ns, bytes(message.data),
                   '' if header is not None else message.format)


def _listed(topics: Any) -> str:
    names = sorted(topics)
    return f' (there are {", ".join(names)})' if names else ''
