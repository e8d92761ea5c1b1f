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

"""What a bridge tells beside the pictures that it sends: its clock, and of its camera."""

import threading
import time
from typing import Any

from .http_client import HttpAnswer
from .http_line import HttpLine
from .sender_clock import ANSWER_S, SenderClock
from ..runtime.picture_writer import PictureWriter
from ...stream_address import StreamAddress
from ....core import camera_info, clock_exchange
from ....core.errors import TemporaryError
from ....core.json_object import parse_object

_BEGIN_S = 0.5  # how long the first picture waits for the first answers
_INFO_ANSWER_S = 5.0  # a bridge waits itself for the camera
_INFO_S, _NO_INFO_S = 30.0, 5.0  # between two looks, when there is one, and when not
_TELLS_NOTHING = 'the sender does not tell its clock'


class Sender:
    """Belongs to one stream, or to snapshots in a row. The reader calls all, and closes it."""

    def __init__(self, address: StreamAddress, writer: PictureWriter) -> None:
        self._address, self._writer = address, writer
        self._followed = False
        self._clock: SenderClock | None = None
        self._info_line: HttpLine | None = None
        self._closed, self._looked = threading.Event(), threading.Event()

    def follow(self, answer: HttpAnswer) -> None:
        """Begin to ask who has answered with pictures, if that is told there; once."""
        if self._followed:
            return
        self._followed = True
        line = HttpLine.beside(answer, clock_exchange.HEADER, self._address.certificates, ANSWER_S)
        if line is None:
            self._tell_clock(None, _TELLS_NOTHING)
        else:
            self._clock = SenderClock(line, self._tell_clock)
        self._info_line = HttpLine.beside(answer, camera_info.HEADER, self._address.certificates,
                                          _INFO_ANSWER_S)
        if self._info_line is None:
            self._writer.tell({'camera_info': None})
        else:
            threading.Thread(target=self._look, args=(self._info_line,), name='camera info',
                             daemon=True).start()
        end_s = time.monotonic() + _BEGIN_S
        if self._clock is not None:
            self._clock.wait(_BEGIN_S)
        if self._info_line is not None:
            self._looked.wait(end_s - time.monotonic())

    def monotonic_ns(self, stamp_ns: int | None, arrival_ns: int) -> int:
        """Return when a picture was taken, as well as can be known, by our CLOCK_MONOTONIC."""
        if stamp_ns is None or self._clock is None:
            return arrival_ns
        return self._clock.monotonic_ns(stamp_ns, arrival_ns)

    def close(self) -> None:
        self._closed.set()
        if self._clock is not None:
            self._clock.close()
        if self._info_line is not None:
            self._info_line.close()

    def _tell_clock(self, uncertainty_ms: float | None, why: str) -> None:
        if not self._closed.is_set():
            self._writer.tell({'uncertainty_ms': uncertainty_ms, 'why': why})

    def _look(self, line: HttpLine) -> None:
        told: dict[str, Any] | None = None
        while not self._closed.is_set():
            try:
                info = camera_info.SentInfo.read(parse_object(line.ask().text)).fields()
                if info != told:
                    told = info
                    self._writer.tell({'camera_info': info})
            except (TemporaryError, ValueError):
                pass  # a bridge whose camera has none, or that is busy
            self._looked.set()
            self._closed.wait(_NO_INFO_S if told is None else _INFO_S)
        line.close()
