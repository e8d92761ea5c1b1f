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

"""A folder of pictures, shown one after the other for ever."""

import logging
from pathlib import Path
import time

import cv2
import numpy as np

from .base import Source, SourceSettings
from ..codecs.limits import check_image
from ..core.errors import FrameRefusedError, PermanentError
from ..core.frame import Capture, EncodedImage, Image, image_size
from ..core.pacing import Pacer

DEFAULT_FPS = 30.0
_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff', '.ppm', '.pgm')
_KINDS = ('JPEG', 'PNG', 'BMP', 'WebP', 'TIFF', 'PNM')
_MOST_BYTES = 2**30


class ImageFolderSource(Source):
    """
    The pictures of the folder `path`, sorted by name, at `fps`; then from the beginning.

    JPEGs are passed on as they are, unless another size is asked for. A picture that cannot be
    read is left out, counted, and named in the log once.
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
        return f'{len(self._pictures)} pictures of folder {self._folder}'

    @property
    def nominal_fps(self) -> float:
        return self.fps or DEFAULT_FPS

    def start(self) -> None:
        try:
            self._pictures = sorted(path for path in self._folder.iterdir()
                                    if path.suffix.lower() in _SUFFIXES and path.is_file())
        except OSError as error:
            raise PermanentError(
                f"cannot read the folder '{self._folder}' ({error.strerror}): let the node's user "
                'read it') from error
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
        try:
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        except cv2.error as error:
            raise FrameRefusedError(f'it cannot be decoded: {error}') from error
        if image is None:
            raise FrameRefusedError('it cannot be decoded')
        size = self.settings.size_of(*image_size(image))  # which may be turned (Exif)
        if image_size(image) != size:
            try:
                image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            except cv2.error as error:  # a single pixel, with OpenCV 4.5.4
                raise FrameRefusedError(f'it cannot be resized: {error}') from error
        return np.asarray(image, np.uint8)
