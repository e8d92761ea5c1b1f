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

"""Raw images beside the JPEGs: whatever they cost, those do not wait."""

import array
from contextlib import contextmanager
import ctypes
import itertools
import os
import subprocess
import sys
import threading
from types import SimpleNamespace

from benchmarks.common import networks
from diagnostic_msgs.msg import DiagnosticStatus
import numpy as np
from pi_camera_stream import FrameSubscriber
from pi_camera_stream.client.image_topic import jpeg_format
from pi_camera_stream.client.trace import TracePublisher
from pi_camera_stream.codecs import limits
from pi_camera_stream.codecs.limits import MAX_PIXELS
from pi_camera_stream.core.frame import Capture, EncodedImage, Frame
from pi_camera_stream.nodes import serialized
from pi_camera_stream.nodes.camera import newest_thread, raw_publisher
from pi_camera_stream.nodes.camera.frame_publisher import FramePublisher
from pi_camera_stream.nodes.camera.raw_topic import RawTopic
from pi_camera_stream.nodes.jpeg_topic import JpegTopic
import pytest
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header
from support import pictures
from support.guest import best_effort, Guest, stamp
from support.processes import parameters, running, WAIT_S, wait_until

JPEG = 'image_raw/compressed'
SECOND_NS = 10**9


@pytest.fixture
def receiver():
    """Return a ROS node that receives."""
    node = Guest('receiver')
    yield node
    node.close()


class Camera:
    """What a camera node does with its pictures, of which the test is the camera."""

    def __init__(self, guest):
        self.pictures = FramePublisher(
            guest.node, 'lens', 32, 80,
            lambda width, height: CameraInfo(width=width, height=height),
            TracePublisher(guest.node), lambda _: False, MAX_PIXELS)
        self.raws = self.pictures.raws
        self._taken = 0

    def take(self, picture=None):
        """Publish a picture, and return its stamp in s: each is a second after the one before."""
        self._taken += 1
        picture = pictures.jpeg() if picture is None else picture
        content = EncodedImage(picture) if isinstance(picture, bytes) else picture
        self.pictures.publish(Capture(content, 0), self._taken * SECOND_NS)
        return float(self._taken)

    def take_until(self, condition, picture=None):
        """Publish pictures until it is true: best effort may lose some. Return their stamps."""
        stamps = []

        def done():
            stamps.append(self.take(picture))
            return condition()

        wait_until(done)
        return stamps

    def close(self):
        self.raws.close()
        self.raws.join(WAIT_S)


@pytest.fixture
def camera(guest):
    """Return a camera within the test."""
    camera = Camera(guest)
    yield camera
    camera.close()


class Gate:
    """Stands before a function, and lets nobody in until it is opened."""

    def __init__(self, function):
        self._function = function
        self._open = threading.Event()
        self.waiting = threading.Event()

    def __call__(self, *arguments, **options):
        self.waiting.set()
        assert self._open.wait(WAIT_S)
        return self._function(*arguments, **options)

    def open(self):
        self._open.set()


@pytest.fixture
def gate(monkeypatch):
    """Let raw images take as long as the test wants."""
    gate = Gate(raw_publisher.decode_jpeg)
    monkeypatch.setattr(raw_publisher, 'decode_jpeg', gate)
    yield gate
    gate.open()


def everything(messages):
    """Return the messages that have come."""
    return [messages.get() for _ in range(messages.qsize())]


def threads():
    return [thread for thread in threading.enumerate() if thread.name == 'raw']


