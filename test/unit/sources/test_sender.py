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

"""Pictures of our own bridge over HTTP: with their capture time, calibration and frame."""

import itertools
import json
import re
import time

from pi_camera_stream.core.calibration import Calibration
from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.parameters.calibration_file import save
from pi_camera_stream.sources.base import SourceSettings
from pi_camera_stream.sources.url import UrlSource
import pytest
from support import pictures
from support.capturing import capturing
from support.processes import wait_until
from support.raw_camera import head, raw_camera, whole
from support.sending import sending, wall_ns

PICTURES = [pictures.jpeg(160, 120, seed) for seed in range(4)]
TOKEN = 'long/secret@token'
QUOTED = 'long%2Fsecret%40token'
TOLD_NS = 200_000  # by which what was told a second ago may have grown
PLACES = 'X-Clock: clock', 'X-Camera-Info: camera_info?topic=%2Fcam'


def source(url, **settings):
    return UrlSource(SourceSettings('url', url, **settings))


def captures(run):
    """Yield (JPEG, capture time by our clock in ns, age in s) of what comes."""
    while True:
        capture, _ = run.loop.mailbox.take(30) or pytest.fail(f'nothing came: {run.problems}')
        yield (capture.content.data, wall_ns(capture.monotonic_ns),
               (time.monotonic_ns() - capture.monotonic_ns) / 1e9)


def error_ns(sender, run):
    """Return by how much the stamp of the next picture that is noted is wrong."""
    return next(abs(taken_ns - true_ns) for jpeg, taken_ns, _ in captures(run)
                if (true_ns := sender.taken_ns(jpeg)) is not None)


@pytest.mark.parametrize('shift_s', [10, -10])
def test_they_have_their_capture_time_though_the_clocks_differ(shift_s):
    with sending(shift_s) as sender:
        sender.listen()
        with capturing(source(sender.url())) as run:
            wait_until(lambda: run.source.sender and run.source.sender.uncertainty_ms)
            error_ns(sender, run)  # of one that was stamped before, perhaps
            known_to_ms = run.source.sender.uncertainty_ms
            for _ in range(30):
                error = error_ns(sender, run)
                # Its stamp was made after the last one was looked at.
                before_ms, known_to_ms = known_to_ms, run.source.sender.uncertainty_ms
                assert error <= max(before_ms, known_to_ms) * 1e6 + TOLD_NS
            assert run.source.sender.why == ''
            assert run.problems == []


def test_so_have_single_pictures():
    with (sending(10) as sender,
          capturing(source(sender.url('/snapshot.jpg'), fps=10.0)) as run):
        assert all(0 <= age < 5 for _, _, age in itertools.islice(captures(run), 8))
        wait_until(lambda: run.source.sender.uncertainty_ms is not None)


def test_a_clock_that_is_set_meanwhile_gives_no_picture_a_time_far_from_the_true_one():
    with sending() as sender, capturing(source(sender.url())) as run:
        stream = captures(run)
        for shift_s in (300.0, 280.0, 260.0, 260.4):
            assert all(0 <= age < 5 for _, _, age in itertools.islice(stream, 10))
            sender.set_clock(shift_s)
        assert all(0 <= age < 5 for _, _, age in itertools.islice(stream, 10))
        sender.listen()
        wait_until(lambda: run.source.sender.uncertainty_ms is not None)
        assert error_ns(sender, run) <= run.source.sender.uncertainty_ms * 1e6 + TOLD_NS


def test_a_sender_that_was_started_anew_is_measured_anew():
    with sending(10) as sender, capturing(source(sender.url())) as run:
        assert all(0 <= age < 5 for _, _, age in itertools.islice(captures(run), 5))
        sender.close()
        with sending(-500, port=sender.port) as other:
            other.listen()
            for _ in range(5):
                assert error_ns(other, run) <= (
                    run.source.sender.uncertainty_ms * 1e6 + TOLD_NS)


def answering(clock, stamp='4102444800.5', places=PLACES):
    """Return the answers of a camera whose clock answers as `clock` says."""
    def answer(request, call):
        if request.startswith('GET /clock'):
            yield from clock(call)
        elif request.startswith('GET /camera_info'):
            yield whole('200 OK', b'{"k": [1e400, {}]}', 'application/json')
        else:
            yield head('multipart/x-mixed-replace; boundary=b7', *places)
            for picture in itertools.cycle(PICTURES):
                yield (b'--b7\r\nContent-Type: image/jpeg\r\nX-Timestamp: %b\r\n'
                       b'Content-Length: %d\r\n\r\n%b\r\n' % (
                           stamp.encode(), len(picture), picture))
    return answer


