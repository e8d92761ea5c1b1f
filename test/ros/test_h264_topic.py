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

"""The camera node's H.264, as Foxglove and others receive it."""

import os
from pathlib import Path

from pi_camera_stream.client.qos import reliable_qos
from pi_camera_stream.codecs import h264
from pi_camera_stream.codecs.h264_continuity import Continuity
from pi_camera_stream.codecs.h264_decoder import H264Decoder
from pi_camera_stream.core import block_code
import pytest
from sensor_msgs.msg import CompressedImage
from std_srvs.srv import Trigger
from support import pictures
from support.processes import parameters, running, WAIT_S, wait_until

TOPIC, SERVICE = '/camera/image_raw/foxglove', '/camera/camera/request_keyframe'
SMALL = {'source': 'pattern', 'width': 640, 'height': 360, 'fps': 15}
INSTALL = 'H.264 on topics needs foxglove_msgs: sudo apt install ros-$ROS_DISTRO-foxglove-msgs'


@pytest.fixture
def video(video_messages):
    """Return the class of the messages."""
    from foxglove_msgs.msg import CompressedVideo
    return CompressedVideo


def listen(guest, video):
    return guest.listen(video, TOPIC, reliable_qos(5))


def stamp_s(message):
    return message.timestamp.sec + message.timestamp.nanosec / 1e9


def is_key(message):
    return h264.IDR in {h264.unit_type(unit) for unit in h264.nal_units(message.data.tobytes())}


def key_frames(messages, count):
    """Return the stamps of the next key frames."""
    stamps = []
    while len(stamps) < count:
        message = messages.get(timeout=WAIT_S)
        if is_key(message):
            stamps.append(stamp_s(message))
    return stamps


def libraries(program):
    return {line.split()[-1].rpartition('/')[2].split('-')[0].split('.')[0] for line in Path(
        f'/proc/{program.process.pid}/maps').read_text().splitlines() if '.so' in line}


def nicenesses(program):
    """Return how far the priorities of threads are below that of the program."""
    own = os.getpriority(os.PRIO_PROCESS, program.process.pid)
    return {os.getpriority(os.PRIO_PROCESS, int(task)) - own
            for task in os.listdir(f'/proc/{program.process.pid}/task')}


def test_each_picture_comes_as_one_access_unit_with_its_stamp(guest, video):
    with running('camera', *parameters(frame_id='lens', **SMALL)):
        messages = listen(guest, video)
        reader, continuity, decoder = h264.StreamReader(), Continuity(), H264Decoder()
        stamps = []
        while len(stamps) < 40:
            message = messages.get(timeout=WAIT_S)
            assert (message.format, message.frame_id) == ('h264', 'lens')
            data, key = reader.read(message.data.tobytes())
            if not stamps and not key:
                continue  # sent before this one was known of
            assert data == message.data.tobytes()  # parameter sets are with each key frame
            assert continuity.follows(data, reader.parameters)
            code = block_code.read(decoder.decode(data)())
            assert abs(stamp_s(message) - code.time_us / 1e6) < 0.001
            stamps.append(stamp_s(message))
        assert stamps == sorted(stamps)
        assert (reader.parameters.width, reader.parameters.height) == (640, 360)
        values = guest.diagnostics('camera: stream', lambda v: float(v['H.264 frames/s']) > 5)
        assert values['H.264 encoder'] == 'libx264'
        assert float(values['H.264 ms a frame']) > 0
        assert 50_000 < int(values['H.264 bit/s']) < 2_000_000
        assert values['H.264 made smaller'] == 'no'
        assert int(values['dropped, H.264 is slower']) >= 0


def test_key_frames_are_asked_for_and_never_more_than_two_a_second(guest, video):
    with running('camera', *parameters(**SMALL)):
        answer = guest.call(Trigger, SERVICE)
        assert answer.success
        assert answer.message.startswith(f"nobody subscribes to '{TOPIC}'")
        messages = listen(guest, video)
        wait_until(lambda: not messages.empty())
        client = guest.node.create_client(Trigger, SERVICE)
        assert client.wait_for_service(WAIT_S)
        stamps, asked = [], 0
        while len(stamps) < 6:
            message = messages.get(timeout=WAIT_S)
            client.call_async(Trigger.Request())
            asked += 1
            if is_key(message):
                stamps.append(stamp_s(message))
        # The stamp is of the capture, and a busy machine encodes some pictures later than others.
        assert stamps[-1] - stamps[0] > 0.4 * (len(stamps) - 1)
        assert asked > 4 * len(stamps)
        answer = guest.call(Trigger, SERVICE)
        assert (answer.success, answer.message) == (True, 'a key frame will come within 0.5 s')


