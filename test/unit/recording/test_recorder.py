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

"""The recorder beside real streams, as the bridge and `serve` have it."""

import asyncio
import json
import subprocess
import sys
import threading
import time

from aiohttp import web
import av
from pi_camera_stream.codecs.renditions import RenditionEncoder
from pi_camera_stream.core.driving.contest import Word
from pi_camera_stream.core.frame import Frame, StampedImage
from pi_camera_stream.core.rendition_spec import RenditionSpec
from pi_camera_stream.core.sound import SoundFeed, SoundPacket
from pi_camera_stream.recording import recorder as recorder_module
from pi_camera_stream.recording.recorder import Recorder
from pi_camera_stream.recording.settings import RecordSettings
import pytest
from support import pictures
from support.h264_streams import access_units
from support.streams import Stream

TOPIC = '/camera/image_raw/compressed'
JPEG = pictures.jpeg()
STILL = {'processor': 'motion', 'detections': [], 'values': {}}
MOVING = {**STILL, 'detections': [{'label': 'moving', 'x': 1, 'y': 1, 'width': 9, 'height': 9}]}
EDGES = {**MOVING, 'processor': 'edges'}


class Camera:
    """A source of H.264, as a stream sees it."""

    available = True

    def __init__(self):
        self.wanted, self.keys = False, 0

    def want(self, wanted):
        self.wanted = wanted

    def request_key_frame(self):
        self.keys += 1

    def limit_bitrate(self, _):
        return False


