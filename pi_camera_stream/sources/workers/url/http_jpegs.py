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
JPEGs by HTTP: a stream of them, however it is packed, or an address that has one picture.

What is no JPEG is left to FFmpeg.
"""

from collections.abc import Callable
import re
import time
from typing import Any
from urllib.request import getproxies, proxy_bypass

from .http_client import ask, HttpAnswer, NotHttpError
from .libav_stream import receive_libav
from .part_splitter import PartSplitter, read_stamp
from .refusals import refused
from .sender import Sender
from ..runtime.picture_writer import PictureWriter
from ..runtime.worker_status import WorkerStatus
from ...stream_address import StreamAddress
from ....codecs.jpeg import NotAJpegError, SOI
from ....codecs.jpeg_splitter import MAX_PICTURE_BYTES
from ....codecs.limits import check_image
from ....codecs.orientation import decode_upright
from ....core.errors import FrameRefusedError, TemporaryError
from ....core.frame import EncodedImage, Image
from ....core.pacing import Pacer

_START = SOI + b'\xff'
_TEXT = re.compile(rb'[\t\r\n -~]*')  # boundaries and heads of parts
_MOST_TEXT_BYTES = 2**14
_MUCH_BYTES = 2**16  # that make no picture: there will be none
_SNAPSHOTS_PER_S = 1.0  # unless somebody asks for another rate
_IMAGES = ('JPEG', 'PNG', 'WebP', 'BMP')


def receive_http(address: StreamAddress, writer: PictureWriter, status: WorkerStatus) -> None:
    """Receive until the camera ends it, or there is an error, which raises TemporaryError."""
    sender = Sender(address, writer)
    try:
        _receive_jpegs(address, writer, status, sender)
    finally:
        sender.close()
    receive_libav(address, writer, status)


def _receive_jpegs(address: StreamAddress, writer: PictureWriter, status: WorkerStatus,
                   sender: Sender) -> None:
    """Receive until something else comes; the end is a TemporaryError, as any error."""
    pacer = Pacer()
    while not address.listens and not _has_proxy(address):
        try:
            answer = ask(address)
        except NotHttpError:
            return
        try:
            if answer.code >= 300:
                raise refused(address, answer.code, answer.status, token=any(
                    'bearer' in challenge.lower()
                    for challenge in answer.header('WWW-Authenticate')))
            status.hear(0, time.monotonic())
            if not _receive(answer, address, writer, status, sender):
                return
        finally:
            answer.close()
        interval_s = 1.0 / (writer.fps or _SNAPSHOTS_PER_S)
        pacer.wait(interval_s, interval_s)


def _has_proxy(address: StreamAddress) -> bool:
    return address.scheme in getproxies() and not proxy_bypass(address.host)


def _receive(answer: HttpAnswer, address: StreamAddress, writer: PictureWriter,
             status: WorkerStatus, sender: Sender) -> bool:
    """Return True behind a single picture, to be asked for again; False where it is none."""
    if answer.kind.startswith('image/') and answer.length is not None:
        data = _whole(answer, status)
        arrival_ns = time.monotonic_ns()
        sender.follow(answer)
        stamp_ns = read_stamp((answer.header('X-Timestamp') or [''])[0])
        _put_image(data, sender.monotonic_ns(stamp_ns, arrival_ns), address, writer)
        return True
    many = answer.kind.startswith('multipart/')
    beginning, is_jpeg = (b'', True) if many else _beginning(answer, status)
    if not is_jpeg and _put_other(answer, beginning, address, writer, status):
        return True
    if is_jpeg or 'jpeg' in answer.kind or 'jpg' in answer.kind:
        sender.follow(answer)
        _JpegStream(address, writer, status, sender).receive(answer, beginning, many)
        return True
    return False


def _beginning(answer: HttpAnswer, status: WorkerStatus) -> tuple[bytes, bool]:
    """Return what comes first, and whether a JPEG begins in it with nothing but text before."""
    data = b''
    while chunk := answer.read():
        status.hear(len(chunk), time.monotonic())
        data += chunk
        text = _TEXT.match(data)
        rest = data[text.end() if text else 0:][:len(_START)]
        if rest == _START:
            return data, True
        if not _START.startswith(rest) or len(data) > _MOST_TEXT_BYTES:
            break
    return data, False


def _put_other(answer: HttpAnswer, beginning: bytes, address: StreamAddress, writer: PictureWriter,
               status: WorkerStatus) -> bool:
    """Take a picture of another format, whatever the type says; False if it is none."""
    if not beginning.startswith((b'\x89PNG', b'RIFF', b'BM')):
        return False
    data = beginning + _whole(answer, status)
    try:
        check_image(data, _IMAGES, writer.max_pixels)
    except FrameRefusedError:
        return False
    _put_image(data, time.monotonic_ns(), address, writer)
    return True


def _whole(answer: HttpAnswer, status: WorkerStatus) -> bytes:
    data = bytearray()
    while len(data) <= MAX_PICTURE_BYTES and (chunk := answer.read()):
        status.hear(len(chunk), time.monotonic())
        data += chunk
    return bytes(data)


def _put_image(data: bytes, taken_ns: int, address: StreamAddress, writer: PictureWriter) -> None:
    """Offer a picture of any format that is decoded here; TemporaryError when it is none."""
    if data.startswith(_START):
        writer.about = _about(address, 'JPEG snapshots', snapshots=True)
        writer.put(EncodedImage(data), taken_ns)
        return
    try:
        header = check_image(data, _IMAGES, writer.max_pixels)
    except FrameRefusedError as error:
        raise TemporaryError(f'the picture at {address.shown} cannot be shown: {error}') from error
    writer.about = _about(address, f'{header.kind} snapshots', snapshots=True)
    writer.put(_decoding(data, header.orientation), taken_ns)


def _decoding(data: bytes, orientation: int) -> Callable[[], Image]:
    def decode() -> Image:
        import cv2
        image = decode_upright(data, cv2.IMREAD_COLOR, orientation)
        if image is None:
            raise NotAJpegError('it cannot be decoded')
        return image
    return decode


def _about(address: StreamAddress, what: str, snapshots: bool = False) -> dict[str, Any]:
    return {'camera': address.shown, 'fps': 0.0, 'snapshots': snapshots,
            'detail': f'{what} over {address.scheme.upper()}'}


class _JpegStream:
    """One answer with JPEGs in it, and what is told of it while none comes."""

    def __init__(self, address: StreamAddress, writer: PictureWriter, status: WorkerStatus,
                 sender: Sender) -> None:
        self._address, self._writer, self._status = address, writer, status
        self._sender = sender
        self._splitter = PartSplitter()
        self._pictures = 0
        self._bytes = self._bytes_before = 0  # in all, and up to the last picture

    def receive(self, answer: HttpAnswer, beginning: bytes, many: bool) -> None:
        """Deliver all pictures; TemporaryError at the end, unless one was all that was asked."""
        self._writer.about = _about(self._address, 'JPEG')
        self._status.sentence = (
            f'{self._address.shown} has answered, and no picture has come: check whether it sends '
            'some to others, for example to a browser')
        self._status.seldom = True  # nobody knows yet how often they come
        chunk = beginning or answer.read()
        while chunk:
            self._status.hear(len(chunk), time.monotonic())
            self._take(chunk)
            chunk = answer.read()
        if self._pictures != 1 or many:
            raise TemporaryError(f'{self._address.shown} has ended: start the sender again'
                                 if self._pictures else self._nothing())

    def _take(self, chunk: bytes) -> None:
        self._bytes += len(chunk)
        broken, oversized = self._splitter.broken, self._splitter.oversized
        pieces = self._splitter.feed(chunk, time.monotonic_ns())
        for piece in pieces:
            if piece.signal:
                self._tell(f'{self._address.shown} has no picture of its camera (it says '
                           f'{piece.signal}): open it in a browser, which shows the reason')
                continue
            self._writer.put(EncodedImage(piece.jpeg), self._sender.monotonic_ns(
                piece.stamp_ns, piece.arrival_ns))
        self._pictures += len(pieces)
        if pieces:
            self._bytes_before = self._bytes
        elif self._splitter.broken > broken:
            self._tell(f'the pictures that {self._address.shown} sends are cut off or broken: '
                       'have the camera send whole JPEGs, and see whether its network loses data')
        elif self._splitter.oversized > oversized:
            self._tell(f'a picture that {self._address.shown} sends has more than '
                       f'{MAX_PICTURE_BYTES >> 20} MiB: have the camera send smaller ones')
        elif self._bytes - self._bytes_before > MAX_PICTURE_BYTES or (
                not self._pictures and self._splitter.other_bytes > _MUCH_BYTES):
            self._tell(self._nothing())

    def _tell(self, sentence: str) -> None:
        self._status.sentence, self._status.seldom = sentence, False

    def _nothing(self) -> str:
        if self._splitter.broken:
            return self._status.sentence
        return (f'{self._address.shown} sends {self._bytes} bytes and no JPEG among them: have '
                "the camera send MJPEG, or set the parameter 'path' to the address of its stream")
