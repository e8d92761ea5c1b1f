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

"""How picamera2's encoders follow a bit rate while they run."""

from importlib import import_module
import itertools
import math
from pathlib import Path
import sys

from pi_camera_stream.sources import worker_source, workers
from pi_camera_stream.sources.base import SourceSettings
from pi_camera_stream.sources.pattern import PatternSource
from pi_camera_stream.sources.picamera2 import Picamera2Source
import pytest
from support.fake_camera import FAKE, read, told
from support.processes import wait_until

FPS = 100.0
MODULES = ('picamera2_bitrate', 'worker_pipe')
SOFTWARE, HARDWARE = {'BYTES': 40_000}, {'HARDWARE': 1}  # 32 Mbit/s, and 7.4 Mbit/s at 30/s


@pytest.fixture
def start(monkeypatch):
    """Return a function that starts the source, and the fake with options."""
    monkeypatch.setenv('PYTHONPATH', str(FAKE))
    sources = []

    def run(options):
        for name, value in options.items():
            monkeypatch.setenv(f'FAKE_{name}', str(value))
        sources.append(Picamera2Source(SourceSettings(
            source='picamera2', fps=FPS, width=640, height=480)))
        sources[-1].start()
        return sources[-1]

    yield run
    for source in sources:
        source.stop()


@pytest.fixture
def sent(monkeypatch):
    """Return the bit rates that are sent to workers."""
    rates = []

    def pack(kind, body):
        if 'bitrate' in body:
            rates.append(body['bitrate'])
        return original(kind, body)

    original = worker_source.pack_message
    monkeypatch.setattr(worker_source, 'pack_message', pack)
    return rates


def rate_bps(source, count=20):
    """Return the bits a second of the next pictures."""
    captures = read(source, count)
    span_s = (captures[-1].monotonic_ns - captures[0].monotonic_ns) / 1e9
    return sum(len(capture.content.data) for capture in captures[1:]) * 8 / span_s


@pytest.mark.parametrize('options', [
    SOFTWARE, HARDWARE, {**SOFTWARE, 'PLATFORM': 'pisp'}])
def test_pictures_follow_the_limit_down_and_up_and_through_a_restart(start, options):
    source = start(options)
    assert not source.limit_bitrate(math.inf)  # it does not know yet
    full_bps = rate_bps(source)
    limit_bps = full_bps / 3
    assert source.limit_bitrate(limit_bps)
    wait_until(lambda: 0.75 < rate_bps(source) / limit_bps < 1.125)
    source.stop()
    source.start()
    wait_until(lambda: 0.75 < rate_bps(source) / limit_bps < 1.125)
    assert source.limit_bitrate(math.inf)
    wait_until(lambda: rate_bps(source) > 0.8 * full_bps)
    assert source.refused == ''


def test_the_limit_is_for_the_pictures_that_are_wanted(start, sent):
    source = start(SOFTWARE)
    source.fps = FPS / 4
    source.limit_bitrate(2e6)
    read(source, 2)
    assert sent == [8e6]
    wait_until(lambda: 1e6 < rate_bps(source, 10) < 2.4e6)


def test_small_changes_are_not_sent(start, sent):
    source = start(SOFTWARE)
    for limit_bps in (math.inf, 1e6, 1.04e6, 0.96e6, 1.06e6, 1.06e6, math.inf, math.inf):
        source.limit_bitrate(limit_bps)
        read(source, 2)
    assert sent == [1e6, 1.06e6, None]


def test_the_hardware_does_not_exceed_its_own_rate(start):
    source = start(HARDWARE)
    read(source)
    best = told(read(source)[0])['bitrate']
    source.limit_bitrate(1e6)
    wait_until(lambda: told(read(source)[0])['bitrate'] < best)
    source.limit_bitrate(1e9)
    wait_until(lambda: told(read(source)[0])['bitrate'] == best)


def test_hardware_that_refuses_goes_on_and_it_is_said(start, capfd):
    source = start({**HARDWARE, 'FIXED_RATE': 1})
    read(source)
    assert source.limit_bitrate(1e6)
    wait_until(lambda: read(source) and not source.limit_bitrate(1e6))
    read(source, 20)
    assert not source.limit_bitrate(math.inf)
    source.stop()
    assert capfd.readouterr().err.count('cannot be told another bit rate') == 1


def test_the_answer_to_controls_stays(start, sent):
    source = start(SOFTWARE)
    read(source)
    source.set_controls({'Zoom': 2})
    wait_until(lambda: read(source) and source.refused)
    source.limit_bitrate(1e6)
    wait_until(lambda: read(source) and sent)
    read(source, 20)
    assert source.refused == 'Zoom: this camera has no such control'
    assert source.limit_bitrate(1e6)


def test_other_sources_cannot():
    assert not PatternSource(SourceSettings(source='pattern')).limit_bitrate(1e6)


@pytest.fixture
def bitrate(monkeypatch):
    """Return the worker's module, found as its interpreter finds it."""
    folder = Path(workers.__file__).parent
    monkeypatch.syspath_prepend(str(folder / 'runtime'))
    monkeypatch.syspath_prepend(str(folder / 'picamera2'))
    yield import_module('picamera2_bitrate')
    for name in MODULES:
        sys.modules.pop(name, None)


