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

from fractions import Fraction
import os
import re
import time

import av
import cv2
import numpy as np
from pi_camera_stream.codecs.orientation import upright
from pi_camera_stream.core.errors import PermanentError, TemporaryError
from pi_camera_stream.sources.base import SourceSettings
from pi_camera_stream.sources.v4l2 import V4l2Source
from pi_camera_stream.sources.workers.v4l2.modes import choose, Mode
import pytest
from support.capturing import capturing
from support.processes import wait_until
from support.turning import look, quarters, turned_jpeg
from support.usb_camera import BARS, deliver, JPEGS, packed, plug_in, UsbCamera


@pytest.fixture
def camera(tmp_path, monkeypatch, missing):
    """Return the camera, plugged in for the processes that are started from here."""
    return plug_in(tmp_path, monkeypatch, missing)


def h264(images, group):
    """Return the packets, one for each image."""
    encoder = av.CodecContext.create('libx264', 'w')
    encoder.height, encoder.width = images[0].shape[:2]
    encoder.pix_fmt, encoder.time_base = 'yuv420p', Fraction(1, 30)
    encoder.options = {'tune': 'zerolatency', 'x264-params': 'scenecut=0', 'g': str(group)}
    return [bytes(packet) for image in images
            for packet in encoder.encode(av.VideoFrame.from_ndarray(image, format='bgr24'))]


def failure(source):
    """Return the error that the source ends with."""
    source.start()
    try:
        wait_until(lambda: source.read(0.5))
    except (TemporaryError, PermanentError) as error:
        return error
    finally:
        source.stop()
    raise AssertionError('it delivered')


def test_jpegs_come_byte_for_byte_as_the_camera_made_them(camera):
    with capturing(camera.source(width=640, height=480)) as run:
        seen = {run.picture() for _ in range(8)}
        assert seen <= set(JPEGS)
        assert len(seen) > 1
        hello = run.source.hello
        assert (hello['width'], hello['height'], hello['fps']) == (640, 480, 30)
        assert hello['camera'] == 'Fake Camera'
        assert hello['detail'] == 'JPEG 640x480 at 30/s'


def test_the_capture_time_is_the_drivers(camera):
    source = camera.source(width=640, height=480)
    source.start()
    stamps = []
    wait_until(lambda: (capture := source.read(1.0)) and (
        stamps.append(capture.monotonic_ns) or len(stamps) >= 5))
    now_ns = time.monotonic_ns()
    source.stop()
    assert stamps == sorted(set(stamps))
    assert all(stamp % 1000 == 0 for stamp in stamps)  # the driver's are in microseconds
    assert stamps[-1] < now_ns


@pytest.mark.parametrize('code', ['YUYV', 'UYVY', 'YVYU', 'VYUY', 'NV12', 'NV21', 'YU12', 'YV12',
                                  'RGB3', 'BGR3', 'GREY', 'Y16'])
