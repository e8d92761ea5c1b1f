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

import random

from benchmarks.beside import marks, table
from benchmarks.beside.parser import Chunks, MarkedParser
from benchmarks.beside.programs import Place, PROGRAMS, VIEWERS
from benchmarks.beside.viewers_main import Keeper, KEPT
from benchmarks.common.multipart import MultipartError
import pytest

HTTP = b'HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=b\r\n\r\n--b\r\n'
PICTURE = b'\xff\xd8 a picture \r\n\r\n--b\r\n' + b'x' * 700
ROW = {'program': 'serve', 'viewers': 20, 'link_bps': None, 'frames_per_s_mean': 29.96,
       'frames_per_s_min': 29.8, 'age_median_ms': 1.26,
       'age_p99_ms': 14.4, 'frame_kb': 63.2,
       'ssim': {'mean': 0.9998, 'least': 0.9, 'count': 24}, 'cpu_ms_per_frame': 0.101,
       'memory_mb': 91.4}


def given(at_s, picture=PICTURE):
    jpeg = marks.marked(picture)
    begin = jpeg.index(b'given ') + 6
    return jpeg[:begin] + b'%019d' % round(at_s * 1e9) + jpeg[begin + 19:]


def part(jpeg, more=b''):
    return (b'Content-Type: image/jpeg\r\nContent-Length: %d\r\n%b\r\n%b\r\n--b\r\n'
            % (len(jpeg), more, jpeg))


def read(parser, data, seed=0):
    """Read it in pieces of any size, and skip what may be."""
    sizes, found = random.Random(seed), []
    while data:
        size = sizes.choice((1, 3, 50, 600, 3000))
        if parser.left:
            size = min(size, parser.left)
            found += parser.skip(size)
        else:
            found += parser.feed(data[:size])
        data = data[size:]
    return [(one.size, one.stamp_s) for one in found]


def test_a_mark_says_when_its_picture_was_given():
    assert marks.given_s(given(1234.5)) == 1234.5
    assert marks.given_s(given(1234.5)[:marks.BYTES]) == 1234.5
    assert marks.without_time(given(1234.5)) == marks.marked(PICTURE)


@pytest.mark.parametrize('jpeg', [
    b'', PICTURE, marks.marked(PICTURE), given(5.0)[:marks.BYTES - 1],
    given(5.0).replace(b'given', b'taken')])
def test_others_say_nothing(jpeg):
    assert marks.given_s(jpeg) is None


@pytest.mark.parametrize('seed', range(5))
def test_pictures_are_as_old_as_their_marks_say(seed):
    jpegs = [given(at_s) for at_s in (7.25, 8.5, 9.0)]
    stamp = b'X-Timestamp: 99.0\r\n'  # of the sending, as ustreamer's
    data = HTTP + b''.join(part(jpeg, stamp) for jpeg in jpegs)
    expected = [(len(jpegs[0]), at_s) for at_s in (7.25, 8.5, 9.0)]
    assert read(MarkedParser(), data, seed) == expected
    assert read(MarkedParser(http=False), data[len(HTTP):], seed) == expected


def test_what_is_no_camera_picture_counts_only_with_a_stamp_of_the_camera():
    data = HTTP + part(PICTURE) + part(PICTURE, b'X-Timestamp: 99.5\r\n') + part(given(7.0))
    assert [at_s for _, at_s in read(MarkedParser(), data)] == [7.0]
    assert [at_s for _, at_s in read(MarkedParser(stamped=True), data)] == [99.5, 7.0]


@pytest.mark.parametrize('seed', range(5))
def test_pictures_that_are_to_be_kept_are_kept_whole(seed):
    kept = []
    asked = iter((None, kept.append, None, kept.append))
    jpegs = [given(at_s) for at_s in (1.0, 2.0, 3.0, 4.0)]
    found = read(MarkedParser(keep=lambda: next(asked)), HTTP + b''.join(map(part, jpegs)), seed)
    assert len(found) == 4
    assert kept == [jpegs[1], jpegs[3]]


