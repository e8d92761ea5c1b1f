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

"""A folder of pictures, shown one after the other for ever, or a single picture."""

import logging
from pathlib import Path
import time

import cv2
import numpy as np

from .base import Source, SourceSettings
from ..codecs.jpeg import SOI
from ..codecs.jpeg_splitter import JpegSplitter, MAX_PICTURE_BYTES
from ..codecs.limits import check_image
from ..codecs.orientation import decode_upright
from ..core.errors import FrameRefusedError, PermanentError
from ..core.frame import Capture, EncodedImage, Image, image_size
from ..core.pacing import Pacer

DEFAULT_FPS = 30.0
_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff', '.ppm', '.pgm')
_KINDS = ('JPEG', 'PNG', 'BMP', 'WebP', 'TIFF', 'PNM')
_MOST_BYTES = 2**30
_BEGINNINGS = SOI, b'\x89PNG', b'RIFF', b'BM', b'II', b'MM'
_MOVING = b'acTL'  # of a PNG
_SEVERAL = b'MPF\0'  # of a JPEG, as phones write them: other views of it are behind it


def is_picture(path: Path, max_pixels: int) -> bool:
    """Return whether a file is a single picture, by its content; otherwise it may be a film."""
    try:
        with path.open('rb') as file:
            if not file.read(4).startswith(_BEGINNINGS):
                return False
            file.seek(0)
            data = file.read(MAX_PICTURE_BYTES)
        if check_image(data, _KINDS, max_pixels).kind != 'JPEG':
            return _MOVING not in data[:data.find(b'IDAT')]
        jpegs = JpegSplitter().feed(data, 0)
        return len(jpegs) < 2 or _SEVERAL in jpegs[0].jpeg
    except (FrameRefusedError, OSError):
        return False


class ImageFolderSource(Source):
    """
    The pictures of the folder `path`, sorted by name, at `fps`; then from the beginning.

    Where `path` is a file, it is the only one. JPEGs are passed on as they are, unless another
    size is asked for. A picture that cannot be read is left out, counted, and named in the log
    once.
    """

    def __init__(self, settings: SourceSettings) -> None:
        super().__init__(settings)
        self._folder = Path(settings.path)
        self._pictures: list[Path] = []
        self._next = 0
        self._unreadable = 0
        self._named: set[Path] = set()
        self._pacer = Pacer()

    @property
    def title(self) -> str:
        if self._folder.is_file():
            return f'picture {self._folder}'
        return f'{len(self._pictures)} pictures of folder {self._folder}'

    @property
    def nominal_fps(self) -> float:
        return self.fps or DEFAULT_FPS

    def start(self) -> None:
        try:
            self._pictures = [self._folder] if self._folder.is_file() else sorted(
                path for path in self._folder.iterdir()
                if path.suffix.lower() in _SUFFIXES and path.is_file())
        except OSError as error:
            raise PermanentError(
                f"cannot read the folder '{self._folder}' ({error.strerror}): give the node's "
                'user read permission') from error
        if not any(self._load(path) is not None for path in self._pictures):
            raise PermanentError(
                f"there is no readable picture in folder '{self._folder}': put some there that "
                f'end in {", ".join(_SUFFIXES)}')
        self._unreadable = 0
        self._next = 0
        self._pacer = Pacer()

    def read(self, timeout_s: float) -> Capture | None:
        if not self._pacer.wait(1.0 / self.nominal_fps, timeout_s):
            return None
        monotonic_ns = time.monotonic_ns()
        path = self._pictures[self._next]
        self._next = (self._next + 1) % len(self._pictures)
        picture = self._load(path)
        if picture is None:
            self._unreadable += 1
            return None
        return Capture(picture, monotonic_ns)

    def counters(self) -> dict[str, int]:
        return {'unreadable pictures': self._unreadable}

    def _load(self, path: Path) -> EncodedImage | Image | None:
        try:
            return self._read(path)
        except (FrameRefusedError, OSError) as error:
            if path not in self._named:
                self._named.add(path)
                logging.getLogger(__name__).warning("left out '%s': %s", path, error)
            return None

    def _read(self, path: Path) -> EncodedImage | Image:
        if path.stat().st_size > _MOST_BYTES:
            raise FrameRefusedError(f'it has more than {_MOST_BYTES} bytes')
        data = path.read_bytes()
        header = check_image(data, _KINDS, self.settings.max_pixels)
        size = self.settings.size_of(header.width, header.height)
        if header.kind == 'JPEG' and size == (header.width, header.height):
            return EncodedImage(data)
        image = decode_upright(data, cv2.IMREAD_COLOR, header.orientation)
        if image is None:
            raise FrameRefusedError('it cannot be decoded')
        size = self.settings.size_of(*image_size(image))  # which may be turned (Exif)
        if image_size(image) != size:
            try:
                image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
            except cv2.error as error:  # a single pixel, with OpenCV 4.5.4
                raise FrameRefusedError(f'it cannot be resized: {error}') from error
        return image
