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
Matroska as a recorder needs it (RFC 9559): what has been written can be played, whenever it ends.

Each picture is a cluster of its own, written in one go. What helps to seek, and the length, are
written at the end, into room that the head has left for them; without them it plays as well. PyAV
would open an encoder for what is encoded already, and write that one's parameters into the head.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import struct

from .ebml import element, elements, long_size, number, opened, size, text, unsigned, void
from .output_file import OutputFile
from ..codecs.h264_lengths import configuration, to_lengths
from ..core.frame import Frame, H264, JPEG

MARK = 'pi_camera_stream recorder'
HEAD_BYTES = 4096  # in which all is that `read_head` looks at
TICKS_PER_S = 10_000
_TICK_NS = 1_000_000_000 // TICKS_PER_S
_EPOCH_S = 978_307_200  # of dates: 2001, in s since 1970
_CUE_TICKS = TICKS_PER_S  # between two places to begin at
_SOUND_TICKS = TICKS_PER_S // 2  # that wait for a picture to be written with
_OPUS_HZ = 48_000
_SEEK_ROOM, _DURATION_ROOM = 64, 11

_EBML, _SEGMENT, _SEEK_HEAD, _INFO, _TRACKS, _CLUSTER, _CUES, _TAGS = (
    0x1A45DFA3, 0x18538067, 0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1F43B675, 0x1C53BB6B, 0x1254C367)
_DURATION, _DATE, _TITLE, _WRITING_APP = 0x4489, 0x4461, 0x7BA9, 0x5741
_TRACK, _CODEC_ID = 0xAE, 0x86
_SIMPLE_BLOCK, _TIMESTAMP = 0xA3, 0xE7
_CODEC_IDS = {JPEG: 'V_MJPEG', H264: 'V_MPEG4/ISO/AVC'}
_PICTURES, _SOUND = 1, 2  # tracks
_KEY = 0x80


@dataclass(frozen=True)
class Title:
    """What the head of a file says of all of it."""

    topic: str
    began: float  # as `time.time()` has it
    first_stamp_ns: int
    sound_channels: int = 0  # 0 where there is no track for it


@dataclass(frozen=True)
class Head:
    """What a file of ours says of itself."""

    topic: str
    began: float
    codec: str
    duration_s: float | None  # None where it was not finished


class MatroskaWriter:
    """Write pictures, and sound. One thread calls all methods, which raise OSError."""

    def __init__(self, file: OutputFile, first: Frame, title: Title) -> None:
        """Write the head, for a stream that begins with `first`; ValueError if it cannot."""
        self._file, self._h264 = file, first.codec == H264
        self._sound: list[tuple[int, bytes]] = []
        self._cues: list[tuple[int, int]] = []  # time and position of a cluster
        self._last = 0  # tick of what was written last
        begin = element(_EBML, unsigned(0x4286, 1), unsigned(0x42F7, 1), unsigned(0x42F2, 4),
                        unsigned(0x42F3, 8), text(0x4282, 'matroska'), unsigned(0x4287, 4),
                        unsigned(0x4285, 2)) + opened(_SEGMENT)
        # Where the segment's size stands, and what is in it begins.
        self._size_at, self._origin = len(begin) - 8, len(begin)
        fixed = b''.join((
            unsigned(0x2AD7B1, _TICK_NS), text(0x4D80, MARK), text(_WRITING_APP, MARK),
            text(_TITLE, title.topic),
            element(_DATE, struct.pack('>q', round((title.began - _EPOCH_S) * 1e9)))))
        info = element(_INFO, fixed, void(_DURATION_ROOM))
        self._duration_at = self._origin + _SEEK_ROOM + len(info) - _DURATION_ROOM
        tracks = [_video_track(first)]
        if title.sound_channels:
            tracks.append(_sound_track(title.sound_channels))
        tags = _tags({'FIRST_STAMP_NS': str(title.first_stamp_ns), 'TOPIC': title.topic})
        file.append([begin, void(_SEEK_ROOM), info, element(_TRACKS, *tracks), tags])

    def add(self, frame: Frame, tick: int) -> None:
        """Write a picture, with the sound until then."""
        data = to_lengths(frame.data) if self._h264 else [frame.data]
        self._write(tick, data, frame.key)
        self._last = max(self._last, tick)

    def add_sound(self, data: bytes, tick: int) -> None:
        """Write a packet together with the next picture, if one comes soon."""
        self._sound.append((tick, data))
        if tick - self._sound[0][0] >= _SOUND_TICKS:
            self._write(self._sound[0][0], (), key=False)
        self._last = max(self._last, tick)

    def finish(self) -> None:
        """Write what helps to seek, and how long it is; call nothing else after it."""
        if self._sound:
            self._write(self._sound[0][0], (), key=False)
        place, cues = self._file.size, element(_CUES, *(
            element(0xBB, unsigned(0xB3, tick), element(
                0xB7, unsigned(0xF7, _PICTURES), unsigned(0xF1, position)))
            for tick, position in self._cues))
        self._file.append([cues])
        self._file.sync()  # before anything says that they are there
        seek_head = element(_SEEK_HEAD, element(
            0x4DBB, element(0x53AB, _CUES.to_bytes(4, 'big')),
            unsigned(0x53AC, place - self._origin)))
        self._file.write_at(self._origin, seek_head + void(_SEEK_ROOM - len(seek_head)))
        self._file.write_at(self._duration_at, number(_DURATION, self._last))
        self._file.write_at(self._size_at, long_size(self._file.size - self._origin))
        self._file.sync()

    def _write(self, tick: int, data: list[bytes] | tuple[bytes, ...], key: bool) -> None:
        """Write a cluster: what of sound waits, and a picture, if there is one."""
        blocks: list[bytes] = []
        for at, packet in self._sound:
            if -0x8000 <= at - tick <= 0x7FFF:
                blocks += [_block_head(_SOUND, at - tick, _KEY, len(packet)), packet]
        self._sound.clear()
        if data:
            length = sum(map(len, data))
            blocks += [_block_head(_PICTURES, 0, _KEY if key else 0, length), *data]
            if key and (not self._cues or tick - self._cues[-1][0] >= _CUE_TICKS):
                self._cues.append((tick, self._file.size - self._origin))
        when = unsigned(_TIMESTAMP, tick)
        head = opened(_CLUSTER, size(len(when) + sum(map(len, blocks))))
        self._file.append([head, when, *blocks])


