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

from itertools import pairwise
import os

import cv2
import numpy as np
from pi_camera_stream.core import block_code
from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.sources import video_file
from pi_camera_stream.sources.base import SourceSettings
from pi_camera_stream.sources.video_file import VideoFileSource
import pytest
from support import videos

FPS = 50


@pytest.fixture(scope='module')
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp('clip') / 'clip.mp4'
    videos.write(path, count=6, rate=FPS)
    return path


class Clock:
    """A clock that goes on by sleeping only."""

    now_s = 100.0

    def monotonic(self):
        return self.now_s

    def sleep(self, seconds):
        self.now_s += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(video_file, 'time', clock)
    return clock


def opened(path, **settings):
    source = VideoFileSource(SourceSettings('file', str(path), **settings))
    source.start()
    return source


def captures(source, count):
    return [capture for capture in (source.read(5) for _ in range(count)) if capture is not None]


def number(capture):
    return block_code.read(capture.content).number


def test_it_plays_in_order_and_begins_anew(clip):
    source = opened(clip)
    found = captures(source, 8)
    assert [number(capture) for capture in found] == [0, 1, 2, 3, 4, 5, 0, 1]
    source.stop()


def test_it_plays_in_real_time(clip):
    source = opened(clip)
    found = captures(source, 6)
    took_s = (found[-1].monotonic_ns - found[0].monotonic_ns) / 1e9
    assert took_s >= 0.099  # five intervals at 50 frames/s; more on a busy machine
    assert source.nominal_fps == 50
    source.stop()


def test_a_video_of_more_pixels_than_may_be_is_refused(clip):
    opened(clip, max_pixels=320 * 240).stop()
    with pytest.raises(PermanentError, match=(
            r"clip\.mp4' cannot be played: it has 320x240 pixels, but 'max_pixels' allows 76799")):
        opened(clip, max_pixels=320 * 240 - 1)


@pytest.mark.usefixtures('clock')
def test_a_lower_rate_leaves_pictures_out(clip):
    source = opened(clip, fps=25)
    assert [number(capture) for capture in captures(source, 3)] in ([0, 2, 4], [0, 1, 3])
    assert source.nominal_fps == 25
    source.stop()


def test_a_wanted_size_is_made(clip):
    source = opened(clip, width=160, height=120)
    assert source.read(5).content.shape == (120, 160, 3)
    source.stop()


def test_left_out_pictures_keep_to_the_time_out(clip):
    source = opened(clip, fps=0.01)
    assert source.read(5) is not None
    assert [source.read(0.01) for _ in range(5)] == [None] * 5
    source.stop()


def test_waiting_ends_at_the_time_out(clip, clock):
    source = opened(clip)
    assert source.read(5) is not None
    shown_s = clock.now_s
    assert source.read(0.25 / FPS) is None
    assert clock.now_s == pytest.approx(shown_s + 0.25 / FPS)
    assert source.read(5) is not None
    assert clock.now_s == pytest.approx(shown_s + 1 / FPS)
    source.stop()


@pytest.mark.parametrize(('content', 'sentence'), [
    (None, 'there is no file or folder'),
    (b'', 'is not a video that can be played'),
    (b'this is a text, and no video at all' * 100, 'is not a video that can be played'),
])
def test_what_cannot_be_played_is_explained(tmp_path, content, sentence):
    path = tmp_path / 'film.mp4'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PermanentError, match=sentence):
        opened(path)


def test_a_path_is_needed():
    with pytest.raises(PermanentError, match="needs the parameter 'path'"):
        opened('')


def full_range(stream):
    if stream.codec_context.name == 'mjpeg':
        stream.pix_fmt = 'yuvj420p'


@pytest.mark.usefixtures('clock')
@pytest.mark.parametrize(('name', 'codec'), [
    ('film.h264', 'libx264'), ('film.hevc', 'libx265'),
    ('film.mjpeg', 'mjpeg')])
@pytest.mark.parametrize('fps', [0.0, 8.0, 60.0])
def test_a_film_without_a_container_is_played_at_the_rate_that_is_asked_for(
        tmp_path, name, codec, fps):
    path = tmp_path / name
    videos.write(path, codec=codec, prepare=full_range)
    source = opened(path, fps=fps)
    found = captures(source, 14)
    assert [number(capture) for capture in found] == [*range(6), *range(6), 0, 1]
    intervals_s = [(later.monotonic_ns - earlier.monotonic_ns) / 1e9
                   for earlier, later in pairwise(found)]
    assert intervals_s == pytest.approx([1 / (fps or 30.0)] * 13, abs=1e-6)
    assert source.nominal_fps == (fps or 30.0)
    source.stop()


@pytest.mark.usefixtures('clock')
@pytest.mark.parametrize('name', ['one.mp4', 'one.h264', 'one.mjpeg', 'one.avi', 'one.jpg',
                                  'one.png'])
def test_a_film_of_one_picture_is_played_for_ever(tmp_path, name):
    path = tmp_path / name
    if path.suffix in ('.jpg', '.png'):
        image = np.full((240, 320, 3), 80, np.uint8)
        block_code.draw(image, block_code.BlockCode(0, 0))
        cv2.imwrite(str(path), image)
    else:
        videos.write(path, count=1, codec={'.h264': 'libx264', '.mjpeg': 'mjpeg'}.get(
            path.suffix, 'mpeg4'), prepare=full_range)
    source = opened(path)
    found = captures(source, 5)
    assert [number(capture) for capture in found] == [0] * 5
    assert all(later.monotonic_ns > earlier.monotonic_ns for earlier, later in pairwise(found))
    source.stop()


@pytest.mark.parametrize('name', ['film.avi', 'film.mkv', 'film.ts', 'film.mp4'])
def test_a_film_whose_data_are_damaged_is_played_as_far_as_they_go(tmp_path, name):
    path = tmp_path / name
    videos.write(path, count=60, rate=240)
    data = bytearray(path.read_bytes())
    for at in range(len(data) // 4, len(data) - 3000, 4000):
        data[at:at + 60] = bytes(60)
    path.write_bytes(data)
    source = opened(path)
    codes = [block_code.read(capture.content) for capture in captures(source, 150)]
    numbers = [code.number for code in codes if code is not None]
    assert numbers.count(0) >= 2
    assert max(numbers) > 30  # beyond the first damage
    source.stop()


def test_an_index_that_leads_nowhere_is_no_end(tmp_path):
    path = tmp_path / 'film.avi'
    videos.write(path, count=6)
    data = bytearray(path.read_bytes())
    index = data.rindex(b'idx1')
    data[index + 8:] = os.urandom(len(data) - index - 8)
    path.write_bytes(data)
    source = opened(path)
    numbers = [number(capture) for capture in captures(source, 14)]
    assert numbers.count(0) >= 2
    source.stop()


def test_a_video_that_was_cut_off_plays_as_far_as_it_goes(clip, tmp_path):
    path = tmp_path / 'cut.avi'
    videos.write(path, count=30, rate=200)
    data = path.read_bytes()
    path.write_bytes(data[:len(data) * 2 // 3])
    source = opened(path)
    codes = [block_code.read(capture.content) for capture in captures(source, 40)]
    numbers = [code.number for code in codes if code is not None]
    assert numbers[:2] == [0, 1]
    assert numbers.count(0) >= 2
    source.stop()
