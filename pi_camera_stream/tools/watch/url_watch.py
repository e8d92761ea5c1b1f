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

"""A stream at an address, or in a file, received as the source `url` does; it needs no ROS."""

import socket
import threading
import time

import av

from .file_reader import receive_file
from .picture_sink import ConnectionStatus, decode, PictureSink
from .watched import Totals
from ...core.backoff import Backoff
from ...core.errors import EndOfStream, PermanentError, StreamError, TemporaryError
from ...core.frame import EncodedImage, Image
from ...core.mailbox import Mailbox
from ...sources.base import SourceSettings
from ...sources.stream_address import hide_secrets, StreamAddress
from ...sources.workers.runtime.picture_writer import MakeImage
from ...sources.workers.url.refusals import RefusedError
from ...sources.workers.url.trust import open_address
from ...sources.workers.url.worker import receiver_of

_HANGING_S = 10.0  # without a byte; then who calls calls again
_REFUSED_S = 7.0  # who comes with a wrong password too often may be locked out


class _Backoff(Backoff):
    LONGEST_S = 3.0  # a person waits


class UrlWatch:
    """Calls, or listens, again and again; a connection that hangs is left to itself."""

    logs_silence = False

    def __init__(self, target: str, tls_ca: str, looked_at: bool, is_file: bool = False) -> None:
        """Raise StreamError when nothing can come from there."""
        av.logging.set_level(av.logging.PANIC)  # its messages have whole addresses in them
        self._settings = SourceSettings('url', target, tls_ca=tls_ca)
        self._address: StreamAddress | None = None if is_file else open_address(self._settings)
        self.title = target if self._address is None else self._address.shown
        if self._address is not None:
            _check_host(self._address)
        self.totals = Totals()
        self._looked_at = looked_at
        self._newest: Mailbox[EncodedImage | MakeImage] = Mailbox()
        self._closed = threading.Event()
        self._backoff = _Backoff()
        self._error: StreamError | None = None  # by which it ended
        self._at_end = False
        self._connect()

    @property
    def ended(self) -> bool:
        if self._error is not None:
            raise self._error
        return self._at_end

    @property
    def why_silent(self) -> str:
        return hide_secrets(self._status.sentence)

    @property
    def why_ageless(self) -> str:
        return self._sink.why_ageless

    def look(self) -> None:
        status = self._status
        if self._address is None or self._address.listens or (
                self._address.scheme in ('udp', 'rtp')) or not status.heard_s:
            return  # who listens goes on to
        if time.monotonic() - status.heard_s > _HANGING_S:
            status.given_up = self._sink.given_up = True
            self._connect()

    def take(self, timeout_s: float) -> Image | None:
        content = self._newest.take(timeout_s)
        return None if content is None else decode(content, self._settings.max_pixels)

    def close(self) -> None:
        self._closed.set()
        self._status.given_up = self._sink.given_up = True

    def _connect(self) -> None:
        """Receive in a new thread."""
        self._renew(f'{self.title} has not answered yet: is the sender there?')
        threading.Thread(target=self._run, args=(self._status,), name='reader',
                         daemon=True).start()

    def _renew(self, sentence: str) -> None:
        self._sink = PictureSink(self._settings, self.totals, self._newest, self._looked_at)
        self._status = ConnectionStatus(sentence, self.totals)

    def _run(self, status: ConnectionStatus) -> None:
        while not status.given_up:
            begin_s, sink, retry_s = time.monotonic(), self._sink, 0.0
            try:
                self._receive(sink, status)
            except EndOfStream:
                self._at_end = True
            except (PermanentError, RefusedError) as error:
                sentence, retry_s = str(error), _REFUSED_S
                if isinstance(error, PermanentError) or not self.totals.pictures:
                    self._error = error
            except TemporaryError as error:
                sentence = str(error)
            except Exception as error:  # whatever a library throws is no end in silence
                sentence = f'{self.title} cannot be received ({error!r})'
            if self._at_end or self._error is not None or status.given_up:
                return
            status.heard_s = 0.0
            wait_s = self._backoff.failed(time.monotonic() - begin_s, sink.pictures > 0)
            status.sentence = sentence
            if self._closed.wait(max(wait_s, retry_s)):
                return
            self._renew(sentence)
            status = self._status

    def _receive(self, sink: PictureSink, status: ConnectionStatus) -> None:
        if self._address is None:
            receive_file(self._settings.path, sink, status)
        else:
            receiver_of(self._address)(self._address, sink, status)


def _check_host(address: StreamAddress) -> None:
    try:
        if address.host:
            socket.getaddrinfo(address.host, address.port or None)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, 'strerror', None) or 'it is not a name'
        raise PermanentError(f"cannot find the host '{address.host}' of {address.shown} "
                             f'({reason}): check its spelling, or give its number, for example '
                             '192.168.1.20') from None