def read_head(data: bytes) -> Head | None:
    """Return what a file that begins so says of itself; None where it is none of ours."""
    title, began, codec, mark = '', 0.0, '', ''
    duration_s = None
    for name, begin, end in _children(data, _SEGMENT, 0, len(data)):
        if name == _INFO:
            for field, at, stop in elements(data, begin, end):
                value = data[at:stop]
                if field == _TITLE:
                    title = value.decode(errors='replace')
                elif field == _WRITING_APP:
                    mark = value.decode(errors='replace')
                elif field == _DATE and len(value) == 8:
                    began = struct.unpack('>q', value)[0] / 1e9 + _EPOCH_S
                elif field == _DURATION and len(value) == 8:
                    duration_s = struct.unpack('>d', value)[0] / TICKS_PER_S
        elif name == _TRACKS:
            for field, at, stop in _children(data, _TRACK, begin, end):
                if field == _CODEC_ID and not codec:
                    codec = data[at:stop].decode(errors='replace')
    codecs = {found: codec for codec, found in _CODEC_IDS.items()}
    return Head(title, began, codecs[codec], duration_s) if mark == MARK and codec in codecs \
        else None


def _children(data: bytes, parent: int, begin: int, end: int) -> list[tuple[int, int, int]]:
    return [child for name, at, stop in elements(data, begin, end) if name == parent
            for child in elements(data, at, stop)]


def _video_track(first: Frame) -> bytes:
    private = element(0x63A2, configuration(first.data)) if first.codec == H264 else b''
    return element(_TRACK, unsigned(0xD7, _PICTURES), unsigned(0x73C5, _PICTURES),
                   unsigned(0x83, 1), unsigned(0x9C, 0), text(0x22B59C, 'und'),
                   text(_CODEC_ID, _CODEC_IDS[first.codec]), private,
                   element(0xE0, unsigned(0xB0, first.width), unsigned(0xBA, first.height)))


def _sound_track(channels: int) -> bytes:
    # No delay of the encoder's: its stamps are those of what a decoder makes of its packets.
    head = b'OpusHead' + struct.pack('<BBHIhB', 1, channels, 0, _OPUS_HZ, 0, 0)
    return element(_TRACK, unsigned(0xD7, _SOUND), unsigned(0x73C5, _SOUND), unsigned(0x83, 2),
                   unsigned(0x9C, 0), text(0x22B59C, 'und'), text(_CODEC_ID, 'A_OPUS'),
                   element(0x63A2, head),
                   unsigned(0x56BB, 80_000_000),  # to decode before a place to begin at (RFC 7845)
                   element(0xE1, number(0xB5, float(_OPUS_HZ)), unsigned(0x9F, channels)))


def _tags(values: Mapping[str, str]) -> bytes:
    return element(_TAGS, element(0x7373, element(0x63C0), *(
        element(0x67C8, text(0x45A3, name), text(0x4487, value))
        for name, value in values.items())))


def _block_head(track: int, ticks: int, flags: int, length: int) -> bytes:
    return opened(_SIMPLE_BLOCK, size(length + 4)) + struct.pack('>BhB', 0x80 | track, ticks,
                                                                 flags)