@pytest.mark.parametrize('way', ['rcl', 'rclpy'])
@pytest.mark.parametrize('frame_id', ['', 'a', 'le', 'len', 'lens'])  # all alignments
def test_an_array_arrives_as_it_is(guest, receiver, monkeypatch, way, frame_id):
    topic = RawTopic(guest.node, 'image_raw')
    if way == 'rclpy':
        monkeypatch.setattr(serialized, '_rcl_publish', None)
    else:
        monkeypatch.setattr(topic.publisher, 'publish', None)  # it would keep the GIL
    messages = receiver.listen(Image, '/image_raw')
    wait_until(topic.subscribers)
    header = Header(frame_id=frame_id)
    header.stamp.sec, header.stamp.nanosec = 7, 8
    colour = pictures.image(50, 30)
    for image, encoding in ((colour, 'bgr8'), (colour[..., 0], 'mono8'),
                            (colour[::2, ::-1], 'bgr8'), (colour[:1, :1], 'bgr8')):
        def arrived(image=image, encoding=encoding):
            topic.publish(image, header)
            found = [message for message in everything(messages)
                     if (message.height, message.width) == image.shape[:2]
                     and message.encoding == encoding]
            return found and found[-1]

        message = wait_until(arrived)
        assert message.header == header
        assert message.step * message.height == len(message.data) == image.nbytes
        assert np.array_equal(np.frombuffer(message.data, np.uint8).reshape(image.shape), image)


@pytest.mark.parametrize('way', ['rcl', 'rclpy'])
def test_a_jpeg_arrives_as_it_is(guest, receiver, monkeypatch, way):
    topic = JpegTopic(guest.node, JPEG, reliable=False)
    if way == 'rclpy':
        monkeypatch.setattr(serialized, '_rcl_publish', None)
    else:
        monkeypatch.setattr(topic.publisher, 'publish', None)
    messages = receiver.listen(CompressedImage, f'/{JPEG}')
    wait_until(topic.publisher.get_subscription_count)
    data = pictures.jpeg()
    for number, (jpeg, components, frame_id) in enumerate((
            (data, 3, 'lens'), (data[:-1], 3, 'lens'), (9 * data, 1, 'l'), (data, 3, ''))):
        expected = CompressedImage(
            header=Header(stamp=Time(seconds=number, nanoseconds=8).to_msg(), frame_id=frame_id),
            format=jpeg_format(components), data=array.array('B', jpeg))

        def arrived(jpeg=jpeg, components=components, frame_id=frame_id, expected=expected):
            stamp = expected.header.stamp
            topic.publish(Frame(jpeg, stamp.sec * 10**9 + stamp.nanosec, 0, 64, 48), components,
                          frame_id)
            return expected in everything(messages)

        wait_until(arrived)


def test_what_cannot_be_published_is_explained_by_rclpy():
    gone = Guest('gone')
    topic = RawTopic(gone.node, 'image_raw')
    gone.close()
    with pytest.raises(Exception, match=r'(?i)invalid|destr'):
        topic.publish(pictures.image(), Header())


def test_what_rcl_refuses_is_left_to_rclpy(guest, receiver, monkeypatch):
    publish = serialized._rcl_publish
    monkeypatch.setattr(serialized, '_rcl_publish', lambda _, *rest: publish(None, *rest))
    topic = RawTopic(guest.node, 'image_raw')
    messages = receiver.listen(Image, '/image_raw')
    wait_until(topic.subscribers)
    wait_until(lambda: topic.publish(pictures.image(), Header()) or not messages.empty())
    assert not ctypes.CDLL('librcutils.so').rcutils_error_is_set()


def test_jpegs_do_not_wait_for_a_raw_image_and_the_newest_one_follows(camera, receiver, gate):
    jpegs = receiver.listen(CompressedImage, f'/{JPEG}')
    raws = receiver.listen(Image, '/image_raw')
    wait_until(lambda: camera.raws.subscribers()[0])
    first = camera.take()
    assert gate.waiting.wait(WAIT_S)
    *_, last = camera.take_until(lambda: jpegs.qsize() >= 10)
    assert raws.empty()
    assert camera.raws.dropped == last - first - 1
    assert len(threads()) == 1
    gate.open()
    # Best effort may lose them; they are published again only for this test.
    arrived = {stamp(raws.get(timeout=WAIT_S)), stamp(raws.get(timeout=WAIT_S))}
    assert arrived == {first, last}


