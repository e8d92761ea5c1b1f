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

"""H.264 that a source has already, on the topic as it is, whoever asks for it meanwhile."""

import os
import time
from types import SimpleNamespace

from pi_camera_stream.client.qos import reliable_qos
from pi_camera_stream.codecs import h264
from pi_camera_stream.codecs.jpeg import JpegHeader
from pi_camera_stream.codecs.limits import MAX_PIXELS
from pi_camera_stream.nodes.camera import video_publisher
from pi_camera_stream.nodes.camera.video_encoder import VideoImage
import pytest
from sensor_msgs.msg import CompressedImage
from std_srvs.srv import Trigger
from support import h264_streams, pictures
from support.fake_camera import FAKE
from support.processes import parameters, running, WAIT_S, wait_until

INTERVAL_S = 0.03
TOPIC, SERVICE = '/camera/image_raw/foxglove', '/camera/camera/request_keyframe'


@pytest.fixture
def video(video_messages):
    """Return the class of the messages."""
    from foxglove_msgs.msg import CompressedVideo
    return CompressedVideo


def slices(data):
    """Return what of an access unit is its picture."""
    return [unit for unit in h264.nal_units(data)
            if h264.unit_type(unit) in (h264.SLICE, h264.IDR)]


def test_access_units_of_a_stream_are_passed_on_with_the_stamps_of_their_jpegs(guest, video):
    units = h264_streams.access_units(count=60, group=30)
    pictures = list(map(slices, units))
    with h264_streams.sending(units, INTERVAL_S) as address, running('camera', *parameters(
            source='url', path=address, frame_id='lens')):
        jpegs = guest.listen(CompressedImage, '/camera/image_raw/compressed')
        jpegs.get(timeout=WAIT_S)
        messages = guest.listen(video, TOPIC, reliable_qos(5))
        came = [messages.get(timeout=WAIT_S) for _ in range(40)]
        first = came[0].data.tobytes()
        assert {h264.SPS, h264.PPS, h264.IDR} <= set(
            map(h264.unit_type, h264.nal_units(first)))
        at = pictures.index(slices(first))
        for number, message in enumerate(came):
            assert slices(message.data.tobytes()) == pictures[(at + number) % len(units)]
            assert (message.format, message.frame_id) == ('h264', 'lens')
        seen = {(message.timestamp.sec, message.timestamp.nanosec) for message in came}
        both = 0
        while both < 5:  # best effort loses some
            at = jpegs.get(timeout=WAIT_S).header.stamp
            both += (at.sec, at.nanosec) in seen
        values = guest.diagnostics('camera: stream', lambda v: float(v['H.264 frames/s']) > 5)
        assert values['H.264 encoder'] == 'that of the source'
        assert values['H.264 ms a frame'] == 'nan'  # none was encoded
        answer = guest.call(Trigger, SERVICE)
        assert (answer.success, answer.message) == (
            False, 'the source alone decides when it makes key frames: wait for the next one')


def test_what_cannot_be_passed_on_is_encoded_and_the_diagnostics_say_why(guest, video):
    units = h264_streams.access_units(pixels='yuv444p')
    with h264_streams.sending(units, INTERVAL_S) as address, \
            running('camera', *parameters(source='url', path=address)):
        messages = guest.listen(video, TOPIC, reliable_qos(5))
        reader = h264.StreamReader()
        for _ in range(20):
            reader.read(messages.get(timeout=WAIT_S).data.tobytes())
        assert reader.parameters.chroma_format == 1
        values = guest.diagnostics('camera: stream', lambda v: v['H.264 encoder'] == 'libx264')
        assert 'failed to publish' in values


def test_a_cameras_own_encoder_makes_key_frames_on_request(guest, video, monkeypatch):
    monkeypatch.setenv('PYTHONPATH', str(FAKE), prepend=os.pathsep)
    monkeypatch.setenv('FAKE_HARDWARE', '1')
    with running('camera', *parameters(source='picamera2', width=640, height=480, fps=30)):
        messages = guest.listen(video, TOPIC, reliable_qos(5))
        messages.get(timeout=WAIT_S)
        guest.diagnostics('camera: stream', lambda v: v['H.264 encoder'] == 'that of the source')
        while not messages.empty():
            messages.get()
        answer = guest.call(Trigger, SERVICE)
        assert (answer.success, answer.message) == (True, 'a key frame will come within 0.5 s')
        came = [messages.get(timeout=WAIT_S).data.tobytes() for _ in range(60)]
        assert any(h264.IDR in map(h264.unit_type, h264.nal_units(data)) for data in came)


def test_what_is_encoded_behind_access_units_of_the_source_begins_with_a_key_frame(
        guest, video, monkeypatch):
    monkeypatch.setattr(video_publisher, '_LOOK_S', 1000.0)  # no other key frames
    messages = guest.listen(video, '/image_raw/foxglove', reliable_qos(5))
    capture = SimpleNamespace(on_video=None, has_video=True, why_no_video='',
                              want_video=lambda _: None, limit_video_bitrate=lambda _: True,
                              request_key_frame=lambda: True)
    publisher = video_publisher.VideoPublisher(guest.node, 1e6, MAX_PIXELS, capture)
    passing = False
    monkeypatch.setattr(publisher._source, 'flows', lambda _: passing)
    image = pictures.image(320, 240)

    def put():
        wait_until(publisher.wanted)
        publisher.put(VideoImage(image, JpegHeader(320, 240, 3), time.time_ns(), '', 0.1))

    def is_key():
        put()
        kinds = map(h264.unit_type, h264.nal_units(messages.get(timeout=WAIT_S).data.tobytes()))
        return h264.IDR in kinds

    assert is_key()
    time.sleep(0.6)  # two in a second, at the most
    assert not is_key()
    passing = True
    put()
    passing = False
    assert is_key()
    publisher.close()
    publisher.join(WAIT_S)
