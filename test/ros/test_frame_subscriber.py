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

import signal
import subprocess
import sys
import threading
import time

import cv2
import numpy as np
from pi_camera_stream import FrameSubscriber
from pi_camera_stream.core.mailbox import Mailbox
import pytest
from sensor_msgs.msg import CameraInfo, Image, RegionOfInterest
from support import pictures
from support.guest import Camera
from support.processes import WAIT_S, wait_until
from support.repeating import Repeating

TOPIC = '/camera/image_raw/compressed'


def jpeg(value, size=(160, 120)):
    """Return a picture whose brightness is `value`."""
    return cv2.imencode('.jpg', np.full((*size[::-1], 3), value, np.uint8))[1].tobytes()


@pytest.fixture
def camera(guest):
    return Camera(guest)


def receive(camera, frames, data):
    """Send a picture until it is received, and return it."""
    got = []

    def arrived():
        frame = frames.next_frame(0.05)
        if frame is not None and frame.jpeg == data:
            got.append(frame)
        return got
    camera.send_until(data, arrived)
    return got[0]


def test_five_lines(camera):
    with FrameSubscriber(TOPIC) as frames:
        thread = threading.Thread(
            target=lambda: camera.send_until(jpeg(200), done.is_set))
        done = threading.Event()
        thread.start()
        for frame in frames:
            assert frame.image.shape == (120, 160, 3)
            assert abs(frame.image.mean() - 200) < 3
            assert 0 < frame.age_s < WAIT_S
            assert frame.frame_id == 'lens'
            break
        done.set()
        thread.join()


class Sending(Repeating):
    """Send the same picture again and again."""

    def __init__(self, camera):
        self._camera = camera

    def do(self):
        self._camera.send(jpeg(200))


UNCLOSED = """
import threading
from pi_camera_stream import FrameSubscriber
frames = FrameSubscriber('/camera/image_raw/compressed')
frames.next_frame(5)
print(threading.active_count())
"""


def test_a_program_that_does_not_close_it_ends_well(camera):
    with Sending(camera):
        for _ in range(5):
            ended = subprocess.run([sys.executable, '-c', UNCLOSED], capture_output=True,
                                   text=True, timeout=WAIT_S)
            assert (ended.returncode, ended.stdout) == (0, '2\n'), ended.stderr


CLOSED = """
from pi_camera_stream import FrameSubscriber
with FrameSubscriber('/camera/image_raw/compressed') as frames:
    print('open', flush=True)
    for frame in frames:
        pass
"""


