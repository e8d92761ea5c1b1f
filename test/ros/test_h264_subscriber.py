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

"""H.264 from a topic, for programs: only whole pictures, and the reason where there is none."""

import array
import itertools
import subprocess
import sys
import threading

import numpy as np
from pi_camera_stream import FrameSubscriber
from pi_camera_stream.client.video_subscription import VideoSubscription
from pi_camera_stream.codecs import h264, h264_arrivals
from pi_camera_stream.codecs.h264_encoder import H264Encoder
from pi_camera_stream.core import block_code
from pi_camera_stream.core.exchange import Exchange
from pi_camera_stream.nodes.camera.video_topic import VideoTopic
import pytest
from rclpy.qos import QoSProfile
from std_srvs.srv import Trigger
from support.processes import parameters, running, WAIT_S, wait_until
from support.repeating import Repeating
from support.videos import access_units

IMAGES, TOPIC = '/camera/image_raw/compressed', '/camera/image_raw/foxglove'
SMALL = {'source': 'pattern', 'width': 640, 'height': 360, 'fps': 15}
SIZE = 160, 120


@pytest.fixture
def video(video_messages):
    """Return the class of the messages."""
    from foxglove_msgs.msg import CompressedVideo
    return CompressedVideo


def image(number, size=SIZE):
    """Return a picture whose brightness tells its number, up to 12."""
    return np.full((size[1], size[0], 3), 40 + 15 * (number % 12), np.uint8)


def number_of(frame):
    return round((frame.image.mean() - 40) / 15)


class Sender(Repeating):
    """
    A camera of somebody else's: publish H.264 from within a test, one access unit after the other.

    Attributes
    ----------
    change
        Makes what is published of each access unit; None where it is left out.
    asked
        How often a key frame was asked for.
    keys
        Whether such a wish is heard.

    """

    def __init__(self, guest, message_type, topic=TOPIC, fill=None, keys=True):
        self.asked, self.keys = 0, keys
        self.change = lambda data: data
        self._fill = fill or self._fill_video
        self._guest, self._message_type = guest, message_type
        self._publisher = guest.node.create_publisher(message_type, topic, QoSProfile(depth=5))
        self._encoder = H264Encoder(400_000, 30)
        self._numbers = itertools.count()
        guest.node.create_service(Trigger, '~/request_keyframe', self._on_request)

    def do(self):
        data = self.change(self._encoder.encode(image(next(self._numbers)), 0).data)
        if data is not None:
            self._publisher.publish(self._fill(data))

    def _fill_video(self, data):
        return self._message_type(timestamp=self._guest.node.get_clock().now().to_msg(),
                                  frame_id='lens', data=array.array('B', data), format='h264')

    def _on_request(self, _, response):
        self.asked += 1
        if self.keys:
            self._encoder.request_key_frame()
        response.success = True
        return response


def next_frame(frames):
    return wait_until(lambda: frames.next_frame(1.0))


@pytest.mark.parametrize('topic', [IMAGES, '/camera/image_raw', TOPIC])
def test_the_newest_picture_of_a_camera_node(guest, video, topic):
    with running('camera', *parameters(frame_id='lens', **SMALL)), \
         FrameSubscriber(topic, codec='h264') as frames:
        assert frames.topic == TOPIC
        before = 0
        for frame, _ in zip(frames, range(10), strict=False):
            code = block_code.read(frame.image)
            assert abs(frame.stamp_ns / 1e3 - code.time_us) < 1000
            assert (frame.jpeg, frame.frame_id, frame.image.shape) == (b'', 'lens', (360, 640, 3))
            assert 0 < frame.age_s < WAIT_S
            assert frame.sequence > before
            before = frame.sequence
        dropped = frames.counters()['dropped']
        wait_until(lambda: frames.counters()['dropped'] >= dropped + 8)  # nobody takes them
        assert next_frame(frames).sequence > before + 8
        assert frames.counters()['corrupt'] == 0
        assert frames.signal().state == 'shown'
    assert 'decoder' not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize(('options', 'shape'), [
    ({'reduce': 2}, (60, 80, 3)), ({'color': 'gray'}, (120, 160)),
    ({'color': 'gray', 'reduce': 4}, (30, 40))])
