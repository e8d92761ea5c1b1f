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

import math
import threading
import time

from pi_camera_stream.core.errors import EndOfStream, PermanentError, TemporaryError
from pi_camera_stream.core.frame import Capture, EncodedImage, VideoUnit
from pi_camera_stream.core.mailbox import Mailbox
from pi_camera_stream.sources import capture_loop
from pi_camera_stream.sources.base import Source, SourceSettings
from pi_camera_stream.sources.capture_loop import CaptureLoop
from pi_camera_stream.sources.loop_video import LoopVideo
import pytest
from support.processes import WAIT_S

PICTURE = Capture(EncodedImage(b'jpeg'), 1)


class ListSource(Source):
    """Deliver captures from a list, and raise what stands in it; a start begins the next list."""

    title = 'list'

    def __init__(self, *attempts, first_picture_s=math.inf):
        super().__init__(SourceSettings(fps=100.0))
        self.first_picture_s = first_picture_s
        self._attempts = [list(items) for items in attempts]
        self._items = []
        self.started = self.stopped = 0

    def start(self):
        self.started += 1
        self._items = self._attempts.pop(0) if self._attempts else []

    def read(self, timeout_s):
        item = self._items.pop(0) if self._items else None
        if isinstance(item, Exception):
            raise item
        if item is None:
            time.sleep(0.001)
        return item

    def stop(self):
        self.stopped += 1


class Bench:
    """A loop, and what it says."""

    def __init__(self, source):
        self.ends, self.problems = [], []
        self.ended = threading.Event()
        self.deliveries = 0
        self.refusals = []
        self.loop = CaptureLoop(source, lambda: time.monotonic_ns() + 10**18, self._end,
                                self.problems.append, self._deliver,
                                lambda *refusal: self.refusals.append(refusal))

    def _deliver(self):
        self.deliveries += 1

    def _end(self, reason):
        self.ends.append(reason)
        self.ended.set()


