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

from concurrent.futures import ThreadPoolExecutor
from itertools import dropwhile
import socket
import time
import urllib.error
import urllib.request

import cv2
from diagnostic_msgs.msg import DiagnosticStatus
import numpy as np
import pytest
from support import pictures
from support.guest import Camera
from support.processes import parameters, Program, running, WAIT_S, wait_until
from support.supervisor import supervising
from support.web import get, parts, state

FIRST = pictures.jpeg(seed=1000)


@pytest.fixture
def bridge():
    """Return the address of a running bridge."""
    with running('bridge', *parameters(port=0, address='127.0.0.1')) as program:
        yield program.wait_for(r'at (http://\S+/)').group(1)


def watch(bridge, camera):
    """Open the stream and wait until pictures come; return the response and its parts."""
    response = get(f'{bridge}stream.mjpg?tier=full')
    camera.send_until(FIRST, lambda: state(bridge)['viewers'][0]['frames_sent'])
    return response, after_first(parts(response))


def after_first(viewer):
    begun = dropwhile(lambda part: part[1] != FIRST, viewer)  # it may say that none comes yet
    return ((headers, body) for headers, body in begun if body != FIRST)


def test_a_viewer_gets_the_bytes_of_the_topic_in_order(guest, bridge):
    camera = Camera(guest)
    response, viewer = watch(bridge, camera)
    with response, ThreadPoolExecutor(1) as reader:
        assert response.headers['Content-Type'].startswith('multipart/x-mixed-replace')
        assert response.headers['Cache-Control'] == 'no-store'
        sent = FIRST
        for seed in range(20):
            before, sent = sent, pictures.jpeg(seed=seed)
            part = reader.submit(next, (part for part in viewer if part[1] != before))
            camera.send_until(sent, part.done)
            headers, received = part.result()
            assert received == sent
            assert float(headers['X-Timestamp']) == pytest.approx(time.time(), abs=WAIT_S)


def test_a_browser_gets_the_head_of_the_next_part_behind_each_picture(guest, bridge):
    camera, picture = Camera(guest), pictures.jpeg()
    request = urllib.request.Request(f'{bridge}stream.mjpg', headers={'User-Agent': 'Mozilla/5.0'})
    head = b'--frame\r\nContent-Type: image/jpeg\r\n\r\n'
    with urllib.request.urlopen(request, timeout=WAIT_S) as response:
        assert response.read(len(head)) == head
        camera.send_until(picture, lambda: state(bridge)['viewers'][0]['frames_sent'])
        received = b''  # at first, maybe one that says that none comes yet
        while not received.endswith(picture + b'\r\n' + head):
            received += response.read(1)


def test_a_snapshot_was_taken_after_it_was_asked_for(bridge):
    with running('camera', *parameters(source='pattern', width=320, height=240)) as camera:
        camera.wait_for('publishing')
        for _ in range(5):
            asked, response = time.time(), wait_until(lambda: snapshot(bridge))
            with response:
                assert float(response.headers['X-Timestamp']) >= asked
                assert response.headers['Content-Type'] == 'image/jpeg'
                assert response.read(2) == b'\xff\xd8'


def snapshot(bridge):
    """Return the answer; None when a busy machine has not found the camera within its 3 s."""
    try:
        return get(f'{bridge}snapshot.jpg')
    except urllib.error.HTTPError as answer:
        answer.close()
        assert answer.code == 503
        return None


def test_a_snapshot_without_a_camera_is_an_answer_with_the_reason(bridge):
    with pytest.raises(urllib.error.HTTPError) as answer:
        get(f'{bridge}snapshot.jpg')
    assert answer.value.code == 503
    assert 'has no publisher' in answer.value.read().decode()
    answer.value.close()


def test_it_subscribes_only_while_somebody_watches(guest, bridge):
    camera = Camera(guest)
    assert state(bridge)['viewers'] == []
    assert camera.subscribers == 0
    response, _ = watch(bridge, camera)
    with response:
        viewer, = state(bridge)['viewers']
        assert (viewer['address'], viewer['transport']) == ('127.0.0.1', 'mjpeg')
        assert camera.subscribers == 1
    deadline = time.monotonic() + WAIT_S
    while camera.subscribers > 0:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert state(bridge)['viewers'] == []


def test_a_corrupt_picture_is_skipped_and_counted(guest, bridge):
    camera = Camera(guest)
    good = pictures.jpeg()
    response, viewer = watch(bridge, camera)
    with response:
        for bad in (b'', b'nonsense', good[:200], good[:-100], b'\xff\xd8\xff\xd9'):
            camera.send_until_counted(bad, 'http_bridge: bridge', 'corrupt pictures')
            camera.send(good)
            while (received := next(viewer)[1]) != good:  # it may say that none comes
                assert received != bad