def test_it_decodes_as_is_asked_in_a_node_of_ones_own(guest, another_guest, video, options, shape):
    with Sender(another_guest, video), \
         FrameSubscriber(IMAGES, codec='h264', node=guest.node, **options) as frames:
        assert next_frame(frames).image.shape == shape


def test_only_whole_pictures_come_out_and_a_key_frame_is_asked_for(guest, video):
    lost = itertools.cycle([False] * 11 + [True] * 2)
    seen = []
    with Sender(guest, video) as sender, FrameSubscriber(IMAGES, codec='h264') as frames:
        next_frame(frames)
        asked = sender.asked
        sender.change = lambda data: None if next(lost) else data
        while len(seen) < 40:
            frame = next_frame(frames)
            seen.append(number_of(frame))
            assert frame.image.std() < 3  # of one brightness
        assert sender.asked > asked
        assert frames.counters()['dropped'] > 0
        assert frames.counters()['corrupt'] == 0
    assert len(set(seen)) > 3


def test_ffmpeg_image_transport_is_received_too(guest, video):
    from ffmpeg_image_transport_msgs.msg import FFMPEGPacket

    def fill(data):
        message = FFMPEGPacket(encoding='libx264;yuv420p;bgr8;bgr8', data=array.array('B', data))
        message.header.stamp = guest.node.get_clock().now().to_msg()
        message.header.frame_id = 'lens'
        return message

    with Sender(guest, FFMPEGPacket, '/camera/image_raw/ffmpeg', fill) as sender:
        with FrameSubscriber(IMAGES, codec='h264') as frames:
            assert next_frame(frames).frame_id == 'lens'
        sender._fill = lambda data: FFMPEGPacket(encoding='hevc;a;b;c')
        with FrameSubscriber(IMAGES, codec='h264') as frames:
            explained(frames, "it is 'hevc', but only H.264 can be received here")
            assert frames.counters()['corrupt'] > 0


def test_a_topic_of_another_name(guest, video):
    with Sender(guest, video, '/front/h264'), \
         FrameSubscriber('/front/h264', codec='h264') as frames:
        assert next_frame(frames).image.shape == (120, 160, 3)


def explained(frames, reason):
    """Wait until the signal says why nothing comes."""
    def said():
        assert frames.next_frame(0.1) is None
        return reason in frames.signal().reason
    wait_until(said)
    assert frames.signal().lost


def test_a_topic_that_is_silent_is_explained(guest, another_guest, video, monkeypatch):
    with FrameSubscriber(IMAGES, codec='h264') as frames:
        explained(frames, f"'{TOPIC}' has no publisher; topics with H.264: none")
        another_guest.node.create_publisher(video, '/other/h264', 5)
        explained(frames, f"'{TOPIC}' has no publisher; topics with H.264: /other/h264")
        another_guest.node.create_publisher(video, TOPIC, QoSProfile(depth=5))
        explained(frames, f"'{TOPIC}' has a publisher, but it sends nothing")
    with running('camera', *parameters(**SMALL)) as camera, monkeypatch.context() as patch:
        camera.wait_for('publishing')
        patch.setitem(sys.modules, 'foxglove_msgs.msg', None)
        with FrameSubscriber(IMAGES, codec='h264') as frames:
            explained(frames, 'H.264 on topics needs foxglove_msgs: sudo apt install '
                              'ros-$ROS_DISTRO-foxglove-msgs')
    monkeypatch.setitem(sys.modules, 'av', None)
    with FrameSubscriber(IMAGES, codec='h264') as frames:
        explained(frames, 'H.264 is decoded by PyAV, which is not installed: sudo apt install '
                          'python3-av')


def test_a_camera_without_h264_is_told_from_none(guest, video, tmp_path, monkeypatch):
    package = tmp_path / 'foxglove_msgs'
    package.mkdir()
    (package / '__init__.py').write_text('raise ImportError')
    monkeypatch.setenv('PYTHONPATH', str(tmp_path), prepend=':')
    with running('camera', *parameters(**SMALL)), \
         FrameSubscriber(IMAGES, codec='h264') as frames:
        explained(frames, f"'{IMAGES}' has one, which has no foxglove_msgs, or is not one of "
                          'pi_camera_stream')