def test_other_pictures_are_encoded(camera, tmp_path, monkeypatch, code):
    monkeypatch.setenv('FAKE_V4L2_FORMATS', code)
    deliver(tmp_path, code, packed(BARS, code))
    expected = BARS
    if code in ('GREY', 'Y16'):
        expected = cv2.cvtColor(cv2.cvtColor(BARS, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    if code == 'Y16':  # of which the range is not known, and so stretched
        low, high = np.percentile(expected, (1, 99))
        stretched = (expected.astype(float) - low) * 254 / (high - low) + 1
        expected = np.clip(stretched, 1, 255).astype(np.uint8)
    with capturing(camera.source(quality=95)) as run:
        image = run.image()
        assert image.shape == BARS.shape
        assert cv2.absdiff(image, expected).mean() < 4
        assert run.source.hello['detail'] == f'{code} 640x480 at 30/s'


def test_a_camera_that_has_only_h264_is_decoded(camera, tmp_path, monkeypatch):
    monkeypatch.setenv('FAKE_V4L2_FORMATS', 'H264')
    for number, packet in enumerate(h264([BARS] * 20, group=10)):
        deliver(tmp_path, 'H264', packet, number)
    with capturing(camera.source(quality=95)) as run:
        assert cv2.absdiff(run.image(), BARS).mean() < 8
        assert run.source.hello['detail'] == 'H.264 640x480 at 30/s'


def test_of_h264_no_picture_is_shown_that_builds_on_a_lost_one(camera, tmp_path, monkeypatch):
    """What is lost here is the key frame of the second group."""
    monkeypatch.setenv('FAKE_V4L2_FORMATS', 'H264')
    images = [np.roll(BARS, 20 * number, axis=1) // (1 + number // 10) for number in range(20)]
    packets = h264(images, group=10)
    packets[10] = b''
    for number, packet in enumerate(packets):
        deliver(tmp_path, 'H264', packet, number)
    with capturing(camera.source(quality=95)) as run:
        for _ in range(40):
            picture = run.image()
            assert min(cv2.absdiff(picture, image).mean() for image in images[:10]) < 8


def test_of_half_a_size_the_camera_says_the_other(camera):
    with capturing(camera.source(height=480)) as run:
        run.picture()
        assert run.source.hello['detail'] == 'JPEG 640x480 at 30/s'
    with capturing(camera.source(width=480, rotation=90)) as run:  # once it is turned
        assert run.image().shape == (640, 480, 3)


def test_it_can_be_turned(camera, monkeypatch):
    monkeypatch.setenv('FAKE_V4L2_FORMATS', 'YUYV')
    settings = {'width': 480, 'height': 640, 'rotation': 90, 'vflip': True}
    with capturing(camera.source(quality=95, **settings)) as run:
        image = run.image()
    expected = cv2.flip(cv2.rotate(BARS, cv2.ROTATE_90_CLOCKWISE), 0)
    assert image.shape == expected.shape
    assert cv2.absdiff(image, expected).mean() < 4


@pytest.mark.parametrize(('orientation', 'wishes'), [
    (6, {}), (3, {}), (6, {'rotation': 90}), (7, {'hflip': True})])
def test_jpegs_that_say_how_they_are_turned(camera, tmp_path, orientation, wishes):
    data = turned_jpeg(orientation, 640, 480)
    for path in (tmp_path / 'MJPG').iterdir():
        path.write_bytes(data)
    with capturing(camera.source(quality=95, **wishes)) as run:
        picture = run.picture()
        hello = run.source.hello
    image = np.rot90(upright(quarters(640, 480), orientation), -wishes.get('rotation', 0) // 90)
    expected = look(image[:, ::-1] if 'hflip' in wishes else image)
    assert (picture == data) == (not wishes)
    assert look(cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)) == expected
    assert (hello['width'], hello['height']) == expected[0]


def test_without_wishes_it_is_a_size_that_a_robot_wants(camera):
    with capturing(camera.source()) as run:
        run.picture()
        assert run.source.hello['detail'] == 'JPEG 1280x720 at 30/s'


@pytest.mark.parametrize('wanted', [{'width': 100, 'height': 100},
                                    {'width': 640, 'height': 480, 'fps': 90.0}])
def test_what_it_has_not_is_answered_with_what_it_has(camera, wanted):
    error = failure(camera.source(**wanted))
    assert isinstance(error, PermanentError)
    assert f'{camera.path} (Fake Camera): it has no ' in str(error)
    for mode in ('MJPG 640x480 at 30, 15/s', 'YUYV 640x480 at 30, 15/s'):
        assert mode in str(error)


def test_a_camera_that_is_not_there(tmp_path):
    source = V4l2Source(SourceSettings('v4l2', str(tmp_path / 'video9')))
    error = failure(source)
    assert isinstance(error, TemporaryError)
    assert str(error).startswith(f'there is no {tmp_path}/video9: plug the camera in, or set the ')
    assert '(there is ' in str(error)


@pytest.mark.parametrize(('state', 'kind', 'words'), [
    ('busy', TemporaryError, 'fuser -v '),
    ('denied', PermanentError, 'sudo usermod -aG video $USER'),
    ('plain', PermanentError, 'is not a camera'),
    ('codec', PermanentError, 'delivers no pictures'),
])
def test_what_is_wrong_is_said_with_its_remedy(camera, state, kind, words):
    camera.state(state)
    error = failure(camera.source())
    assert type(error) is kind
    assert words in str(error)
    assert str(camera.path) in str(error)


def test_what_is_unplugged_is_seen_again_when_it_returns(camera):
    with capturing(camera.source()) as run:
        run.picture()
        camera.state('gone')
        run.wait_for_problem('was unplugged')
        run.wait_for_problem('plug the camera in')
        before = run.loop.captured.total
        camera.and_back('gone')
        wait_until(lambda: run.loop.captured.total > before)
        assert run.picture() in JPEGS
        assert run.loop.problem == ''
        assert run.ends == []


def test_what_stalls_is_started_again_and_why_is_said(camera):
    with capturing(camera.source()) as run:
        run.picture()
        camera.state('stall')
        sentence = run.wait_for_problem('has sent nothing for')
        assert f'the camera {camera.path} (Fake Camera) is open' in sentence
        assert 'check its cable' in sentence
        before = run.loop.captured.total
        camera.and_back('stall')
        wait_until(lambda: run.loop.captured.total > before)


@pytest.mark.parametrize(('state', 'words'), [
    ('damaged', r'\d+ buffers came .* none was a picture: \d+ were damaged on their way; '
                'check its cable'),
    ('empty', r'none was a picture: \d+ were empty; check its cable'),
])
def test_buffers_without_pictures_are_counted(camera, state, words):
    with capturing(camera.source()) as run:
        run.picture()
        camera.state(state)
        assert re.search(words, run.wait_for_problem('none was a picture'))
        camera.and_back(state)
        before = run.loop.captured.total
        wait_until(lambda: run.loop.captured.total > before)


@pytest.mark.parametrize(('code', 'data', 'words'), [
    ('MJPG', b'not at all', r'\d+ cannot be decoded \(the last one: it does not start '),
    ('YUYV', bytes(1000), 'has 614400 bytes, but 1000 came'),
])
def test_what_is_wrong_with_pictures_is_said(camera, tmp_path, monkeypatch, code, data, words):
    monkeypatch.setenv('FAKE_V4L2_FORMATS', code)
    with capturing(camera.source()) as run:
        run.picture()
        for file in (tmp_path / code).iterdir():
            file.write_bytes(data)
        sentence = run.wait_for_problem('none was a picture')
        assert re.search(words, sentence)
        assert "set the parameters 'width' and 'height'" in sentence


def test_h264_without_key_frames_is_said(camera, tmp_path, monkeypatch):
    monkeypatch.setenv('FAKE_V4L2_FORMATS', 'H264')
    packets = h264([BARS] * 10, group=10)
    for number, packet in enumerate(packets):
        deliver(tmp_path, 'H264', packet, number)
    with capturing(camera.source()) as run:
        run.picture()
        camera.state('damaged')
        for number, packet in enumerate(packets[1:]):
            deliver(tmp_path, 'H264', packet, number)
        deliver(tmp_path, 'H264', packets[-1], 9)
        time.sleep(0.2)
        camera.and_back('damaged')
        run.wait_for_problem('it sends no key frame, or not often enough')


def test_a_bus_without_room_is_told_from_a_full_disk(camera):
    camera.state('narrow')
    error = failure(camera.source())
    assert type(error) is TemporaryError
    assert f'the USB bus of {camera.path} has no room left' in str(error)


def test_formats_that_nobody_can_decode_are_listed(camera, monkeypatch):
    monkeypatch.setenv('FAKE_V4L2_FORMATS', 'pRAA')
    error = failure(camera.source())
    assert type(error) is PermanentError
    assert 'no format that can be decoded here' in str(error)
    assert 'pRAA 640x480' in str(error)


def test_one_who_was_busy_is_waited_for(camera):
    camera.state('busy')
    with capturing(camera.source()) as run:
        run.wait_for_problem('another program uses')
        camera.and_back('busy')
        assert run.picture() in JPEGS


@pytest.mark.parametrize(('path', 'title'), [
    ('', 'first camera of /dev'), ('2', 'camera /dev/video2'),
    ('/dev/v4l/by-id/usb-x', 'camera /dev/v4l/by-id/usb-x')])
def test_the_devices_name(path, title):
    assert V4l2Source(SourceSettings('v4l2', path)).title == title


def link(folder, kind, path):
    """Let udev's link of a kind lead to a device; return it."""
    found = folder / 'v4l' / kind / 'usb-Fake-video-index0'
    found.parent.mkdir(parents=True, exist_ok=True)
    found.unlink(missing_ok=True)
    found.symlink_to(path)
    return found


@pytest.mark.parametrize('kind', ['by-id', 'by-path'])
def test_a_camera_that_returns_under_another_number_is_found(camera, tmp_path, kind):
    name = link(tmp_path, kind, camera.path)
    with capturing(camera.source()) as run:
        run.picture()
        assert run.source.title == f'camera {camera.path} (Fake Camera)'
        camera.unplug()
        assert str(name) in run.wait_for_problem('plug the camera in')
        camera.plug_in(9)
        link(tmp_path, kind, camera.path)
        UsbCamera(tmp_path, 7).state('busy')  # another one, which has its number now
        before = run.loop.captured.total
        wait_until(lambda: run.loop.captured.total > before)
        assert run.source.title == f'camera {tmp_path}/video9 (Fake Camera)'
        follower = V4l2Source(SourceSettings('v4l2', str(tmp_path / 'video7'), hflip=True))
        follower.remember(run.source)
        assert follower.open_message()['again'] == str(name)


def test_a_link_that_somebody_has_chosen_is_followed(camera, tmp_path):
    name = link(tmp_path, 'by-path', camera.path)
    link(tmp_path, 'by-id', camera.path)
    with capturing(V4l2Source(SourceSettings('v4l2', str(name)))) as run:
        run.picture()
        assert run.source.open_message()['again'] == str(name)


def test_without_a_name_a_camera_is_chosen_by_what_it_can(camera, tmp_path):
    for number, state in enumerate(('csi', 'codec', 'isp', 'meta', 'plain', 'denied', 'busy')):
        UsbCamera(tmp_path, number).state(state)
    UsbCamera(tmp_path, 10)
    with capturing(V4l2Source(SourceSettings('v4l2', str(tmp_path)))) as run:
        run.picture()
        assert run.source.title == f'camera {tmp_path}/video7 (Fake Camera)'
        camera.unplug()  # and does not return: then another one will do
        before = run.loop.captured.total
        wait_until(lambda: run.loop.captured.total > before)
        assert run.source.title == f'camera {tmp_path}/video10 (Fake Camera)'


def test_where_there_is_no_camera_what_there_is_is_said(camera, tmp_path):
    camera.state('codec')
    UsbCamera(tmp_path, 0).state('csi')
    error = failure(V4l2Source(SourceSettings('v4l2', str(tmp_path))))
    assert type(error) is TemporaryError
    assert f'{tmp_path}/video0 is rp1-cfe, {tmp_path}/video7 is bcm2835-codec-decode' in str(error)


def test_where_nobody_may_look_the_group_is_said(camera, tmp_path):
    camera.state('denied')
    error = failure(V4l2Source(SourceSettings('v4l2', str(tmp_path))))
    assert type(error) is PermanentError
    assert 'sudo usermod -aG video $USER' in str(error)


def test_what_udev_has_not_let_the_group_have_yet_is_waited_for(camera):
    camera.state('denied')
    os.utime(camera.path)  # it has just come
    with capturing(camera.source()) as run:
        time.sleep(0.5)
        camera.and_back('denied')
        assert run.picture() in JPEGS
        assert run.ends == []


HD = Mode('MJPG', (1280, 720), (1280, 720), intervals=((1, 30), (1, 60)))
VGA = Mode('YUYV', (640, 480), (640, 480), intervals=((1, 30), (2, 15)))
FULL = Mode('MJPG', (1920, 1080), (1920, 1080), intervals=((1, 30),))
FILM = Mode('H264', (1280, 720), (1280, 720), intervals=((1, 30),))
ODD = Mode('pRAA', (640, 480), (640, 480))
RANGE = Mode('YU12', (32, 32), (2592, 1944), (2, 2))


@pytest.mark.parametrize(('modes', 'size', 'fps', 'chosen'), [
    ([VGA, FULL, HD], None, 0, (HD, (1280, 720), (1, 60))),
    ([VGA, FULL, HD], None, 30, (HD, (1280, 720), (1, 30))),
    ([VGA, FULL, HD], None, 10, (HD, (1280, 720), (1, 30))),
    ([VGA, FULL, HD], (640, 480), 5, (VGA, (640, 480), (2, 15))),
    ([VGA, FULL, HD], (1920, 1080), 0, (FULL, (1920, 1080), (1, 30))),
    ([VGA, FULL], None, 0, (FULL, (1920, 1080), (1, 30))),
    ([ODD, FILM, VGA], None, 0, (VGA, (640, 480), (1, 30))),
    ([FILM, VGA], (1280, 720), 0, (FILM, (1280, 720), (1, 30))),
    ([ODD, FILM], None, 0, (FILM, (1280, 720), (1, 30))),
    ([RANGE], (800, 600), 25, (RANGE, (800, 600), None)),
    ([VGA, FULL, HD], (640, 0), 0, (VGA, (640, 480), (1, 30))),
    ([VGA, FULL, HD], (0, 1080), 0, (FULL, (1920, 1080), (1, 30))),
    ([RANGE], (800, 0), 0, (RANGE, (800, 600), None)),
    ([RANGE], (0, 32), 0, (RANGE, (42, 32), None)),
])
def test_what_is_chosen(modes, size, fps, chosen):
    assert choose(modes, size, fps) == chosen


@pytest.mark.parametrize(('modes', 'size', 'words'), [
    ([RANGE], (801, 600), 'no 801x600: .* YU12 32x32 to 2592x1944'),
    ([RANGE], (0, 601), 'no …x601: '),
    ([HD, VGA], (800, 0), 'no 800x…: .* MJPG 1280x720'),
    ([ODD], None, 'no format that can be decoded here: .* pRAA 640x480'),
    ([ODD], (640, 480), 'no format that can be decoded here: .* pRAA 640x480'),
    ([], None, 'none at all'),
])
def test_what_cannot_be_chosen(modes, size, words):
    with pytest.raises(PermanentError, match=words):
        choose(modes, size, 0)


def test_no_camera_is_left_behind(camera):
    with capturing(camera.source()) as run:
        run.picture()
        pid = run.source._child.pid
        assert os.path.exists(f'/proc/{pid}')
    assert not os.path.exists(f'/proc/{pid}')
