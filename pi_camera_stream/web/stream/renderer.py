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

"""Encode the renditions of one stream, each once for all its viewers, in a thread."""

from collections.abc import Callable, Iterable
import logging
import threading

from .picture_thread import Pictures, PictureThread
from ...codecs.renditions import RenditionEncoder
from ...core.frame import EncodedImage, Frame, Image, StampedImage
from ...core.mailbox import Mailbox
from ...core.reception import Reception
from ...core.rendition_spec import RenditionSpec

Rendered = dict[RenditionSpec | None, Frame]
"""The frames that were made of one picture; None stands for the full one."""


class Renderer:
    """
    Make the wanted renditions of the newest picture.

    `want` belongs to the event loop, `put` to the thread that receives; `deliver` is called by the
    renderer's own thread, which lives only while there is something to encode.
    """

    def __init__(self, encoder: RenditionEncoder, full: RenditionSpec,
                 deliver: Callable[[Rendered], None], reception: Reception) -> None:
        """Make it; `reception` is told which pictures could be shown, and which could not."""
        self._encoder = encoder
        self._deliver = deliver
        self._reception = reception
        self.full = full  # for topics whose pictures are not JPEG
        self._lock = threading.Lock()  # guards all that follows
        self._wanted: tuple[RenditionSpec | None, ...] = ()
        self._thread = PictureThread('render', self._run)

    @property
    def replaced(self) -> int:
        with self._lock:
            return self._thread.replaced

    def want(self, specs: Iterable[RenditionSpec | None]) -> None:
        """Make these renditions from now on; a JPEG's full one needs no making."""
        with self._lock:
            self._wanted = tuple(specs)
            if not self._wanted:
                self._thread.end()

    def put(self, picture: Frame | StampedImage) -> None:
        """Offer a new picture; it is left out when nothing is to be made of it."""
        with self._lock:
            if not (any(self._wanted) or (self._wanted and isinstance(picture, StampedImage))):
                self._thread.end()
                return
            self._thread.put(picture)

    def _run(self, pictures: Pictures) -> None:
        while True:
            try:
                picture = pictures.take()
                if picture is not None and self._thread.serves(pictures):
                    self._settle(pictures, self._render(picture))
            except Mailbox.Closed:
                return
            except ValueError as error:  # one picture that cannot be decoded is one picture
                self._settle(pictures, {}, str(error))
            except Exception as error:
                self._settle(pictures, {}, f'{type(error).__name__}: {error}')
                logging.getLogger(__name__).exception('cannot encode a picture')

    def _settle(self, pictures: Pictures, rendered: Rendered,
                failure: str = '') -> None:
        """Hand on what was made, unless another thread is at work already, and ahead."""
        with self._lock:
            if not self._thread.serves(pictures):
                return
            if failure:
                self._reception.refuse(failure)
            else:
                self._reception.show()
                self._deliver(rendered)

    def _render(self, picture: Frame | StampedImage) -> Rendered:
        content: EncodedImage | Image
        wanted: list[RenditionSpec | None]
        if isinstance(picture, Frame):
            content, wanted = picture, [spec for spec in self._wanted if spec]
        else:
            content, wanted = picture.read(), list(self._wanted)
        made = self._encoder.encode(content, picture.width, picture.height,
                                    [spec or self.full for spec in wanted],
                                    picture.stamp_ns, picture.sequence)
        return dict(zip(wanted, made, strict=True))
