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
from pathlib import Path
import re
import time

import cv2
from diagnostic_msgs.msg import DiagnosticStatus
import fastjsonschema
import numpy as np
from pi_camera_stream.core import block_code
import pytest
from sensor_msgs.msg import CameraInfo, CompressedImage
from std_msgs.msg import String
from support import pictures, plug_ins
from support.guest import best_effort, Camera, stamp
from support.processes import parameters, Program, running, WAIT_S, wait_until
from support.vision import camera, facing, marker, photograph
from visualization_msgs.msg import MarkerArray

RESULTS = '/camera/results'
PROCESSED = '/camera/image_processed/compressed'
NODE = '/camera/opencv_consumer'
OK = DiagnosticStatus.OK
SCHEMA = Path(__file__).parents[2] / 'docs/results.schema.json'
validate = fastjsonschema.compile(json.loads(SCHEMA.read_text()))


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

    def message(self):
        """Return the next message, which is as the schema says."""
        message = json.loads(self._results.get(timeout=WAIT_S).data)
        validate(message)
        return message

    def ask(self, data, wanted):
        """Send a picture until a message fulfils a condition; return that message."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            self.send(data)
            message = self.message()
            if wanted(message):
                return message
        raise AssertionError(f'it never came to it: {message}')


def scene(x):
    image = np.full((480, 640, 3), 40, np.uint8)
    cv2.rectangle(image, (x, 200), (x + 79, 279), (220, 220, 220), -1)
    return jpeg(image)


def jpeg(image):
    return cv2.imencode('.jpg', image)[1].tobytes()


def names(message):
    return [result['processor'] for result in message['results']]


def test_it_reports_a_box_on_what_moves(guest):
    with running('consumer', *parameters(processor='motion')):
        feed = Feed(guest)
        images = guest.listen(CompressedImage, PROCESSED)
        for x in range(0, 400, 20):
            sent = feed.send(scene(x))
            message = feed.message()
        assert names(message) == ['motion']
        box, = message['results'][0]['detections']
        assert box['label'] == 'moving'
        assert 370 <= box['x'] < box['x'] + box['width'] <= 470
        assert (message['width'], message['height'], message['frame_id']) == (640, 480, 'lens')
        assert 0 < message['processing_ms'] <= message['age_ms']
        assert message['stamp'] == {'sec': sent.header.stamp.sec,
                                    'nanosec': sent.header.stamp.nanosec}
        annotated = images.get(timeout=WAIT_S)
        while stamp(annotated) < stamp(sent):
            annotated = images.get(timeout=WAIT_S)
        shown = cv2.imdecode(np.frombuffer(annotated.data, np.uint8), cv2.IMREAD_COLOR)
        assert shown.shape == (480, 640, 3)
        orange = np.abs(shown.astype(int) - (0, 200, 255)).sum(axis=2) < 120
        assert orange.sum() > 100  # the box is drawn
        assert annotated.header.frame_id == 'lens'


def test_several_processors_change_while_they_run(guest):
    with running('consumer', *parameters(processor='motion,edges')):
        feed = Feed(guest)
        feed.send(scene(0))
        message = feed.message()
        assert names(message) == ['motion', 'edges']
        assert 0 < message['results'][1]['values']['edge_share'] < 0.1
        assert guest.set_parameter(NODE, 'processor', 'color, qr').successful
        feed.ask(scene(0), lambda message: names(message) == ['color', 'qr'])
        for value, reason in (('magic', "there is no processor 'magic': choose one or more of "
                                        'edges, motion, color, aruco, face, qr'),
                              ('', 'names no processor: choose one or more of'),
                              ('qr,qr', "names 'qr' twice")):
            refused = guest.set_parameter(NODE, 'processor', value)
            assert not refused.successful
            assert reason in refused.reason
        feed.send(scene(0))
        assert names(feed.message()) == ['color', 'qr']  # a refusal changes nothing


def test_the_color_is_tuned_while_it_runs(guest):
    image = np.full((480, 640, 3), 120, np.uint8)
    cv2.circle(image, (200, 200), 50, (20, 20, 210), -1)  # red, which the range goes through
    cv2.circle(image, (500, 200), 50, (30, 200, 30), -1)
    picture = jpeg(image)

    def lefts(message):
        return [round(box['x'], -1) for box in message['results'][0]['detections']]

    with running('consumer', *parameters(processor='color', color__value_max=254)):
        feed = Feed(guest)
        feed.ask(picture, lambda message: lefts(message) == [150])
        assert guest.set_parameter(NODE, 'color.hue_max', 70).successful
        feed.ask(picture, lambda message: sorted(lefts(message)) == [150, 450])
        assert guest.set_parameter(NODE, 'color.hue_min', 50).successful
        feed.ask(picture, lambda message: lefts(message) == [450])
        refused = guest.set_parameter(NODE, 'color.value_min', 255)
        assert refused.reason == ("parameter 'color.value_min' is 255 and 'color.value_max' 254, "
                                  'so no color lies between them: swap them')
        assert 'out of range' in guest.set_parameter(NODE, 'color.hue_min', 180).reason
        feed.ask(picture, lambda message: lefts(message) == [450])


@pytest.mark.parametrize('size', [(640, 360), (320, 180)])
def test_markers_have_poses_once_the_camera_is_calibrated(guest, size):
    length_m, pose = 0.2, facing(0.1, -0.05, 0.9, turned=0.4)
    lens = camera(size=size, focal=1000.0 * size[0] / 1280)
    picture = jpeg(photograph(marker(23), length_m, pose, lens))
    # The calibration is for larger pictures.
    calibration = camera(size=(1280, 720), focal=1000.0)
    message = CameraInfo(width=1280, height=720, distortion_model='plumb_bob', d=calibration.d,
                         k=calibration.k, r=calibration.r, p=calibration.p)
    infos = guest.node.create_publisher(CameraInfo, '/camera/camera_info', best_effort(1))
    with running('consumer', *parameters(processor='motion', aruco__marker_length=length_m)):
        feed = Feed(guest)
        assert infos.get_subscription_count() == 0  # nobody needs it yet
        assert guest.set_parameter(NODE, 'processor', 'aruco').successful
        found = feed.ask(picture, lambda message: names(message) == ['aruco'])
        first, = found['results'][0]['detections']
        assert (first['label'], first['id'], first['size_m']) == ('marker', '23', length_m)
        assert 'pose' not in first
        markers = guest.listen(MarkerArray, '/camera/markers')
        wait_until(lambda: infos.get_subscription_count() == 1)

        def has_pose(message):
            infos.publish(CameraInfo())  # not calibrated
            infos.publish(message_with_bad_lens)
            infos.publish(calibrated)
            return 'pose' in message['results'][0]['detections'][0]

        calibrated, message_with_bad_lens = message, CameraInfo(
            width=1280, height=960, distortion_model='crystal', k=calibration.k)
        found = feed.ask(picture, has_pose)
        where = found['results'][0]['detections'][0]['pose']
        position = [where['position'][axis] for axis in 'xyz']
        assert np.allclose(position, pose.position, atol=0.015)
        shown = wait_until(lambda: markers.get(timeout=WAIT_S).markers)[0]
        assert (shown.ns, shown.id, shown.header.frame_id) == ('aruco', 23, 'lens')
        assert (shown.scale.x, shown.scale.y) == (length_m, length_m)
        assert shown.pose.position.z == pytest.approx(position[2], abs=0.01)
        assert shown.pose.orientation.w == pytest.approx(where['orientation']['w'], abs=0.02)
        assert guest.set_parameter(NODE, 'processor', 'motion').successful
        wait_until(lambda: infos.get_subscription_count() == 0)


def test_a_face_is_found_or_it_is_said_what_that_needs(guest, missing):
    """OpenCV 4 has the Haar cascades, OpenCV 5 has not; script/test has both."""
    if int(cv2.__version__.split('.')[0]) >= 5:
        program = Program('consumer', *parameters(processor='motion,face'))
        assert program.wait() == 1
        program.wait_for("error: processor 'face' finds no Haar cascade of OpenCV 5.*: set "
                         "'face.model' to a YuNet model")
        return
    if pictures.portrait() is None:
        missing('matplotlib, which has a portrait, is not installed')
    with running('consumer', *parameters(processor='face')):
        feed = Feed(guest)
        feed.ask(jpeg(pictures.portrait()), lambda message: [
            box['label'] for box in message['results'][0]['detections']] == ['face'])


@pytest.fixture
def plug_in(tmp_path, monkeypatch):
    """Install processors of another package."""
    plug_ins.install(tmp_path, monkeypatch, faulty=plug_ins.FAULTY, slow=plug_ins.SLOW,
                     broken='import what_is_not_there')


def test_a_processor_that_raises_is_reported_and_costs_nothing_else(guest, plug_in):
    program = Program('consumer', *parameters(processor='edges,faulty', faulty__level=7))
    try:
        feed = Feed(guest)
        images = guest.listen(CompressedImage, PROCESSED)
        began_s = time.monotonic()
        reports = r"processor 'faulty' failed, everything else keeps running: RuntimeError\("
        while time.monotonic() < began_s + 2.5:  # three reports at the most
            feed.send(scene(0))
            assert names(feed.message()) == ['edges']
        program.wait_for(reports)
        # One when it began, before `Feed` was ready, then one a second.
        assert 2 <= len(re.findall(reports, program.output)) <= 5, program.output
        values = guest.diagnostics('opencv_consumer: processing',
                                   lambda values: 'failing' in values['message'])
        assert int(values["failures of 'faulty'"]) > 10
        assert values["failures of 'edges'"] == '0'
        assert "failing: 'faulty' (RuntimeError('it does not work'))" in values['message']
        assert guest.set_parameter(NODE, 'faulty.where', 'annotate').successful
        message = feed.ask(scene(0), lambda message: names(message) == ['edges', 'faulty'])
        assert message['results'][1]['values'] == {'level': 7}
        while not images.empty():
            images.get()
        feed.ask(scene(0), lambda message: not images.empty())  # with the edges drawn in
        refused = guest.set_parameter(NODE, 'faulty.where', 'check')
        assert refused.reason == "parameter 'faulty.where' cannot be check: set it to process"
        refused = guest.set_parameter(NODE, 'processor', 'edges,broken')
        assert "processor 'broken' of the package robot_parts cannot be imported" in refused.reason
        feed.ask(scene(0), lambda message: names(message) == ['edges', 'faulty'])
    finally:
        assert program.stop() == 0


def test_a_processor_of_another_package_comes_while_the_node_runs(guest, plug_in):
    values = {'faulty__level': 5, 'faulty__where': 'nowhere'}
    with running('consumer', *parameters(processor='edges', **values)) as consumer:
        feed = Feed(guest)
        assert guest.set_parameter(NODE, 'processor', 'faulty').successful
        message = feed.ask(scene(0), lambda message: names(message) == ['faulty'])
        assert message['results'][0]['values'] == {'level': 5}  # as given at the start
        assert guest.set_parameter(NODE, 'faulty.level', 9).successful
        feed.ask(scene(0), lambda message: message['results'][0]['values'] == {'level': 9})
        assert not guest.set_parameter(NODE, 'faulty.level', 10).successful
        # It refuses that when it is to use it, and nothing else that is set meanwhile.
        assert guest.set_parameter(NODE, 'faulty.where', 'configure').successful
        assert guest.set_parameter(NODE, 'faulty.level', 1).successful
        feed.ask(scene(0), lambda message: message['results'][0]['values'] == {'level': 1})
        consumer.wait_for(r"'faulty.where' cannot be set so.*RuntimeError\('it does not")
        assert guest.get_parameters(NODE, 'faulty.where', 'faulty.level') == ['nowhere', 1]
        refused = guest.set_parameter(NODE, 'processor', 'magic')
        assert 'face, qr, broken, faulty, slow, separated by commas' in refused.reason


def test_what_needs_200_ms_is_never_older_than_that_and_one_and_a_half_pictures(guest, plug_in):
    with running('camera', *parameters(source='pattern', width=640, height=360, fps=30)), \
            running('consumer', *parameters(processor='slow')):
        results = guest.listen(String, RESULTS)
        guest.diagnostics('opencv_consumer: processing',
                          lambda values: float(values['frames/s processed']) > 3)
        while not results.empty():
            results.get()
        ages = sorted(json.loads(results.get(timeout=WAIT_S).data)['age_ms'] for _ in range(15))
        assert ages[0] > 200
        assert ages[len(ages) // 2] < 200 + 1.5 * 1000 / 30


def test_corrupt_pictures_are_skipped_and_counted(guest):
    with running('consumer'):
        feed = Feed(guest)
        good = pictures.jpeg()
        for bad in (b'', b'nonsense', good[:300], good[:-100]):
            feed.camera.send_until_counted(bad, 'opencv_consumer: processing', 'corrupt pictures')
        # Some decoders make a picture of this, others do not; it must do no harm.
        feed.send(good[:good.index(b'\xff\xda') + 20] + b'\xff\xd9')
        time.sleep(0.1)
        sent = feed.send(good)
        while feed.message()['stamp']['nanosec'] != sent.header.stamp.nanosec:
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
            result = feed.message()
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


def waits(values):
    return values['message'] == 'waiting for a subscriber' and values['level'] == OK


@pytest.mark.parametrize(('kind', 'topic'), [
    (String, RESULTS), (CompressedImage, PROCESSED), (MarkerArray, '/camera/markers'),
    (String, f'{NODE}/trace')])
def test_it_works_only_while_somebody_wants_what_it_makes(guest, kind, topic):
    with running('camera', *parameters(source='pattern', standby='true')), \
            running('consumer', *parameters(processor='edges')):
        guest.diagnostics('opencv_consumer: processing', waits)
        guest.diagnostics('camera: stream', lambda values: values['message'] == 'on standby')
        results = guest.listen(kind, topic)
        guest.diagnostics('opencv_consumer: processing',
                          lambda values: float(values['frames/s processed']) > 10)
        guest.forget(results)
        values = guest.diagnostics('opencv_consumer: processing', waits)
        assert values['age of the result [ms]'] == 'nan'
        guest.diagnostics('camera: stream', lambda values: values['message'] == 'on standby')


def test_a_processor_of_another_package_works_for_nobody_too(guest, plug_in):
    with running('camera', *parameters(source='pattern', standby='true')), \
            running('consumer', *parameters(processor='edges')):
        guest.diagnostics('opencv_consumer: processing', waits)
        assert guest.set_parameter(NODE, 'processor', 'edges,slow').successful
        guest.diagnostics('opencv_consumer: processing',
                          lambda values: float(values['frames/s processed']) > 3)
        assert guest.set_parameter(NODE, 'processor', 'edges').successful
        guest.diagnostics('opencv_consumer: processing', waits)


@pytest.mark.parametrize(('values', 'sentence'), [
    ({'processor': 'magic'}, "there is no processor 'magic': choose one or more of edges, "),
    ({'processor': "''"}, "parameter 'processor' names no processor: choose one or more"),
    ({'processor': 'color', 'color__saturation_min': 90, 'color__saturation_max': 80},
     "parameter 'color.saturation_min' is 90 and 'color.saturation_max' 80, so no color lies "
     'between them: swap them'),
    ({'aruco__dictionary': '3X3'}, "parameter 'aruco.dictionary' must be 4X4_50, 4X4_100, "),
    ({'color__hue_min': 180}, "parameter 'color.hue_min' must be 0 to 179, not 180"),
    ({'processor': 'face', 'face__model': '/nowhere.onnx'},
     "parameter 'face.model': there is no file '/nowhere.onnx': give the path of a YuNet model"),
    ({'jpeg_quality': 'fine'}, "parameter 'jpeg_quality' must be of type integer, not 'fine'"),
])
def test_bad_input_gets_one_sentence_and_exit_code_1(values, sentence):
    program = Program('consumer', *parameters(**values))
    assert program.wait() == 1
    program.wait_for(f'opencv_consumer_node: error: {sentence}')
    assert 'Traceback' not in program.output
