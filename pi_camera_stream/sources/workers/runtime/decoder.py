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

"""Packets to pictures."""

import re
import threading
from typing import Any

import av

from .passed_video import PassedVideo
from .picture_writer import PictureWriter
from .worker_status import WorkerStatus
from ...decoded_frame import DecodedPicture
from ....codecs import h264
from ....codecs.limits import check_size, libav_options
from ....codecs.sniffing import sniff
from ....core.errors import FrameRefusedError, TemporaryError
from ....core.group_mailbox import GroupMailbox
from ....core.mailbox import Mailbox

_BACKLOG = 8  # packets; a decoder that is further behind goes on with the newest key frame
_MOST_BEHIND_S = 1.0  # then the rest of this group of pictures is left out, too
_STAMPS = 64
_CHUNKS = 1 << 15  # AV_CODEC_FLAG2_CHUNKS
_KEY = {'h264': re.compile(rb'\x00\x00\x01[\x05\x25\x45\x65\x07\x27\x47\x67]'),
        'hevc': re.compile(rb'\x00\x00\x01[\x26\x28\x2a\x40\x42]\x01')}
_H265 = ('H.265 arrives under the name of H.264, and cannot be decoded: have the sender say what '
         'it sends, or send H.264')
_NO_KEY_FRAME = ('data arrives that cannot be decoded yet: have the sender repeat key frames with '
                 'their parameters, for example `rpicam-vid --inline --intra 30` or `ffmpeg -g '
                 '30`')


class Decoder:
    """
    Decode in a thread of its own, so that reading is never late.

    Everything is decoded, because pictures build on each other; what is left out is encoding. When
    decoding itself is too slow, all before the newest key frame is left out, and when none has
    come for long, all before the next one. What is left out is counted.
    """

    @classmethod
    def of(cls, name: str, writer: PictureWriter, status: WorkerStatus) -> 'Decoder':
        """Return one for a codec by its name in FFmpeg, of which nothing is known beforehand."""
        return cls(av.CodecContext.create(name, 'r'), writer, status)

    def __init__(self, codec: Any, writer: PictureWriter, status: WorkerStatus) -> None:
        """Own the PyAV context `codec` from now on; TemporaryError when pictures are too large."""
        self._codec = codec
        self._writer = writer
        self._situation = status
        if sentence := self._too_large():
            raise TemporaryError(sentence)
        self._key = _KEY.get(codec.name)
        self._packets: GroupMailbox[tuple[Any, int]] = GroupMailbox(_BACKLOG, _MOST_BEHIND_S)
        status.sentence = _NO_KEY_FRAME
        # Threads that each decode a frame would hold back one picture each. Chunks let a sender
        # pack each slice by itself, and a picture be whole when its last slice is.
        codec.thread_type = 'SLICE'
        codec.options = {'flags': '+low_delay', **libav_options(writer.max_pixels), **(
            {'flags2': '+chunks'} if codec.name == 'h264' else {})}
        self._unfinished = False  # a picture has begun, and has not come out
        self._video = PassedVideo(codec, writer.video) if codec.name == 'h264' else None
        self._thread = threading.Thread(target=self._run, name='decoder', daemon=True)
        self._thread.start()

    def put(self, packet: Any, monotonic_ns: int) -> None:
        """Decode a packet that began to arrive at `monotonic_ns`."""
        self._packets.put((packet, monotonic_ns), lambda: self._is_key(packet), monotonic_ns / 1e9)

    def jump(self) -> None:
        """Go on with the next key frame: what has been put last is not all that there was."""
        self._packets.jump()

    def close(self) -> None:
        self._packets.close()
        self._thread.join()
        if self._video is not None:
            self._video.close()

    def _is_key(self, packet: Any) -> bool:
        return bool(packet.is_keyframe or (
            self._key is not None and self._key.search(bytes(packet))))

    def _run(self) -> None:
        stamps: dict[int | None, int] = {}
        counted = 0
        while True:
            try:
                packet, monotonic_ns = self._packets.take()
            except Mailbox.Closed:
                return
            dropped = self._packets.dropped
            self._writer.leave_out(dropped - counted)
            if self._video is not None:
                if dropped > counted:
                    self._video.jump()
                self._video.add(packet, monotonic_ns)
            counted = dropped
            stamps[packet.pts] = monotonic_ns
            if len(stamps) > _STAMPS:
                del stamps[next(iter(stamps))]
            frames = self._decode(packet)
            if sentence := self._too_large():
                self._situation.sentence = sentence
                continue
            for frame in frames:
                self._put(frame, stamps.get(frame.pts, monotonic_ns))

    def _decode(self, packet: Any) -> list[Any]:
        ended = self._unfinished and self._ends_the_one_before(packet)
        if ended:  # it was cut off, and the decoder would wait for its rest for ever
            self._codec.flags2 = int(self._codec.flags2) & ~_CHUNKS
        try:
            frames: list[Any] = self._codec.decode(packet)
        except av.error.FFmpegError:  # lost packets, or no key frame yet
            frames = []
        if ended:
            self._codec.flags2 = int(self._codec.flags2) | _CHUNKS
        if self._video is not None:
            if not frames and self._situation.sentence == _NO_KEY_FRAME and (
                    sniff(bytes(packet)) == 'hevc'):
                self._situation.sentence = _H265
            self._unfinished = not frames and (
                h264.has_slice(bytes(packet)) or (self._unfinished and not ended))
        return frames

    def _ends_the_one_before(self, packet: Any) -> bool:
        """Return whether another picture begins; where they come out later, nothing is wrong."""
        return not self._codec.has_b_frames and h264.begins_picture(bytes(packet))

    def _too_large(self) -> str:
        """Return why there will be no picture of this size; nothing where there may be."""
        try:
            if self._codec.width and self._codec.height:  # they are known
                check_size(self._codec.width, self._codec.height, self._writer.max_pixels)
        except FrameRefusedError as error:
            return f'what arrives is left out: {error}'
        return ''

    def _put(self, frame: Any, monotonic_ns: int) -> None:
        if self._video is not None:
            self._video.come_out(frame, monotonic_ns)
        self._writer.put(DecodedPicture(frame, self._writer.decoded_size), monotonic_ns)
