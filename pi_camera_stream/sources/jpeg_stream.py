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

"""JPEGs back to back as they arrive from a program."""

from collections.abc import Mapping
import time

from ..codecs.jpeg_splitter import JpegSplitter, Piece
from ..codecs.sniffing import sniff
from ..core.errors import PermanentError
from ..core.frame import Capture, EncodedImage
from ..core.pacing import RateLimit

_HOPELESS_BYTES = 8 * 2**20  # whoever has sent so much without a JPEG will not send one,
_HOPELESS_S = 1.5  # nor will, after that,
_BANNER_BYTES = 4096  # whoever has sent more than a word of greeting, or is known to send
_OTHERS = {'h264': 'H.264', 'hevc': 'H.265', 'mpegts': 'MPEG-TS', 'http': 'an HTTP answer'}
_SNIFFED_BYTES = 2**16


class JpegStream:
    """Bytes in, the newest picture out. All that is left out is counted."""

    def __init__(self, explanation: str) -> None:
        """Make one; `explanation` is the error's text when `{what}` is no JPEG."""
        self._explanation = explanation
        self._splitter = JpegSplitter()
        self._rate_limit = RateLimit()
        self._replaced = 0
        self._head, self._begun_s = b'', 0.0  # the first bytes, and when they came
        self.pictures = 0  # that have come so far

    def split(self, chunk: bytes) -> list[Piece]:
        """Return what is whole with `chunk`; PermanentError when it is clear that none will be."""
        pieces = self._splitter.feed(chunk, time.monotonic_ns())
        self.pictures += len(pieces)
        if not self.pictures:
            self._judge(chunk)
        return pieces

    def newest(self, chunk: bytes, fps: float) -> Capture | None:
        """Return the newest picture that is whole with `chunk`, if it is due at `fps`."""
        pieces = self.split(chunk)
        if not pieces:
            return None
        self._replaced += len(pieces) - 1
        newest = pieces[-1]
        if not self._rate_limit.admits(newest.arrival_ns, fps):
            return None
        return Capture(EncodedImage(newest.jpeg), newest.arrival_ns)

    def end(self) -> None:
        """Forget an unfinished picture: its writer has gone."""
        self._splitter.reset()

    def check(self) -> None:
        """Raise PermanentError if there was something, and never a picture."""
        count = self._splitter.garbage_bytes
        if count and not self.pictures:
            other = self._other()
            raise PermanentError(self._explanation.format(what=other or f'{count} bytes'))

    def _judge(self, chunk: bytes) -> None:
        if not self._head and chunk:
            self._begun_s = time.monotonic()
        self._head += chunk[:max(0, _SNIFFED_BYTES - len(self._head))]
        garbage_bytes = self._splitter.garbage_bytes
        waited = time.monotonic() - self._begun_s > _HOPELESS_S and not self._splitter.inside
        if garbage_bytes > _HOPELESS_BYTES or (
                waited and garbage_bytes and (garbage_bytes > _BANNER_BYTES or self._other())):
            self.check()

    def _other(self) -> str:
        """Return what comes in place of JPEGs, where that can be told."""
        return _OTHERS.get(sniff(self._head), '')

    def counters(self) -> Mapping[str, int]:
        return {
            'garbage bytes': self._splitter.garbage_bytes,
            'truncated pictures': self._splitter.truncated,
            'oversized pictures': self._splitter.oversized,
            'replaced by newer': self._replaced,
            'left out for fps': self._rate_limit.skipped,
        }
