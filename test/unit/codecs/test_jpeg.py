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
from hypothesis import example, given
from hypothesis import strategies as st
import numpy as np
from pi_camera_stream.codecs.jpeg import (
    find_end,
    JpegHeader,
    NotAJpegError,
    read_header,
    read_quality,
)
from pi_camera_stream.codecs.jpeg_codec import decode_jpeg
from pi_camera_stream.codecs.limits import check_jpeg, whole_jpeg
from pi_camera_stream.core.errors import FrameRefusedError
import pytest
from support import pictures


def test_the_header_says_size_and_components():
    assert read_header(pictures.jpeg(64, 48)) == JpegHeader(64, 48, 3)
    grey = cv2.imencode('.jpg', np.zeros((30, 50), np.uint8))[1].tobytes()
    assert read_header(grey) == JpegHeader(50, 30, 1)


@pytest.mark.parametrize('quality', [20, 35, 50, 75, 90, 99])
@pytest.mark.parametrize('grey', [False, True])
def test_the_quality_is_what_it_was_encoded_with(quality, grey):
    image = pictures.image(64, 48)
    data = cv2.imencode('.jpg', image[..., 0] if grey else image,
                        (cv2.IMWRITE_JPEG_QUALITY, quality))[1].tobytes()
    assert read_quality(data) == quality


def test_the_quality_is_that_of_the_brightness_wherever_its_table_stands():
    data = pictures.jpeg(64, 48, quality=30)
    at = data.index(b'\xff\xdb\x00\x43\x00')
    luma, chroma = data[at + 4:at + 69], data[at + 73:at + 138]
    assert chroma[0] == 1
    both = b'\xff\xdb\x00\x84' + chroma + luma
    assert read_quality(data[:at] + both + data[at + 138:]) == 30
    wide = b'\xff\xdb\x00\x83\x10' + b''.join(bytes((0, number)) for number in luma[1:])
    assert read_quality(data[:at] + wide + data[at + 69:]) == 30
    assert read_quality(data[:at] + data[at + 138:]) == 100


def test_a_progressive_picture_has_a_header_too():
    data = cv2.imencode('.jpg', pictures.image(64, 48), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1))[1]
    assert read_header(data.tobytes()) == JpegHeader(64, 48, 3)


def test_a_thumbnail_is_not_taken_for_the_picture():
    assert read_header(pictures.with_thumbnail(pictures.jpeg(64, 48))) == JpegHeader(64, 48, 3)


@pytest.mark.parametrize('data', [
    b'', b'\xff', b'\xff\xd8', b'\xff\xd8\xff', b'not a picture', b'\xff\xd8\xff\xd9',
    b'\xff\xd8\xff\xe0\x00\x00', b'\xff\xd8' + b'\xff' * 40, b'\xff\xd8' + b'\0' * 40,
    b'\x89PNG\r\n\x1a\n' + b'\0' * 40, b'\xff\xd8\xff\xc0\x00\x11\x08',
    b'\xff\xd8\xff\xc0\x00\x11\x08\x00\x00\x00\x00\x03\x00\x00\x00',
])
def test_what_is_no_jpeg_is_refused(data):
    with pytest.raises(NotAJpegError):
        read_header(data)
        find_end(data)


JPEG = pictures.jpeg(320, 240, quality=90)
PROGRESSIVE = cv2.imencode('.jpg', pictures.image(64, 48), (
    cv2.IMWRITE_JPEG_PROGRESSIVE, 1))[1].tobytes()
GREY = cv2.imencode('.jpg', pictures.image(64, 48)[..., 0])[1].tobytes()


