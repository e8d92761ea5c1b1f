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


import struct

import cv2
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
from pi_camera_stream.codecs import still_image
from pi_camera_stream.codecs.jpeg import read_header
from pi_camera_stream.codecs.jpeg_codec import decode_jpeg, REDUCTIONS
from pi_camera_stream.codecs.limits import check_image
from pi_camera_stream.codecs.orientation import read_exif, read_matrix, upright
from pi_camera_stream.codecs.renditions import RenditionEncoder
from pi_camera_stream.core.frame import EncodedImage
from pi_camera_stream.core.rendition_spec import RenditionSpec
import pytest
from support.turning import (
    exif,
    look,
    ORIENTATIONS,
    quarters,
    seen,
    segment,
    turned_jpeg,
    turned_png,
    turned_tiff,
    turned_webp,
)

JPEG = cv2.imencode('.jpg', quarters(), (cv2.IMWRITE_JPEG_QUALITY, 95))[1].tobytes()
EXIF, XMP = b'Exif\0\0', b'http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>' + bytes(60)


@pytest.mark.parametrize('orientation', ORIENTATIONS)
def test_an_image_is_turned(orientation):
    for image in (quarters(), quarters().astype(np.uint16), quarters()[..., 1].astype('f4')):
        turned = upright(image, orientation)
        assert turned.dtype == image.dtype
        assert turned.ndim == image.ndim
    assert look(upright(quarters(), orientation)) == seen(orientation)


@pytest.mark.parametrize('orientation', ORIENTATIONS)
@pytest.mark.parametrize('reduction', [1, *REDUCTIONS])
@pytest.mark.parametrize('grey', [False, True])
def test_a_jpeg_is_as_large_as_it_is_seen(orientation, reduction, grey):
    jpeg = turned_jpeg(orientation)
    (width, height), colours = seen(orientation)
    header = read_header(jpeg)
    assert (header.width, header.height, header.orientation) == (width, height, orientation)
    assert look(decode_jpeg(jpeg, reduction, grey)) == (
        (width // reduction, height // reduction), colours)


@pytest.mark.parametrize('orientation', ORIENTATIONS)
@pytest.mark.parametrize('scale', [1.0, 0.75, 0.5, 0.25])
def test_renditions_are_upright(orientation, scale):
    (width, height), colours = seen(orientation)
    spec = RenditionSpec(scale=scale)
    frame, = RenditionEncoder().encode(EncodedImage(turned_jpeg(orientation)), width, height,
                                       [spec], 1, 2)
    header = read_header(frame.data)
    assert header.orientation == 1
    assert (header.width, header.height) == (frame.width, frame.height) == spec.size(
        width, height)
    assert look(decode_jpeg(frame.data))[1] == colours


@pytest.mark.parametrize('orientation', ORIENTATIONS)
@pytest.mark.parametrize('make', [
    turned_png, lambda orientation: turned_png(orientation, at=-12), turned_webp, turned_tiff])
def test_other_formats_say_it_too(orientation, make):
    data = make(orientation)
    header = check_image(data, still_image.KINDS)
    assert ((header.width, header.height), look(still_image.decode(data))) == (
        seen(orientation)[0], seen(orientation))


SAYS = {  # each as Chromium shows it
    'little endian': ([EXIF + exif(6)], 6),
    'big endian': ([EXIF + exif(6, 'MM')], 6),
    'a long number': ([EXIF + exif(6, kind=4)], 1),
    'two numbers': ([EXIF + exif(6, count=2)], 1),
    'zero': ([EXIF + exif(0)], 1),
    'nine': ([EXIF + exif(9)], 1),
    'behind XMP data': ([XMP, EXIF + exif(6)], 6),
    'before XMP data': ([EXIF + exif(6), XMP], 6),
    'twice': ([EXIF + exif(6), EXIF + exif(3)], 6),
    'twice, upright first': ([EXIF + exif(1), EXIF + exif(6)], 1),
    'another name': ([b'Exit\0\0' + exif(6)], 1),
    'another byte behind the name': ([b'Exif\0x' + exif(6)], 6),
    'no TIFF': ([EXIF + exif(6).replace(b'*', b'+')], 1),
    'cut off within it': ([EXIF + exif(6)[:16]], 1),
    'cut off behind it': ([EXIF + exif(6)[:22]], 6),
    'nothing': ([EXIF], 1),
    'another tag that leads nowhere': ([EXIF + b'II*\0' + struct.pack(
        '<IHHHIIHHIHHI', 8, 2, 0x010F, 2, 2000, 99999, 0x0112, 3, 1, 6, 0, 0)], 6),
    'more tags than there are': ([EXIF + b'II*\0' + struct.pack(
        '<IHHHIHHI', 8, 500, 0x0112, 3, 1, 6, 0, 0)], 6),
    'of the small picture within': ([EXIF + b'II*\0' + struct.pack(
        '<IHHHIHHIHHHIHHI', 8, 1, 0x010F, 3, 1, 6, 0, 26, 1, 0x0112, 3, 1, 8, 0, 0)], 1),
}


@pytest.mark.parametrize(('payloads', 'orientation'), SAYS.values(), ids=SAYS)
@pytest.mark.parametrize('marker', [b'\xff\xe0', b'\xff\xdb', b'\xff\xc0', b'\xff\xc4'])
def test_exif_data_are_read_as_browsers_read_them(payloads, orientation, marker):
    """Wherever they are, before the first scan."""
    at = JPEG.index(marker)
    jpeg = JPEG[:at] + b''.join(map(segment, payloads)) + JPEG[at:]
    header = read_header(jpeg)
    assert (header.orientation, (header.width, header.height)) == (
        orientation, seen(orientation)[0])
    assert look(decode_jpeg(jpeg)) == seen(orientation)


@given(st.binary(max_size=80), st.sampled_from([b'', b'II*\0', b'MM\0*']))
def test_whatever_comes_as_exif_data_says_one_of_eight(data, beginning):
    assert read_exif(beginning + data) in ORIENTATIONS


@given(st.binary(min_size=36, max_size=36) | st.binary(max_size=50))
def test_whatever_comes_as_a_matrix_says_one_of_eight(data):
    assert read_matrix(data) in ORIENTATIONS
