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

import cv2
from hypothesis import example, given, settings
from hypothesis import strategies as st
import numpy as np
from pi_camera_stream.codecs import limits
from pi_camera_stream.codecs.image_header import ImageHeader
from pi_camera_stream.codecs.jpeg import JpegHeader, plain_head
from pi_camera_stream.codecs.limits import (
    check_image,
    check_jpeg,
    check_rows,
    check_size,
    whole_jpeg,
)
from pi_camera_stream.core.errors import FrameRefusedError
import pytest
from support import bombs, pictures

KINDS = ('JPEG', 'PNG', 'WebP', 'BMP', 'TIFF', 'PNM')
BEGINNINGS = [
    bombs.jpeg(), bombs.jpeg(progressive=True), bombs.hidden_jpeg(), bombs.png(),
    bombs.moving_png(), bombs.depth_png(), bombs.webp(), bombs.extended_webp(), bombs.bmp(),
    bombs.pnm(), bombs.tiff(), bombs.tiff(big=True), *bombs.OTHERS.values()]


def encoded(suffix, *options, grey=False):
    image = pictures.image(52, 36)
    return cv2.imencode(suffix, image[..., 0] if grey else image, options)[1].tobytes()


@pytest.mark.parametrize(('kind', 'data'), [
    ('JPEG', encoded('.jpg')), ('JPEG', encoded('.jpg', cv2.IMWRITE_JPEG_PROGRESSIVE, 1)),
    ('JPEG', pictures.with_thumbnail(encoded('.jpg'))), ('PNG', encoded('.png')),
    ('PNG', encoded('.png', grey=True)), ('PNG', bytes(12) + encoded('.png')),
    ('WebP', encoded('.webp', cv2.IMWRITE_WEBP_QUALITY, 50)),
    ('WebP', encoded('.webp', cv2.IMWRITE_WEBP_QUALITY, 101)), ('BMP', encoded('.bmp')),
    ('TIFF', encoded('.tiff')), ('TIFF', bombs.tiff((52, 36), '>')),
    ('TIFF', bombs.tiff((52, 36), big=True)), ('TIFF', bombs.tiff((52, 36), '>', big=True)),
    ('WebP', bombs.extended_webp((52, 36))),
    ('PNM', encoded('.ppm')), ('PNM', encoded('.pgm', grey=True)),
    ('PNM', bombs.pnm((52, 36), b'P5'))])
def test_what_is_usual_passes(kind, data):
    header = check_image(data, KINDS)
    assert (header.kind, header.width, header.height) == (kind, 52, 36)
    assert header.start == (12 if data.startswith(bytes(12)) else 0)
    with pytest.raises(FrameRefusedError, match='it has 52x36 pixels'):
        check_image(data, KINDS, max_pixels=52 * 36 - 1)
    assert check_image(data, KINDS, max_pixels=52 * 36) == header


@pytest.mark.parametrize('data', [
    bombs.jpeg(), bombs.jpeg(progressive=True), bombs.png(), bombs.moving_png(),
    bombs.depth_png(), bombs.webp(), bombs.extended_webp(), bombs.bmp(), bombs.pnm(),
    bombs.pnm(kind=b'P4'), bombs.tiff(), bombs.tiff(order='>'), bombs.tiff(big=True),
    bombs.tiff((16, 16), tile=bombs.HUGE)])
def test_what_is_too_large_is_refused_whatever_it_is(data):
    assert len(data) < 700
    with pytest.raises(FrameRefusedError, match=(
            r"^it has \d{5}x\d{5} pixels, but 'max_pixels' allows 64000000: make it")):
        check_image(data, KINDS)


@pytest.mark.parametrize('data', [
    bombs.jpeg(bombs.LARGEST), bombs.jpeg(bombs.LARGEST, progressive=True),
    bombs.jpeg((3000, 3000)), bombs.png(bombs.LARGEST), bombs.png(bombs.LARGEST, 16, 6),
    bombs.moving_png(bombs.LARGEST, bombs.LARGEST), bombs.depth_png(bombs.LARGEST),
    bombs.jpeg(bombs.HUGE, process=b'\xc9')])
def test_bytes_that_are_too_few_are_refused(data):
    with pytest.raises(FrameRefusedError, match=r'^it has \d+ bytes, too few for \d+x\d+ pix'):
        check_image(data, KINDS, 2**31)


