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

import json
import time

import cv2
import numpy as np
from pi_camera_stream.core import block_code
import pytest
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import String
from support import pictures
from support.guest import Camera, stamp
from support.processes import parameters, Program, running, WAIT_S

RESULTS = '/camera/results'
PROCESSED = '/camera/image_processed/compressed'


class Feed:
    """Publish pictures to the consumer, and read what it makes of them."""

    def __init__(self, guest):
        self.camera = Camera(guest)
        self._results = guest.listen(String, RESULTS)
        self.camera.send_until(pictures.jpeg(), lambda: not self._results.empty())
        time.sleep(0.2)  # what is under way arrives
        while not self._results.empty():
            self._results.get()
        self.send = self.camera.send

    def result(self):
        """Return the next result."""
        return json.loads(self._results.get(timeout=WAIT_S).data)


def scene(x):
    image = np.full((480, 640, 3), 40, np.uint8)
    cv2.rectangle(image, (x, 200), (x + 79, 279), (220, 220, 220), -1)
    return cv2.imencode('.jpg', image)[1].tobytes()


def test_it_reports_a_box_on_what_moves(guest):
    with running('consumer', *parameters(processor='motion')):
        feed = Feed(guest)
        images = guest.listen(CompressedImage, PROCESSED)
        for x in range(0, 400, 20):
            sent = feed.send(scene(x))
            result = feed.result()
        box, = result['detections']
        assert box['label'] == 'moving'
        assert 370 <= box['x'] < box['x'] + box['width'] <= 470
        assert (result['width'], result['height'], result['frame_id']) == (640, 480, 'lens')
        assert result['processor'] == 'motion'
        assert 0 < result['processing_ms'] <= result['age_ms']
        assert result['stamp'] == {'sec': sent.header.stamp.sec,
                                   'nanosec': sent.header.stamp.nanosec}
        annotated = images.get(timeout=WAIT_S)
        while stamp(annotated) < stamp(sent):
            annotated = images.get(timeout=WAIT_S)
        shown = cv2.imdecode(np.frombuffer(annotated.data, np.uint8), cv2.IMREAD_COLOR)
        assert shown.shape == (480, 640, 3)
        orange = np.abs(shown.astype(int) - (0, 200, 255)).sum(axis=2) < 120
        assert orange.sum() > 100  # the box is drawn
        assert annotated.header.frame_id == 'lens'


def test_the_processor_changes_while_it_runs(guest):
    with running('consumer', *parameters(processor='motion')):
        feed = Feed(guest)
        feed.send(scene(0))
        assert feed.result()['processor'] == 'motion'
        assert guest.set_parameter('/camera/opencv_consumer', 'processor', 'edges').successful
        feed.send(scene(0))
        result = feed.result()
        assert result['processor'] == 'edges'
        assert 0 < result['values']['edge_share'] < 0.1
        refused = guest.set_parameter('/camera/opencv_consumer', 'processor', 'magic')
        assert not refused.successful
        assert 'edges or motion' in refused.reason


def test_corrupt_pictures_are_skipped_and_counted(guest):
    with running('consumer'):
        feed = Feed(guest)
        good = pictures.jpeg()
        for bad in (b'', b'nonsense', good[:300], good[:-2]):
            feed.camera.send_until_counted(bad, 'opencv_consumer: processing', 'corrupt pictures')
        # Some decoders make a picture of this, others do not; it must do no harm.
        feed.send(good[:good.index(b'\xff\xda') + 20] + b'\xff\xd9')
        time.sleep(0.1)
        sent = feed.send(good)
        while feed.result()['stamp']['nanosec'] != sent.header.stamp.nanosec:
            pass


def test_while_it_works_newer_pictures_replace_each_other(guest):
    """Pictures that come faster than they can be worked on cost pictures, never age."""
    with running('consumer', *parameters(processor='edges')):
        feed = Feed(guest)
        image = pictures.image(3840, 2160)
        numbers = []
        sent = {}
        for number in range(60):
            block_code.draw(image, block_code.BlockCode(number, 0))
            data = cv2.imencode('.jpg', image, (cv2.IMWRITE_JPEG_QUALITY, 60))[1].tobytes()
            message = feed.send(data)
            sent[(message.header.stamp.sec, message.header.stamp.nanosec)] = number
        last = 0
        while last < 59:
            result = feed.result()
            last = sent[(result['stamp']['sec'], result['stamp']['nanosec'])]
            numbers.append(last)
        assert numbers == sorted(set(numbers))
        assert numbers[-1] == 59  # the newest one was worked on, whatever was left out


def test_the_whole_chain_knows_how_old_its_pictures_are(guest):
    with running('camera', *parameters(source='pattern', width=640, height=360)), \
            running('consumer', *parameters(processor='edges')):
        results = guest.listen(String, RESULTS)
        result = json.loads(results.get(timeout=WAIT_S).data)
        now = time.time()
        captured = result['stamp']['sec'] + result['stamp']['nanosec'] / 1e9
        assert 0 < result['age_ms'] <= (now - captured) * 1e3
        values = guest.diagnostics('opencv_consumer: processing',
                                   lambda v: float(v['frames/s processed']) > 20)
        assert float(values['age of the result [ms]']) > 0


@pytest.mark.parametrize(('values', 'sentence'), [
    ({'processor': 'magic'}, "parameter 'processor' must be edges or motion, not 'magic'"),
    ({'jpeg_quality': 'fine'}, "parameter 'jpeg_quality' must be of type integer, not 'fine'"),
])
def test_bad_input_gets_one_sentence_and_exit_code_1(values, sentence):
    program = Program('consumer', *parameters(**values))
    assert program.wait() == 1
    program.wait_for(f'opencv_consumer_node: error: {sentence}')
    assert 'Traceback' not in program.output