class Encoder:
    """JpegEncoder with pictures under way: what it puts out was encoded three pictures ago."""

    def __init__(self, quality=80, full_bytes=40_000, exponent=0.62):
        self.q = self.quality = quality
        self.full_bytes = full_bytes
        self.exponent = exponent
        self._under_way = [quality] * 3

    def encode(self):
        self._under_way.append(self.q)
        steps, full_steps = (self._steps(q) for q in (self._under_way.pop(0), self.quality))
        table = bytes(min(max(round(57.6 * steps), 1), 255) for _ in range(64))
        head = b'\xff\xd8\xff\xdb\0\x43\0' + table
        size = round(self.full_bytes * (full_steps / steps) ** self.exponent)
        return head + bytes(size - len(head))

    @staticmethod
    def _steps(quality):
        return 50 / quality if quality < 50 else max(2 - quality / 50, 0.01)


def run(limit, encoder, count, clock, interval_us=33_333):
    """Return the sizes of that many pictures."""
    sizes = []
    for _ in range(count):
        jpeg = encoder.encode()
        limit.note(jpeg, next(clock) * interval_us)
        sizes.append(len(jpeg))
    return sizes


@pytest.mark.parametrize('exponent', [0.4, 0.62, 0.9])
@pytest.mark.parametrize('quality', [55, 80, 95])
def test_the_quality_is_found_within_some_pictures(bitrate, exponent, quality):
    encoder, clock = Encoder(quality, exponent=exponent), itertools.count(1)
    limit = bitrate.QualityLimit(encoder)
    assert set(run(limit, encoder, 20, clock)) == {40_000}
    limit.set(30_000 * 8 * 30)
    assert run(limit, encoder, 15, clock)[-1] == pytest.approx(30_000, rel=0.15)
    assert sum(run(limit, encoder, 50, clock)) / 50 == pytest.approx(30_000, rel=0.07)
    encoder.full_bytes = 43_000  # the scene has changed
    run(limit, encoder, 15, clock)
    assert sum(run(limit, encoder, 50, clock)) / 50 == pytest.approx(30_000, rel=0.07)
    limit.set(None)
    assert run(limit, encoder, 5, clock)[-1] == 43_000


@pytest.mark.parametrize(('quality', 'least'), [(80, 20), (15, 15)])
def test_the_quality_has_an_end(bitrate, quality, least):
    encoder, clock = Encoder(quality), itertools.count(1)
    limit = bitrate.QualityLimit(encoder)
    limit.set(1.0)
    run(limit, encoder, 20, clock)
    assert encoder.q == least
    limit.set(1e9)
    run(limit, encoder, 20, clock)
    assert encoder.q == quality


def test_fewer_pictures_may_be_larger(bitrate):
    encoder, clock = Encoder(), itertools.count(1)
    limit = bitrate.QualityLimit(encoder)
    limit.set(10_000 * 8 * 30)
    run(limit, encoder, 20, clock)
    sizes = run(limit, encoder, 50, clock, 100_000)  # its first comes after a pause
    assert sum(sizes[-20:]) / 20 == pytest.approx(30_000, rel=0.07)


def test_what_is_no_jpeg_changes_nothing(bitrate):
    encoder = Encoder()
    limit = bitrate.QualityLimit(encoder)
    limit.set(1.0)
    limit.note(b'', 1)
    limit.note(bytes(100), 2)
    assert encoder.q == 80


def test_the_hardware_is_scaled_to_30_pictures_a_second_and_told_seldom(bitrate, monkeypatch):
    asked = []

    def ioctl(fd, request, data):
        assert (fd, request, data[:4]) == ('/dev/video11', 0xC008561C, b'\xcf\x09\x99\x00')
        asked.append(int.from_bytes(data[4:], 'little'))
        return data[:4] + min(asked[-1], 25_000_000).to_bytes(4, 'little')

    monkeypatch.setattr(bitrate.fcntl, 'ioctl', ioctl)
    encoder, clock = Encoder(), itertools.count(1)
    encoder.vd, encoder.bitrate = '/dev/video11', 50_000_000
    limit = bitrate.HardwareLimit(encoder, None)
    assert (limit.works, limit.best) == (True, 25_000_000)
    run(limit, encoder, 30, clock, 20_000)
    assert asked == [50_000_000]
    limit.set(5e6)
    run(limit, encoder, 30, clock, 20_000)
    assert asked[1:] == [pytest.approx(3e6, rel=0.01)]
    limit.set(None)
    run(limit, encoder, 30, clock, 20_000)
    assert asked[2:] == [25_000_000]


def test_an_encoder_that_is_built_otherwise_cannot_be_told(bitrate, capsys):
    encoder = Encoder()
    encoder.bitrate = 5_000_000
    limit = bitrate.HardwareLimit(encoder, None)
    assert (limit.works, limit.best) == (False, 5_000_000)
    limit.set(1e6)
    run(limit, encoder, 5, itertools.count(1))
    assert capsys.readouterr().out.count('bit rate') == 1
