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

"""The fake picamera2 in a real worker, and what its pictures tell."""

import json
from pathlib import Path
import time

from support.processes import WAIT_S

FAKE = Path(__file__).with_name('fake_picamera2')


def read(source, count=1):
    """Return the next pictures of a source that has been started."""
    captures, deadline = [], time.monotonic() + WAIT_S
    while len(captures) < count:
        assert time.monotonic() < deadline, f'{len(captures)} of {count} pictures came'
        capture = source.read(0.25)
        if capture is not None:
            captures.append(capture)
    return captures


def told(capture):
    """Return how a picture was taken: metadata and settings by name."""
    assert capture.content.data[2:4] == b'\xff\xfe'
    length = int.from_bytes(capture.content.data[4:6], 'big')
    return json.loads(capture.content.data[6:4 + length])