class Bench:
    """A recorder in an application, and a stream."""

    def __init__(self, folder, video=None, topics=(TOPIC,), sound=None, **settings):
        self.demands, self.active, self.log = [], [], []
        self.camera = video
        self.stream = Stream(TOPIC, time.time_ns, self.demands.append, RenditionEncoder(),
                             RenditionSpec(quality=80), video=video)
        self.recorder = Recorder(
            RecordSettings(folder / 'recordings', **settings), self.find, topics, time.time_ns,
            self.log.append, self.active.append, sound)
        self.sequence = 0

    def find(self, name):
        if name != TOPIC:
            raise web.HTTPNotFound(text=f"no topic '{name}' with pictures\n")
        return self.stream

    def send(self, image=None):
        self.sequence += 1
        self.stream.offer(Frame(JPEG, time.time_ns(), self.sequence, 64, 48) if image is None else
                          StampedImage(lambda: image, time.time_ns(), self.sequence, 64, 48))

    async def send_until(self, condition, send=None):
        for _ in range(3000):
            if found := condition():
                return found
            (send or self.send)()
            await asyncio.sleep(0.01)
        raise AssertionError(self.recorder.state())

    def found(self, *results):
        now_ns = time.time_ns()
        self.recorder.note_found(json.dumps({
            'stamp': {'sec': now_ns // 10**9, 'nanosec': now_ns % 10**9}, 'results': results}))

    @property
    def state(self):
        return self.recorder.state()

    def films(self):
        """Return how many pictures are in each film, the oldest first."""
        counts = []
        for path in sorted((self.recorder._settings.folder).glob('*.mkv')):
            with av.open(str(path)) as film:
                counts.append(sum(1 for _ in film.decode(video=0)))
        return counts


def in_application(**settings):
    """Run an async test."""
    def decorate(test):
        def wrapped(tmp_path):
            async def run():
                bench = Bench(tmp_path, **settings)
                runner = web.AppRunner(bench.recorder.beside(lambda _: web.Application())(None))
                await runner.setup()
                try:
                    await test(bench)
                finally:
                    bench.recorder.stop()
                    await runner.cleanup()
                    bench.stream.close()

            asyncio.run(run())
        wrapped.__name__ = test.__name__
        return wrapped
    return decorate


def recording_threads():
    return [thread for thread in threading.enumerate() if thread.name == 'record']


@in_application()
async def test_while_it_is_off_nothing_runs(bench):
    await asyncio.sleep(0.05)
    bench.send()
    bench.found(MOVING)
    bench.recorder.note_driven(1.0, 0.0)
    bench.recorder.put_sound(SoundPacket(b'', 0, 1))
    assert (bench.demands, recording_threads(), bench.active) == ([], [], [])
    assert bench.recorder._disk.tracks[0].backlog.held_bytes == 0
    assert (bench.state['mode'], bench.state['recording'], bench.state['fault']) == (
        'off', False, '')


@in_application()
async def test_it_is_switched_on_and_off(bench):
    assert bench.recorder.switch(True) == ''
    assert bench.state['mode'] == 'manual'
    await bench.send_until(lambda: bench.state['file'])
    assert bench.active[-1]
    bench.recorder.note_driven(0.25, -0.5)
    bench.recorder.note_driven_by_others(Word((0.5, 0.0, 0.0, 0.0, 0.0, 1.5)))
    bench.recorder.note_driven_by_others(Word((0.5, -0.1, 0.0, 0.0, 0.0, 0.0), 1_000_000_007))
    running, = await bench.recorder.files()
    assert running.running
    assert running.name == bench.state['file']
    assert 'is being recorded' in await bench.recorder.delete(running.name)
    assert bench.recorder.path(running.name).exists()
    assert bench.state['bytes'] > 0
    bench.recorder.switch(False)
    await bench.send_until(lambda: not bench.state['file'])
    assert (bench.state['recording'], bench.demands) == (False, [True])
    finished, = await bench.recorder.files()
    assert (finished.running, finished.topic, finished.codec) == (False, TOPIC, 'jpeg')
    notes = bench.recorder.path(finished.name).with_suffix('.jsonl').read_text()
    driven = [line for line in map(json.loads, notes.splitlines()) if line['type'] == 'driven']
    assert time.time_ns() - 60 * 10**9 < driven[1]['stamp_ns'] <= time.time_ns()
    assert [{**line, 'stamp_ns': 0} for line in driven] == [
        {'type': 'driven', 'stamp_ns': 0, 'from': 'page', 'linear': 0.25, 'angular': -0.5},
        {'type': 'driven', 'stamp_ns': 0, 'from': 'topic', 'linear': 0.5, 'angular': 1.5},
        {'type': 'driven', 'stamp_ns': 0, 'from': 'topic', 'linear': 0.5, 'lateral': -0.1,
         'angular': 0.0}]
    assert driven[2]['stamp_ns'] == 1_000_000_007
    assert await bench.recorder.delete(finished.name) == ''
    assert await bench.recorder.files() == []
    assert bench.recorder.path(finished.name) is None
    assert 'there is no recording' in await bench.recorder.delete(finished.name)
    assert 'is not the name' in await bench.recorder.delete('../etc/passwd')


@in_application(mode='always')
async def test_always_needs_nobody(bench):
    await bench.send_until(lambda: bench.state['file'])
    assert bench.state['mode'] == 'always'


@in_application(mode='ready')
async def test_the_seconds_before_the_switch_are_in_it(bench):
    backlog = bench.recorder._disk.tracks[0].backlog
    await bench.send_until(lambda: len(backlog._kept) >= 5)
    assert not recording_threads()
    assert (bench.state['mode'], bench.state['recording']) == ('manual', False)
    count = len(backlog._kept)
    bench.recorder.switch(True)
    await bench.send_until(lambda: bench.state['file'])
    bench.recorder.stop()
    assert bench.films()[0] >= count


@in_application(mode='motion', after_s=0.2)
async def test_motion_records_what_moves_and_nothing_else(bench):
    await bench.send_until(lambda: bench.recorder._disk.tracks[0].backlog._kept)
    bench.found(STILL, EDGES)
    assert (bench.state['waiting'], bench.state['recording']) == (True, False)
    bench.found(MOVING)
    assert (bench.state['mode'], bench.state['recording']) == ('motion', True)
    await bench.send_until(lambda: bench.state['file'])
    await bench.send_until(lambda: bench.state['waiting'] and not bench.state['file'])
    assert len(bench.films()) == 1
    assert bench.active == [True]  # and no more often
    bench.recorder.switch(False)
    bench.found(MOVING)
    assert not bench.state['recording']
    await asyncio.sleep(0)
    assert bench.active == [True, False]
    assert bench.recorder._disk.tracks[0].backlog.held_bytes == 0


@in_application(after_s=0.2)
async def test_it_is_set_to_another_mode_while_it_runs(bench):
    bench.recorder.set_mode('always')
    await bench.send_until(lambda: bench.state['file'])
    bench.recorder.set_mode('motion')
    await bench.send_until(lambda: not bench.state['file'])
    assert (bench.state['waiting'], bench.state['fault'], bench.active[-1]) == (True, '', True)
    bench.found(MOVING)
    await bench.send_until(lambda: bench.state['file'])
    await bench.send_until(lambda: bench.state['waiting'] and not bench.state['file'])
    bench.recorder.set_mode('off')
    await bench.send_until(lambda: not bench.active[-1])
    assert bench.recorder._disk.tracks[0].backlog.held_bytes == 0
    assert bench.state['mode'] == 'off'


@in_application(mode='motion')
async def test_it_is_said_that_nobody_looks_for_what_moves(bench):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recorder_module, '_NO_FINDINGS_S', 0.0)
        bench.found(EDGES)
        assert 'processor:=motion' in bench.state['fault']
    bench.found(STILL)
    assert bench.state['fault'] == ''


@in_application(mode='motion')
async def test_whatever_is_sent_as_results_breaks_nothing(bench):
    for text in ('', '{', '[]', '{"results": 1}', '{"stamp": {}, "results": []}', 'null',
                 '{"stamp": {"sec": "x", "nanosec": 0}, "results": [{}]}', 10**6 * '[',
                 50_000 * '[',
                 '{"stamp": {"sec": 1, "nanosec": 0}, "results": [{"processor": "motion", '
                 '"detections": [NaN]}]}',
                 '{"stamp": {"sec": 1, "nanosec": 0}, "results": [{"processor": "motion"}]}'):
        bench.recorder.note_found(text)
    assert not bench.state['recording']


@in_application(mode='always')
async def test_images_are_encoded_for_it(bench):
    image = pictures.image()
    await bench.send_until(lambda: bench.state['file'], lambda: bench.send(image))
    bench.recorder.stop()
    assert bench.films()[0] >= 1


@in_application(mode='always', codec='h264', video=Camera())
async def test_h264_of_the_camera_is_written_as_it_comes(bench):
    units = access_units()
    number = 0

    def send():
        nonlocal number
        bench.stream.offer_video(Frame(units[number % 20], time.time_ns(), number, 320, 240,
                                       codec='h264', key=number % 10 == 0))
        number += 1

    await bench.send_until(lambda: bench.camera.wanted)
    await bench.send_until(lambda: bench.state['file'] and number > 40, send)
    bench.recorder.stop()
    files = await bench.recorder.files()
    assert [one.codec for one in files] == ['h264']
    assert bench.films()[0] >= 20


@in_application(mode='always', codec='h264')
async def test_h264_is_encoded_for_it(bench):
    await bench.send_until(lambda: bench.state['file'])
    bench.recorder.stop()
    assert [one.codec for one in await bench.recorder.files()] == ['h264']


@in_application(mode='always', codec='h264')
async def test_where_there_is_no_h264_it_is_said_and_pictures_are_recorded(bench):
    bench.stream.video.reason = lambda *_: 'H.264 needs PyAV: sudo apt install python3-av'
    await asyncio.sleep(0)  # before it is looked at first
    await bench.send_until(lambda: bench.state['file'])
    assert bench.state['fault'].endswith('python3-av; recording JPEG instead')
    bench.recorder.stop()
    assert [one.codec for one in await bench.recorder.files()] == ['jpeg']


@in_application(mode='always', topics=('/other',))
async def test_a_topic_that_is_not_there_is_said(bench):
    await asyncio.sleep(0.05)
    assert bench.state['fault'] == "no topic '/other' with pictures"


@in_application(mode='always')
async def test_after_the_end_nothing_can_be_switched(bench):
    bench.recorder.stop()
    assert bench.recorder.switch(True) == 'the program is shutting down'


LISTENS = []


@in_application(sound=SoundFeed(LISTENS.append))
async def test_what_is_heard_is_in_it_and_nobody_listens_otherwise(bench):
    await asyncio.sleep(0.05)
    assert LISTENS == []
    bench.recorder.switch(True)
    await bench.send_until(lambda: bench.state['file'])
    assert LISTENS == [True]
    silence = b'\xf8\xff\xfe'  # 20 ms of it, in Opus
    for number in range(50):
        bench.recorder._sound.hand_out(SoundPacket(silence, time.time_ns() + number * 20 * 10**6,
                                                   number))
    bench.send()
    bench.recorder.switch(False)
    await bench.send_until(lambda: not bench.state['file'])
    assert LISTENS == [True, False]
    finished, = await bench.recorder.files()
    with av.open(str(bench.recorder.path(finished.name))) as film:
        assert film.streams.audio[0].codec_context.name == 'opus'
        stamps = [packet.pts for packet in film.demux(audio=0) if packet.size]
        assert len(stamps) == 50
        assert stamps == sorted(stamps)


def test_it_needs_no_library_for_films():
    code = ('import sys; import pi_camera_stream.recording.recorder; '
            'sys.exit("av" in sys.modules or "cv2" in sys.modules)')
    assert subprocess.run([sys.executable, '-c', code]).returncode == 0


def test_what_the_disk_cannot_read_is_not_there(tmp_path, monkeypatch):
    def find(*_):
        raise OSError('Input/output error')

    monkeypatch.setattr(recorder_module.Folder, 'find', find)
    assert Bench(tmp_path).recorder.path('2026-01-01T00-00-00Z_camera.mkv') is None
