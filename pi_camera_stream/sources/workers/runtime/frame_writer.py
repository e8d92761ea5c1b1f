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

"""The last steps of a picture in a worker: turned, encoded where it must be, and delivered."""

from collections.abc import Callable
import threading
import time
from typing import Any

from .picture_writer import MakeImage
from .video_writer import VideoWriter
from .worker_pipe import WorkerPipe
from ...base import SourceSettings
from ...records import FrameRecord
from ....codecs.jpeg import JpegHeader, NotAJpegError, read_header
from ....codecs.jpeg_codec import decode_jpeg
from ....codecs.limits import whole_jpeg
from ....core.errors import FrameRefusedError
from ....core.frame import EncodedImage
from ....core.mailbox import Mailbox
from ....core.statistics import Recent


class FrameWriter:
    """Write the newest picture, in a thread of its own: what is slow here delays nobody."""

    def __init__(self, pipe: WorkerPipe, settings: SourceSettings) -> None:
        self.last_s = 0.0  # monotonic time of the last delivery; 0 before the first one
        self.intervals_s = Recent()  # between deliveries
        # Told of each picture that cannot be delivered, in the thread that encodes.
        self.on_broken: Callable[[str], None] = lambda _: None
        # What the hello says besides the size; to be set before the first picture.
        self.about: dict[str, Any] = {}
        self.video = VideoWriter(pipe, settings)
        self._pipe = pipe
        self._settings = settings
        self._turned = bool(settings.rotation or settings.hflip or settings.vflip)
        self._number = 0
        self._mailbox: Mailbox[tuple[EncodedImage | MakeImage, FrameRecord]] = Mailbox()
        threading.Thread(target=self._run, name='encoder', daemon=True).start()

    @property
    def max_pixels(self) -> int:
        return self._settings.max_pixels

    @property
    def fps(self) -> float:
        return self._settings.fps

    def decoded_size(self, width: int, height: int) -> tuple[int, int]:
        """Return the (width, height) to decode a picture of this size to, before it is turned."""
        if self._settings.rotation in (90, 270):
            height, width = self._settings.size_of(height, width)
            return width, height
        return self._settings.size_of(width, height)

    def taken_ns(self, _packet: Any, arrival_ns: int) -> int:
        """Return its arrival: whether the sender's clock agrees with ours, nobody knows."""
        return arrival_ns

    def put(self, content: EncodedImage | MakeImage, monotonic_ns: int, number: int = 0) -> None:
        """Offer a JPEG, or what returns an image, of any size; number 0 is to be counted here."""
        self._number = number or self._number + 1
        self._mailbox.put((content, FrameRecord(b'', monotonic_ns, self._number)))

    def tell(self, about: dict[str, Any]) -> None:
        """Tell the node what the sender says of itself; any thread."""
        self._pipe.send(b'I', about)

    def leave_out(self, count: int) -> None:
        """Count pictures that were left out before they came here."""
        self._number += count

    def _run(self) -> None:
        try:
            self._write_for_ever()
        except Exception as error:  # a thread must not end in silence
            self._pipe.fail(f'the pictures cannot be encoded ({error!r})')

    def _write_for_ever(self) -> None:
        while True:
            item = self._mailbox.take()
            if item is None:
                continue
            content, record = item
            try:
                jpeg, header = self._jpeg(content)
            except NotAJpegError as error:
                self.on_broken(str(error))
                continue  # its number is missing, which is how it is counted
            self._deliver(FrameRecord(jpeg, record.monotonic_ns, record.number), header)

    def _deliver(self, frame: FrameRecord, header: JpegHeader) -> None:
        if not self.last_s:
            self._pipe.send(b'H', {'controls': {}, 'width': header.width,
                                   'height': header.height, **self.about})
        self._pipe.send_frame(frame.data, frame.monotonic_ns, frame.number)
        now_s = time.monotonic()
        if self.last_s:
            self.intervals_s.add(now_s - self.last_s)
        self.last_s = now_s

    def _jpeg(self, content: EncodedImage | MakeImage) -> tuple[bytes, JpegHeader]:
        if isinstance(content, EncodedImage):
            data = content.data
            try:
                data, header = whole_jpeg(data, self._settings.max_pixels)
            except FrameRefusedError:
                return data, read_header(data)  # the node will not have it either, and says why
            own = header.width, header.height
            if not self._turned and self._settings.size_of(*own) == own:
                return data, header
            content = EncodedImage(data)
        jpeg = self._encode(content)
        return jpeg, read_header(jpeg)

    def _encode(self, content: EncodedImage | MakeImage) -> bytes:
        import cv2  # here, because who only passes JPEGs on can do without it: 20 MB
        cv2.setNumThreads(1)
        try:
            image: Any = content() if not isinstance(content, EncodedImage) else decode_jpeg(
                content.data, max_pixels=self._settings.max_pixels)
            if image is None:
                raise NotAJpegError('it cannot be decoded')
            own = image.shape[1], image.shape[0]
            size = self.decoded_size(*own)
            if own != size:
                image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            done, data = cv2.imencode('.jpg', self._turn(image),
                                      (cv2.IMWRITE_JPEG_QUALITY, self._settings.quality))
        except NotAJpegError:
            raise
        except cv2.error as error:
            raise NotAJpegError(f'OpenCV cannot work on it: {error}') from error
        except ValueError as error:  # too few bytes for a raw picture
            raise NotAJpegError(str(error)) from error
        if not done:
            raise NotAJpegError('it cannot be encoded')
        return bytes(data.tobytes())

    def _turn(self, image: Any) -> Any:
        import cv2
        settings = self._settings
        if settings.rotation:
            image = cv2.rotate(image, {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180,
                                       270: cv2.ROTATE_90_COUNTERCLOCKWISE}[settings.rotation])
        if settings.hflip or settings.vflip:
            image = cv2.flip(image, -1 if settings.hflip and settings.vflip
                             else 1 if settings.hflip else 0)
        return image
