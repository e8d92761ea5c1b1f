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
import numpy as np
from pi_camera_stream.codecs.jpeg import check_whole, JpegHeader, NotAJpegError, read_header
import pytest
from support import pictures


def test_the_header_says_size_and_components():
    assert read_header(pictures.jpeg(64, 48)) == JpegHeader(64, 48, 3)
    grey = cv2.imencode('.jpg', np.zeros((30, 50), np.uint8))[1].tobytes()
    assert read_header(grey) == JpegHeader(50, 30, 1)


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
        check_whole(data)


def test_every_cut_is_refused():
    picture = pictures.jpeg()
    for length in range(len(picture) - 1):
        with pytest.raises(NotAJpegError):
            check_whole(picture[:length])


def test_padding_behind_the_end_is_accepted():
    assert check_whole(pictures.jpeg() + b'\0' * 512).width == 64
