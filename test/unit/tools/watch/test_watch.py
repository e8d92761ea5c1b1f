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

"""Streams are received by a program that needs no ROS, and says in one sentence what is wrong."""

import json
import socket
import subprocess
import sys

import av
import cv2
from pi_camera_stream.core.errors import PermanentError, TemporaryError
from pi_camera_stream.tools.watch import url_watch
from pi_camera_stream.tools.watch.command import for_command_line
from pi_camera_stream.tools.watch.report import Line
from pi_camera_stream.tools.watch.url_watch import UrlWatch
from pi_camera_stream.tools.watch.watched import Totals
from pi_camera_stream.tools.watch.window import Window
import pytest
from support import pictures, senders, videos
from support.processes import Program, running, WAIT_S, wait_until

TOKEN = 'correct-horse-battery'
JPEG = pictures.jpeg(160, 120, 1)
# Without what Windows lacks, and without ROS.
ELSEWHERE = """
import signal, sys
for name in ('SIGHUP', 'SIGALRM', 'pthread_sigmask', 'sigwait', 'setitimer', 'getitimer'):
    delattr(signal, name)
for name in ('fcntl', 'grp', 'pwd', 'resource', 'termios', 'rclpy'):
    sys.modules[name] = None
from pi_camera_stream.__main__ import run
run()
"""


@pytest.fixture(scope='module')
def server():
    rtsp_port, raw_port = senders.free_port(), senders.free_port()
    with running('serve', '--source', 'pattern', '--size', '320x240', '--fps', '30', '--address',
                 '127.0.0.1', '--port', '0', '--access-token', TOKEN, '--rtsp-port', rtsp_port,
                 '--outlets', f'tcp://:{raw_port}', '--outlets-insecure', 'true') as program:
        program.place = program.wait_for(r'Open http://(\S+)/ in')[1]
        program.rtsp_url = f'rtsp://me:{TOKEN}@127.0.0.1:{rtsp_port}/camera'
        program.raw_url = f'tcp://127.0.0.1:{raw_port}'
        yield program


def watching(url, *words):
    return Program('watch', url, '--json', '--seconds', 60, *words)


def line(program):
    """Wait for a whole second of a stream, and return what was told of it; end the program."""
    found = program.wait_for(r'({.*"pictures".*})\n.*({.*})')[2]
    assert program.stop() == 130  # as shells have it
    assert TOKEN not in program.output
    return json.loads(found)


@pytest.mark.usefixtures('pyav')
def test_each_way_out_is_received(server):
    urls = {'JPEG over HTTP': f'http://:{TOKEN}@{server.place}/stream.mjpg',
            'H.264 over HTTP': f'http://:{TOKEN}@{server.place}/stream.h264',
            'H.264 over RTSP': server.rtsp_url, 'H.264 over TCP': server.raw_url}
    programs = {stream: watching(url) for stream, url in urls.items()}  # beside each other
    lines = {stream: line(program) for stream, program in programs.items()}
    for stream, told in lines.items():
        assert told['stream'] == stream
        assert (told['width'], told['height']) == (320, 240)
        assert told['per_s'] > 0
        assert told['bits_per_s'] > 0
    aged = {stream for stream, told in lines.items() if told['age_ms'] is not None}
    tells_rtp = hasattr(av.Packet, 'has_sidedata')
    assert aged == {'JPEG over HTTP', *(['H.264 over RTSP'] if tells_rtp else [])}
    assert all(0 <= lines[stream]['age_ms'] <= 1e3 * WAIT_S for stream in aged)


def test_it_runs_without_ros_and_what_windows_lacks(server):
    done = subprocess.run(
        [sys.executable, '-c', ELSEWHERE, 'watch', f'http://:{TOKEN}@{server.place}/stream.mjpg',
         '--seconds', '2.5', '--json'], capture_output=True, text=True, timeout=WAIT_S)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])['pictures'] > 0


def test_a_wrong_token_is_told_at_once(server):
    program = Program('watch', f'http://:wrong@{server.place}/stream.mjpg')
    assert program.wait() == 1
    assert ':TOKEN@HOST' in program.output
    assert 'wrong@' not in program.output


@pytest.mark.parametrize(('words', 'remedy'), [
    (['htp:/robot'], 'http://192.168.1.20:8080/stream.mjpg'),
    (['gopher://robot/1'], 'rtsp'),
    (['udp://robot'], 'udp://@:5000'),
    (['http://no-such-host.invalid/'], '192.168.1.20'),
    (['http://robot/', '--tls-ca', 'x.pem'], '--tls-ca'),
    (['udp://@:5000', '--seconds', '-1'], 'seconds'),
])
def test_what_is_no_stream_is_told_in_a_sentence_with_the_remedy(words, remedy):
    program = Program('watch', *words)
    assert program.wait() in (1, 2)
    sentence = program.output.splitlines()[-1]
    assert 'error: ' in sentence
    assert remedy in sentence
    assert "parameter '" not in sentence  # a command line has none


