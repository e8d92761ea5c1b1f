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

"""The thread that reads a source, and what is known of its health."""

from collections.abc import Callable
import threading
import time

from .base import Source
from ..core.clock import NowNs, to_clock
from ..core.errors import EndOfStream, StreamError
from ..core.frame import Capture
from ..core.mailbox import Mailbox
from ..core.statistics import RateMeter

_READ_TIMEOUT_S = 0.25  # how long a stop may take


class CaptureLoop:
    """
    Read a started source in a thread of its own and keep its newest picture.

    The source is drained at its own pace, whatever happens to its pictures: they go into `mailbox`
    with their capture time, where a newer one replaces an older one.

    Attributes
    ----------
    mailbox
        (capture, stamp in ns of `now_ns`), the newest only; closed when the source has ended.
    captured
        The rate at which pictures come.

    """

    def __init__(self, source: Source, now_ns: NowNs,
                 on_end: Callable[[Exception], None]) -> None:
        """`on_end` is called in the capture thread when the source ends, or fails for good."""
        self.source = source
        self.mailbox: Mailbox[tuple[Capture, int]] = Mailbox()
        self.captured = RateMeter()
        self._now_ns = now_ns
        self._on_end = on_end
        self._stopping = threading.Event()
        self._last_s = time.monotonic()
        self._thread = threading.Thread(target=self._run, name='capture', daemon=True)

    def start(self) -> None:
        """Start reading."""
        self._thread.start()

    def stop(self) -> None:
        """Stop reading, and stop the source."""
        self._stopping.set()
        self._thread.join(timeout=4 * _READ_TIMEOUT_S)

    def silent_s(self) -> float:
        """Return the seconds since the last picture."""
        return time.monotonic() - self._last_s

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                capture = self.source.read(_READ_TIMEOUT_S)
                if capture is not None:
                    stamp_ns = to_clock(capture.monotonic_ns, self._now_ns)
                    self._last_s = time.monotonic()
                    self.captured.add()
                    self.mailbox.put((capture, stamp_ns))
        except (EndOfStream, StreamError) as end:
            self._on_end(end)
        except Exception as error:  # whatever a driver throws must not end the thread in silence
            self._on_end(StreamError(f'source {self.source.title} failed: {error!r}'))
        finally:
            self.mailbox.close()
            self.source.stop()