def test_who_comes_later_begins_with_a_key_frame_and_the_others_lose_nothing(
        guest, another_guest, video):
    with running('camera', *parameters(**SMALL)):
        first = listen(guest, video)
        key_frames(first, 1)
        for _ in range(20):  # nobody asks for a key frame meanwhile
            first.get(timeout=WAIT_S)
        second = listen(another_guest, video)
        came = [second.get(timeout=WAIT_S) for _ in range(30)]  # without one, it takes 150
        assert any(map(is_key, came))


def test_who_comes_while_another_leaves_begins_with_a_key_frame_too(guest, video):
    with running('camera', *parameters(**SMALL)):
        messages = listen(guest, video)
        key_frames(messages, 1)
        for _ in range(2):
            for _ in range(50):  # no key frame is due for those before any more
                messages.get(timeout=WAIT_S)
            before, messages = messages, listen(guest, video)
            guest.forget(before)
            came = [messages.get(timeout=WAIT_S) for _ in range(45)]
            assert any(map(is_key, came))


def test_nothing_is_loaded_nor_encoded_while_nobody_subscribes(guest, video):
    with running('camera', *parameters(**SMALL)) as program:
        jpegs = guest.listen(CompressedImage, '/camera/image_raw/compressed')
        for _ in range(20):
            jpegs.get(timeout=WAIT_S)
        assert guest.diagnostics('camera: stream')['H.264 encoder'] == 'not used'
        assert not any(name.startswith('libx264') for name in libraries(program))
        assert nicenesses(program) == {0}
        messages = listen(guest, video)
        key_frames(messages, 1)
        assert any(name.startswith('libx264') for name in libraries(program))
        assert nicenesses(program) == {0, 5}  # JPEGs first
        guest.forget(messages)
        values = guest.diagnostics('camera: stream', lambda v: v['H.264 encoder'] == 'not used')
        assert float(values['H.264 frames/s']) == 0


def test_the_camera_on_standby_is_woken(guest, video):
    with running('camera', *parameters(standby=True, **SMALL)):
        guest.diagnostics('camera: stream', lambda v: v['message'] == 'on standby')
        assert is_key(listen(guest, video).get(timeout=WAIT_S))


@pytest.mark.parametrize('size', [(320, 240), (323, 181)])
def test_sizes_that_jpegs_may_have(guest, video, tmp_path, size):
    path = tmp_path / 'pictures.mjpeg'
    path.write_bytes(pictures.jpeg(*size) * 600)
    with running('camera', *parameters(source='stdin', path=path, fps=20)):
        message = listen(guest, video).get(timeout=WAIT_S)
        image = H264Decoder().decode(message.data.tobytes())()
        assert image.shape == (size[1] // 2 * 2, size[0] // 2 * 2, 3)


def test_without_its_messages_the_log_says_once_what_to_install(guest, tmp_path, monkeypatch):
    package = tmp_path / 'foxglove_msgs'
    package.mkdir()
    (package / '__init__.py').write_text('raise ImportError')
    monkeypatch.setenv('PYTHONPATH', str(tmp_path), prepend=':')
    with running('camera', *parameters(**SMALL)) as program:
        answer = guest.call(Trigger, SERVICE)
        assert (answer.success, answer.message) == (False, INSTALL)
        assert guest.diagnostics('camera: stream')['H.264 encoder'] == INSTALL
    assert program.output.count(INSTALL) == 1


def test_without_pyav_the_log_says_once_what_to_install(guest, video, tmp_path, monkeypatch):
    (tmp_path / 'av').mkdir()
    (tmp_path / 'av' / '__init__.py').write_text('raise ImportError')
    monkeypatch.setenv('PYTHONPATH', str(tmp_path), prepend=':')
    with running('camera', *parameters(**SMALL)) as program:
        listen(guest, video)
        missing = 'H.264 needs PyAV: sudo apt install python3-av'
        guest.diagnostics('camera: stream', lambda v: v['H.264 encoder'] == missing)
        answer = guest.call(Trigger, SERVICE)
        assert (answer.success, answer.message) == (False, missing)
        jpegs = guest.listen(CompressedImage, '/camera/image_raw/compressed')
        for _ in range(30):
            jpegs.get(timeout=WAIT_S)
    assert program.output.count(missing) == 1
