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
import sys

import av  # noqa: F401 - the worker needs it: that it is missing is known before one is started

from .reconnecting_source import ReconnectingSource
from .stream_address import hide_secrets, parse_address

_WORKER = 'pi_camera_stream.sources.workers.url.worker'


class UrlSource(ReconnectingSource):
    """
    The stream at the address `path`: HTTP, RTSP, UDP, TCP and what else PyAV opens.

    JPEGs are passed on as they are, unless a size, a rotation or a flip is asked for; all else is
    decoded, and the newest picture encoded again. The worker keeps listening, or calling, while
    the sender is away.
    """

    @property
    def title(self) -> str:
        """Return what the source is; the address without its secrets."""
        return f'stream {hide_secrets(self.settings.path)}'

    def start(self) -> None:
        """See whether the address is one, and start the worker."""
        parse_address(self.settings.path)
        super().start()

    def command(self) -> Sequence[str]:
        """Return the worker's command line."""
        return [sys.executable, '-m', _WORKER]
