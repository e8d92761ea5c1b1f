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

"""The H.264 encoder of a Pi 4 and older, beside that of the JPEGs."""

from dataclasses import replace
import json
import os
import re
import signal

from pi_camera_stream.core.errors import TemporaryError
from pi_camera_stream.sources.base import SourceSettings
from pi_camera_stream.sources.picamera2 import Picamera2Source
import pytest
from support import h264_streams
from support.fake_camera import FAKE, read, told

FPS = 50.0
TOLD = re.compile(rb'u{16}(\{.*?\})\x80')


class Camera(Picamera2Source):
    """The source, and what it hands on."""

    def __init__(self, settings):
        super().__init__(settings)
        self.units, self.stamps = [], set()
        self.on_video = self.units.append

    def read(self, timeout_s):
        capture = super().read(timeout_s)
        if capture is not None:
            self.stamps.add(capture.monotonic_ns)
        return capture

    def wait_for(self, count):
        """Read until so many more access units have come, and return these."""
        begin = len(self.units)
        while len(self.units) < begin + count:
            read(self)
        return self.units[begin:]

    def wait_until(self, condition):
        read(self)
        while not condition():
            read(self)


@pytest.fixture
def start(monkeypatch):
    """Return a function that starts the source with settings, and the fake with options."""
    monkeypatch.setenv('PYTHONPATH', str(FAKE))
    sources = []

    def run(options=None, **settings):
        for name, value in {'HARDWARE': 1, **(options or {})}.items():
            monkeypatch.setenv(f'FAKE_{name}', str(value))
        sources.append(Camera(SourceSettings(
            source='picamera2', **{'fps': FPS, 'width': 640, 'height': 480, **settings})))
        sources[-1].start()
        return sources[-1]

    yield run
    for source in sources:
        source.stop()


def bitrate(unit):
    """Return the bit rate that the hardware was set to when it made an access unit."""
    return json.loads(TOLD.search(unit.data)[1])['bitrate']


def test_it_is_handed_on_beside_the_jpegs_while_wanted(start):
    camera = start()
    camera.wait_until(lambda: camera.has_video)
    read(camera, 10)
    assert camera.units == []
    camera.want_video(True)
    units = camera.wait_for(60)
    assert units[0].key
    assert {(unit.width, unit.height) for unit in units} == {(640, 480)}
    stamps = [unit.monotonic_ns for unit in units]
    assert stamps == sorted(set(stamps))
    counters = camera.counters()
    missed = sum(counters[name] for name in (
        'left out by the worker', 'replaced by newer', 'left out for fps'))
    assert len(set(stamps[:-5]) - camera.stamps) <= missed
    assert len(set(stamps) & camera.stamps) > 30
    camera.want_video(False)
    camera.wait_until(lambda: not camera._asked_video)
    count = len(camera.units)
    read(camera, 20)
    assert len(camera.units) == count
    camera.want_video(True)
    assert camera.wait_for(20)[0].key
    assert len(h264_streams.decode([unit.data for unit in camera.units])) == len(camera.units)


@pytest.mark.parametrize('options', [{'PLATFORM': 'pisp'}, {'HARDWARE': ''}])
def test_where_there_is_no_hardware_the_node_is_to_encode(start, options):
    camera = start(options)
    camera.want_video(True)
    read(camera, 20)
    assert not camera.has_video
    assert camera.why_no_video == ''
    assert not camera.request_key_frame()
    assert not camera.limit_video_bitrate(1e6)
    assert camera.units == []


@pytest.mark.parametrize('options', [{}, {'H264': 'old'}])
def test_it_makes_a_key_frame_when_asked(start, options):
    camera = start(options)
    camera.want_video(True)
    camera.wait_for(10)
    for _ in range(3):
        before = len(camera.units)
        assert camera.request_key_frame()
        camera.wait_until(lambda before=before: any(u.key for u in camera.units[before:]))
        camera.wait_for(10)
    assert sum(unit.key for unit in camera.units) == 4
    h264_streams.decode([unit.data for unit in camera.units])


def test_it_keeps_to_a_bit_rate(start):
    camera = start()
    camera.want_video(True)
    assert bitrate(camera.wait_for(5)[-1]) == 400_000  # a third of 1280x720, for 30 of 50 frames/s
    for bps, found in ((3e6, 1_800_000), (1e6, 600_000), (1e9, 25_000_000), (1.0, 25_000)):
        assert camera.limit_video_bitrate(bps)
        camera.wait_until(lambda found=found: bitrate(camera.units[-1]) == found)
    assert 'bitrate' in told(read(camera)[0])
    assert told(read(camera)[0])['bitrate'] == 7_375_000  # that of the JPEGs, as the driver rounds


def test_with_other_settings_it_goes_on_with_a_key_frame(start):
    first = start()
    first.want_video(True)
    first.limit_video_bitrate(1e6)
    first.wait_for(5)
    second = Camera(replace(first.settings, width=320, height=240))
    assert second.take_over(first)
    try:
        units = second.wait_for(20)
        assert units[0].key
        assert {(unit.width, unit.height) for unit in units} == {(320, 240)}
        assert len(h264_streams.decode([unit.data for unit in units])) == len(units)
        assert bitrate(units[-1]) == 600_000
    finally:
        second.stop()


def test_a_slower_camera_keeps_its_bit_rate(start):
    first = start()
    first.want_video(True)
    first.limit_video_bitrate(1e6)
    first.wait_for(5)
    second = Camera(replace(first.settings, fps=30.0))
    assert second.take_over(first)
    try:
        second.wait_until(lambda: second.units and bitrate(second.units[-1]) == 1_000_000)
    finally:
        second.stop()


def test_behind_a_gap_a_key_frame_is_asked_for(start):
    camera = start()
    camera.want_video(True)
    camera.wait_for(5)
    camera._video._number += 1  # as if one had been left out
    before = len(camera.units)
    camera.wait_for(20)
    assert camera.units[before].key
    # Of itself, it makes one in 500.
    assert camera.counters()['H.264 left out up to a key frame'] < 250
    h264_streams.decode([unit.data for unit in camera.units])


def test_after_the_worker_was_killed_it_is_asked_again(start):
    camera = start()
    camera.want_video(True)
    camera.wait_for(5)
    os.kill(camera._child.pid, signal.SIGKILL)
    with pytest.raises(TemporaryError):
        read(camera, 1000)
    camera.stop()
    assert not camera.has_video
    before = len(camera.units)
    camera.start()
    camera.wait_for(10)
    assert camera.units[before].key


@pytest.mark.parametrize(('options', 'settings', 'words'), [
    ({}, {'width': 1920, 'height': 1080}, 'does not keep up with 1920x1080 at 50 frames/s: .* '
                                          "'width', 'height' and 'fps' to less"),
    ({'H264': 'busy'}, {}, r'cannot be used \(.*busy\): see with `sudo fuser'),
])
def test_where_it_cannot_be_the_reason_is_said_and_jpegs_go_on(start, options, settings, words):
    camera = start(options, **settings)
    camera.want_video(True)
    camera.wait_until(lambda: re.search(words, camera.why_no_video))
    assert not camera.has_video
    read(camera, 20)
    assert words[:5] in camera.encoder()
    assert camera.units == []