def saying(text, status='200 OK'):
    body = text if isinstance(text, bytes) else json.dumps(text).encode()
    return lambda call: [whole(status, body, 'application/json')]


def slowly(call):
    yield head('application/json', 'Content-Length: 100')
    for _ in range(1000):
        yield b' '


def at_random(call):
    now_ns = (call * 7919 % 101 - 50) * 10**15
    yield from saying({'machine': str(call), 'arrived': now_ns, 'answered': now_ns})(call)


CLOCKS = {
    'garbage': saying(b'\xff\x00{"arrived'), 'nothing': saying(b''), 'a list': saying([1, 2]),
    'huge': saying(b'{"machine": "m", "arrived": 1%b, "answered": 1}' % (b'0' * 3000)),
    'negative': saying({'machine': 'm', 'arrived': -2**63, 'answered': -2**63}),
    'backwards': saying({'machine': 'm', 'arrived': 10**18, 'answered': 0}),
    'words': saying({'machine': 'm', 'arrived': 'now', 'answered': True}),
    'fields missing': saying({}), 'deep': saying(b'[' * 4000),
    'ten megabytes': saying(b' ' * 10_000_000), 'an endless head': lambda call: itertools.chain(
        [b'HTTP/1.1 200 OK\r\n'], itertools.repeat(b'X-A: b\r\n' * 200)),
    'slow': slowly, 'no answer': lambda call: [], 'no HTTP': lambda call: [b'hello\r\n'],
    'not found': saying(b'no', '404 Not Found'), 'refused': saying(b'no', '401 Unauthorized'),
    'an error': saying(b'no', '500 Internal Server Error'),
    'moved': lambda call: [whole('302 Found', b'', 'text/plain', 'Location: /clock')],
    'at random': at_random,
}


@pytest.mark.parametrize('clock', CLOCKS.values(), ids=CLOCKS)
def test_a_clock_that_makes_no_sense_ends_nothing(clock):
    with raw_camera(answering(clock)) as camera, capturing(source(camera.url('/s'))) as run:
        ages = [age for _, _, age in itertools.islice(captures(run), 20)]
        wait_until(lambda: run.source.sender.why)
        assert all(0 <= age < 5 for age in ages)
        assert run.source.sender.uncertainty_ms is None
        assert run.source.sender.calibration is None
        assert (run.problems, run.loop.restarts) == ([], 0)


@pytest.mark.parametrize('places', [
    [], ['X-Clock: http://127.0.0.1:1/clock'], ['X-Clock: http://['], ['X-Clock: //other/clock']])
def test_who_does_not_tell_a_clock_of_its_own_is_not_asked(places):
    with (raw_camera(answering(saying({}), places=places)) as camera,
          capturing(source(camera.url('/s'))) as run):
        assert all(0 <= age < 5 for _, _, age in itertools.islice(captures(run), 5))
        assert run.source.sender.why == 'the sender does not tell its clock'
        assert len(camera.requests) == 1


@pytest.mark.parametrize('stamp', ['', '-', '1.2.3', '99999999999999999999999', '1e9', '-5.0'])
def test_a_stamp_that_is_none_counts_as_none(stamp):
    def clock(call):
        now_ns = time.time_ns()
        yield from saying({'machine': 'm', 'arrived': now_ns, 'answered': now_ns})(call)

    with (raw_camera(answering(clock, stamp)) as camera,
          capturing(source(camera.url('/s'))) as run):
        assert all(0 <= age < 5 for _, _, age in itertools.islice(captures(run), 5))


def test_the_access_token_stands_in_the_address_and_nowhere_else():
    with sending(10, '--access-token', TOKEN, '--frame-id', 'eye') as sender:
        with capturing(source(sender.url(login=f':{QUOTED}@'))) as run:
            assert run.picture()
            assert run.source.sender.uncertainty_ms is not None
            assert run.source.sender.frame_id == 'eye'
            said = [run.source.title, str(run.source.hello), repr(run.source.settings)]
        with capturing(source(sender.url(f'/stream.mjpg?token={QUOTED}'))) as run:
            assert run.picture()
            assert run.source.sender.uncertainty_ms is not None
        with capturing(source(sender.url(login=':wrong-secret@'))) as run:
            said += [run.wait_for_problem(
                'put the right access token into the address, before the host, as in :TOKEN@HOST')]
        with pytest.raises(PermanentError) as refused:
            source(sender.url(login=':a-secret%0d%0aX-Other:1@')).check()
        said += [str(refused.value)]
        assert not any(re.search('secret', words) for words in said)