def test_a_second_ctrl_c_does_not_abort_the_closing():
    for _ in range(5):
        with subprocess.Popen([sys.executable, '-c', CLOSED], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as program:
            assert program.stdout.readline() == 'open\n'
            program.send_signal(signal.SIGINT)
            time.sleep(0.05)
            program.send_signal(signal.SIGINT)
            _, said = program.communicate(timeout=WAIT_S)
        assert program.returncode == -signal.SIGINT, said


def test_always_the_newest_and_the_others_are_counted(camera):
    with FrameSubscriber(TOPIC) as frames:
        receive(camera, frames, jpeg(0))
        before = frames.counters()

        def came():
            return frames.counters()['received'] - before['received']
        camera.send_until(jpeg(50), lambda: came() >= 2)
        time.sleep(0.2)  # what is under way has come
        others = came()
        camera.send_until(jpeg(150), lambda: came() > others)
        frame = frames.next_frame(WAIT_S)
        assert abs(frame.image.mean() - 150) < 3
        assert frames.counters()['dropped'] - before['dropped'] >= others
        assert frames.next_frame(0.0) is None  # each at most once


@pytest.mark.parametrize(('options', 'shape'), [
    ({'reduce': 2}, (60, 80, 3)), ({'reduce': 8}, (15, 20, 3)), ({'color': 'gray'}, (120, 160)),
    ({'color': 'gray', 'reduce': 4}, (30, 40))])
def test_it_decodes_as_is_asked(camera, options, shape):
    with FrameSubscriber(TOPIC, **options) as frames:
        assert receive(camera, frames, jpeg(80)).image.shape == shape


def test_what_is_corrupt_is_left_out_and_counted(camera):
    good = jpeg(80)
    broken = bytearray(pictures.jpeg(seed=1))
    broken[2:20] = bytes(18)
    with FrameSubscriber(TOPIC) as frames:
        receive(camera, frames, good)
        camera.send_until(bytes(broken), lambda: frames.counters()['corrupt'])
        assert receive(camera, frames, jpeg(30)).image.shape == (120, 160, 3)


def test_inside_a_node_of_ones_own(guest, camera):
    frames = FrameSubscriber('image_raw/compressed', node=guest.node)
    assert frames.topic == '/image_raw/compressed'
    frames.close()
    before = {subscription.topic_name for subscription in guest.node.subscriptions}
    with FrameSubscriber(TOPIC, node=guest.node) as frames:
        assert receive(camera, frames, jpeg(80)).age_s < WAIT_S
    wait_until(lambda: {subscription.topic_name for subscription in guest.node.subscriptions}
               == before)
    assert guest.context.ok()


def test_it_stands_in_for_video_capture(camera):
    capture = FrameSubscriber(TOPIC)
    assert capture.isOpened()
    receive(camera, capture, jpeg(10))
    camera.send_until(jpeg(80), lambda: capture.read()[0])
    assert capture.retrieve()[1].shape == (120, 160, 3)
    assert capture.get(cv2.CAP_PROP_FRAME_WIDTH) == 160
    assert capture.get(cv2.CAP_PROP_FRAME_HEIGHT) == 120
    assert capture.get(cv2.CAP_PROP_POS_MSEC) > 1e12
    assert capture.get(cv2.CAP_PROP_BRIGHTNESS) == 0
    assert not capture.set(cv2.CAP_PROP_FRAME_WIDTH, 640)
    capture.release()
    assert not capture.isOpened()
    assert capture.read() == (False, None)


def test_closing_ends_the_iteration_of_another_thread():
    frames, ended = FrameSubscriber(TOPIC), threading.Event()

    def iterate():
        for _ in frames:
            pass
        ended.set()

    threading.Thread(target=iterate).start()
    frames.close()
    frames.close()
    assert ended.wait(WAIT_S)
    with pytest.raises(Mailbox.Closed):
        frames.next_frame()


def test_a_topic_that_is_silent_is_explained(guest, camera, capfd):
    guest.node.create_publisher(Image, '/raw', 1)
    sends_nothing = 'has a publisher, but it sends nothing'
    for topic, reason in (('/nothing', f'has no publisher; topics with pictures: {TOPIC}'),
                          ('/raw', sends_nothing), (TOPIC, sends_nothing)):
        with FrameSubscriber(topic) as frames:
            said = ''

            def explained(frames=frames, topic=topic, reason=reason):
                nonlocal said
                assert frames.next_frame(0.3) is None
                said += capfd.readouterr().err
                return f"no picture of '{topic}': WAITING for " in said \
                    and f"'{topic}' {reason}" in said
            wait_until(explained)
            assert frames.signal().state == 'waiting'
            assert f"'{topic}' {reason}" in frames.signal().reason


@pytest.mark.parametrize('options', [{'reduce': 3}, {'reduce': 0}, {'color': 'rgb'}])
def test_what_cannot_be_asked_for_is_refused(options):
    with pytest.raises(ValueError, match=f'{next(iter(options))} must be '):
        FrameSubscriber(TOPIC, **options)


def test_the_lens_is_corrected_once_the_calibration_is_there(guest, camera, capfd):
    picture = np.zeros((120, 160, 3), np.uint8)
    picture[20] = 255  # a straight line, which this lens bends
    data = cv2.imencode('.jpg', picture, (cv2.IMWRITE_JPEG_QUALITY, 100))[1].tobytes()
    infos = guest.node.create_publisher(CameraInfo, '/camera/camera_info', 1)
    info = CameraInfo(width=320, height=240, distortion_model='plumb_bob')
    info.k = [200.0, 0.0, 159.5, 0.0, 200.0, 119.5, 0.0, 0.0, 1.0]
    info.p = [200.0, 0.0, 159.5, 0.0, 0.0, 200.0, 119.5, 0.0, 0.0, 0.0, 1.0, 0.0]
    info.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    info.d = [-0.3, 0.0, 0.0, 0.0, 0.0]
    matrix = np.array([[100, 0, 79.5], [0, 100, 59.5], [0, 0, 1.0]])
    expected = cv2.undistort(cv2.imdecode(np.frombuffer(data, np.uint8), 1), matrix,
                             np.array(info.d))
    with FrameSubscriber(TOPIC, rectify=True) as frames:
        assert receive(camera, frames, data).image[20].mean() > 200  # as it came
        assert "received on '/camera/camera_info'" in capfd.readouterr().err

        def corrected():
            infos.publish(info)
            return receive(camera, frames, data).image[20].mean() < 200
        wait_until(corrected)
        got = receive(camera, frames, data).image
        assert cv2.absdiff(got, expected).mean() < 2


def info_720p():
    """Return what a camera of 1280x720 pixels says of its lens, with a part of its sensor."""
    info = CameraInfo(width=1480, height=820, distortion_model='plumb_bob')
    info.roi = RegionOfInterest(x_offset=120, y_offset=60, width=1280, height=720)
    info.k = [900.0, 0.0, 760.0, 0.0, 910.0, 411.0, 0.0, 0.0, 1.0]
    info.p = [850.0, 0.0, 760.0, 0.0, 0.0, 860.0, 411.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    info.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    info.d = [-0.35, 0.1, 0.002, -0.003, 0.0]
    return info


def rectified_720p(picture):
    """Return it as OpenCV rectifies it."""
    matrix = np.array([[900, 0, 640], [0, 910, 351], [0, 0, 1.0]])
    projection = np.array([[850, 0, 640], [0, 860, 351], [0, 0, 1.0]])
    return cv2.undistort(picture, matrix, np.array(info_720p().d), newCameraMatrix=projection)


def test_a_calibration_is_scaled_to_the_pictures_that_come(guest, camera, capfd):
    full = pictures.image(1280, 720)
    infos = guest.node.create_publisher(CameraInfo, '/camera/camera_info', 1)
    with FrameSubscriber(TOPIC, rectify=True) as frames, \
            FrameSubscriber(TOPIC, rectify=True, reduce=2) as reduced:
        for size in ((1280, 720), (640, 360), (320, 180), (480, 270), (240, 136)):
            small = cv2.resize(full, size, interpolation=cv2.INTER_AREA)
            data = cv2.imencode('.jpg', small, (cv2.IMWRITE_JPEG_QUALITY, 100))[1].tobytes()
            for subscriber, divisor in ((frames, 1), (reduced, 2)):
                shape = -(-size[0] // divisor), -(-size[1] // divisor)
                wanted = cv2.resize(rectified_720p(full), shape, interpolation=cv2.INTER_AREA)
                inner = slice(8, -8), slice(8, -8)  # without what lies beyond the border

                def fits(subscriber=subscriber, data=data, wanted=wanted, inner=inner):
                    infos.publish(info_720p())
                    got = receive(camera, subscriber, data).image
                    assert got.shape == wanted.shape
                    return cv2.absdiff(got, wanted)[inner].mean() < 2
                wait_until(fits)
            assert cv2.absdiff(small, cv2.resize(rectified_720p(full), size))[inner].mean() > 6
        capfd.readouterr()
        for size in ((640, 480), (320, 240), (640, 480)):  # another part of the scene
            small = cv2.resize(full, size, interpolation=cv2.INTER_AREA)
            data = cv2.imencode('.jpg', small)[1].tobytes()
            got = receive(camera, frames, data).image
            assert np.array_equal(got, cv2.imdecode(np.frombuffer(data, np.uint8), 1))
        said = capfd.readouterr().err
    assert said.count('a calibration for 1280x720 pixels does not fit pictures of 640x480, which '
                      'show another part of the scene: calibrate at this size') == 1
    assert said.count('does not fit') == 1


def test_a_calibration_that_cannot_be_is_named_and_pictures_come_as_they_are(guest, camera, capfd):
    infos = guest.node.create_publisher(CameraInfo, '/camera/camera_info', 1)
    info = CameraInfo(width=320, height=240, distortion_model='plumb_bob', d=[-0.3])
    info.k[0] = info.k[4] = info.k[8] = 1.0
    data = cv2.imencode('.jpg', np.zeros((120, 160, 3), np.uint8))[1].tobytes()
    with FrameSubscriber(TOPIC, rectify=True) as frames:
        said = ''

        def named():
            nonlocal said
            infos.publish(info)
            assert not receive(camera, frames, data).image.any()
            said += capfd.readouterr().err
            return "the calibration on '/camera/camera_info' cannot be used" in said
        wait_until(named)
        assert 'distortion_coefficients must have 4 or 5 elements, not 1' in said
