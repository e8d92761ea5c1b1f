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

"""
Receive a stream from the network and deliver its newest picture: the worker of `UrlSource`.

Three threads hand pictures on: one reads, one decodes, one encodes; a slow one leaves out what is
old and delays none before it. The main thread calls again about once a second while the sender is
away, and sees to it that the reason is told.
"""

from collections.abc import Callable
import threading
import time
from typing import Any

import av

from .byte_stream import receive_bytes
from .http_jpegs import receive_http
from .libav_stream import receive_libav
from .refusals import RefusedError
from .trust import open_address
from ..runtime.frame_writer import FrameWriter
from ..runtime.picture_writer import PictureWriter
from ..runtime.worker_pipe import Device, Failure, run, WorkerPipe
from ..runtime.worker_status import WorkerStatus
from ...base import SourceSettings
from ...silence import longest_silence_s
from ...stream_address import hide_secrets, StreamAddress
from ....core.errors import PermanentError, StreamError

_RETRY_S = 1.0
_REFUSED_S = 7.0  # who comes with a wrong password too often may be locked out
_RECEIVERS = {'udp': receive_bytes, 'tcp': receive_bytes, 'http': receive_http,
              'https': receive_http}  # the others are FFmpeg's
_WATCH_S = 0.2

Receive = Callable[[StreamAddress, PictureWriter, WorkerStatus], None]


def receiver_of(address: StreamAddress) -> Receive:
    """Return what receives from there until its end, which is a StreamError."""
    return _RECEIVERS.get(address.scheme, receive_libav)


class UrlWorker(Device):
    """Receives in a thread, and watches in another how long nothing comes."""

    def __init__(self, body: dict[str, Any], pipe: WorkerPipe) -> None:
        av.logging.set_level(av.logging.PANIC)  # its messages have whole addresses in them
        try:
            settings = SourceSettings(**body['settings'])
            address = open_address(settings)
        except (StreamError, TypeError, KeyError) as error:
            raise Failure(hide_secrets(str(error)), permanent=True) from error
        self._pipe, self._give_up_s = pipe, float(body['give_up_s'])
        self._patience_s = float(body['patience_s'])
        self._shown, self._begin_s = address.shown, time.monotonic()
        self._writer = FrameWriter(pipe, settings)
        self._writer.on_broken = self._tell_broken
        self._status = WorkerStatus(f'{address.shown} has not answered yet: is the sender there?')
        threading.Thread(target=self._receive, args=(address,), name='reader', daemon=True).start()
        threading.Thread(target=self._watch, name='watch', daemon=True).start()

    def want_video(self, wanted: bool) -> None:
        self._writer.video.wanted = wanted

    def _watch(self) -> None:
        while self._silent_s() < self._longest_silence_s():
            time.sleep(_WATCH_S)
        self._pipe.fail(hide_secrets(self._reason()))

    def _silent_s(self) -> float:
        return time.monotonic() - max(self._begin_s, self._writer.last_s)

    def _longest_silence_s(self) -> float:
        if not self._writer.last_s:
            return self._patience_s if self._status.seldom else self._give_up_s
        longest_s = longest_silence_s(self._writer.intervals_s, self._patience_s)
        if not self._status.heard_s:
            longest_s = min(longest_s, self._give_up_s)
        if self._writer.about.get('snapshots') and self._writer.fps:
            longest_s += 1 / self._writer.fps  # as long as nothing is asked for
        return longest_s

    def _reason(self) -> str:
        heard_s = self._status.heard_s
        silent_s = self._silent_s()
        if self._writer.last_s and heard_s and time.monotonic() - heard_s > silent_s / 2:
            return (f'{self._shown} has sent nothing for {silent_s:.1f} s: check that the sender '
                    'runs, and that the network reaches it')
        return self._status.sentence

    def _tell_broken(self, reason: str) -> None:
        self._status.seldom = False
        self._status.sentence = (f'a picture that {self._shown} sends is left out: {reason}; have '
                                 'the camera send whole JPEGs, and see whether its network loses '
                                 'data')

    def _receive(self, address: StreamAddress) -> None:
        receive = receiver_of(address)
        while True:
            begin_s, retry_s = time.monotonic(), _RETRY_S
            try:
                receive(address, self._writer, self._status)
            except PermanentError as error:
                self._pipe.fail(hide_secrets(str(error)), permanent=True)
            except StreamError as error:
                self._status.sentence = str(error)
                retry_s = _REFUSED_S if isinstance(error, RefusedError) else _RETRY_S
            except Exception as error:  # whatever a library throws is no end in silence
                self._pipe.fail(hide_secrets(f'{address.shown} cannot be received ({error!r})'))
            self._status.heard_s, self._status.seldom = 0.0, False
            time.sleep(max(0.0, begin_s + retry_s - time.monotonic()))


if __name__ == '__main__':
    run(UrlWorker)