def test_each_raw_image_has_a_camera_info_and_each_picture_just_one(camera, receiver, gate):
    infos = receiver.listen(CameraInfo, '/camera_info', best_effort(1000))
    raws = receiver.listen(Image, '/image_raw', best_effort(1000))
    wait_until(lambda: camera.raws.subscribers()[0])
    stamps = camera.take_until(lambda: infos.qsize() >= 5)
    assert gate.waiting.wait(WAIT_S)
    seen = [stamp(info) for info in everything(infos)]  # the gate is shut: they do not wait
    gate.open()
    stamps += camera.take_until(lambda: raws.qsize() >= 3)
    wait_until(lambda: seen.extend(map(stamp, everything(infos))) or seen[-1] == stamps[-1])
    assert seen == sorted(set(seen))
    since = seen[0]  # from when on it receives them
    assert {stamp(raw) for raw in everything(raws) if stamp(raw) >= since} <= set(seen)


def test_the_camera_info_fits_the_raw_image_where_the_jpeg_is_smaller(camera, receiver):
    camera.pictures.adaptation.most_bps = 20e3  # one a second
    jpegs = receiver.listen(CompressedImage, f'/{JPEG}')
    infos = receiver.listen(CameraInfo, '/camera_info')
    image = pictures.image(320, 240)
    wait_until(lambda: camera.pictures.subscribers())

    def sizes(since=0.0):
        return {(info.width, info.height) for info in everything(infos) if stamp(info) > since}

    *_, last = camera.take_until(lambda: min(sizes(), default=(320, 240)) < (320, 240), image)
    raws = receiver.listen(Image, '/image_raw')
    wait_until(lambda: camera.raws.subscribers()[0])
    camera.take_until(lambda: not raws.empty(), image)
    assert sizes(since=last) == {(320, 240)}
    assert not jpegs.empty()


def test_who_has_seen_that_all_rows_are_there_adds_the_end_for_all(camera, receiver, monkeypatch):
    """To see it takes a decoding, in each process that gets it without its end."""
    looked_at, picture = [], pictures.jpeg()
    look = limits.has_all_rows
    monkeypatch.setattr(limits, 'has_all_rows', lambda jpeg: looked_at.append(jpeg) or look(jpeg))
    jpegs = receiver.listen(CompressedImage, f'/{JPEG}')
    raws = [receiver.listen(Image, f'/{topic}') for topic in ('image_raw', 'lores/image_raw')]
    with FrameSubscriber(f'/{JPEG}', node=receiver.node) as frames:
        received = []

        def arrived():
            received.append(frames.next_frame(0.05))
            return received[-1] and not jpegs.empty() and all(not raw.empty() for raw in raws)

        taken = camera.take_until(arrived, picture[:-2])
    assert received[-1].jpeg == jpegs.get().data.tobytes() == picture
    assert 0 < len(looked_at) <= len(taken)


def test_the_small_image_has_a_camera_info_of_its_own(camera, receiver):
    infos = receiver.listen(CameraInfo, '/lores/camera_info')
    smalls = receiver.listen(Image, '/lores/image_raw')
    wait_until(lambda: camera.raws.subscribers()[1])
    camera.take_until(lambda: not smalls.empty() and not infos.empty(), pictures.image(320, 180))
    small, info = smalls.get(), infos.get()
    assert (small.width, small.height) == (info.width, info.height) == (32, 18)