@pytest.fixture
def run():
    """Return a function that runs a source in a loop."""
    benches = []

    def start(source):
        benches.append(Bench(source))
        benches[-1].loop.start()
        return benches[-1]

    yield start
    for bench in benches:
        bench.loop.stop()


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Let no attempt wait for long."""
    monkeypatch.setattr('pi_camera_stream.core.backoff.Backoff.SHORTEST_S', 0.01)
    monkeypatch.setattr(capture_loop, '_LEAST_SILENCE_S', 0.05)


def until(condition):
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_only_the_newest_is_left_and_its_stamp_is_the_capture_time(run):
    captures = [Capture(EncodedImage(b'%d' % number), 1000 + number) for number in range(5)]
    bench = run(ListSource([*captures, EndOfStream()]))
    assert bench.ended.wait(WAIT_S)
    capture, stamp_ns = bench.loop.mailbox.take()
    assert capture is captures[-1]
    assert stamp_ns == pytest.approx(10**18 + 1004, abs=10**8)
    assert bench.loop.mailbox.dropped == 4
    assert bench.loop.captured.total == 5
    assert isinstance(bench.ends[0], EndOfStream)
    with pytest.raises(Mailbox.Closed):
        bench.loop.mailbox.take()


@pytest.mark.parametrize('failure', [
    ZeroDivisionError('inside'), TemporaryError('unplugged'), PermanentError('no camera 0')])
def test_what_has_worked_is_started_again_whatever_a_driver_throws(run, failure):
    source = ListSource([PICTURE, failure], [PICTURE])
    bench = run(source)
    until(lambda: bench.loop.captured.total == 2)
    assert bench.loop.restarts == 1
    assert bench.loop.problem == ''
    assert bench.deliveries == 2
    assert str(failure).rpartition(' ')[2] in bench.problems[0]
    assert (source.started, source.stopped) == (2, 1)
    assert bench.ends == []


def test_what_cannot_work_from_the_beginning_is_the_end(run):
    source = ListSource([PermanentError('no such file')])
    bench = run(source)
    assert bench.ended.wait(WAIT_S)
    assert str(bench.ends[0]) == 'no such file'
    assert source.stopped == 1


def test_what_is_silent_is_started_again(run):
    source = ListSource([PICTURE], [PICTURE], first_picture_s=60)
    bench = run(source)
    until(lambda: bench.loop.captured.total == 2)
    assert 'list delivered no picture for 0.1 s' in bench.problems[0]
    assert source.stopped >= 1


def test_so_is_what_never_begins(run):
    bench = run(ListSource([], [], [PICTURE], first_picture_s=0.05))
    until(lambda: bench.loop.captured.total == 1)
    assert bench.loop.restarts >= 2  # more where the machine held it up


def test_where_silence_is_no_failure_it_is_waited_for(run):
    source = ListSource([PICTURE])
    bench = run(source)
    until(lambda: bench.loop.silent_s() > 0.3)
    assert bench.loop.restarts == 0
    assert source.started == 1


def test_a_slow_source_may_be_silent_for_longer(run):
    source = ListSource()
    bench = Bench(source)
    assert bench.loop.longest_silence_s() == 0.05
    source.fps = 2.0
    assert bench.loop.longest_silence_s() == 2.5


def test_where_nobody_knows_the_rate_it_is_seen(run):
    source = ListSource()
    source.fps = 0.0
    assert Bench(source).loop.longest_silence_s() == 5.0
    pictures = ListSource([PICTURE] * 20)
    pictures.fps = 0.0
    bench = run(pictures)
    until(lambda: bench.loop.captured.total == 20)
    assert bench.loop.longest_silence_s() == 0.05


def test_one_that_says_why_it_is_silent_gets_the_time_to():
    source = ListSource(first_picture_s=20.0)
    source.tells_silence = True
    loop = Bench(source).loop
    loop._came = True
    assert loop.longest_silence_s() == 40.0
    for _ in range(20):
        loop._intervals_s.add(3.0)
    assert loop.longest_silence_s() == 30.0
    source.fps = 0.1  # pictures that are left out for it are not seen here
    assert loop.longest_silence_s() == 50.0


def test_what_opens_slowly_is_not_silent(run):
    assert Bench(ListSource(first_picture_s=20.0)).loop.longest_silence_s() == 20.0


def test_a_problem_is_told_while_it_lasts(run):
    bench = run(ListSource([PICTURE, TemporaryError('unplugged')], *[
        [TemporaryError('still unplugged')]] * 500))
    until(lambda: bench.loop.problem == 'still unplugged')


def test_it_is_off_while_no_pictures_are_wanted(run):
    source = ListSource([PICTURE], [PICTURE])
    bench = run(source)
    until(lambda: bench.loop.captured.total == 1)
    bench.loop.want(False)
    until(lambda: source.stopped == 1)
    bench.loop.want(True)
    until(lambda: bench.loop.captured.total == 2)
    assert bench.loop.restarts == 0
    assert source.started == 2


def test_another_source_can_take_over(run):
    first, second = ListSource([PICTURE]), ListSource([PICTURE])
    bench = run(first)
    until(lambda: bench.loop.captured.total == 1)
    bench.loop.change(second)
    assert bench.loop.source is second
    until(lambda: bench.loop.captured.total == 2)
    assert first.stopped == 1
    assert bench.loop.restarts == 0


def test_one_that_cannot_work_gives_way_to_the_one_before(run):
    first = ListSource([PICTURE], [PICTURE])
    bench = run(first)
    until(lambda: bench.loop.captured.total == 1)
    bad = ListSource([PermanentError('no such size')])
    bench.loop.change(bad)
    until(lambda: bench.loop.captured.total == 2)
    assert bench.loop.source is bench.loop.present is first
    assert bench.refusals == [(bad, 'no such size')]
    assert (bench.problems, bench.loop.restarts) == ([], 0)


def test_so_does_one_that_is_changed_to_while_nothing_comes(run):
    first = ListSource([PICTURE, *[TemporaryError('unplugged')] * 3], *[
        [TemporaryError('unplugged')]] * 3, [PICTURE])
    bench = run(first)
    until(lambda: bench.loop.problem)
    bad, worse = (ListSource([PermanentError(word)]) for word in ('bad', 'worse'))
    bench.loop.change(bad)
    until(lambda: bench.refusals)
    bench.loop.change(worse)
    until(lambda: bench.loop.captured.total == 2)
    assert bench.refusals == [(bad, 'bad'), (worse, 'worse')]
    assert bench.loop.present is first


def test_one_that_cannot_work_is_no_end_while_another_one_is_to_follow(run):
    class Slow(ListSource):
        def start(self):
            super().start()
            until(lambda: bench.loop.source is not self)
            raise PermanentError('no such file')

    second = ListSource([PICTURE])
    bench = Bench(Slow())
    bench.loop.start()
    bench.loop.change(second)
    until(lambda: bench.loop.captured.total == 1)
    assert bench.ends == []
    bench.loop.stop()


def test_if_that_one_does_not_work_either_it_is_tried_with_patience(run):
    first = ListSource([PICTURE], *[[PermanentError('gone')]] * 1000)
    bench = run(first)
    until(lambda: bench.loop.captured.total == 1)
    bench.loop.change(ListSource([PermanentError('no such size')]))
    until(lambda: bench.loop.restarts >= 4)
    assert bench.loop._backoff.wait_s > 0.02


def test_what_cannot_be_stopped_is_a_problem_and_no_end(run):
    class Stuck(ListSource):
        def stop(self):
            super().stop()
            raise OSError('stuck')

    bench = run(Stuck([PICTURE, TemporaryError('unplugged')], [PICTURE]))
    until(lambda: bench.loop.captured.total == 2)
    assert "list cannot be stopped: OSError('stuck')" in bench.problems
    bench.loop.stop()
    assert bench.ends == []


def test_stopping_stops_the_source(run):
    source = ListSource([])
    bench = run(source)
    until(lambda: source.started)
    bench.loop.stop()
    assert source.stopped == 1


class HeirSource(ListSource):
    """One that goes on with what another one has opened, if it can."""

    def __init__(self, *attempts, can=True):
        super().__init__(*attempts)
        self.can = can
        self.heir_of = None

    def take_over(self, running):
        if self.can:
            self.heir_of, self._items = running, self._attempts.pop(0)
        return self.can


@pytest.mark.parametrize('can', [True, False])
def test_a_new_source_goes_on_with_what_is_open_where_it_can(run, can):
    before, after = ListSource([PICTURE]), HeirSource([PICTURE], can=can)
    bench = run(before)
    until(lambda: bench.loop.captured.total == 1)
    bench.loop.change(after)
    until(lambda: bench.loop.captured.total == 2)
    assert bench.loop.source is after
    assert (after.heir_of, before.stopped, after.started) == (
        (before, 0, 0) if can else (None, 1, 1))
    assert bench.deliveries == 2
    assert bench.loop.restarts == 0
    bench.loop.stop()
    assert after.stopped == 1


def test_an_heir_that_cannot_work_gives_way_to_the_settings_before(run):
    before = ListSource([PICTURE], [PICTURE])
    after = HeirSource([PermanentError('no such mode')])
    bench = run(before)
    until(lambda: bench.loop.captured.total == 1)
    bench.loop.change(after)
    until(lambda: bench.loop.captured.total == 2)
    assert bench.loop.source is before
    assert (after.stopped, before.started) == (1, 2)
    assert bench.refusals == [(after, 'no such mode')]


class VideoSource(ListSource):
    """Has an access unit for each capture, while it is wanted."""

    has_video, why_no_video = True, 'for no reason'

    def __init__(self, *attempts):
        super().__init__(*attempts)
        self.wanted, self.bps, self.keys = False, 0.0, 0

    def read(self, timeout_s):
        if self.wanted and self.on_video is not None:
            self.on_video(VideoUnit(b'unit', True, 1000, 320, 240))
        return super().read(timeout_s)

    def want_video(self, wanted):
        self.wanted = wanted

    def request_key_frame(self):
        self.keys += 1
        return True

    def limit_video_bitrate(self, bitrate_bps):
        self.bps = bitrate_bps
        return True


def test_what_is_wanted_of_h264_is_wanted_of_each_source_that_follows():
    first, second = VideoSource([PICTURE]), VideoSource([PICTURE])
    bench, units = Bench(first), []
    bench.loop.on_video = lambda unit, stamp_ns: units.append((unit.data, stamp_ns))
    bench.loop.start()
    try:
        until(lambda: bench.loop.captured.total == 1)
        assert (units, first.wanted, first.bps) == ([], False, 0.0)
        bench.loop.want_video(True)
        assert bench.loop.limit_video_bitrate(1e6)
        assert bench.loop.request_key_frame()
        until(lambda: units)
        assert units[0] == (b'unit', pytest.approx(10**18 + 1000, abs=10**8))
        assert (bench.loop.has_video, bench.loop.why_no_video) == (True, 'for no reason')
        bench.loop.change(second)
        until(lambda: bench.loop.captured.total == 2)
        assert (first.bps, first.keys) == (second.bps, 1) == (1e6, 1)
        begin = len(units)
        until(lambda: len(units) > begin)
        bench.loop.want_video(False)
        assert not second.wanted
    finally:
        bench.loop.stop()


def test_its_h264_is_handed_over_as_frames_and_steered():
    source, frames = VideoSource([PICTURE]), []
    bench = Bench(source)
    video = LoopVideo(bench.loop, frames.append)
    bench.loop.start()
    try:
        until(lambda: bench.loop.captured.total == 1)
        assert (video.available, frames) == (True, [])
        video.want(True)
        assert video.limit_bitrate(5e5)
        video.request_key_frame()
        until(lambda: len(frames) > 1)
        assert (source.bps, source.keys) == (5e5, 1)
        assert [frame.sequence for frame in frames[:2]] == [1, 2]
        assert (frames[0].data, frames[0].codec, frames[0].key) == (b'unit', 'h264', True)
        assert (frames[0].width, frames[0].height) == (320, 240)
        assert frames[0].stamp_ns == pytest.approx(10**18 + 1000, abs=10**8)
    finally:
        bench.loop.stop()


def test_a_hook_that_somebody_else_has_set_stays(run):
    source, units = VideoSource([PICTURE]), []
    source.on_video, source.wanted = units.append, True
    bench = run(source)
    until(lambda: units)
    assert bench.ends == []