def cut(data):
    return data[:-len(data) // 3]


def without_sets(data):
    return h264.join([unit for unit in h264.nal_units(data)
                      if h264.unit_type(unit) not in (h264.SPS, h264.PPS)])


def never_a_key(data):
    return None if h264.IDR in map(h264.unit_type, h264.nal_units(data)) else data


def always(**options):
    """Return what sends access units of another encoder in place of those that come."""
    units = itertools.cycle(access_units([image(number) for number in range(12)], SIZE,
                                         **options))
    return lambda data: next(units)


@pytest.mark.parametrize(('kind', 'reason'), [
    ('cut off', 'it is cut off or damaged'),
    ('without parameter sets', 'its parameter sets have not come yet'),
    ('never a key frame', 'it builds on others, and no key frame has come for'),
    ('4:4:4', 'it is H.264 with 4:4:4 and 8 bits'),
    ('10 bits', 'it is H.264 with 4:2:0 and 10 bits'),
    ('HEVC', 'it is H.264 of the Extended profile, or H.265 labelled as H.264'),
    ('no H.264 at all', 'it is not H.264, since it has no start code'),
    ('large', "'max_pixels' allows 19200")])
def test_what_cannot_be_shown_is_one_sentence_and_goes_by(guest, video, monkeypatch, kind, reason):
    monkeypatch.setattr(h264_arrivals, '_PATIENCE_S', 0.2)
    change = {'cut off': cut, 'without parameter sets': without_sets,
              'never a key frame': never_a_key, '4:4:4': always(pixels='yuv444p'),
              '10 bits': always(pixels='yuv420p10le'), 'HEVC': always(codec='libx265'),
              'no H.264 at all': lambda data: bytes(100)}.get(kind)
    if kind == 'large':
        large = H264Encoder(400_000, 30).encode(image(0, (640, 480)), 0).data
        change = lambda data: large  # noqa: E731
    with Sender(guest, video) as sender:
        sender.change = change
        with FrameSubscriber(IMAGES, codec='h264', max_pixels=160 * 120) as frames:
            def said():
                frames.next_frame(0.1)
                return frames.counters()['corrupt'] > 3 and reason in frames.signal().reason
            wait_until(said)
            assert frames.signal().reason.count('because') == 1
            sender.change = lambda data: data
            assert next_frame(frames).image.shape == (120, 160, 3)
            wait_until(lambda: frames.next_frame(1.0) and frames.signal().state == 'shown')


def test_a_new_size_in_mid_stream_is_shown(guest, video):
    encoders = itertools.cycle([160, 320, 240])
    with Sender(guest, video) as sender, FrameSubscriber(IMAGES, codec='h264') as frames:
        next_frame(frames)
        for width in itertools.islice(encoders, 4):
            encoder = H264Encoder(400_000, 30)
            sender.change = lambda data, encoder=encoder, width=width: encoder.encode(
                image(3, (width, 120)), 0).data
            wait_until(lambda width=width: next_frame(frames).image.shape == (120, width, 3))


def test_garbage_for_long_lets_nothing_grow(guest, video):
    rng = np.random.default_rng(1)

    def garbled(data):
        turn = rng.integers(5)
        if turn == 0:
            return rng.bytes(rng.integers(1, 300))
        if turn == 1:
            return data[:rng.integers(1, len(data))]
        if turn == 2:
            damaged = bytearray(data)
            for at in rng.integers(0, len(data), 5):
                damaged[at] = rng.integers(256)
            return bytes(damaged)
        return None if turn == 3 else data

    with Sender(guest, video) as sender, FrameSubscriber(IMAGES, codec='h264') as frames:
        next_frame(frames)
        sender.change = garbled
        wait_until(lambda: frames.next_frame(0.05) is None and frames.counters()['corrupt'] > 40)
        threads = threading.active_count()
        wait_until(lambda: frames.next_frame(0.05) is None and frames.counters()['corrupt'] > 90)
        assert threading.active_count() == threads
        sender.change = lambda data: data
        wait_until(lambda: next_frame(frames).image.std() < 3)


UNCLOSED = """
import threading
from pi_camera_stream import FrameSubscriber
frames = FrameSubscriber('/camera/image_raw/compressed', codec='h264')
print(frames.next_frame(30).image.shape)
"""


def test_a_program_that_does_not_close_it_ends_well(guest, video):
    with Sender(guest, video):
        for _ in range(4):
            ended = subprocess.run([sys.executable, '-c', UNCLOSED], capture_output=True,
                                   text=True, timeout=WAIT_S)
            assert (ended.returncode, ended.stdout) == (0, '(120, 160, 3)\n'), ended.stderr


def test_another_codec_is_refused():
    with pytest.raises(ValueError, match="codec must be 'jpeg' or 'h264', not 'h265'"):
        FrameSubscriber(IMAGES, codec='h265')


def test_a_bridge_gets_access_units_while_it_wants_some(guest, video):
    came = []
    with running('camera', *parameters(**SMALL)):
        source = VideoSubscription(guest.node, IMAGES, came.append)
        source.look(True)
        wait_until(lambda: source.available)
        source.want(True)
        wait_until(lambda: len(came) > 10)
        assert source.topic == TOPIC
        assert came[0].key
        assert (came[0].codec, came[0].width, came[0].height) == ('h264', 640, 360)
        assert [frame.sequence for frame in came[:5]] == [1, 2, 3, 4, 5]
        before = len(came)
        wait_until(lambda: source.request_key_frame() or any(
            frame.key for frame in came[before:]))
        assert not VideoSubscription(guest.node, '/other/image_raw', came.append).available
        source.want(False)
        guest.diagnostics('camera: stream', lambda v: v['H.264 encoder'] == 'not used')
        before = len(came)
        source.want(True)
        wait_until(lambda: len(came) > before + 5)
        assert came[before].key
        source.want(False)


def bits_per_s(guest, condition):
    return guest.diagnostics('camera: stream', lambda v: int(v['H.264 bit/s']) > 0 and condition(
        int(v['H.264 bit/s'])))


def test_a_receiver_has_it_keep_to_a_bit_rate_while_it_asks(guest, video):
    came = []
    with running('camera', *parameters(**SMALL | {'fps': 30})):
        source = VideoSubscription(guest.node, IMAGES, came.append)
        source.look(True)
        wait_until(lambda: source.available)
        source.want(True)
        bits_per_s(guest, lambda bps: bps > 250_000)
        wait_until(lambda: source.limit_bitrate(120_000))
        bits_per_s(guest, lambda bps: bps < 180_000)
        # Somebody else may ask for more, but the least counts.
        other = VideoSubscription(guest.node, IMAGES, lambda _: None)
        other.look(True)
        other.want(True)
        wait_until(lambda: other.limit_bitrate(450_000))
        source.want(False)
        bits_per_s(guest, lambda bps: bps > 250_000)
        other.want(False)


def test_where_nobody_hears_of_it_the_bit_rate_is_what_it_is(guest, video):
    came = []
    with Sender(guest, video):
        source = VideoSubscription(guest.node, IMAGES, came.append)
        source.look(True)
        wait_until(lambda: source.available)
        source.want(True)
        wait_until(lambda: came)
        assert not source.limit_bitrate(80_000)
        source.want(False)


def test_in_one_process_units_are_handed_over_without_ros(guest, monkeypatch):
    monkeypatch.setitem(sys.modules, 'foxglove_msgs.msg', None)
    guest.node.exchange = Exchange()
    topic = VideoTopic(guest.node)
    came = []
    source = VideoSubscription(guest.node, 'image_raw/compressed', came.append)
    source.want(True)
    wait_until(topic.subscribers)
    encoder = H264Encoder(400_000, 30)
    sent = [encoder.encode(image(number), 10**9 + number) for number in range(5)]
    for frame in sent:
        topic.publish(frame, 'lens')
    assert [(frame.data, frame.stamp_ns, frame.key) for frame in came] == [
        (frame.data, frame.stamp_ns, frame.key) for frame in sent]
    source.want(False)
    wait_until(lambda: not topic.subscribers())
