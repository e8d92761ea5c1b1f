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

"""A camera's newest frame to processors, and what they find to whoever watches."""

from collections.abc import Callable
import logging
import threading
import time

from .camera_feed import CameraFeed
from ..codecs.decoding import decode_frame
from ..codecs.renditions import RenditionEncoder
from ..core.frame import Frame, Image, image_size, StampedImage
from ..core.fresh_mailbox import FreshMailbox
from ..core.mailbox import Mailbox
from ..core.pacing import Occasionally
from ..core.reception import Reception
from ..core.rendition_spec import RenditionSpec
from ..vision.pipeline import Pipeline
from ..vision.processor import FrameInfo
from ..vision.results import results_text
from ..web.stream.stream import Stream
from ..web.stream.video import VideoOptions

_REPEAT_S = 10.0  # how often the same problem is logged


class ProcessedFeed:
    """
    Let processors work on the newest frame of a camera, in a thread of its own.

    While it is busy with one frame, newer ones replace each other. What was found goes to
    `on_results` as JSON, and, while somebody watches, into a stream, drawn into the picture.
    """

    def __init__(self, camera: CameraFeed, pipeline: Pipeline, encoder: RenditionEncoder,
                 full: RenditionSpec, video: VideoOptions, on_results: Callable[[str], None],
                 log: logging.Logger) -> None:
        self._reception = Reception()
        self.stream = Stream(f'/{camera.namespace}/image_processed/compressed', time.time_ns,
                             lambda _: None, encoder, full, self._reception, options=video)
        self._camera, self._pipeline = camera, pipeline
        self._on_results, self._log = on_results, log
        self._logged = Occasionally(_REPEAT_S)
        self._newest: FreshMailbox[Frame | StampedImage] = FreshMailbox(camera.per_second)
        self._thread = threading.Thread(target=self._work, name='work', daemon=True)
        camera.listeners.append(self._newest.put)
        self.stream.replaced_before = lambda: self._newest.dropped

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._newest.close()
        if self._thread.ident is not None:
            self._thread.join(timeout=1.0)

    def _work(self) -> None:
        while True:
            try:
                self._process(self._newest.take())
            except Mailbox.Closed:
                return
            except ValueError as error:  # one picture that cannot be decoded is one picture
                self._reception.refuse(str(error))
                if self._logged.due():
                    self._log.warning(f'left out a picture: {error}')
            except Exception:
                self._log.exception('a picture cannot be worked on')

    def _process(self, frame: Frame | StampedImage) -> None:
        started_s = time.perf_counter()
        image = decode_frame(frame, max_pixels=self._camera.max_pixels)
        info = FrameInfo(frame.stamp_ns, self._camera.frame_id(), frame.sequence,
                         *image_size(image))
        outcomes = self._pipeline.process(image, info)
        work_ms = (time.perf_counter() - started_s) * 1e3
        age_ms = (time.time_ns() - frame.stamp_ns) / 1e6
        self._on_results(results_text(info, [outcome.document for outcome in outcomes], age_ms,
                                      work_ms))
        self._reception.accept(image.nbytes)
        if not self.stream.idle:
            self._offer(self._pipeline.annotate(image, outcomes), frame)

    def _offer(self, drawn: Image, frame: Frame | StampedImage) -> None:
        self.stream.offer(StampedImage(lambda: drawn, frame.stamp_ns, frame.sequence,
                                       *image_size(drawn)))