def test_the_token_is_sent_as_a_header_to_its_own_host_only():
    with raw_camera(answering(saying({}))) as there:
        def moved(request, call):
            yield whole('302 Found', b'', 'text/plain',
                        f'Location: {there.url("/s", host="localhost")}')

        with (raw_camera(moved) as camera,
              capturing(source(camera.url('/s', f':{QUOTED}@'))) as run):
            assert run.picture() in PICTURES
            assert f'Authorization: Bearer {TOKEN}\r\n' in camera.requests[0]
            assert QUOTED not in camera.requests[0]
        assert not any('Authorization' in request for request in there.requests)


def test_a_password_without_a_user_still_opens_a_camera_that_asks_for_one():
    def answer(request, call):
        if 'Basic' in request:
            yield from answering(saying({}), places=[])(request, call)
        else:
            yield whole('401 Unauthorized', b'', 'text/plain', 'WWW-Authenticate: Basic realm="x"')

    with raw_camera(answer) as camera, capturing(source(camera.url('/s', ':word@'))) as run:
        assert run.picture() in PICTURES


def test_calibration_and_frame_are_those_of_the_sender(tmp_path):
    file = tmp_path / 'eye.yaml'
    given = Calibration(160, 120, 'eye', 'plumb_bob', (0.1, -0.2, 0.003, -0.004, 0.05),
                        (150, 0, 70, 0, 151, 65, 0, 0, 1), (1, 0, 0, 0, 1, 0, 0, 0, 1),
                        (150, 0, 70, 0, 0, 151, 65, 0, 0, 0, 1, 0))
    save(file, given)
    url = f'file://{tmp_path}/${{NAME}}.yaml'
    with sending(0, '--camera-info-url', url, '--camera-name', 'eye',
                 '--frame-id', 'left_eye') as sender:
        with capturing(source(sender.url())) as run:
            assert run.picture()
            assert run.source.sender.frame_id == 'left_eye'
            assert run.source.sender.calibration.k == given.k
            assert run.source.sender.calibration.d == given.d
        info = sender.json('/camera_info?topic=/camera/image_raw')
        assert (info['header'], info['width'], info['height'], info['k']) == (
            {'frame_id': 'left_eye'}, 160, 120, list(given.k))
        assert set(info) == {'header', 'height', 'width', 'distortion_model', 'd', 'k', 'r', 'p',
                             'binning_x', 'binning_y', 'roi'}


def test_a_picture_that_says_that_there_is_none_is_none_of_the_camera():
    with sending(0, '--source', 'url', '--path', 'http://127.0.0.1:1/') as sender:
        stream = source(sender.url())
        stream._give_up_s = 2.5
        with capturing(stream) as run:
            said = run.wait_for_problem('has no picture of its camera')
            assert '(it says waiting)' in said or '(it says silent)' in said
            assert run.loop.captured.total == 0


def test_a_clock_behind_a_digest_is_asked_with_the_password():
    def clock(call):
        now_ns = time.time_ns()
        yield from saying({'machine': 'm', 'arrived': now_ns, 'answered': now_ns})(call)

    def answer(request, call):
        if 'Authorization: Digest' in request:
            yield from answering(clock)(request, call)
        else:
            yield whole('401 Unauthorized', b'', 'text/plain',
                        f'WWW-Authenticate: Digest realm="x", nonce="n{call}", qop="auth"')

    with raw_camera(answer) as camera, capturing(source(camera.url('/s', 'me:word@'))) as run:
        assert run.picture() in PICTURES
        wait_until(lambda: run.source.sender.why.startswith('its pictures are stamped by another'))


def test_a_camera_without_calibration_says_so():
    with sending() as sender, capturing(source(sender.url())) as run:
        assert run.picture()
        assert run.source.sender.frame_id == 'camera_optical_frame'
        assert run.source.sender.calibration is None
        assert not any(sender.json('/camera_info')['k'])