def test_few_bytes_may_be_an_even_picture():
    blank = np.zeros((1080, 1920, 4), np.uint16)
    for suffix, options in (('.png', (cv2.IMWRITE_PNG_COMPRESSION, 9)),
                            ('.webp', (cv2.IMWRITE_WEBP_QUALITY, 101))):
        image = blank if suffix == '.png' else blank[..., :3].astype(np.uint8)
        data = cv2.imencode(suffix, image, options)[1].tobytes()
        assert check_image(data, KINDS).width == 1920
    assert check_jpeg(bombs.jpeg((2000, 2000), process=b'\xc9')) == JpegHeader(2000, 2000, 3)


def test_two_readers_of_a_jpeg_cannot_find_two_sizes():
    with pytest.raises(FrameRefusedError, match='it has 32000x32000 pixels'):
        check_jpeg(bombs.hidden_jpeg())
    small = pictures.jpeg()
    for marker in (b'\xff\x02', b'\xff\xbf', b'\xff\xd8'):
        with pytest.raises(FrameRefusedError, match='which does not belong there'):
            check_jpeg(small[:2] + marker + b'\0\x10' + bytes(14) + small[2:])
    # Where ours is the first one, libjpeg refuses all.
    assert check_jpeg(bombs.two_headed_jpeg()).width == 16
    assert cv2.imdecode(np.frombuffer(bombs.two_headed_jpeg(), np.uint8), 1) is None


def test_a_height_that_is_told_later_is_refused():
    with pytest.raises(FrameRefusedError, match='says 32000x0 pixels'):
        check_jpeg(bombs.jpeg((32000, 0)))


def test_many_scans_are_refused():
    assert check_jpeg(bombs.jpeg_of_scans(50)).width == 2000
    for data in (bombs.jpeg_of_scans(300), bombs.jpeg_of_scans(600, (64, 48))):
        with pytest.raises(FrameRefusedError, match=r'in \d{3} scans, which would take too lo'):
            check_jpeg(data)
    assert check_jpeg(pictures.jpeg()[:-2] + b'\xff\xda' * 900 + b'\xff\xd9').width == 64


@pytest.mark.parametrize('name', [b'tEXt', b'IDAT', b'iCCP'])
def test_a_png_that_announces_more_than_came_is_refused(name):
    with pytest.raises(FrameRefusedError, match='a PNG whose end is missing'):
        check_image(bombs.png_of_one_part(name), KINDS)


@pytest.mark.parametrize(('name', 'data'), bombs.OTHERS.items(), ids=str)
def test_what_is_of_another_kind_is_named(name, data):
    with pytest.raises(FrameRefusedError, match=f'^it is {name} data: use JPEG or PNG$'):
        check_image(data, ('JPEG', 'PNG'))


def test_only_what_is_asked_for_passes():
    with pytest.raises(FrameRefusedError, match='it is BMP data: use JPEG or PNG'):
        check_image(encoded('.bmp'), ('JPEG', 'PNG'))
    with pytest.raises(FrameRefusedError, match='not a picture of a known kind'):
        check_image(b'not a picture', ('JPEG', 'PNG'))
    with pytest.raises(FrameRefusedError, match='an animated WebP'):
        check_image(bombs.extended_webp((16, 16), moves=True), KINDS)
    tiff = bombs.tiff((16, 16))
    with pytest.raises(FrameRefusedError, match='gives its size in an unusual way'):
        check_image(tiff.replace(b'\x01\x01\x04\0', b'\0\x01\x04\0'), KINDS)
    assert check_image(encoded('.png'), ('PNG',)) == ImageHeader(
        'PNG', 52, 36, 0, 5, coloured=True)


@pytest.mark.parametrize(('width', 'height', 'size_bytes'), [
    (640, 1_000_000, 0), (640, 480, 640 * 480 - 1), (0, 480, 99), (640, 0, 99),
    (2**32 - 1, 2**32 - 1, 99), (8001, 8000, 8001 * 8000 * 3)])
def test_rows_that_cannot_have_come_are_refused(width, height, size_bytes):
    with pytest.raises(FrameRefusedError, match=f'{width}x{height}'):
        check_rows(width, height, size_bytes)


def test_rows_that_came_pass():
    check_rows(640, 480, 640 * 480)
    check_size(9152, 6944)  # of the largest camera for a Raspberry Pi
    with pytest.raises(FrameRefusedError, match="'max_pixels' allows 9"):
        check_rows(5, 2, 30, max_pixels=9)