def test_silence_is_an_error_in_the_diagnostics_and_the_stream_goes_on(guest, bridge):
    camera = Camera(guest)
    response, viewer = watch(bridge, camera)
    with response:
        guest.diagnostics('http_bridge: bridge', lambda v: v['level'] == DiagnosticStatus.ERROR)
        status = next(viewer)[1]  # a picture that says so
        assert cv2.imdecode(np.frombuffer(status, np.uint8), cv2.IMREAD_COLOR) is not None
        camera.send(pictures.jpeg())
        while next(viewer)[1] != pictures.jpeg():
            pass
        guest.diagnostics('http_bridge: bridge', lambda v: v['level'] == DiagnosticStatus.OK)


def test_a_viewer_who_reads_nothing_does_not_disturb_another(guest, bridge):
    camera = Camera(guest)
    port = int(bridge.rsplit(':', 1)[1].strip('/'))
    big = pictures.jpeg(1920, 1080, quality=99)
    response, viewer = watch(bridge, camera)
    with response, socket.socket() as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.connect(('127.0.0.1', port))
        stuck.sendall(b'GET /stream.mjpg?tier=full HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
        while len(state(bridge)['viewers']) < 2:
            time.sleep(0.01)
        for _ in range(100):
            camera.send(big)
            assert next(viewer)[1] == big
        first, second = state(bridge)['viewers']
        assert first['frames_sent'] >= 100
        assert first['frames_skipped'] == 0
        assert second['frames_sent'] < 90


def test_the_page_and_its_parts_are_there(bridge):
    page = get(bridge).read().decode()
    for name in ('viewer/viewer.js', 'viewer/viewer.css'):
        assert f'"static/{name}"' in page
        assert get(f'{bridge}static/{name}').status == 200
    assert get(f'{bridge}healthz').read() == b'ok\n'


@pytest.mark.parametrize(('path', 'code'), [
    ('nothing', 404), ('static/../app.py', 404), ('static/%2e%2e/app.py', 404), ('static/', 403),
    ('stream?topic=/nothing', 404), ('stream?width=9', 400),
])
def test_what_is_not_there_is_refused(bridge, path, code):
    with pytest.raises(urllib.error.HTTPError) as answer:
        get(f'{bridge}{path}')
    assert answer.value.code == code
    answer.value.close()


@pytest.mark.parametrize(('values', 'sentence'), [
    ({'port': 70000}, "parameter 'port' must be 0 to 65535, not 70000"),
    ({'port': 'http'}, "parameter 'port' must be of type integer, not 'http'"),
    ({'access_token': 'short'}, "parameter 'access_token'"),
    ({'allowed_origins': 'example.org'}, "parameter 'allowed_origins'"),
    ({'certfile': '/nowhere.pem', 'keyfile': '/nowhere.pem'}, "parameter 'certfile'"),
    ({'certfile': '/nowhere.pem'}, "'keyfile' is not: HTTPS needs both"),
    ({'max_viewers': 0}, "parameter 'max_viewers' must be 1 to 10000, not 0"),
    ({'address': '203.0.113.77'}, "cannot listen on '203.0.113.77'.*set the parameter 'address'"),
])
def test_bad_input_gets_one_sentence_and_exit_code_1(values, sentence):
    program = Program('bridge', *parameters(**values))
    assert program.wait() == 1
    program.wait_for(sentence)
    assert 'Traceback' not in program.output


def test_a_port_in_use_is_explained():
    with socket.socket() as other:
        other.bind(('0.0.0.0', 0))
        other.listen()
        port = other.getsockname()[1]
        program = Program('bridge', *parameters(port=port))
        assert program.wait() == 1
    program.wait_for(f'http_bridge_node: error: cannot bind port {port}, which is in use')
    assert 'Traceback' not in program.output


def test_ctrl_c_ends_it_in_spite_of_viewers():
    with running('bridge', *parameters(port=0, address='127.0.0.1')) as program:
        port = int(program.wait_for(r'at http://\S+:(\d+)/').group(1))
        with socket.create_connection(('127.0.0.1', port)) as viewer:
            viewer.sendall(b'GET /stream.mjpg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
            assert viewer.recv(20).startswith(b'HTTP/1.1 200')
            assert program.stop() == 0


def test_systemd_hears_that_it_answers(monkeypatch, tmp_path):
    with supervising(f'{tmp_path}/notify', watchdog_s=6.0) as systemd:
        for name, value in systemd.environment.items():
            monkeypatch.setenv(name, value)
        with running('bridge', *parameters(port=0, address='127.0.0.1')):
            assert systemd.next() == ['READY=1']
            for _ in range(3):
                assert systemd.next() == ['WATCHDOG=1', 'STATUS=0 viewers']
