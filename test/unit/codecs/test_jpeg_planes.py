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

import av
import cv2
import numpy as np
from pi_camera_stream.codecs.h264_encoder import H264Encoder
from pi_camera_stream.codecs.jpeg_codec import decode_jpeg
from pi_camera_stream.codecs.jpeg_planes import JpegPlanes
import pytest
from support import turning

WIDTH, HEIGHT = 320, 240


def scene(number=0):
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.dstack([(columns + 9 * number) % 256, 255 * rows // HEIGHT,
                      255 - columns * 255 // WIDTH]).astype(np.uint8)


def jpeg(image, *options):
    return cv2.imencode('.jpg', image, options)[1].tobytes()


def shown(planes):
    return cv2.cvtColor(planes.to_ndarray(), cv2.COLOR_YUV2BGR_I420)


def sampled(image, planes):
    """Return a JPEG with planes of that kind, which OpenCV 4.5 cannot be told."""
    encoder = av.CodecContext.create('mjpeg', 'w')
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, planes
    encoder.time_base = Fraction(1, 30)
    picture = av.VideoFrame.from_ndarray(image, format='bgr24').reformat(format=planes)
    return b''.join(bytes(packet) for packet in [*encoder.encode(picture), *encoder.encode(None)])


@pytest.mark.parametrize('how', ['yuvj420p', 'yuvj422p', 'yuvj444p', 'grey', 'progressive'])
def test_what_a_jpeg_shows_is_in_the_planes(how):
    image = scene()
    if how == 'grey':
        data = jpeg(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))
    elif how == 'progressive':
        data = jpeg(image, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    else:
        data = sampled(image, how)
    planes = JpegPlanes().decode(data)
    assert (planes.format.name, planes.width, planes.height) == ('yuv420p', WIDTH, HEIGHT)
    luma = planes.to_ndarray()[:HEIGHT]
    assert luma.min() >= 16
    assert luma.max() <= 235
    assert cv2.PSNR(shown(planes), decode_jpeg(data)) > 30


def test_what_is_unusual_or_broken_is_none_and_the_next_one_is_decoded():
    planes, whole = JpegPlanes(), jpeg(scene())
    for data in (jpeg(scene()[:, 1:]), jpeg(scene()[1:]), b'', whole[:900] + whole[-2:],
                 turning.with_orientation(whole, 6)):
        assert planes.decode(data) is None
        assert planes.decode(whole) is not None
    assert planes.decode(whole, max_pixels=100) is None


def test_a_pyav_that_knows_no_ranges_is_told_none(monkeypatch):
    planes, told = JpegPlanes(), []
    planes.decode(jpeg(scene()))
    reformat = planes._converter.reformat

    class Old:
        def reformat(self, picture, format):  # noqa: A002 - as PyAV calls it
            told.append(format)
            return reformat(picture, format=format)

    monkeypatch.setattr(planes, '_converter', Old())
    for _ in range(2):
        assert planes.decode(jpeg(scene())).format.name == 'yuv420p'
    assert told == 2 * ['yuv420p']


def test_they_are_encoded_as_images_are():
    encoder, planes = H264Encoder(4e6, 30.0), JpegPlanes()
    decoder = av.CodecContext.create('h264', 'r')
    frames = [encoder.encode(planes.decode(jpeg(scene(number))), number) for number in range(4)]
    assert [frame.key for frame in frames] == [True, False, False, False]
    found = [image for frame in frames for image in decoder.decode(av.Packet(frame.data))]
    for number, image in enumerate([*found, *decoder.decode(None)]):
        assert cv2.PSNR(image.to_ndarray(format='bgr24'), scene(number)) > 25
