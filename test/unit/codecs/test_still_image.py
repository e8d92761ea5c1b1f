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

import os
import struct
import subprocess
import sys

import cv2
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
from pi_camera_stream.codecs import rvl, still_image
from pi_camera_stream.core.errors import FrameRefusedError
import pytest
from support import pictures

COLOUR = pictures.image(64, 48)
DEPTH = np.random.default_rng(1).integers(500, 4000, (48, 64)).astype(np.uint16)
DEPTH[10:30, 5:50] = 0


def file(suffix, image):
    done, data = cv2.imencode(suffix, image)
    assert done
    return data.tobytes()


def encode_rvl(values):
    """Encode as in the paper's listing 1."""
    nibbles = []

    def write(number):
        while True:
            nibble, number = number & 7, number >> 3
            nibbles.append(nibble | 8 if number else nibble)
            if not number:
                return

    position, before = 0, 0
    while position < len(values):
        zeros = next((n for n, v in enumerate(values[position:]) if v), len(values) - position)
        position += zeros
        others = next((n for n, v in enumerate(values[position:]) if not v),
                      len(values) - position)
        write(zeros)
        write(others)
        for value in values[position:position + others]:
            delta = value - before
            write(delta << 1 if delta >= 0 else (-delta << 1) - 1)
            before = value
        position += others
    nibbles += [0] * (-len(nibbles) % 8)
    words = (sum(nibble << (28 - 4 * place) for place, nibble in enumerate(nibbles[at:at + 8]))
             for at in range(0, len(nibbles), 8))
    return b''.join(struct.pack('<I', word) for word in words)


def rvl_message(depth, a=0.0, b=0.0):
    return struct.pack('<iffII', 0, a, b, depth.shape[1], depth.shape[0]) + encode_rvl(
        [int(value) for value in depth.ravel()])


@pytest.mark.parametrize('suffix', ['.png', '.webp', '.tiff', '.bmp', '.ppm'])
def test_each_format_shows_the_image(suffix):
    image = still_image.decode(file(suffix, COLOUR))
    assert image.shape == COLOUR.shape
    assert np.abs(image.astype(int) - COLOUR).mean() < 6


@pytest.mark.parametrize('image', [
    COLOUR[..., 0], cv2.cvtColor(COLOUR, cv2.COLOR_BGR2BGRA), COLOUR.astype(np.uint16) << 8])
def test_grey_opacity_and_16_bits(image):
    assert still_image.decode(file('.png', image)).shape == COLOUR.shape[:image.ndim]


PEAK = """
import sys
from pi_camera_stream.codecs import still_image
from support.processes import peak_mib
image = still_image.decode(open(sys.argv[1], 'rb').read())
print(peak_mib('self') + 0 * image[-1, -1, 0])
"""


def test_sixteen_bits_and_opacity_take_no_more_memory_than_eight_bits(tmp_path):
    peaks = []
    for image in (np.full((3000, 3000, 3), 9, np.uint8), np.full((3000, 3000, 4), 999, 'u2')):
        path = tmp_path / 'a.png'
        path.write_bytes(file('.png', image))
        peaks.append(float(subprocess.run(
            [sys.executable, '-c', PEAK, str(path)], check=True, capture_output=True, text=True,
            env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)}).stdout))
    assert peaks[1] < peaks[0] + 15


def test_depth_is_stretched_and_nothing_is_black():
    for image in (still_image.decode(bytes(12) + file('.png', DEPTH)),
                  still_image.decode(file('.tiff', DEPTH.astype(np.float32) / 1000)),
                  still_image.decode_rvl(rvl_message(DEPTH))):
        assert image.shape == DEPTH.shape
        assert (image[DEPTH == 0] == 0).all() and (image[DEPTH > 0] > 0).all()
        near, far = image[(DEPTH > 0) & (DEPTH < 900)], image[DEPTH > 3600]
        assert near.max() < far.min()


def test_inverse_depth_becomes_depth():
    # Steps of 1/m: large numbers are near.
    image = still_image.decode_rvl(rvl_message(DEPTH, a=1000.0, b=1.0))
    assert image[DEPTH > 3600].max() < image[(DEPTH > 0) & (DEPTH < 900)].min()


def test_rvl_is_told_by_the_format_alone():
    assert still_image.is_rvl(rvl_message(DEPTH), '16UC1; compressedDepth rvl')
    assert not still_image.is_rvl(rvl_message(DEPTH), '16UC1; compressedDepth png')
    assert not still_image.is_rvl(b'', '16UC1; compressedDepth rvl')


@given(st.lists(st.one_of(st.just(0), st.integers(0, 65535)), min_size=1, max_size=200))
def test_rvl_comes_back_as_it_was(values):
    assert rvl.decode(encode_rvl(values), len(values)).tolist() == values


@given(st.binary(max_size=300), st.integers(1, 5000))
def test_whatever_comes_as_rvl_is_an_image_or_refused(data, count):
    try:
        assert len(rvl.decode(data, count)) == count
    except ValueError:
        pass


@pytest.mark.parametrize(('width', 'height'), [(0, 5), (2**31, 2**31), (100_000, 100_000),
                                               (8000, 8000)])
def test_rvl_of_a_size_that_cannot_be_is_refused(width, height):
    data = struct.pack('<iffII', 0, 0, 0, width, height) + bytes(100)
    with pytest.raises(FrameRefusedError):
        still_image.rvl_size(data)
