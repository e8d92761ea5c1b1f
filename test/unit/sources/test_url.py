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

import os
import re
import socket
import subprocess
import threading
import time

import cv2
import numpy as np
from pi_camera_stream.codecs.jpeg import read_header
from pi_camera_stream.core.errors import PermanentError, TemporaryError
from pi_camera_stream.sources.base import SourceSettings
from pi_camera_stream.sources.records import pack_message
from pi_camera_stream.sources.url import UrlSource
import pytest
from support import bombs, pictures
from support.capturing import capturing
from support.mjpeg_server import mjpeg_server
from support.processes import alive, children, peak_mib, WAIT_S, wait_until

# As large as a camera's: what tells their format are the first bytes, two thousand of them.
PICTURES = [pictures.jpeg(320, 240, seed, 95) for seed in range(5)]


def source(url, **settings):
    return UrlSource(SourceSettings('url', url, **settings))


def failure(url, at_first='has not answered yet', **settings):
    """
    Return the error that the source ends with, tried again as the capture loop does.

    It is another one than a busy machine may have to say `at_first`.
    """
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        stream = source(url, **settings)
        stream.start()
        try:
            while time.monotonic() < deadline:
                assert stream.read(0.5) is None
        except (TemporaryError, PermanentError) as error:
            if at_first not in str(error):
                return error
        finally:
            stream.stop()
    raise AssertionError('it never failed')


@pytest.mark.parametrize('with_length', [True, False])
def test_jpegs_come_byte_for_byte_as_they_were_sent(with_length):
    with (mjpeg_server(PICTURES, with_length) as server,
          capturing(source(server.url('/stream'))) as run):
        server.release(2)
        seen = []
        while len(seen) < 8:
            seen.append(run.picture())
            server.release()
        assert all(picture in PICTURES for picture in seen)
        assert len(set(seen)) > 1
        hello = run.source.hello
        assert (hello['width'], hello['height']) == (320, 240)
        assert hello['detail'] == 'JPEG over HTTP'


def test_a_picture_with_its_length_is_there_before_the_next_one():
    with mjpeg_server(PICTURES) as server, capturing(source(server.url('/stream'))) as run:
        server.release(3)  # the first ones may be needed to learn the format
        wait_until(lambda: run.loop.captured.total)
        newest = run.picture()
        while newest != PICTURES[2]:
            newest = run.picture()
        server.release()
        assert run.picture() == PICTURES[3]


