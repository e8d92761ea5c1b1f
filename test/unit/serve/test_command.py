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

"""The program without ROS, as a process of its own."""

from contextlib import contextmanager
import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from support import pictures
from support.supervisor import supervising

WAIT_S = 60
RUN = """
import sys
from pi_camera_stream.serve import command
code = command.main(sys.argv[1:])
ros = [name for name in sys.modules
       if name.partition('.')[0].endswith(('rclpy', '_msgs', '_srvs', '_interfaces'))]
assert not ros, ros
unused = [name for name in ('recording.recorder', 'outlets.kinds')
          if f'pi_camera_stream.{name}' in sys.modules]
assert not unused, unused
sys.exit(code)
"""


@contextmanager
def serving(*words, stdin=subprocess.DEVNULL, environment=()):
    """Run it on this machine only; yields the process, which has the attribute `url`."""
    process = subprocess.Popen(
        [sys.executable, '-c', RUN, '--address', '127.0.0.1', '--port', '0', *words],
        stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **dict(environment)})
    try:
        line = process.stdout.readline()
        match = re.search(r'Open (http://\S+/)', line)
        process.url = match.group(1) if match else ''
        yield process
    finally:
        process.kill()
        process.communicate()


def fetch(url):
    return urllib.request.urlopen(url, timeout=WAIT_S)


def state(process):
    return json.load(fetch(f'{process.url}state'))


def until(condition):
    for _ in range(200):
        if value := condition():
            return value
        signal.sigtimedwait([], 0.1)
    raise AssertionError('it never came to it')


def test_a_camera_is_shown_without_ros():
    with serving('--source', 'pattern', '--size', '320x240', '--fps', '20') as process:
        assert b'<title>' in fetch(process.url).read()
        with fetch(f'{process.url}snapshot.jpg') as answer:
            assert answer.read().startswith(b'\xff\xd8')
        with fetch(f'{process.url}stream.mjpg') as answer:
            assert answer.readline() == b'--frame\r\n'
            stream, = until(lambda: state(process)['streams'])
            assert (stream['topic'], stream['width']) == ('/camera/image_raw/compressed', 320)
            assert stream['signal']['state'] == 'shown'
        process.send_signal(signal.SIGINT)
        assert process.wait(WAIT_S) == 0, process.stderr.read()


def test_pictures_that_come_as_jpeg_pass_through_untouched(tmp_path):
    sent = pictures.jpeg(64, 48)
    (tmp_path / 'picture.jpg').write_bytes(sent)
    with serving('--source', 'file', '--path', str(tmp_path), '--fps', '10') as process, \
            fetch(f'{process.url}snapshot.jpg') as answer:
        assert answer.read() == sent


def test_a_source_that_cannot_work_ends_it_with_the_reason():
    with serving('--source', 'file', '--path', '/nowhere') as process:
        assert process.wait(WAIT_S) == 1
        assert "serve: error: there is no file or folder '/nowhere'" in process.stderr.read()


def test_processors_work_and_are_shown():
    with serving('--source', 'pattern', '--size', '320x240', '--fps', '20',
                 '--processor', 'edges') as process:
        results = until(lambda: state(process)['results'])
        assert (results['width'], results['results'][0]['processor']) == (320, 'edges')
        with fetch(f'{process.url}snapshot.jpg?topic=/camera/image_processed') as answer:
            assert answer.read().startswith(b'\xff\xd8')


def test_results_have_the_frame_of_the_sender(pyav):
    with serving('--source', 'pattern', '--size', '320x240', '--frame-id', 'left_eye') as sender, \
            serving('--source', 'url', '--path', f'{sender.url}stream.mjpg',
                    '--processor', 'edges') as process:
        until(lambda: (state(process)['results'] or {}).get('frame_id') == 'left_eye')


def test_whoever_has_no_token_sees_nothing():
    with serving('--source', 'pattern', '--access-token', 'a-long-secret') as process:
        with pytest.raises(urllib.error.HTTPError) as refused:
            fetch(f'{process.url}snapshot.jpg')
        with refused.value:
            assert refused.value.code == 401


def test_it_ends_after_its_time_and_says_what_is_wrong():
    with serving('--source', 'pattern', '--seconds', '3') as process:
        assert process.wait(WAIT_S) == 0, process.stderr.read()
    with serving('--source', 'stdin', '--seconds', '0.5', stdin=subprocess.PIPE) as process:
        assert process.wait(WAIT_S) == 1
        assert 'serve: error: no picture arrived: ' in process.stderr.read()
    with serving('--widht', '3') as process:
        assert process.wait(WAIT_S) == 1
        assert process.stderr.read() == (
            "serve: error: there is no option '--widht': did you mean '--width'?\n")


def test_systemd_hears_how_it_is(tmp_path):
    with supervising(f'{tmp_path}/notify', watchdog_s=3.0) as systemd, \
            serving('--source', 'stdin', stdin=subprocess.PIPE,
                    environment=systemd.environment) as process:
        assert systemd.until('WATCHDOG=1')[0] == 'READY=1'
        until(lambda: any('NO SIGNAL' in line or 'WAITING' in line for line in systemd.next()))
        process.send_signal(signal.SIGSTOP)
        while not systemd.silent_s(3.0):
            pass
        process.send_signal(signal.SIGCONT)
        systemd.until('WATCHDOG=1')