def test_silence_has_a_reason():
    program = Program('watch', f'udp://@:{senders.free_port()}', '--seconds', 3.5)
    assert program.wait() == 1
    assert program.output.count('no picture for 3 s: nothing arrives at UDP port') == 1
    assert 'firewall' in program.output.splitlines()[-1]


@pytest.fixture
def sender():
    with socket.create_server(('127.0.0.1', 0)) as server:
        server.settimeout(WAIT_S)
        yield server


@pytest.fixture
def watch(sender):
    watched = UrlWatch(f'tcp://127.0.0.1:{sender.getsockname()[1]}', '', True)
    yield watched
    watched.close()


def test_it_calls_again_when_the_sender_has_gone(sender, watch):
    for count in (1, 2):
        with sender.accept()[0] as connection:
            connection.sendall(JPEG + JPEG[:10])
            wait_until(lambda count=count: watch.totals.pictures == count)
    assert watch.totals.size_bytes == 2 * len(JPEG + JPEG[:10])
    assert watch.take(WAIT_S).shape == (120, 160, 3)
    assert not watch.ended


def test_a_connection_that_hangs_is_given_up(sender, watch, monkeypatch):
    with sender.accept()[0] as hanging:
        hanging.sendall(JPEG + JPEG[:10])
        wait_until(lambda: watch.totals.pictures)
        monkeypatch.setattr(url_watch, '_HANGING_S', 0.1)
        wait_until(lambda: watch.look() or watch._status.heard_s == 0)
        monkeypatch.undo()
        with sender.accept()[0] as connection:
            connection.sendall(JPEG + JPEG[:10])
            wait_until(lambda: watch.totals.pictures == 2)
            hanging.sendall(JPEG)  # it comes back too late
            connection.sendall(JPEG[10:])
            wait_until(lambda: watch.totals.pictures == 3)
    assert watch.totals.size_bytes == 3 * len(JPEG) + 2 * 10 - 10


def test_the_newest_picture_is_shown(sender, watch):
    newest = pictures.jpeg(64, 48, 2)
    with sender.accept()[0] as connection:
        connection.sendall(JPEG * 3 + newest + JPEG[:10])
        wait_until(lambda: watch.totals.pictures == 4)
        assert watch.take(WAIT_S).shape == (48, 64, 3)
        assert watch.take(0) is None


@pytest.mark.usefixtures('pyav')
def test_a_file_is_played_to_its_end(tmp_path):
    path = tmp_path / 'film.mp4'
    videos.write(path, count=6)
    watched = UrlWatch(str(path), '', True, is_file=True)
    wait_until(lambda: watched.ended)
    assert (watched.totals.pictures, watched.totals.width, watched.totals.height) == (6, 320, 240)
    watched.close()


def test_a_file_that_is_not_a_video(tmp_path):
    path = tmp_path / 'letter.txt'
    path.write_text('dear robot')
    watched = UrlWatch(str(path), '', False, is_file=True)
    with pytest.raises(PermanentError, match='ffplay'):
        wait_until(lambda: watched.ended)


def test_a_window_needs_an_opencv_that_has_some(monkeypatch):
    monkeypatch.setattr(cv2, 'getBuildInformation', lambda: '  GUI:        NONE\n')
    with pytest.raises(PermanentError, match='pip install opencv-python'):
        Window('robot')
    monkeypatch.setattr(cv2, 'getBuildInformation', lambda: '  GUI:        QT5\n')
    for name in ('DISPLAY', 'WAYLAND_DISPLAY'):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(PermanentError, match='DISPLAY'):
        Window('robot')


def test_a_line_has_what_came_since_the_last_one():
    before = Totals(pictures=100, size_bytes=10_000, dropped=1)
    now = Totals(pictures=160, size_bytes=260_000, dropped=4, broken=1, width=640, height=480,
                 detail='JPEG over HTTP')
    text = Line.between(before, now, 2.0, [0.010, 0.012, 0.050]).text()
    assert ' '.join(text.split()) == ('30.0/s 1.00 Mbit/s 640x480 JPEG over HTTP age 12 ms, at '
                                      'most 50 3 dropped 1 broken')


def test_sentences_of_sources_are_put_for_a_command_line():
    error = TemporaryError("it is a page: set the parameter 'path' to the address of a stream")
    assert for_command_line(str(error)) == 'it is a page: give the address of a stream'
