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
from pi_camera_stream.tools.demo import StatusLine
import pytest

CAMERA = {'frames/s': '30.00', 'age when published [ms]': '2.00'}
CONSUMER = {'age of the result [ms]': '12.30', 'detections': '1'}


class Session:
    def __init__(self, camera, consumer):
        self._values = {'camera: stream': camera, 'opencv_consumer: processing': consumer}

    def diagnostics(self, name):
        return self._values[name]


@pytest.mark.parametrize(('camera', 'consumer', 'text'), [
    ({}, {}, 'starting'),
    (CAMERA, {}, '30.0 frames/s  |  age   2.0 ms  |  2 viewers'),
    (CAMERA, CONSUMER, '30.0 frames/s  |  age  12.3 ms  |  2 viewers  |  1 detections'),
    (CAMERA | {'age when published [ms]': 'nan'}, {}, 'age     - ms'),
    # Another node of that name, with other values.
    ({'state': 'well'}, CONSUMER, 'age  12.3 ms'),
    ({'frames/s': 'many', 'age when published [ms]': ''}, {'x': 'y'}, 'age     - ms'),
])
def test_the_state_in_words(camera, consumer, text):
    assert text in StatusLine(Session(camera, consumer)).text({'viewers': '2'})