@pytest.mark.parametrize('seed', range(5))
def test_chunks_are_put_together(seed):
    data, chunks, sizes = HTTP + part(given(3.0)) + part(given(4.0)), [], random.Random(seed)
    head, body = data.split(b'\r\n\r\n', 1)
    while body:
        size = sizes.choice((1, 17, 400))
        chunks.append(b'%x\r\n%b\r\n' % (len(body[:size]), body[:size]))
        body = body[size:]
    data = head + b'\r\nTransfer-Encoding: chunked\r\n\r\n' + b''.join(chunks)
    assert [at_s for _, at_s in read(MarkedParser(), data, seed)] == [3.0, 4.0]


def test_what_is_in_no_chunks_is_said():
    with pytest.raises(MultipartError, match='no chunks'):
        Chunks().feed(b'z' * 200)


def test_some_pictures_of_each_viewer_are_kept():
    keeper = Keeper(viewers=20, seconds=6.0)
    came = range(20 * 6 * 30)
    assert not [1 for _ in came if keeper.ask()]  # before it has begun
    keeper.begun = True
    kept = [number for number in came if keeper.ask()]
    assert len(kept) in (KEPT - 1, KEPT)
    assert len({number % 20 for number in kept}) > 10  # of viewers, in turn


def test_a_row_has_what_was_measured():
    assert table.line(ROW) == (
        '| 20, loopback | serve | 30.0 | 1.3 | 14 | 63 | 1.000 | 0.10 | 91 |')
    webrtc = {**ROW, 'program': 'aiortc', 'link_bps': 50_000_000, 'frame_kb': 6.66,
              'age_p99_ms': None, 'ssim': None}
    assert table.line(webrtc) == (
        '| 20, 50 Mbit/s, WebRTC | aiortc | 30.0 | 1.3 | - | 6.7 | - | 0.10 | 91 |')


def test_who_gets_less_and_who_is_lost_is_told():
    row = {**ROW, 'frames_per_s_min': 12.0, 'lost': {'cut': 2}, 'span_s': 6.0}
    assert table.line(row).split(' | ')[2] == '30.0 (least 12.0)'
    assert table.doubts([row]) == [
        '20, loopback, serve: 2 viewers were turned away or cut off (cut).']


def test_a_program_that_showed_nothing_has_a_row_too():
    row = {'program': 'ffmpeg', 'viewers': 1, 'link_bps': None, 'reason': 'no picture'}
    assert table.line(row) == '| 1, loopback | ffmpeg | no picture |  |  |  |  |  |  |'
    assert table.line(row).count('|') == table.lines([ROW])[0].count('|')


def test_rows_stand_by_way_and_viewers_and_webrtc_below():
    rows = [{**ROW, 'program': name, 'viewers': viewers, 'link_bps': link_bps}
            for link_bps in (50_000_000, None) for viewers in (5, 1)
            for name in ('aiortc', 'serve', 'ustreamer')]
    found = [line.split(' | ')[:2] for line in table.lines(rows)[2:]]
    assert [way for way, _ in found] == [
        f'| {viewers}, {way}' for way, each in (
            ('loopback', 2), ('50 Mbit/s', 2), ('loopback, WebRTC', 1), ('50 Mbit/s, WebRTC', 1))
        for viewers in (1, 5) for _ in range(each)]
    assert [program for _, program in found[:2]] == ['serve', 'ustreamer']


@pytest.mark.parametrize('name', PROGRAMS)
def test_each_program_is_told_the_camera_and_where_to_listen(name):
    program = PROGRAMS[name]

    class Camera:
        device, some, folder = '/there/video7', '/there/some', '/there'

        def before(self):
            return ['env', 'CAMERA=1']

    commands = program.commands(Camera(), Place('10.0.0.1', 8123, 5))
    words = [word for command in commands.values() for word in command]
    assert any('10.0.0.1' in word for word in words)
    assert any('8123' in word for word in words)
    assert any('/there/' in word for word in words)
    assert set(program.viewers) <= set(VIEWERS)
