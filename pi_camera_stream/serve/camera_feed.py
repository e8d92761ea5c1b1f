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

"""A source whose frames go straight into a stream, in one process."""

from collections.abc import Callable
import logging
import time

from .configuration import CameraChoice
from ..codecs.limits import whole_jpeg
from ..codecs.renditions import RenditionEncoder
from ..core.camera_info import SentInfo
from ..core.errors import FrameRefusedError
from ..core.frame import Capture, EncodedImage, Frame, Image, image_size, StampedImage
from ..core.pacing import Occasionally
from ..core.parameters import nearest
from ..core.reception import Reception
from ..core.rendition_spec import RenditionSpec
from ..parameters.kept_calibration import KeptCalibration
from ..parameters.source_settings import read_settings
from ..parameters.tables import FRAME_ID
from ..sources.base import Source
from ..sources.capture_loop import CaptureLoop
from ..sources.loop_video import LoopVideo
from ..sources.registry import create_source
from ..web.stream.stream import Stream
from ..web.stream.video import VideoOptions

_REPEAT_S = 10.0  # how often the same problem is logged


class CameraFeed:
    """
    Run a source and offer its newest frame to viewers, under the name of a topic.

    One thread runs the source, starts it again when it fails, and looks at its frames. Nothing is
    encoded while nobody watches.
    """

    def __init__(self, choice: CameraChoice, encoder: RenditionEncoder, full: RenditionSpec,
                 video: VideoOptions, on_end: Callable[[Exception], None], log: logging.Logger
                 ) -> None:
        """
        Make it; nothing runs yet. PermanentError where there is no such camera.

        `full` is how the full picture is encoded where the source has no JPEGs, and `video` how
        H.264 is; `on_end` hears when the source ends or fails for good, in the capture thread.
        """
        values = choice.values
        source = create_source(read_settings(values.__getitem__))
        self.namespace, self.max_pixels = choice.namespace, int(values['max_pixels'])
        self._reception = Reception()
        # Each hears of every frame, before viewers do, and must return at once.
        self.listeners: list[Callable[[Frame | StampedImage], None]] = []
        self._standby, self._log = bool(values['standby']), log
        self._given = dict(choice.controls)  # set as far as the camera has them
        self._wanted_frame_id = str(values['frame_id'])
        self._calibration = KeptCalibration(
            str(values['camera_info_url']), choice.namespace.replace('/', '_'), log.info,
            log.warning)
        self._capture = CaptureLoop(source, time.time_ns, on_end, self._on_problem,
                                    self._on_delivery)
        self._logged = Occasionally(_REPEAT_S)
        self._problem = ''  # the last one that was logged
        self._started = False
        self._capture.on_capture = self._hand_over
        self.stream = Stream(
            f'/{choice.namespace}/image_raw/compressed', time.time_ns, self._on_demand, encoder,
            full, self._reception, options=video,
            video=LoopVideo(self._capture, lambda frame: self.stream.offer_video(frame)))

    @property
    def source(self) -> Source:
        return self._capture.source

    def per_second(self) -> float:
        return self._reception.received.per_second()

    def frame_id(self) -> str:
        """Return that of the pictures: the sender's, if there is one, where none was asked for."""
        if self._wanted_frame_id not in ('', FRAME_ID):
            return self._wanted_frame_id
        sender = self._capture.source.sender
        return (sender.frame_id if sender else '') or FRAME_ID

    def info(self) -> SentInfo:
        """Return what is known of the camera, for pictures as they are now; one thread calls."""
        source, last = self._capture.source, self.stream.arrivals.last
        sent = source.sender.calibration if source.sender else None
        known = self._calibration.own or sent
        width, height = (last.width, last.height) if last else \
            (known.width, known.height) if known else (0, 0)
        calibration = None
        if known and not source.settings.rotation % 180:  # or rows have become columns
            calibration = self._calibration.fitting((width, height, *source.settings.flips), sent)
        return SentInfo.of(self.frame_id(), width, height, calibration)

    def start(self) -> None:
        self._capture.want(not self._standby)
        self._capture.start()
        self._started = True

    def stop(self) -> None:
        if self._started:
            self._capture.stop()

    def _on_demand(self, wanted: bool) -> None:
        if self._standby:
            self._capture.want(wanted)

    def _on_problem(self, sentence: str) -> None:
        self._reception.missing = sentence
        if sentence != self._problem or self._logged.due():
            self._problem = sentence
            self._log.warning(f'{sentence}; trying again')

    def _on_delivery(self) -> None:
        self._reception.missing = self._problem = ''
        source = self._capture.source
        has = source.controls()
        source.set_controls({name: value for name, value in self._given.items() if name in has})
        for name in self._given.keys() - has.keys():
            meant = nearest(name, has)
            self._log.warning(f"'{name}' is neither a parameter nor a control of this camera"
                              + (f": did you mean '{meant}'?" if meant else ': leave it out'))
            del self._given[name]

    def _hand_over(self, capture: Capture, stamp_ns: int) -> None:
        try:
            frame, size = self._frame(capture.content, stamp_ns)
        except FrameRefusedError as error:
            self._reception.refuse(str(error))
            if self._logged.due():
                self._log.warning(f'left out a picture of {self._capture.source.title}: {error}')
            return
        self._reception.accept(size)
        for listen in self.listeners:
            listen(frame)
        self.stream.offer(frame)

    def _frame(self, content: EncodedImage | Image, stamp_ns: int
               ) -> tuple[Frame | StampedImage, int]:
        """Return it as a stream wants it, and its bytes; FrameRefusedError when it is none."""
        sequence = self._reception.received.total + 1
        if isinstance(content, EncodedImage):
            jpeg, header = whole_jpeg(content.data, self.max_pixels)
            return Frame(jpeg, stamp_ns, sequence, header.width, header.height), len(jpeg)
        return StampedImage(lambda: content, stamp_ns, sequence, *image_size(content)), \
            content.nbytes