def decoded(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


@pytest.mark.parametrize('jpeg', [JPEG, PROGRESSIVE, GREY], ids=['usual', 'progressive', 'grey'])
@pytest.mark.parametrize('behind', [
    bytes(1), bytes(6000), b'\xff' * 10, b'\r\n--frame', bytes(range(256)) * 80, JPEG + b'\0'])
def test_what_stands_behind_the_end_is_cut_off(jpeg, behind):
    whole, header = whole_jpeg(jpeg + behind)
    assert whole == jpeg
    assert header == read_header(jpeg)


def test_of_several_pictures_in_a_file_the_first_one_is_taken():
    first = JPEG[:2] + b'\xff\xe2\0\x06MPF\0' + JPEG[2:]
    assert whole_jpeg(first + JPEG)[0] == first
    assert whole_jpeg(first)[0] == first


@pytest.mark.usefixtures('pyav')
@pytest.mark.parametrize('jpeg', [JPEG, PROGRESSIVE, GREY], ids=['usual', 'progressive', 'grey'])
def test_without_its_end_marker_a_jpeg_with_all_rows_is_whole_and_any_other_is_not(jpeg):
    assert whole_jpeg(jpeg[:-2])[0] == jpeg
    for length in (*range(2, len(jpeg) - 100, 97), len(jpeg) - 60):
        with pytest.raises(FrameRefusedError, match=r'it is not a whole JPEG|too few'):
            whole_jpeg(jpeg[:length])


def segments(jpeg):
    """Return the offsets at which segments begin, up to the first scan."""
    offsets, position = [], 2
    while jpeg[position + 1] != 0xDA:
        offsets.append(position)
        position += 2 + int.from_bytes(jpeg[position + 2:position + 4], 'big')
    return [*offsets, position]


STRAY = [b'\0', bytes(500), b'stray', b'\xff\0', b'\0\xff\0\0', b'\xff' * 20, b'\xff\xd0']


@pytest.mark.parametrize('stray', STRAY)
def test_stray_bytes_between_segments_are_passed_over_as_libjpeg_does(stray):
    # OpenCV wants an FF behind the start marker, or does not take it for a JPEG.
    for at in segments(JPEG)[not stray.startswith(b'\xff\xff'):]:
        data = JPEG[:at] + stray + JPEG[at:]
        assert np.array_equal(decoded(data), decoded(JPEG))
        whole, header = whole_jpeg(data + bytes(50))
        assert (whole, header) == (data, read_header(JPEG))
        assert np.array_equal(decode_jpeg(whole), decoded(JPEG))


def test_an_end_marker_in_a_segment_between_scans_is_none():
    second = PROGRESSIVE.index(b'\xff\xc4', PROGRESSIVE.index(b'\xff\xda'))
    comment = b'\xff\xfe\0\x0b' + b'\xff\xd9 no end'
    data = PROGRESSIVE[:second] + comment + PROGRESSIVE[second:]
    assert np.array_equal(decoded(data), decoded(PROGRESSIVE))
    assert whole_jpeg(data + bytes(9))[0] == data


def test_an_end_marker_in_a_thumbnail_is_none():
    data = pictures.with_thumbnail(JPEG)
    assert whole_jpeg(data)[0] is data
    with pytest.raises(FrameRefusedError):
        whole_jpeg(data[:-500])


edits = st.lists(st.tuples(st.floats(0, 1), st.sampled_from([
    *STRAY, b'\xff\xd8', b'\xff\xc0', b'\xff\xd9', b'\xff\xda', b'\xff\xfe\0\x02', b'\xff\xc4',
    JPEG[:200]]), st.integers(0, 40)), min_size=1, max_size=4)


@given(st.sampled_from([JPEG, PROGRESSIVE, GREY]), edits)
@example(JPEG, [(0.0, b'\0' + JPEG[:400], 0)])
def test_whatever_opencv_makes_of_it_it_has_the_size_that_the_guard_saw(jpeg, changes):
    head = jpeg.index(b'\xff\xda') + 40
    for share, text, removed in changes:
        at = 2 + int(share * head)
        jpeg = jpeg[:at] + text + jpeg[at + removed:]
    try:
        whole, header = whole_jpeg(jpeg)
    except FrameRefusedError:
        return
    assert check_jpeg(whole) == header
    image = decode_jpeg(whole)
    assert image is None or image.shape[:2] == (header.height, header.width)
