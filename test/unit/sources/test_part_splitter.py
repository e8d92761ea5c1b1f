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

from hypothesis import given, strategies
from pi_camera_stream.codecs.jpeg_splitter import MAX_PICTURE_BYTES
from pi_camera_stream.sources.workers.url.part_splitter import PartSplitter
import pytest
from support import pictures

PICTURES = [pictures.jpeg(32, 24, seed) for seed in range(3)]


def part(picture, length=None):
    length = len(picture) if length is None else length
    return b'--b\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b\r\n' % (
        length, picture)


def split(chunks):
    splitter = PartSplitter()
    found = [piece.jpeg for chunk in chunks for piece in splitter.feed(chunk, 1)]
    return found, splitter


@given(strategies.lists(strategies.tuples(
    strategies.sampled_from(PICTURES), strategies.sampled_from([None, 0, 9, 5000, 10**9])),
    min_size=1, max_size=5), strategies.lists(strategies.integers(1, 400), min_size=1))
def test_all_are_found_however_they_arrive_and_whatever_their_heads_say(sent, sizes):
    data = b''.join(part(picture, length) for picture, length in sent) + b'--b--\r\n'
    chunks, at = [], 0
    while at < len(data):
        size = sizes[len(chunks) % len(sizes)]
        chunks.append(data[at:at + size])
        at += size
    found, _ = split(chunks)
    assert found == [picture for picture, _ in sent]


@pytest.mark.parametrize(('head', 'stamp_ns'), [
    (b'X-Timestamp: 1700000000.123456789', 1700000000123456789),
    (b'X-Timestamp: 1700000000.123456', 1700000000123456000),  # as others tell it
    (b'x-timestamp:12', 12 * 10**9), (b'X-Timestamp: -0.5', -500_000_000),
    (b'X-Timestamp: 1.2.3', None), (b'X-Timestamp: 17e9', None), (b'X-Timestamp:', None),
    (b'X-Timestamp: 1.1234567890', None), (b'X-Timestamp: ' + b'9' * 100, None),
    (b'X-Other: 1', None)])
@pytest.mark.parametrize('after', [True, False])
def test_the_stamp_of_a_part_is_read(head, stamp_ns, after):
    length = b'Content-Length: %d' % len(PICTURES[0])
    lines = [length, head] if after else [head, length]
    part = b'--b\r\n%b\r\n\r\n%b\r\n' % (b'\r\n'.join(lines), PICTURES[0])
    splitter = PartSplitter()
    plain = b'--b\r\n%b\r\n\r\n%b\r\n' % (length, PICTURES[0])
    pieces = splitter.feed(part + plain, 1)
    assert [piece.stamp_ns for piece in pieces] == [stamp_ns, None]


@given(strategies.lists(strategies.one_of(
    strategies.binary(max_size=60), strategies.sampled_from(
        [part(PICTURES[0]), part(PICTURES[0], 7), part(PICTURES[1][:200]), b'\xff\xd8\xff',
         b'--', b'Content-Length: 50\r\n\r\n', b'content-length:1\n\n\xff\xd8\xff',
         b'\xff\xd9\r\n--b\n']),
), max_size=30))
def test_garbage_raises_nothing_and_hides_no_later_pictures(garbage):
    # What has begun may swallow the next picture, and the marker behind a cut one the one then.
    found, _ = split([*garbage, bytes(70_000), *[part(PICTURES[2])] * 4])
    assert all(piece.startswith(b'\xff\xd8\xff') for piece in found)
    assert PICTURES[2] in found


def test_a_picture_with_its_length_is_whole_before_anything_follows():
    assert split([part(PICTURES[0])[:-2]])[0] == [PICTURES[0]]


def test_one_without_an_end_marker_is_what_its_length_says():
    cut = PICTURES[0][:-2]
    assert split([part(cut), part(PICTURES[1])])[0] == [cut, PICTURES[1]]


def test_it_holds_no_more_than_a_picture():
    splitter = PartSplitter()
    for _ in range(40):
        assert splitter.feed(b'x' * 2**20, 1) == []
    assert splitter.other_bytes > 39 * 2**20
    splitter.feed(b'\r\nContent-Length: %d\r\n\r\n\xff\xd8\xff\xe0' % (MAX_PICTURE_BYTES + 1), 1)
    for _ in range(40):
        assert splitter.feed(b'\xff\xda\0\2' + b'x' * 2**20, 1) == []
    held = len(splitter._buffer) + len(splitter._splitter._buffer)
    assert held <= MAX_PICTURE_BYTES + 2**21