@pytest.mark.parametrize('failing', ['decode', 'publish'])
def test_a_raw_image_that_fails_is_one_picture(camera, receiver, monkeypatch, failing):
    def fail(*_, **__):
        raise RuntimeError('no more memory')

    jpegs = receiver.listen(CompressedImage, f'/{JPEG}')
    raws = receiver.listen(Image, '/image_raw')
    wait_until(lambda: camera.raws.subscribers()[0])
    with monkeypatch.context() as patch:
        patch.setattr(*{'decode': (raw_publisher, 'decode_jpeg'),
                        'publish': (RawTopic, 'publish')}[failing], fail)
        camera.take_until(lambda: camera.raws.failed >= 2 and jpegs.qsize() >= 3)
        assert 'no more memory' in camera.raws.failure
    camera.take_until(lambda: not raws.empty())
    wait_until(lambda: camera.raws.failure == '')
    assert camera.pictures.corrupt == camera.raws.corrupt == 0


def test_a_jpeg_that_cannot_be_decoded_is_counted(camera, receiver):
    picture = pictures.jpeg()
    assert picture.count(b'\xff\xdb\x00C') == 2
    broken = picture.replace(b'\xff\xdb\x00C', b'\xff\xef\x00C')  # no quantisation tables
    jpegs = receiver.listen(CompressedImage, f'/{JPEG}')
    raws = receiver.listen(Image, '/image_raw')
    wait_until(lambda: camera.raws.subscribers()[0])
    camera.take_until(lambda: camera.raws.corrupt >= 2 and jpegs.qsize() >= 2, broken)
    assert raws.empty()
    assert camera.raws.failed == 0


def test_who_never_takes_raw_images_pays_nothing_for_them(camera, receiver):
    jpegs = receiver.listen(CompressedImage, f'/{JPEG}')
    camera.take_until(lambda: not jpegs.empty())
    assert threads() == []


def test_memory_is_given_back_when_nobody_takes_them_any_more(camera, receiver, monkeypatch):
    monkeypatch.setattr(newest_thread, '_IDLE_S', 0.05)
    raws = receiver.listen(Image, '/image_raw')
    wait_until(lambda: camera.raws.subscribers()[0])
    topic = camera.raws._full
    with monkeypatch.context() as patch:
        patch.setattr(RawTopic, 'forget', lambda _: None)
        camera.take_until(lambda: not raws.empty())
        assert topic._buffer.nbytes > 64 * 48 * 3
    wait_until(lambda: topic._buffer.nbytes == 0)


def test_the_end_does_not_wait_for_a_raw_image(camera, receiver, gate):
    raws = receiver.listen(Image, '/image_raw')
    wait_until(lambda: camera.raws.subscribers()[0])
    camera.take()
    assert gate.waiting.wait(WAIT_S)
    camera.take()
    camera.raws.close()  # returns
    thread, = threads()
    gate.open()
    thread.join(WAIT_S)
    assert not thread.is_alive()
    camera.take()
    assert threads() == []
    assert camera.raws.published.total == 1, everything(raws)


@pytest.mark.parametrize('beside', [True, False])
def test_jpegs_come_first_where_the_network_is_slow(camera, receiver, monkeypatch, beside):
    monkeypatch.setattr(raw_publisher, 'time', SimpleNamespace(  # every picture waits for it
        monotonic=itertools.count(step=100.0).__next__, thread_time=lambda: 0.0))
    monkeypatch.setattr(raw_publisher, '_LONGEST_REST_S', 100 * WAIT_S)
    raws = receiver.listen(Image, '/image_raw')
    if beside:
        receiver.listen(CompressedImage, f'/{JPEG}')
    wait_until(lambda: camera.pictures.subscribers() == 1 + beside)
    if beside:
        camera.take_until(lambda: camera.raws.published.total)
        wait_until(lambda: camera.raws.dropped or not camera.take())
    else:
        camera.take_until(lambda: raws.qsize() >= 3)
    camera.close()
    assert threads() == []  # nor is it kept from its end
    assert beside == (camera.raws.published.total == 1)


