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
The records that a capture worker and the node exchange over two pipes, version 1.

A worker writes records to its standard output and reads records from its standard input; what its
libraries print goes to standard error. A record is a head of 8 bytes, little-endian, and a body:

    2 bytes   magic, `PC`
    1 byte    version of the protocol, 1
    1 byte    kind, a letter
    4 bytes   size of the body

The kinds, of which all but the frame and the access unit have a JSON object as their body:

    O  node to worker, first of all: `open`, the source's settings; of a V4L2 camera also `again`,
       from the last hello of a worker of this source.
    S  node to worker: `set`: `controls` by name, to be applied in the same frame; or `bitrate` in
       bits a second, which the worker's encoder shall not exceed, null for no limit; or `settings`
       to go on with, as the first ones were, and their `number`; or `metadata`, whether those of
       each picture are wanted; or `video`, whether access units are wanted; and to one that
       steers its video, `key_frame`, to have one soon, and `video_bitrate` in bits a second.
    H  worker to node, when it delivers, and again when it does so with other settings: `hello`,
       with `number` (of the settings, 0 for the first ones), `camera` (its name for people),
       `sensor` (`mode`, its `area` in pixels, and what the mode reads of it, `crop`), `width`,
       `height`, `fps` (0 unknown), `detail` (how it is encoded, for people), `adapts` (whether it
       obeys `bitrate`), `snapshots` (whether it asks for each picture, at the rate that it was
       started with), of a V4L2 camera `device` and `again` (the path that leads to it when it
       returns under another number), and `controls`: for each name, `kind` (bool, int, float,
       int[], float[], or menu, of which the values are names), `minimum`, `maximum` and `value`
       (of an array: of its elements), `choices` where numbers have names (number to name),
       `length` where an array has one, `step` where it is more than 1, `read_only`, and
       `inactive`, when it has no effect at present, because something else sets it.
    F  worker to node: a frame: 8 bytes capture time in ns of CLOCK_MONOTONIC, 8 bytes frame
       number, counted by the camera, 4 bytes exposure time in us (0 unknown), and the JPEG.
    V  worker to node, while wanted: an access unit of H.264 beside the JPEGs: 8 bytes capture time
       as the frame of the same picture has it, 8 bytes number, counted by the worker with those
       that it left out, and the unit as a byte stream (ITU-T H.264, annex B). None is left out in
       the midst of a group but for want of it.
    A  worker to node: `answer`: to controls, `error`, empty when all was applied, and `controls`
       as in the hello, where the camera tells what has become of them; at any time `adapts`, when
       that has changed; and `video`, when that has changed: empty when access units can be had, a
       sentence when what is there cannot be passed on, null when there are none (at first), with
       `steers`, whether it obeys `key_frame` and `video_bitrate`.
    M  worker to node, before a frame: its metadata, by the names that libcamera has.
    I  worker to node, of a stream: `info` that its sender gives: `uncertainty_ms`, by how much the
       capture times can be wrong, null where they are those of arrival, and `why` that is so; or
       `camera_info`, in the fields of sensor_msgs/CameraInfo, null where it gives none.
    E  worker to node: `error`: `sentence` with the remedy, and `permanent`, whether it makes no
       sense to try again before somebody changes something; `no_camera`, when that is all. The
       worker ends behind it.

