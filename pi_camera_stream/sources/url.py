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

"""Pictures that another program sends over the network."""

from collections.abc import Sequence
from dataclasses import replace
import sys
from typing import Any

import av  # noqa: F401 - the worker needs it: that it is missing is known before one is started

from .base import SourceSettings, TURNING
from .reconnecting_source import ReconnectingSource
from .records import FrameRecord, Message
from .sender_state import SenderState
from .silence import FEW
from .stream_address import hide_secrets
from .workers.url.trust import open_address

_WORKER = 'pi_camera_stream.sources.workers.url.worker'
_PATIENCE_S, _MOST_PATIENCE_S = 20.0, 80.0  # with a stream whose interval is not known yet
_HANGING_S = 12.0  # behind that, a worker that has not said anything hangs


class UrlSource(ReconnectingSource):
    """
    The stream at the address `path`: HTTP, RTSP, UDP, TCP and what else PyAV opens.

    JPEGs are passed on as they are, unless a size, a rotation or a flip is asked for; all else is
    encoded again. The worker keeps listening, or calling, while the sender is away, and says why
    when the pictures stop.
    """

    tells_silence = True
    options = TURNING | {'tls_ca'}

    def __init__(self, settings: SourceSettings) -> None:
        super().__init__(settings)
        self.sender: SenderState = SenderState()
        self._patience_s, self._pictures = _PATIENCE_S, 0
        self.first_picture_s = _PATIENCE_S + _HANGING_S

    def check(self) -> None:
        open_address(self.settings)

    def start(self) -> None:
        self.check()
        self.sender = replace(self.sender, uncertainty_ms=None, why='')  # it is asked anew
        super().start()

    @property
    def title(self) -> str:
        return f'stream {hide_secrets(self.settings.path)}'

    def open_message(self) -> dict[str, Any]:
        if 0 < self._pictures <= FEW:  # perhaps it was not waited for long enough
            self._patience_s = min(2 * self._patience_s, _MOST_PATIENCE_S)
        elif self._pictures:
            self._patience_s = _PATIENCE_S
        self._pictures = 0
        self.first_picture_s = self._patience_s + _HANGING_S
        return {**super().open_message(), 'patience_s': self._patience_s}

    def command(self) -> Sequence[str]:
        return [sys.executable, '-m', _WORKER]

    def _count(self, frame: FrameRecord) -> None:
        self._pictures += 1
        super()._count(frame)

    def _take(self, message: Message) -> None:
        super()._take(message)
        if message.kind == 'I':
            self.sender = self.sender.after(message.body)
        # Single pictures are asked for at `fps`; a stream has its own rate.
        self.starts_with = type(self).starts_with | (
            {'fps'} if self.hello.get('snapshots') else frozenset())