@settings(max_examples=5 * settings.default.max_examples)
@given(picture=st.sampled_from([
    encoded('.jpg'), encoded('.jpg', cv2.IMWRITE_JPEG_PROGRESSIVE, 1), encoded('.png'),
    pictures.with_thumbnail(encoded('.jpg')), encoded('.webp', cv2.IMWRITE_WEBP_QUALITY, 50),
    encoded('.webp', cv2.IMWRITE_WEBP_QUALITY, 101), encoded('.bmp'), encoded('.tiff'),
    encoded('.ppm'), bombs.tiff((52, 36), '>', big=True), bombs.two_headed_jpeg((100, 100))]),
    changed=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 3), st.binary(max_size=3)),
                     min_size=1, max_size=3))
def test_what_opencv_makes_has_the_size_that_was_told(picture, changed):
    data = bytearray(picture)
    for where, count, other in changed:
        place = round(where**3 * len(data))  # most of what counts is at the beginning
        data[place:place + count] = other
    try:
        header = check_image(bytes(data), KINDS, 10**6)
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except (FrameRefusedError, cv2.error):
        return
    if image is not None:  # Exif data may have turned it
        assert sorted(image.shape[:2]) == sorted((header.width, header.height))


@settings(max_examples=10 * settings.default.max_examples)
@given(beginning=st.sampled_from([b'', *BEGINNINGS]), cut=st.integers(0, 800),
       changed=st.lists(st.tuples(st.integers(0, 800), st.binary(max_size=4)), max_size=4),
       more=st.binary(max_size=100))
@example(b'MM\0+\0\x08\0\0' + b'\xff' * 8, 100, [], b'')
@example(b'II+\0\x08\0\0\0' + b'\xff' * 8, 100, [], b'')
@example(b'P6' + b'# ' * 100_000, 10**6, [], b'')
@example(b'\xff\xd8' + b'\xff' * 10**6, 10**7, [], b'')
@example(b'\xff\xd8' + b'\xff\xd0' * 10**6, 10**7, [], b'')
@example(b'\x89PNG\r\n\x1a\n' + bombs.png((1, 1))[8:33] + bytes(10**6), 10**7, [], b'')
def test_whatever_comes_is_a_picture_or_refused(beginning, cut, changed, more):
    data = bytearray(beginning[:cut] + more)
    for where, other in changed:
        data[where:where + len(other)] = other
    try:
        header = check_image(bytes(data), KINDS)
    except FrameRefusedError as error:
        assert str(error).startswith('it ')
    else:
        assert 1 <= header.width * header.height <= 64_000_000


def said_of(data, max_pixels):
    try:
        return whole_jpeg(data, max_pixels)
    except FrameRefusedError as error:
        return str(error)


def test_what_is_remembered_of_heads_changes_nothing(monkeypatch):
    plain = encoded('.jpg')
    questions = [(data, most) for jpeg in (
        plain, encoded('.jpg', grey=True), encoded('.jpg', cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        pictures.with_thumbnail(plain), plain[:2] + b'\xff\xe2\0\x06MPF\0' + plain[2:],
        bombs.jpeg(), bombs.hidden_jpeg())
        for data in (jpeg, jpeg + bytes(9), jpeg[:-2], jpeg[:-200], jpeg[:-200] + jpeg[-2:],
                     jpeg[:400], jpeg + jpeg, jpeg[:40] + b'\0' + jpeg[41:])
        for most in (10**6, 100)]
    expected = []
    for question in questions:
        monkeypatch.setattr(limits, '_HEADS', limits._Heads())
        expected.append(said_of(*question))
    monkeypatch.setattr(limits, '_HEADS', limits._Heads())
    for _ in range(2):
        assert [said_of(*question) for question in questions] == expected
    assert whole_jpeg(plain)[0] is plain
    assert limits._HEADS.find(plain) == check_jpeg(plain)


@pytest.mark.parametrize('more', [b'\xff\xe2\0\x06MPF\0', b'\xff\xda\0\x02'])
def test_a_head_with_which_more_may_come_is_not_remembered(more):
    plain = encoded('.jpg')
    assert plain_head(plain) == plain[:plain.index(b'\xff\xda') + 14]
    assert plain_head(plain[:2] + more + plain[2:]) == b''
    assert plain_head(encoded('.jpg', cv2.IMWRITE_JPEG_PROGRESSIVE, 1)) == b''
