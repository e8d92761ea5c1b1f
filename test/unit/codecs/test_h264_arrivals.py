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
import numpy as np
from pi_camera_stream.codecs import h264, h264_arrivals
from pi_camera_stream.codecs.h264_arrivals import H264Arrivals
from pi_camera_stream.codecs.h264_encoder import H264Encoder
from pi_camera_stream.codecs.limits import MAX_PIXELS
from pi_camera_stream.core.errors import FrameRefusedError
import pytest
from support.videos import access_units

SIZE = 64, 48
FRAME_NS = 33_000_000


class Receiver:
    """What a receiver does with a stream, and what becomes of it."""

    def __init__(self, max_pixels=MAX_PIXELS, askable=True):
        self.asked, self.refused = 0, []
        self.arrivals = H264Arrivals(max_pixels, self._ask)
        self._askable, self._number = askable, 0

    def _ask(self):
        self.asked += 1

    def take(self, data, codec='h264', later_ns=FRAME_NS):
        """Return what is passed on of an access unit."""
        self._number += 1
        try:
            return self.arrivals.open(data, codec, self._number * later_ns + 10**18, self._number,
                                      self._askable)
        except FrameRefusedError as error:
            self.refused.append(str(error))
            return None


def image(number=0, size=SIZE):
    rng = np.random.default_rng(number)
    return rng.integers(60, 190, (size[1], size[0], 3)).astype(np.uint8)


def stream(count, keys=(), size=SIZE):
    encoder = H264Encoder(400_000, 30)
    units = []
    for number in range(count):
        if number in keys:
            encoder.request_key_frame()
        units.append(encoder.encode(image(number, size), number).data)
    return units


@pytest.fixture
def receiver():
    return Receiver()


def test_whoever_joins_waits_for_a_key_frame_and_asks_for_it(receiver):
    units = stream(8, keys=(4,))
    came = [receiver.take(data) for data in units[1:]]
    assert [frame is not None for frame in came] == [False] * 3 + [True] * 4
    assert (receiver.asked, receiver.refused, receiver.arrivals.left_out) == (3, [], 3)
    frame = came[3]
    assert (frame.key, frame.codec, frame.width, frame.height) == (True, 'h264', *SIZE)
    assert not came[4].key


@given(st.sets(st.integers(1, 59), max_size=10), st.sets(st.integers(1, 59), max_size=5))
def test_nothing_is_passed_on_that_builds_on_what_is_missing(missing, keys):
    receiver, whole = Receiver(), True
    for number, data in enumerate(stream(60, keys)):
        if number in missing - keys:
            whole = False
        else:
            asked = receiver.asked
            frame = receiver.take(data)
            whole = whole or number in keys
            assert (frame is not None) == whole
            assert (receiver.asked > asked) != whole
    assert receiver.refused == []


def test_after_a_pause_a_key_frame_is_asked_for_where_somebody_can_be_asked():
    for askable in (True, False):
        receiver = Receiver(askable=askable)
        units = stream(40)
        for data in units[:20]:
            assert receiver.take(data) is not None
        # Sixteen later, the number of the frame is the next one.
        receiver._number += 16
        assert (receiver.take(units[36]) is None) == askable
        assert receiver.asked == askable


def test_no_key_frame_ever_is_one_sentence(receiver, monkeypatch):
    first, *others = stream(5)
    assert receiver.take(others[0]) is None
    monkeypatch.setattr(h264_arrivals, '_PATIENCE_S', 0.0)
    for data in others:
        assert receiver.take(data) is None
    assert len(receiver.refused) == 4
    assert receiver.refused[0].startswith('it builds on others, and no key frame has come for 0 s')
    assert receiver.take(first).key


@pytest.mark.parametrize(('options', 'reason'), [
    ({'pixels': 'yuv444p'}, 'it is H.264 with 4:4:4 and 8 bits'),
    ({'pixels': 'yuv420p10le'}, 'it is H.264 with 4:2:0 and 10 bits'),
    ({'codec': 'libx265'}, 'it is H.264 of the Extended profile, or H.265 labelled as H.264')])
def test_what_few_decoders_take_is_named_each_time_and_asked_for_again(receiver, options, reason):
    for data in access_units([image(number) for number in range(4)], SIZE, **options):
        assert receiver.take(data) is None
    assert receiver.refused
    assert receiver.refused[0].startswith(reason)
    assert receiver.take(stream(1)[0]).key  # what is right is taken at once


def test_another_codec_is_named(receiver):
    assert receiver.take(stream(1)[0], codec='h265') is None
    assert receiver.refused == ["it is 'h265', but only H.264 can be received here: have the "
                                'sender encode that']


def test_without_parameter_sets_it_says_so(receiver):
    units = [h264.join([unit for unit in h264.nal_units(data)
                        if h264.unit_type(unit) not in (h264.SPS, h264.PPS)])
             for data in stream(3, keys=(1, 2))]
    for data in units:
        assert receiver.take(data) is None
    assert receiver.refused[0].startswith('its parameter sets have not come yet')


def test_a_new_size_begins_with_a_key_frame_or_is_refused(receiver):
    small, large = stream(3), stream(3, size=(128, 96))
    for data in small:
        assert receiver.take(data).width == 64
    for data in large:
        assert receiver.take(data).width == 128
    sets = [unit for unit in h264.nal_units(small[0])
            if h264.unit_type(unit) in (h264.SPS, h264.PPS)]
    assert receiver.take(h264.join([*sets, *h264.nal_units(small[1])])) is None
    assert receiver.refused[-1].startswith('its size or profile has changed')
    assert receiver.take(large[1]) is None
    assert receiver.take(small[0]).width == 64


def test_a_size_that_is_too_large_is_refused(receiver):
    receiver = Receiver(max_pixels=64 * 48)
    assert receiver.take(stream(1)[0]) is not None
    assert receiver.take(stream(1, size=(128, 96))[0]) is None
    assert "'max_pixels' allows 3072" in receiver.refused[0]


@given(st.lists(st.one_of(st.integers(0, 11), st.binary(max_size=60), st.tuples(
    st.integers(0, 11), st.integers(0, 400), st.integers(0, 255))), max_size=30))
def test_whatever_comes_it_is_passed_on_whole_or_refused_in_a_sentence(course):
    receiver, units = Receiver(), stream(12, keys=(6,))
    for thing in course:
        if isinstance(thing, int):
            data = units[thing]
        elif isinstance(thing, bytes):
            data = thing
        else:
            number, at, value = thing
            data = bytearray(units[number])
            data[at % len(data)] = value
            data = bytes(data)
        frame = receiver.take(data)
        assert frame is None or frame.key == (
            h264.IDR in map(h264.unit_type, h264.nal_units(frame.data)))
    for reason in receiver.refused:
        assert reason.startswith('it')
        assert not reason.endswith('.')
    assert receiver.take(units[0]).key
    assert receiver.take(units[1]) is not None