@pytest.fixture
def folder(tmp_path):
    """Return a folder of JPEGs of 1280x720, which the camera node passes on."""
    folder = tmp_path / 'pictures'
    folder.mkdir()
    for seed in range(3):
        (folder / f'{seed}.jpg').write_bytes(pictures.jpeg(1280, 720, seed))
    return folder


def test_the_camera_node_keeps_its_rate_beside_raw_images(guest, receiver, folder):
    with running('camera', *parameters(source='file', path=folder, fps=20.0)):
        raws = receiver.listen(Image, '/camera/image_raw')
        receiver.listen(CompressedImage, f'/camera/{JPEG}')
        for _ in range(3):
            raws.get(timeout=WAIT_S)
        earlier = []  # of seconds in which there were none yet

        def keeps_it(values):
            earlier.append(values)
            return len(earlier) > 4 and float(values['raw images/s published']) > 1 \
                and float(values['frames/s published']) > 0.9 * float(values['frames/s']) > 15
        values = guest.diagnostics('camera: stream', keeps_it)
        assert values['subscribers'] == '2'
        assert int(values['dropped, raw images are slower']) >= 0


def test_what_keeps_raw_images_away_is_told_and_jpegs_go_on(guest, receiver, tmp_path,
                                                            monkeypatch):
    path = tmp_path / 'pictures.mjpeg'
    path.write_bytes(pictures.jpeg() * 10_000)
    (tmp_path / 'cv2.py').write_text("raise ImportError('no OpenCV here')\n")
    monkeypatch.setenv('PYTHONPATH', f'{tmp_path}{os.pathsep}{os.environ.get("PYTHONPATH", "")}')
    with running('camera', *parameters(source='stdin', path=path, fps=20.0)) as camera:
        receiver.listen(Image, '/camera/image_raw')
        camera.wait_for('left out a raw image that cannot be published: .*no OpenCV here')
        values = guest.diagnostics('camera: stream',
                                   lambda v: v['level'] == DiagnosticStatus.ERROR)
        assert 'no OpenCV here' in values['message']
        assert int(values['failed to publish']) > 0
        jpegs = receiver.listen(CompressedImage, f'/camera/{JPEG}')
        for _ in range(3):
            jpegs.get(timeout=WAIT_S)


SUBSCRIBER = """
import sys, time
import rclpy
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CompressedImage, Image

rclpy.init()
node = rclpy.create_node(sys.argv[1])
kind, topic = {'jpeg': (CompressedImage, '/camera/image_raw/compressed'),
               'raw': (Image, '/camera/image_raw')}[sys.argv[1]]
node.create_subscription(kind, topic, lambda _: print(time.monotonic(), flush=True),
                         qos_profile_sensor_data)
rclpy.spin(node)
"""


@contextmanager
def subscribed(kind, prefix):
    """Run a subscriber, and return when its pictures came, by the clock that all share."""
    times = []
    process = subprocess.Popen([*prefix, sys.executable, '-c', SUBSCRIBER, kind],
                               stdout=subprocess.PIPE, text=True)
    reader = threading.Thread(target=lambda: times.extend(map(float, process.stdout)))
    reader.start()
    try:
        yield times
    finally:
        process.kill()
        process.wait()
        reader.join()
        process.stdout.close()


def test_the_jpegs_of_this_machine_do_not_wait_for_the_link_of_another_one(
        monkeypatch, missing, folder):
    if reason := networks.unavailable():
        missing(reason)
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'SUBNET')  # in namespaces of our own
    with networks.two_hosts() as (robot, desk):
        networks.narrow(robot, 100e6)
        with running('camera', *parameters(source='file', path=folder, fps=20.0), prefix=robot), \
                subscribed('jpeg', robot) as jpegs:
            wait_until(lambda: jpegs)
            with subscribed('raw', desk) as raws:
                wait_until(lambda: len(raws) >= 2)
                first, last = raws[:2]
    # When publishing a raw image stops everything else, there is one JPEG for each of them.
    assert sum(first < moment < last for moment in jpegs) > 10
