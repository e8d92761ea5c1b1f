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
from pi_camera_stream.codecs.jpeg import read_header, read_quality
from pi_camera_stream.codecs.renditions import RenditionEncoder
from pi_camera_stream.core.frame import EncodedImage, image_size
from pi_camera_stream.core.rendition_spec import RenditionSpec as Spec
import pytest
from support import pictures
from support.turning import with_orientation

WIDTH, HEIGHT = 320, 240
CORNERS = (220, 40, 30), (30, 200, 40), (40, 50, 230), (200, 200, 200)  # BGR


def scene(width=WIDTH, height=HEIGHT):
    """Return a picture with four quarters of different colours."""
    image = np.empty((height, width, 3), np.uint8)
    for number, colour in enumerate(CORNERS):
        row, column = divmod(number, 2)
        image[row * height // 2:][:height // 2 + 1, column * width // 2:] = colour
    return image


def jpeg(image, quality=95):
    return cv2.imencode('.jpg', image, (cv2.IMWRITE_JPEG_QUALITY, quality))[1].tobytes()


def decoded(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def corners(image):
    """Return the colours in the middle of the quarters, row by row."""
    height, width = image.shape[:2]
    return [image[height * row // 4, width * column // 4] for row in (1, 3) for column in (1, 3)]


def encode(picture, *specs, size=(WIDTH, HEIGHT), **options):
    content = EncodedImage(picture) if isinstance(picture, bytes) else picture
    frames = RenditionEncoder(**options).encode(content, *size, specs, 1, 2)
    assert all((frame.stamp_ns, frame.sequence) == (1, 2) for frame in frames)
    return [(frame.data, frame.width, frame.height) for frame in frames]


@pytest.fixture
def flags(monkeypatch):
    """Return the flags of all decodings so far."""
    used = []
    decode = cv2.imdecode

    def noting(data, flag):
        used.append(flag & ~cv2.IMREAD_IGNORE_ORIENTATION)
        return decode(data, flag)

    monkeypatch.setattr(cv2, 'imdecode', noting)
    return used


SPECS = (Spec(scale=0.25, quality=40), Spec(scale=0.75, quality=70), Spec(),
         Spec(scale=0.5, quality=60), Spec(scale=0.35), Spec(width=500),
         Spec(width=100, height=200), Spec(width=400, height=50), Spec(width=2, height=2))


@pytest.mark.parametrize('picture', [jpeg(scene()), scene()], ids=['jpeg', 'image'])
def test_each_recipe_gives_its_size_and_the_same_scene(picture):
    renditions = encode(picture, *SPECS)
    for spec, (data, width, height) in zip(SPECS, renditions, strict=True):
        assert (width, height) == spec.size(WIDTH, HEIGHT)
        assert read_header(data).width == width
        assert read_header(data).height == height
        if min(width, height) > 16:
            assert np.abs(np.subtract(corners(decoded(data)), CORNERS, dtype=int)).max() < 12


@pytest.mark.parametrize(('specs', 'flag'), [
    ([Spec(scale=0.1), Spec(scale=0.75)], cv2.IMREAD_COLOR),
    ([Spec(scale=0.5), Spec(scale=0.35)], cv2.IMREAD_REDUCED_COLOR_2),
    ([Spec(scale=0.25)], cv2.IMREAD_REDUCED_COLOR_4),
    ([Spec(scale=0.125)], cv2.IMREAD_REDUCED_COLOR_8),
    ([Spec(width=20, height=200)], cv2.IMREAD_COLOR),
    ([Spec(width=640)], cv2.IMREAD_COLOR),
])
def test_one_decoding_no_larger_than_needed(flags, specs, flag):
    assert len(encode(jpeg(scene()), *specs)) == len(specs)
    assert flags == [flag]


def test_an_odd_picture_is_reduced_as_libjpeg_rounds_it(flags):
    (data, *_), = encode(jpeg(scene(321, 241)), Spec(width=161, height=121), size=(321, 241))
    assert flags == [cv2.IMREAD_REDUCED_COLOR_2]
    assert image_size(decoded(data)) == (161, 121)


def test_nothing_wanted_is_nothing_decoded(flags):
    assert encode(jpeg(scene())) == []
    assert encode(b'no JPEG') == []
    assert not flags


@pytest.mark.parametrize('scale', [1.0, 0.75, 0.5, 0.25, 0.12])
def test_grey_stays_grey(scale):
    grey = cv2.cvtColor(scene(), cv2.COLOR_BGR2GRAY)
    for picture in (grey, jpeg(grey)):
        (data, *_), = encode(picture, Spec(scale=scale))
        assert read_header(data).components == 1
        assert abs(int(decoded(data).mean()) - int(grey.mean())) <= 3


@pytest.mark.parametrize('scale', [1.0, 0.6, 0.5])
def test_upside_down(scale):
    (data, *_), = encode(jpeg(scene()), Spec(scale=scale, upside_down=True))
    assert np.abs(np.subtract(corners(decoded(data)), CORNERS[::-1], dtype=int)).max() < 12


def test_upside_down_is_a_rendition_of_its_own():
    upright, turned, again = encode(scene(), Spec(), Spec(upside_down=True), Spec())
    assert upright is not turned
    assert upright == again
    assert np.abs(np.subtract(corners(decoded(turned[0])), CORNERS[::-1], dtype=int)).max() < 12


def test_what_is_wanted_twice_is_encoded_once():
    first, second = encode(scene(), Spec(scale=0.5), Spec(width=160, height=120))
    assert first[0] is second[0]


def test_a_rendition_does_not_depend_on_the_others():
    image = pictures.image(WIDTH, HEIGHT)
    together = encode(image, *SPECS)
    assert [encode(image, spec)[0] for spec in SPECS] == together


def test_quality_costs_bytes():
    image = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    sizes = [len(data) for data, *_ in encode(image, *(Spec(quality=q) for q in (20, 50, 90)))]
    assert sizes == sorted(set(sizes))


def test_fine_stripes_become_grey_not_moire():
    stripes = np.zeros((HEIGHT, WIDTH), np.uint8)
    stripes[:, ::2] = 255
    for scale in (0.5, 0.35, 0.25, 0.1):
        (data, *_), = encode(stripes, Spec(scale=scale, quality=95))
        assert np.abs(decoded(data).astype(int) - 127).max() < 8
    (data, *_), = encode(stripes, Spec(width=45, height=200, quality=95))  # cannot be halved
    assert np.abs(decoded(data).astype(int) - 127).max() < 40


def test_a_picture_that_exif_turns_is_decoded_no_larger_than_needed(flags):
    encode(with_orientation(jpeg(scene()), 6), Spec(width=120), size=(HEIGHT, WIDTH))
    # Sideways, 240 pixels wide, halves would be too small:
    encode(with_orientation(jpeg(scene()), 6), Spec(width=140), size=(HEIGHT, WIDTH))
    assert flags == [cv2.IMREAD_REDUCED_COLOR_2, cv2.IMREAD_COLOR]


@pytest.mark.parametrize('view', [
    lambda image: image[::2, 1:-1], lambda image: image[::-1, ::-1],
    lambda image: image[..., ::-1], np.asfortranarray])
def test_an_image_may_be_any_view(view):
    image = view(pictures.image(WIDTH, HEIGHT))
    image.setflags(write=False)
    size = image_size(image)
    for (data, *got), spec in zip(encode(image, *SPECS, size=size), SPECS, strict=True):
        assert tuple(got) == spec.size(*size)
        expected, = encode(np.ascontiguousarray(image), spec, size=size)
        assert data == expected[0]


@pytest.mark.parametrize('data', [
    b'', b'not a picture', b'\xff\xd8\xff\xd9', jpeg(scene())[:300],
    b'\x89PNG\r\n\x1a\n' + bytes(40)])
def test_what_is_no_jpeg_is_explained(data):
    with pytest.raises(ValueError, match=r'JPEG'):
        encode(data, Spec(scale=0.5))


def test_a_few_bytes_do_not_take_gigabytes():
    picture = bytearray(jpeg(scene()))
    start = picture.index(b'\xff\xc0')
    picture[start + 5:start + 9] = b'\xff\x00\xff\x00'
    with pytest.raises(ValueError, match='too few for 65280x65280'):
        encode(bytes(picture), Spec(scale=0.5), max_pixels=2**32)
    with pytest.raises(ValueError, match="65280x65280 pixels, but 'max_pixels' allows 64000000"):
        encode(bytes(picture), Spec(scale=0.5))


def test_a_blank_picture_is_not_taken_for_too_few_bytes():
    for flag in (0, 1):
        data = cv2.imencode('.jpg', np.zeros((2160, 3840), np.uint8), (
            cv2.IMWRITE_JPEG_PROGRESSIVE, flag, cv2.IMWRITE_JPEG_OPTIMIZE, 1,
            cv2.IMWRITE_JPEG_QUALITY, 1))[1].tobytes()
        assert encode(data, Spec(scale=0.1), size=(3840, 2160))[0][1:] == (384, 216)


def test_a_size_beyond_jpeg_is_refused():
    with pytest.raises(ValueError, match='65500 each way'):
        encode(np.zeros((2, 70000), np.uint8), Spec(), size=(70000, 2))


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(1, 60),
       st.lists(st.builds(Spec, st.floats(0, 1.5), st.integers(0, 70), st.integers(0, 70),
                          st.integers(1, 100), st.booleans()), max_size=4),
       st.sampled_from(['image', 'grey', 'jpeg', 'turned']))
@example(1, 1, [Spec()], 'image')
def test_any_size(width, height, specs, kind):
    image = pictures.image(width, height)
    picture = {'image': image, 'grey': image[..., 0], 'jpeg': jpeg(image),
               'turned': with_orientation(jpeg(image), 8)}[kind]
    shown = (height, width) if kind == 'turned' else (width, height)
    renditions = encode(picture, *specs, size=shown)
    for spec, (data, *size) in zip(specs, renditions, strict=True):
        assert image_size(decoded(data)) == tuple(size)
        assert tuple(size) == spec.size(*shown)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=20),
       st.integers(2, 10_000), st.sampled_from(SPECS))
def test_whatever_comes_gives_a_picture_or_a_value_error(changes, cut, spec):
    picture = bytearray(pictures.jpeg())
    for position, value in changes:
        picture[position % len(picture)] = value
    try:
        (data, *_), = encode(bytes(picture[:cut]), spec, size=(64, 48))
    except ValueError as error:
        assert str(error)
    else:
        assert decoded(data) is not None


def test_no_rendition_has_a_better_quality_than_its_source():
    (coarse, *_), (same, *_) = encode(jpeg(scene(), 30), Spec(quality=80), Spec(quality=30))
    assert coarse == same
    (fine, *_), = encode(scene(), Spec(quality=80))
    assert (read_quality(coarse), read_quality(fine)) == (30, 80)
