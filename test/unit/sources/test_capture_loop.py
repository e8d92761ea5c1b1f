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

import threading
import time

from pi_camera_stream.core.errors import EndOfStream, StreamError
from pi_camera_stream.core.frame import Capture
from pi_camera_stream.core.mailbox import Mailbox
from pi_camera_stream.sources.base import Source, SourceSettings
from pi_camera_stream.sources.capture_loop import CaptureLoop
import pytest


class ListSource(Source):
    """Deliver captures from a list, and raise what stands in it."""

    title = 'list'

    def __init__(self, items):
        super().__init__(SourceSettings())
        self._items = list(items)
        self.stopped = threading.Event()

    def start(self):
        pass

    def read(self, timeout_s):
        item = self._items.pop(0) if self._items else None
        if isinstance(item, Exception):
            raise item
        return item

    def stop(self):
        self.stopped.set()


def run(items):
    ends = []
    source = ListSource(items)
    loop = CaptureLoop(source, lambda: time.monotonic_ns() + 10**18, ends.append)
    loop.start()
    assert source.stopped.wait(10)
    return loop, ends


def test_only_the_newest_is_left_and_its_stamp_is_the_capture_time():
    captures = [Capture(b'%d' % number, 1000 + number) for number in range(5)]
    loop, ends = run([*captures, EndOfStream()])
    capture, stamp_ns = loop.mailbox.take()
    assert capture is captures[-1]
    assert stamp_ns == pytest.approx(10**18 + 1004, abs=10**8)
    assert loop.mailbox.dropped == 4
    assert loop.captured.total == 5
    assert isinstance(ends[0], EndOfStream)
    with pytest.raises(Mailbox.Closed):
        loop.mailbox.take()


def test_whatever_a_driver_throws_is_reported():
    _, ends = run([ZeroDivisionError('inside')])
    assert isinstance(ends[0], StreamError)
    assert 'ZeroDivisionError' in str(ends[0])


def test_stopping_stops_the_source():
    source = ListSource([])
    loop = CaptureLoop(source, time.monotonic_ns, pytest.fail)
    loop.start()
    loop.stop()
    assert source.stopped.is_set()
