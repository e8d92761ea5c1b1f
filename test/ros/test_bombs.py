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

"""Messages of a few hundred bytes that claim gigabytes cost no memory and disturb nobody."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
import contextlib
from contextlib import contextmanager
import subprocess
import sys

import aiohttp
from pi_camera_stream import FrameSubscriber
from pi_camera_stream.codecs.limits import check_jpeg
import pytest
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import String
from support import bombs, pictures
from support.guest import best_effort, Camera
from support.mjpeg_server import mjpeg_server
from support.processes import children, parameters, peak_mib, running, WAIT_S, wait_until
from support.publishing import compressed, Repeater
from support.repeating import Repeating
from support.web import ask, bridge, get, parts, state, topics

TOPIC = '/camera/image_raw/compressed'
MORE_MIB = 50
ENOUGH = 20  # bombs
TOO_LARGE = "it has 32000x32000 pixels, but 'max_pixels' allows 64000000"
BOMBS = {
    '/jpeg': (compressed(bombs.jpeg()), TOO_LARGE),
    '/few': (compressed(bombs.jpeg(bombs.LARGEST)), 'too few for 8000x8000 pixels'),
    '/hidden': (compressed(bombs.hidden_jpeg()), TOO_LARGE),
    '/scans': (compressed(bombs.jpeg_of_scans(2000)), 'in 2005 scans'),
    '/png': (compressed(bombs.png()), TOO_LARGE),
    '/depth': (compressed(bombs.depth_png()), TOO_LARGE),
    '/part': (compressed(bombs.png_of_one_part()), 'it is a PNG whose end is missing'),
    '/gif': (compressed(bombs.gif()), 'it is GIF data: use JPEG or PNG or WebP'),
    '/image': (Image(encoding='bgr8', width=640, height=1_000_000, step=1920),
               "it has 640x1000000 pixels, but 'max_pixels' allows"),
    '/rows': (Image(encoding='bgr8', width=640, height=10_000),
              'it has 0 bytes, too few for 640x10000 pixels'),
}
PICTURE = pictures.jpeg(320, 240)
RECEIVER = """
import sys
from pi_camera_stream import FrameSubscriber
with FrameSubscriber() as frames:
    for frame in frames:
        print(frame.sequence, frames.counters()['corrupt'], flush=True)
"""


def test_the_bridge_shows_another_topic_and_says_why_not_these(guest):
    with bridge() as program, contextlib.ExitStack() as stack:
        stack.enter_context(Repeater(guest, TOPIC, compressed(PICTURE)))
        undisturbed = parts(stack.enter_context(get(f'{program.url}stream.mjpg?tier=low')))
        wait_until(lambda: len(next(undisturbed)[1]) < len(PICTURE))  # one is encoded
        before = peak_mib(program.process.pid)
        for topic, (message, _) in BOMBS.items():
            stack.enter_context(Repeater(guest, topic, message))
            wait_until(lambda topic=topic: topic in topics(program.url))
            for tier in ('low', 'full'):
                stack.enter_context(get(f'{program.url}stream.mjpg?topic={topic}&tier={tier}'))
        for topic, (_, reason) in BOMBS.items():
            wait_until(lambda topic=topic: state(program.url, topic)['undecodable'] >= ENOUGH)
            shown = state(program.url, topic)
            assert reason in shown['undecodable_reason']
            assert (shown['width'], shown['height']) == (None, None)
        for topic in ('/jpeg', '/image'):
            reason = BOMBS[topic][1]
            told = in_a_loop(silence(f'{program.url}ws?topic={topic}&tier=low', reason))
            assert told['state'] == 'broken'
            assert told['silent_s'] >= 2
            status, _, text = ask(program.port, f'/snapshot.jpg?topic={topic}')
            assert status == 503
            assert reason in text
        for _ in range(10):
            assert next(undisturbed)[1]
        values = guest.diagnostics('http_bridge: bridge')
        assert int(values['corrupt pictures']) >= ENOUGH * len(BOMBS)
        assert values['last corrupt picture'].startswith('it ')
        program.wait_for(r"left out a picture of '/\w+': it ")
        assert peak_mib(program.process.pid) - before < MORE_MIB


def in_a_loop(coroutine):
    """Return what it returns; in a thread, since Playwright leaves a loop in the tests' own."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


async def silence(url, reason):
    """Return what a page is told when it is told the reason."""
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        while True:
            told = await asyncio.wait_for(socket.receive_json(), WAIT_S)
            if reason in told.get('reason', ''):
                return told


