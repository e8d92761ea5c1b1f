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

from fractions import Fraction
import functools

import av
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
from pi_camera_stream.codecs import h264
from pi_camera_stream.core.errors import FrameRefusedError
import pytest
from support import h264_streams


@functools.cache
def encoded(width=320, height=240, pixels='yuv420p', profile=None, codec='libx264', count=3):
    """Return so many access units of a picture that changes, the first of them a key frame."""
    context = av.CodecContext.create(codec, 'w')
    context.width, context.height, context.pix_fmt = width, height, pixels
    context.time_base, context.framerate = Fraction(1, 30), Fraction(30)
    context.options = {'preset': 'superfast', 'tune': 'zerolatency', 'x265-params': 'log-level=0',
                       **({'profile': profile} if profile else {})}
    units = []
    for number in range(count):
        image = np.full((height, width, 3), 40 * number, np.uint8)
        picture = av.VideoFrame.from_ndarray(image, format='bgr24').reformat(format=pixels)
        picture.pts = number
        units += [bytes(packet) for packet in context.encode(picture)]
    return tuple(units)


def kinds(data):
    return [h264.unit_type(unit) for unit in h264.nal_units(data)]


def reason(*units):
    """Return why the last one of some access units is refused."""
    reader = h264.StreamReader()
    for unit in units[:-1]:
        reader.read(unit)
    with pytest.raises(FrameRefusedError) as refused:
        reader.read(units[-1])
    return str(refused.value)


@pytest.mark.parametrize(('width', 'height', 'profile', 'codec'), [
    (1280, 720, None, 'avc1.64001f'), (1920, 1080, 'main', 'avc1.4d4028'),
    (642, 362, 'baseline', 'avc1.42c01e'), (16, 16, None, 'avc1.64000a')])
def test_parameter_sets_tell_size_and_codec(width, height, profile, codec):
    reader = h264.StreamReader()
    reader.read(encoded(width, height, profile=profile, count=1)[0])
    assert reader.parameters == h264.ParameterSet(codec, width, height)


def test_interlaced_pictures_have_their_whole_height():
    # Of `ffmpeg -f lavfi -i testsrc=size=720x484 -c:v libx264 -flags +ildct+ilme`.
    sps = bytes.fromhex('6764001eacd940b420fc460220000003002000000643e28532c0')
    assert h264.read_parameter_set(sps) == h264.ParameterSet('avc1.64001e', 720, 484)


def test_a_key_frame_is_told_from_others():
    reader, first, second = h264.StreamReader(), *encoded()[:2]
    assert reader.read(first) == (first, True)
    assert reader.read(second) == (second, False)


def test_a_key_frame_gets_the_parameter_sets_that_came_before():
    first = encoded()[0]
    units = list(h264.nal_units(first))
    bare = h264.join([unit for unit in units if h264.unit_type(unit) not in (h264.SPS, h264.PPS)])
    delimiter = b'\x09\x10'
    reader = h264.StreamReader()
    reader.read(first)
    data, key = reader.read(h264.START_CODE + delimiter + bare)
    assert key
    assert kinds(data)[:3] == [h264.DELIMITER, h264.SPS, h264.PPS]
    assert len(av.CodecContext.create('h264', 'r').decode(av.Packet(data))) <= 1


@pytest.mark.parametrize('left', [h264.SPS, h264.PPS])
def test_a_key_frame_with_one_of_the_parameter_sets_is_decoded_by_who_begins_there(left):
    first = encoded()[0]
    reader = h264.StreamReader()
    reader.read(first)
    missing = {h264.SPS, h264.PPS} - {left}
    data, key = reader.read(h264.join(
        [unit for unit in h264.nal_units(first) if h264.unit_type(unit) not in missing]))
    assert key
    assert len(h264_streams.decode([data])) == 1


def test_parameter_sets_of_another_stream_are_not_mixed():
    small, large = encoded(160, 120)[0], encoded()[0]
    sps = next(unit for unit in h264.nal_units(large) if h264.unit_type(unit) == h264.SPS)
    idr = [unit for unit in h264.nal_units(large) if h264.unit_type(unit) == h264.IDR]
    assert 'parameter sets have not come' in reason(small, h264.join([sps, *idr]))
    reader = h264.StreamReader()
    reader.read(small)
    reader.read(large)
    assert (reader.parameters.width, reader.parameters.height) == (320, 240)


@pytest.mark.parametrize(('pixels', 'said'), [
    ('yuv444p', '4:4:4 and 8 bits'), ('yuv422p', '4:2:2 and 8 bits'),
    ('yuv420p10le', '4:2:0 and 10 bits')])
def test_formats_that_few_can_decode_are_refused_by_name(pixels, said):
    assert said in reason(encoded(pixels=pixels, count=1)[0])


def test_h265_under_the_name_of_h264_is_refused():
    for unit in encoded(codec='libx265', count=1):
        assert 'H.265' in reason(unit)


def test_what_comes_before_the_parameter_sets_is_refused():
    assert 'parameter sets have not come yet' in reason(encoded()[1])


def test_what_has_no_picture_is_refused():
    sets = [unit for unit in h264.nal_units(encoded()[0])
            if h264.unit_type(unit) in (h264.SPS, h264.PPS)]
    assert 'no picture' in reason(h264.join(sets))
    assert 'no start code' in reason(b'')
    assert 'no start code' in reason(b'\xff\xd8\xff\xe0')


def test_units_are_found_behind_start_codes_of_both_lengths():
    assert list(h264.nal_units(b'\0\0\0\1\x67ab\0\0\1\x68c\0\0\0\1\0\0\1\x65\0\0\3\1d\0\0')) == [
        b'\x67ab', b'\x68c', b'\x65\0\0\3\1d']


@given(st.integers(0, 40))
def test_a_parameter_set_that_is_cut_off_is_refused_or_read(length):
    sps = next(iter(h264.nal_units(encoded()[0])))
    try:
        h264.read_parameter_set(sps[:length])
    except FrameRefusedError:
        pass


@given(st.binary(max_size=60))
def test_any_parameter_set_is_refused_or_read(rest):
    try:
        found = h264.read_parameter_set(b'\x67' + rest)
    except FrameRefusedError:
        return
    assert 0 < found.width <= 16384
    assert 0 < found.height <= 16384


PIECES = b'\0\0\1', b'\0\0\0\1', b'\x67', b'\x68', b'\x65', b'\x41', b'\x09', *encoded()


@given(st.lists(st.one_of(st.binary(max_size=20), st.sampled_from(PIECES)), max_size=12))
def test_any_bytes_are_refused_or_read(pieces):
    reader = h264.StreamReader()
    try:
        data, key = reader.read(b''.join(pieces))
    except FrameRefusedError:
        return
    assert key == (h264.IDR in kinds(data))
    assert not key or {h264.SPS, h264.PPS} <= set(kinds(data))
