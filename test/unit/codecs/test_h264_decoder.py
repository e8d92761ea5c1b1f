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

import sys

import cv2
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
from pi_camera_stream.codecs import h264
from pi_camera_stream.codecs.h264_continuity import Continuity
from pi_camera_stream.codecs.h264_decoder import H264Decoder, why_missing
from pi_camera_stream.codecs.h264_encoder import H264Encoder
from pi_camera_stream.core.errors import FrameRefusedError
import pytest
from support.videos import access_units


def images(count, size=(64, 48)):
    rng = np.random.default_rng(1)
    noise = rng.integers(60, 190, (size[1], size[0] + 4 * count, 3)).astype(np.uint8)
    return [np.ascontiguousarray(noise[:, 4 * at:4 * at + size[0]]) for at in range(count)]


def encoded(count, size=(64, 48), keys=()):
    encoder = H264Encoder(400_000, 30)
    units = []
    for number, image in enumerate(images(count, size)):
        if number in keys:
            encoder.request_key_frame()
        units.append(encoder.encode(image, number).data)
    return units


def test_there_is_a_decoder():
    assert why_missing() == ''


def test_what_is_installed_and_broken_is_a_reason(monkeypatch, tmp_path):
    (tmp_path / 'av.py').write_text("raise ValueError('numpy.dtype size changed')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, 'av')
    reason = why_missing()
    assert 'cannot be loaded (ValueError: numpy.dtype size changed): sudo apt' in reason


@pytest.mark.parametrize('colour', [(30, 60, 220), (200, 180, 20), (128, 128, 128)])
def test_colours_are_those_that_went_in_at_once(colour):
    sent = np.full((480, 640, 3), colour, np.uint8)
    decoder = H264Decoder()
    for data in (H264Encoder(2e6, 30).encode(sent, 0).data,
                 *access_units(size=(640, 480), pictures=[sent]),
                 *access_units(size=(642, 482), pictures=[sent[:1, :1].repeat(
                     482, 0).repeat(642, 1)])):
        image = decoder.decode(data)()
        assert np.abs(image[240, 320].astype(int) - colour).max() < 8


def test_colours_of_the_whole_range_are_told_from_others():
    sent = np.full((48, 64, 3), (200, 180, 20), np.uint8)
    y, cr, cb = cv2.split(cv2.cvtColor(sent, cv2.COLOR_BGR2YCrCb))
    data, = access_units(size=(64, 48), pixels='yuvj420p', pictures=[
        np.concatenate([y, cb[::4], cr[::4]])], options={
            'tune': 'zerolatency', 'x264-params': 'fullrange=on:colormatrix=smpte170m'})
    image = H264Decoder().decode(data)()
    assert np.abs(image.astype(int) - sent).max() < 8


def test_a_new_size_is_taken_and_one_that_is_too_large_refused():
    decoder = H264Decoder(max_pixels=64 * 48)
    assert decoder.decode(encoded(1)[0])().shape == (48, 64, 3)
    with pytest.raises(FrameRefusedError, match=r"'max_pixels' allows 3072|cannot be decoded"):
        decoder.decode(encoded(1, (128, 96))[0])
    assert decoder.decode(encoded(1)[0])().shape == (48, 64, 3)


def test_what_is_cut_off_is_refused_and_the_next_key_frame_is_whole():
    units = encoded(8, keys=(5,))
    decoder = H264Decoder()
    decoder.decode(units[0])
    for cut in (-1, 40):
        with pytest.raises(FrameRefusedError, match='it is cut off or damaged'):
            decoder.decode(units[1][:len(units[1]) // 2 if cut < 0 else cut])
    assert decoder.decode(units[5])().shape == (48, 64, 3)
    with pytest.raises(FrameRefusedError, match='it is cut off or damaged'):
        H264Decoder().decode(units[1])


@given(st.sets(st.integers(1, 39), max_size=6), st.sets(st.integers(1, 39), max_size=3))
def test_a_missing_picture_is_noticed_until_the_next_key_frame(missing, keys):
    reader, continuity = h264.StreamReader(), Continuity()
    whole, missing = True, missing - keys
    for number, data in enumerate(encoded(40, keys=keys)):
        if number in missing:
            whole = False
            continue
        _, key = reader.read(data)
        whole = whole or key
        assert continuity.follows(data, reader.parameters) == whole
        if not whole:
            assert not continuity.follows(data, reader.parameters)


def test_pictures_that_others_do_not_build_on_may_be_missing():
    reader, continuity = h264.StreamReader(), Continuity()
    units = access_units(pictures=images(20), size=(64, 48), options={
        'preset': 'medium', 'x264-params': 'bframes=2:b-adapt=0:b-pyramid=none'})
    counted = 0
    for number, data in enumerate(units):
        reader.read(data)
        built_on = h264.join([unit for unit in h264.nal_units(data) if unit[0] & 0x60])
        counted += not built_on
        if built_on or number % 2:
            assert continuity.follows(data, reader.parameters)
    assert counted > 5


def test_slices_and_two_pictures_at_a_time_are_no_gap():
    reader, continuity = h264.StreamReader(), Continuity()
    units = access_units(pictures=images(20), size=(64, 48), options={
        'preset': 'superfast', 'tune': 'zerolatency', 'x264-params': 'slices=3'})
    for pair in zip(units[::2], units[1::2], strict=True):
        data = b''.join(pair)
        reader.read(data)
        assert continuity.follows(data, reader.parameters)


@given(st.binary(max_size=200))
def test_any_bytes_are_decoded_or_refused(data):
    reader, continuity, decoder = h264.StreamReader(), Continuity(), H264Decoder()
    reader.read(encoded(1)[0])
    for offered in (data, b'\0\0\1\x65' + data, b'\0\0\1\x41' + data, encoded(1)[0][:60] + data):
        try:
            whole, _ = reader.read(offered)
            continuity.follows(whole, reader.parameters)
            decoder.decode(whole)
        except FrameRefusedError as error:
            assert str(error).startswith('it')
