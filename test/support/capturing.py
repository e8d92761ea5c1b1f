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

"""A source that is run as the camera node runs it."""

from contextlib import contextmanager
import time

import cv2
import numpy as np
from pi_camera_stream.core.mailbox import Mailbox
from pi_camera_stream.sources.capture_loop import CaptureLoop

from .processes import WAIT_S, wait_until


class Capturing:
    """A loop, and what it said."""

    def __init__(self, source):
        self.source = source
        self.problems = []
        self.ends = []
        self.loop = CaptureLoop(source, time.time_ns, self.ends.append, self.problems.append,
                                lambda: None)

    def picture(self):
        """Return the next JPEG."""
        try:
            item = self.loop.mailbox.take(WAIT_S)
        except Mailbox.Closed:
            raise AssertionError(f'it has ended: {self.ends} {self.problems}') from None
        assert item is not None, f'no picture arrived: {self.problems}'
        return item[0].content.data

    def image(self):
        """Return the next picture, decoded."""
        return cv2.imdecode(np.frombuffer(self.picture(), np.uint8), cv2.IMREAD_COLOR)

    def wait_for_problem(self, words):
        """Wait until the loop says a sentence with these words, from now on, and return it."""
        begin = len(self.problems)
        return wait_until(lambda: next(
            (problem for problem in self.problems[begin:] if words in problem), None))


@contextmanager
def capturing(source):
    """Run a source in a loop."""
    run = Capturing(source)
    run.loop.start()
    try:
        yield run
    finally:
        run.loop.stop()