def test_the_consumer_goes_on(guest):
    with running('consumer', *parameters(processor='edges')) as program:
        camera, results = Camera(guest, TOPIC), guest.listen(String, '/camera/results')
        camera.send_until(PICTURE, lambda: not results.empty())
        before = peak_mib(program.process.pid)
        bad = [message.data.tobytes() for message, _ in BOMBS.values()
               if isinstance(message, CompressedImage)]

        def counted(values):
            for data in bad:
                camera.send(data)
            return int(values['corrupt pictures']) >= 2 * len(bad)  # best effort may lose some
        values = guest.diagnostics('opencv_consumer: processing', counted)
        assert values['last corrupt picture'].startswith('it ')
        while not results.empty():
            results.get()
        camera.send_until(PICTURE, lambda: not results.empty())
        assert peak_mib(program.process.pid) - before < MORE_MIB
        program.wait_for(rf"left out a picture of '{TOPIC}': it ")


def test_a_program_goes_on(guest):
    camera = Camera(guest, TOPIC)
    program = subprocess.Popen([sys.executable, '-c', RECEIVER], stdout=subprocess.PIPE, text=True)
    try:
        with Repeater(guest, TOPIC, compressed(PICTURE)):
            assert program.stdout.readline()
        before = peak_mib(program.pid)
        for message, _ in BOMBS.values():
            if isinstance(message, CompressedImage):
                wait_until(lambda: camera.subscribers)
                for _ in range(10):
                    camera.send(message.data.tobytes())
        corrupt = 0
        with Repeater(guest, TOPIC, compressed(PICTURE)):
            while corrupt < 8:
                camera.send(bombs.jpeg())
                corrupt = int(program.stdout.readline().split()[1])
        assert peak_mib(program.pid) - before < MORE_MIB
        assert program.poll() is None
    finally:
        program.kill()
        program.communicate()


def test_a_program_may_have_a_limit_of_its_own(guest):
    camera = Camera(guest, TOPIC)
    with FrameSubscriber(TOPIC, max_pixels=320 * 240 - 1) as frames:
        camera.send_until(PICTURE, lambda: frames.counters()['corrupt'])
        assert frames.counters()['received'] == 0
    with FrameSubscriber(TOPIC, max_pixels=320 * 240) as frames:
        camera.send_until(PICTURE, lambda: frames.next_frame(0.0))
    with pytest.raises(ValueError, match='max_pixels must be 1 or more'):
        FrameSubscriber(TOPIC, max_pixels=0)


@contextmanager
def pipe(folder):
    """Return the parameters of a camera node that reads bombs, and then pictures."""
    path = folder / 'pictures.mjpg'
    path.write_bytes((bombs.jpeg() + bombs.jpeg(bombs.LARGEST) + PICTURE) * 2000)
    yield {'source': 'stdin', 'path': path}


@contextmanager
def files(folder):
    """Return those of one that reads a folder of bombs and pictures."""
    for name, data in (('a.jpg', bombs.jpeg()), ('b.png', bombs.png()), ('c.bmp', bombs.bmp()),
                       ('d.webp', bombs.webp()), ('e.jpg', PICTURE), ('f.jpg', PICTURE)):
        (folder / name).write_bytes(data)
    yield {'source': 'file', 'path': folder}


@contextmanager
def stream(_folder, **turn):
    """Return those of one to which bombs and pictures are sent."""
    with mjpeg_server([bombs.jpeg(), bombs.jpeg(bombs.LARGEST), PICTURE]) as server, \
            Releaser(server):
        yield {'source': 'url', 'path': server.url('/stream'), **turn}


def turned_stream(folder):
    """Return those of one that has to decode them."""
    return stream(folder, rotation=180)


class Releaser(Repeating):
    """Let a server send a picture, again and again."""

    def __init__(self, server):
        self.do = server.release


@pytest.mark.parametrize('source', [pipe, files, stream, turned_stream])
def test_the_camera_node_goes_on(request, guest, tmp_path, source):
    if source in (stream, turned_stream):
        request.getfixturevalue('pyav')
    raws, smalls, jpegs = (guest.listen(Image, '/camera/image_raw', best_effort(1)),
                           guest.listen(Image, '/camera/lores/image_raw', best_effort(1)),
                           guest.listen(CompressedImage, TOPIC, best_effort(1)))
    with source(tmp_path) as values, running('camera', *parameters(**values)) as program:
        for messages in (raws, smalls):
            assert messages.get(timeout=WAIT_S).width == 320
        key = 'unreadable pictures' if values['source'] == 'file' else 'corrupt pictures'
        told = guest.diagnostics('camera: stream', lambda shown: int(shown[key]) > 5)
        if values['source'] != 'file':
            assert told['last corrupt picture'].startswith('it has ')
        program.wait_for('left out .*: it has ')
        everyone = [program.process.pid, *children(program.process.pid)]
        assert max(map(peak_mib, everyone)) < 250
        assert jpegs.get(timeout=WAIT_S).data
        while not jpegs.empty():
            assert check_jpeg(jpegs.get().data.tobytes()).width == 320
