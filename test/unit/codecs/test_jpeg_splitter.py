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

from hypothesis import given
from hypothesis import strategies as st
from pi_camera_stream.codecs.jpeg_splitter import JpegSplitter
import pytest
from support import pictures

PICTURES = [pictures.jpeg(seed=seed) for seed in range(3)]
PICTURES.append(pictures.with_thumbnail(PICTURES[0]))


def split(splitter, data, sizes=(2**20,)):
    """Feed `data` in pieces of the given sizes, over and over, and return all pictures."""
    found, position, turn = [], 0, 0
    while position < len(data):
        size = sizes[turn % len(sizes)]
        found += [piece.jpeg for piece in splitter.feed(data[position:position + size], turn)]
        position, turn = position + size, turn + 1
    return found


@given(st.lists(st.sampled_from(PICTURES), max_size=6),
       st.lists(st.integers(1, 3000), min_size=1, max_size=5))
def test_pictures_come_out_byte_for_byte_however_they_arrive(sequence, sizes):
    splitter = JpegSplitter()
    assert split(splitter, b''.join(sequence), sizes) == sequence
    assert (splitter.garbage_bytes, splitter.truncated, splitter.oversized) == (0, 0, 0)


@given(st.lists(st.binary(max_size=50).filter(lambda junk: b'\xff' not in junk), max_size=6),
       st.lists(st.integers(1, 3000), min_size=1, max_size=5))
def test_garbage_between_pictures_is_skipped_and_counted(junk, sizes):
    splitter = JpegSplitter()
    data = b''.join(piece + PICTURES[0] for piece in junk)
    assert split(splitter, data, sizes) == [PICTURES[0]] * len(junk)
    assert splitter.garbage_bytes == sum(map(len, junk))
    assert splitter.truncated == 0


@given(st.binary(max_size=2000), st.lists(st.integers(1, 300), min_size=1, max_size=5))
def test_no_bytes_whatever_confuse_it_for_good(junk, sizes):
    splitter = JpegSplitter(max_bytes=70_000)
    split(splitter, junk, sizes)
    # A segment that claims a length may swallow 64 kB, and a picture with them; not more.
    assert PICTURES[1] in split(splitter, PICTURES[1] * (70_000 // len(PICTURES[1]) + 2), sizes)


@given(st.integers(700, len(PICTURES[0]) - 1))
def test_a_picture_that_ends_early_is_dropped_and_the_next_one_is_whole(length):
    splitter = JpegSplitter()
    assert split(splitter, PICTURES[0][:length] + PICTURES[1]) == [PICTURES[1]]
    assert splitter.truncated == 1
    assert splitter.garbage_bytes == length


def test_the_arrival_is_that_of_the_first_byte():
    splitter = JpegSplitter()
    assert splitter.feed(PICTURES[0][:100], 1) == []
    assert splitter.feed(PICTURES[0][100:200], 2) == []
    both = splitter.feed(PICTURES[0][200:] + PICTURES[1], 3)
    assert [piece.arrival_ns for piece in both] == [1, 3]


def test_a_picture_over_the_limit_is_cut_off():
    splitter = JpegSplitter(max_bytes=10_000)
    endless = PICTURES[0][:-2] + b'\x55' * 20_000
    assert split(splitter, endless, [1000]) == []
    assert splitter.oversized == 1
    assert split(splitter, PICTURES[1]) == [PICTURES[1]]


def test_a_writer_that_has_gone_leaves_nothing_behind():
    splitter = JpegSplitter()
    splitter.feed(PICTURES[0][:500], 0)
    splitter.reset()
    assert splitter.truncated == 1
    assert split(splitter, PICTURES[1]) == [PICTURES[1]]


@pytest.mark.parametrize('stray', [b'\0', bytes(500), b'stray', b'\xff\0', b'\xff' * 20])
def test_stray_bytes_between_segments_belong_to_their_picture(stray):
    first, second = pictures.jpeg(seed=1), pictures.jpeg(seed=2)
    at = first.index(b'\xff\xdb')
    odd = first[:at] + stray + first[at:]
    splitter = JpegSplitter()
    stream = second + odd + second
    found = [piece.jpeg for turn in range(0, len(stream), 50)
             for piece in splitter.feed(stream[turn:turn + 50], turn)]
    assert found == [second, odd, second]
    assert splitter.truncated == 0


def test_a_picture_cut_off_anywhere_in_its_head_does_not_swallow_all_others():
    first, second = pictures.jpeg(seed=1), pictures.jpeg(seed=2)
    more = second * (2 + 2**16 // len(second))  # a length that is cut off may say 65535
    for length in range(3, first.index(b'\xff\xda')):
        assert JpegSplitter().feed(first[:length] + more, 0)[-1].jpeg == second
