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

"""A stream that is told by its bytes alone: over UDP or TCP, without a protocol above."""

import time
from typing import Any

import av

from .byte_inputs import SenderChangedError, TcpInput, UdpInput
from .ts_marker import TsMarker
from ..runtime.decoder import Decoder
from ..runtime.picture_writer import PictureWriter
from ..runtime.worker_status import WorkerStatus
from ...stream_address import StreamAddress
from ....codecs.jpeg_splitter import JpegSplitter
from ....codecs.limits import libav_options
from ....codecs.sniffing import sniff
from ....core.errors import TemporaryError
from ....core.frame import EncodedImage

_MOST_SNIFFED_BYTES = 2**20
# The data are ours already, so there is no reason to read much before the first picture. Without
# the parser a picture goes to the decoder when its PES packet ends, not when the next one begins.
# And a key frame of more than the usual 200 kB is to come in one piece.
_TS_OPTIONS = {'fflags': 'noparse', 'probesize': '65536', 'analyzeduration': '100000',
               'max_packet_size': '8388608'}
_TS_BUFFER_BYTES = 2**18  # room to go back to the beginning, where the first key frame is
_NAMES = {'h264': 'H.264', 'hevc': 'H.265', 'mjpeg': 'JPEG', 'mpegts': 'MPEG-TS'}


def codec_title(name: str) -> str:
    return _NAMES.get(name, name)


def receive_bytes(address: StreamAddress, writer: PictureWriter, status: WorkerStatus) -> None:
    """Receive until the sender goes, or sends something else, which raises TemporaryError."""
    data = (UdpInput if address.scheme == 'udp' else TcpInput)(address, status)
    try:
        while True:
            try:
                _receive_one(data, address, writer, status)
            except SenderChangedError:
                continue
    finally:
        data.close()


def _receive_one(data: UdpInput | TcpInput, address: StreamAddress, writer: PictureWriter,
                 status: WorkerStatus) -> None:
    beginning = data.read()
    while not (kind := sniff(beginning)) or (kind == 'rtp' and address.scheme == 'tcp'):
        status.sentence = (
            f'what arrives from {address.shown} is not MPEG-TS, H.264, H.265 or JPEG, or its '
            'parameters are not repeated: send one of these, for example with `rpicam-vid '
            '--inline --intra 30`')
        beginning = (beginning + data.read())[-_MOST_SNIFFED_BYTES:]
    if kind in ('rtp', 'http'):
        raise TemporaryError(
            f'what arrives from {address.shown} is {kind.upper()}: start the address with '
            f'{kind}:// instead of {address.scheme}://')
    writer.about = {'camera': address.shown, 'fps': 0.0,
                    'detail': f'{codec_title(kind)} over {address.scheme.upper()}'}
    if kind == 'mjpeg':
        _receive_jpegs(data, beginning, writer, status)
    elif kind == 'mpegts':
        _receive_ts(data, beginning, writer, status)
    else:
        _receive_raw(kind, data, beginning, writer, status)


def _receive_jpegs(data: UdpInput | TcpInput, beginning: bytes,
                   writer: PictureWriter, status: WorkerStatus) -> None:
    splitter = JpegSplitter()
    chunk = beginning
    broken = 0
    while True:
        for piece in splitter.feed(chunk, data.arrival_ns):
            writer.put(EncodedImage(piece.jpeg), piece.arrival_ns)
        if splitter.truncated + splitter.oversized > broken:
            broken = splitter.truncated + splitter.oversized
            status.sentence = ('JPEGs arrive that are cut off, broken or too large: have the '
                               'sender send whole ones, and see whether its network loses data')
        chunk = data.read()


def _receive_raw(kind: str, data: UdpInput | TcpInput, beginning: bytes, writer: PictureWriter,
                 status: WorkerStatus) -> None:
    codec: Any = av.CodecContext.create(kind, 'r')
    parser: Any = av.CodecContext.create(kind, 'r')
    decoder = Decoder(codec, writer, status)
    chunk, begin_ns = beginning, data.arrival_ns
    try:
        while True:
            for packet in parser.parse(chunk):
                decoder.put(packet, begin_ns)
                begin_ns = data.arrival_ns  # a picture is whole when the next one begins
            chunk = data.read()
    finally:
        decoder.close()


def _receive_ts(data: UdpInput | TcpInput, beginning: bytes, writer: PictureWriter,
                status: WorkerStatus) -> None:
    file = _TsFile(data, beginning)
    container: Any = None
    while container is None or not container.streams.video:  # its table comes now and then
        container = av.open(file, format='mpegts', buffer_size=_TS_BUFFER_BYTES, options={
            **_TS_OPTIONS, **libav_options(writer.max_pixels)})
    stream = container.streams.video[0]
    file.marker.pid = stream.id
    rate = float(stream.average_rate or 0)
    writer.about |= {'fps': rate if 1 <= rate <= 240 else 0.0,
                     'detail': f'{codec_title(stream.codec_context.name)} in '
                               f'{writer.about["detail"]}'}
    decoder = Decoder(stream.codec_context, writer, status)
    try:
        for packet in container.demux(stream):
            decoder.put(packet, file.marker.whole_ns or time.monotonic_ns())
        raise TemporaryError('the sender has closed the stream')
    except av.error.FFmpegError as error:
        raise TemporaryError('the stream cannot be read any further '
                             f'({error.strerror})') from error
    finally:
        decoder.close()


class _TsFile:
    """What PyAV reads."""

    def __init__(self, data: UdpInput | TcpInput, beginning: bytes) -> None:
        self.marker = TsMarker()
        self._data = data
        self._ready = self.marker.feed(beginning, data.arrival_ns)

    def read(self, size: int) -> bytes:
        while not self._ready:
            self._ready = self.marker.feed(self._data.read(), self._data.arrival_ns)
        chunk, self._ready = self._ready[:size], self._ready[size:]
        return chunk