Both ends of a pipe are closed by whoever ends; a worker ends when its standard input does. Who
does not know `video` is never sent an access unit, nor sends one: that is no other version.
"""

from dataclasses import dataclass
import json
import struct
from typing import Any

from ..core.errors import PermanentError, TemporaryError
from ..core.json_object import parse_object

VERSION = 1
_MAGIC = b'PC'
_HEAD = struct.Struct('<2sBcI')
_FRAME = struct.Struct('<QQI')
_UNIT = struct.Struct('<QQ')
_MOST_BYTES = {b'F': 64 * 2**20, b'V': 16 * 2**20}
_MOST_JSON_BYTES = 2**20


class RecordError(TemporaryError):
    """What came is no record; the text says what it is."""


@dataclass(frozen=True)
class FrameRecord:
    """One picture of a worker."""

    data: bytes  # the JPEG
    monotonic_ns: int  # when it was taken, by CLOCK_MONOTONIC
    number: int  # as the camera counts; gaps are frames that the worker left out
    exposure_us: int = 0  # 0 unknown


@dataclass(frozen=True)
class VideoRecord:
    """One access unit of a worker, as its encoder or its sender made it."""

    data: bytes
    monotonic_ns: int  # when its picture was taken, by CLOCK_MONOTONIC
    number: int  # gaps are units that the worker left out


@dataclass(frozen=True)
class Message:
    """Any other record: its kind, a letter, and its object."""

    kind: str
    body: dict[str, Any]


def pack_message(kind: str, body: dict[str, Any]) -> bytes:
    data = json.dumps(body).encode()
    return _HEAD.pack(_MAGIC, VERSION, kind.encode(), len(data)) + data


def pack_frame(frame: FrameRecord) -> bytes:
    return b''.join((
        _HEAD.pack(_MAGIC, VERSION, b'F', _FRAME.size + len(frame.data)),
        _FRAME.pack(frame.monotonic_ns, frame.number, frame.exposure_us), frame.data))


def pack_video(unit: VideoRecord) -> bytes:
    return b''.join((_HEAD.pack(_MAGIC, VERSION, b'V', _UNIT.size + len(unit.data)),
                     _UNIT.pack(unit.monotonic_ns, unit.number), unit.data))


class RecordReader:
    """Take in the bytes of a pipe as they come, and give out records."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, chunk: bytes) -> list[FrameRecord | VideoRecord | Message]:
        """
        Return the records that are whole with `chunk`; RecordError where these are none.

        Raises PermanentError when they are of another version.
        """
        self._buffer += chunk
        records: list[FrameRecord | VideoRecord | Message] = []
        begin = 0
        with memoryview(self._buffer) as view:
            while len(view) - begin >= _HEAD.size:
                magic, version, kind, size = _HEAD.unpack_from(view, begin)
                _check_head(magic, version, kind, size)
                end = begin + _HEAD.size + size
                if end > len(view):
                    break
                records.append(_unpack(kind, view[begin + _HEAD.size:end]))
                begin = end
        del self._buffer[:begin]
        return records


def _check_head(magic: bytes, version: int, kind: bytes, size: int) -> None:
    if magic != _MAGIC:
        raise RecordError(f'the capture worker wrote {magic!r} where a record should begin: does '
                          'something else print to its standard output?')
    if version != VERSION:
        raise PermanentError(
            f'the capture worker speaks version {version} of the record protocol, and this node '
            f'version {VERSION}: install both from the same release')
    if size > _MOST_BYTES.get(kind, _MOST_JSON_BYTES):
        raise RecordError(f'the capture worker announced a record of {size} bytes, more than any '
                          'can have')


def _unpack(kind: bytes, body: memoryview) -> FrameRecord | VideoRecord | Message:
    if kind == b'F':
        if len(body) < _FRAME.size:
            raise RecordError('the capture worker sent a frame that is too short')
        monotonic_ns, number, exposure_us = _FRAME.unpack_from(body)
        return FrameRecord(bytes(body[_FRAME.size:]), monotonic_ns, number, exposure_us)
    if kind == b'V':
        if len(body) < _UNIT.size:
            raise RecordError('the capture worker sent an access unit that is too short')
        return VideoRecord(bytes(body[_UNIT.size:]), *_UNIT.unpack_from(body))
    try:
        content = parse_object(bytes(body), _MOST_JSON_BYTES)
    except ValueError as error:
        raise RecordError(f'the capture worker sent a record {kind!r} that is not a JSON object'
                          ) from error
    return Message(kind.decode('latin-1'), content)