@pytest.mark.parametrize(('wanted', 'shape'), [
    ({'width': 160, 'height': 120}, (120, 160)),
    ({'width': 160}, (120, 160)),
    ({'rotation': 90, 'width': 120}, (160, 120)),
    ({'rotation': 90}, (320, 240)),
    ({'rotation': 270, 'width': 100, 'height': 200}, (200, 100)),
    ({'hflip': True}, (240, 320)),
])
def test_what_is_asked_for_is_made(wanted, shape):
    with (mjpeg_server(PICTURES[:1]) as server,
          capturing(source(server.url('/stream'), quality=95, **wanted)) as run):
        server.release(5)
        image = run.image()
    assert image.shape[:2] == shape
    expected = cv2.imdecode(np.frombuffer(PICTURES[0], np.uint8), cv2.IMREAD_COLOR)
    if 'rotation' in wanted:
        expected = np.rot90(expected, -wanted['rotation'] // 90)
    if 'hflip' in wanted:
        expected = expected[:, ::-1]
    expected = cv2.resize(np.ascontiguousarray(expected), shape[::-1],
                          interpolation=cv2.INTER_AREA)
    assert cv2.absdiff(image, expected).mean() < 5


@pytest.mark.parametrize('bomb', [bombs.jpeg(), bombs.jpeg(bombs.LARGEST)])
def test_what_is_too_large_to_be_turned_is_passed_on_and_takes_no_memory(bomb):
    with (mjpeg_server([PICTURES[0], bomb]) as server,
          capturing(source(server.url('/stream'), rotation=90)) as run):
        server.release(4)
        seen = [run.picture()]
        worker, = (pid for pid in children(os.getpid()) if 'workers.url.worker' in command(pid))
        while seen.count(bomb) < 3 or seen[-1] == bomb:  # each in turn, as far as they are taken
            server.release()
            seen.append(run.picture())
        assert [read_header(picture).width for picture in seen if picture != bomb][-1] == 240
        assert peak_mib(worker) < 250


def command(pid):
    with open(f'/proc/{pid}/cmdline') as line:
        return line.read()


@pytest.mark.parametrize(('path', 'user', 'words'), [
    ('/login', 'admin:hunter2@', 'put the right user and password into the address'),
    ('/page', '', 'delivers is not video: open it in a browser'),
    ('/nothing?token=hunter2', 'admin:hunter2@', 'cannot be played (404 Not Found)'),
])
def test_what_cannot_be_played_is_explained_without_secrets(path, user, words, capfd):
    with mjpeg_server(PICTURES) as server:
        error = failure(server.url(path, user))
    assert isinstance(error, TemporaryError)
    assert words in str(error)
    assert str(server.server_port) in str(error)
    output = capfd.readouterr()
    assert 'hunter2' not in str(error) + output.out + output.err


def test_a_secret_is_in_no_title_and_in_no_list_of_processes():
    with mjpeg_server(PICTURES) as server:
        url = server.url('/stream?token=hunter2', 'admin:hunter3@')
        with capturing(source(url)) as run:
            server.release(5)
            run.picture()
            pids = children(os.getpid())
            commands = b''
            for pid in pids:
                with open(f'/proc/{pid}/cmdline', 'rb') as file:
                    commands += file.read()
            assert b'workers.url.worker' in commands
            assert b'hunter' not in commands
            assert 'hunter' not in run.source.title + str(run.source.hello)
            assert '***@127.0.0.1' in run.source.title


@pytest.mark.parametrize(('scheme', 'words'), [
    ('http', 'cannot be played .*refused.*start the sender'),
    ('rtsp', 'cannot be played .*refused.*start the sender'),
    ('tcp', 'nothing answers at .*refused.*rpicam-vid'),
    ('udp', 'nothing arrives at UDP port .* check that the sender runs'),
])
def test_a_sender_that_is_not_there_is_waited_for_and_named(scheme, words):
    with socket.socket(type=socket.SOCK_DGRAM if scheme == 'udp' else socket.SOCK_STREAM) as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
        if scheme == 'udp':
            free.close()  # the source listens there; at the others, nobody does
        error = failure(f'{scheme}://127.0.0.1:{port}')
    assert isinstance(error, TemporaryError)
    assert re.search(words, str(error)), error


def test_a_port_in_use_is_named():
    with socket.socket(type=socket.SOCK_DGRAM) as other:
        other.bind(('127.0.0.1', 0))
        port = other.getsockname()[1]
        error = failure(f'udp://127.0.0.1:{port}')
    assert f'ss -ulpn sport = :{port}' in str(error)


def test_another_program_of_jpegs_over_tcp():
    with (socket.create_server(('127.0.0.1', 0)) as server,
          capturing(source(f'tcp://127.0.0.1:{server.getsockname()[1]}')) as run,
          server.accept()[0] as connection):
        for picture in PICTURES:
            connection.sendall(picture)
            assert run.picture() == picture


def test_of_two_that_connect_the_later_one_is_seen():
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    with capturing(source(f'tcp://127.0.0.1:{port}?listen')) as run, connected(port) as first:
        first.sendall(PICTURES[0])
        assert run.picture() == PICTURES[0]
        with connected(port) as second:  # the first one has lost its power, and never closed
            second.sendall(PICTURES[1])
            assert run.picture() == PICTURES[1]


def connected(port):
    def attempt():
        try:
            return socket.create_connection(('127.0.0.1', port))
        except ConnectionRefusedError:
            return None
    return wait_until(attempt)


@pytest.mark.parametrize(('data', 'words'), [
    (b'HTTP/1.1 400 Bad Request\r\n\r\n', 'start the address with http://'),
    (b'hello' * 1000, 'is not MPEG-TS, H.264, H.265 or JPEG'),
])
def test_what_is_no_video_is_explained(data, words):
    with socket.create_server(('127.0.0.1', 0)) as server:
        def serve():
            try:
                while True:
                    connections.append(server.accept()[0])
                    connections[-1].sendall(data)
            except OSError:
                pass
        connections = []
        thread = threading.Thread(target=serve)
        thread.start()
        error = failure(f'tcp://127.0.0.1:{server.getsockname()[1]}', 'sends nothing')
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in connections:
            connection.close()
    assert isinstance(error, TemporaryError)
    assert words in str(error)


@pytest.mark.parametrize('url', ['udp://127.0.0.1:{}', 'tcp://127.0.0.1:{}?listen',
                                 'rtsp://127.0.0.1:{}/live?listen', 'rtp://127.0.0.1:{}'])
def test_it_ends_with_its_standard_input_whatever_it_waits_for(url):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        stream = source(url.format(free.getsockname()[1]))
    worker = subprocess.Popen(stream.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    worker.stdin.write(pack_message('O', {**stream.open_message(), 'give_up_s': 1000.0}))
    worker.stdin.flush()
    wait_until(lambda: len(os.listdir(f'/proc/{worker.pid}/task')) >= 4)  # it reads
    worker.stdin.close()
    assert worker.wait(WAIT_S) == 0
    assert worker.stdout.read() == b''
    worker.stdout.close()
    assert not alive(worker.pid)


def test_a_turn_that_cannot_be_made_is_refused():
    with pytest.raises(PermanentError, match='must be 0, 90, 180 or 270 degrees'):
        source('udp://@:5000', rotation=45).start()


@pytest.mark.parametrize('url', ['', 'video.mp4', 'udp://@239.1.2.3'])
def test_what_is_no_address_is_refused_at_the_start(url):
    with pytest.raises(PermanentError, match="parameter 'path'"):
        source(url).start()


def test_who_was_given_up_after_few_pictures_is_waited_for_longer():
    stream = source('http://127.0.0.1:1/')
    patience_s = []
    for pictures_before in (0, 1, 2, 2, 2, 100):
        stream._pictures = pictures_before
        patience_s.append(stream.open_message()['patience_s'])
        assert stream.first_picture_s > patience_s[-1]
    assert patience_s == [20.0, 40.0, 80.0, 80.0, 80.0, 20.0]
