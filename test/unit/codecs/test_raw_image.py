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

from array import array

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
from pi_camera_stream.codecs import raw_image
from pi_camera_stream.codecs.raw_image import to_viewable
import pytest

WIDTH, HEIGHT = 24, 20
JUNK = 0xA5  # what pads the rows
COLOURS = (200, 30, 40), (20, 180, 60), (30, 50, 210), (128, 128, 128)  # RGB


def scene():
    """Return red, green, blue and grey quarters: H x W x 3, RGB."""
    rgb = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    for number, colour in enumerate(COLOURS):
        rows, columns = divmod(number, 2)
        rgb[rows * HEIGHT // 2:][:HEIGHT // 2, columns * WIDTH // 2:][:, :WIDTH // 2] = colour
    return rgb


def yuv(rgb):
    """Return Y, U and V in video range, by the formula of ITU-R BT.601."""
    red, green, blue = np.moveaxis(rgb.astype(float) / 255, -1, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    planes = (16 + 219 * luma, 128 + 224 * (blue - luma) / 1.772,
              128 + 224 * (red - luma) / 1.402)
    return [plane.round().astype(np.uint8) for plane in planes]


def packed(*channels):
    """Return the rows of a picture whose pixels hold these channels."""
    return [(np.stack(channels, -1).reshape(HEIGHT, -1), 1)]


def colours(order, rgb):
    planes = {'r': rgb[..., 0], 'g': rgb[..., 1], 'b': rgb[..., 2],
              'a': np.full(rgb.shape[:2], 77, np.uint8)}
    return [planes[letter] for letter in order]


def colours_16(order, rgb, big_endian):
    rows = packed(*colours(order, rgb))[0][0].astype(np.uint16) * 256 + 0x99
    return [(rows.astype('>u2' if big_endian else '<u2').view(np.uint8), 1)]


def yuv_422(first_luma, rgb):
    y, u, v = yuv(rgb)
    rows = np.empty((HEIGHT, WIDTH, 2), np.uint8)
    rows[..., 0 if first_luma else 1] = y
    rows[:, 0::2, 1 if first_luma else 0] = u[:, ::2]
    rows[:, 1::2, 1 if first_luma else 0] = v[:, ::2]
    return [(rows.reshape(HEIGHT, -1), 1)]


def nv12(swapped, rgb):
    y, u, v = yuv(rgb)
    chroma = np.stack((v, u) if swapped else (u, v), -1)[::2, ::2]
    return [(y, 1), (chroma.reshape(HEIGHT // 2, -1), 1)]


def nv24(rgb):
    y, u, v = yuv(rgb)
    return [(y, 1), (np.stack((u, v), -1).reshape(HEIGHT, -1), 2)]


def i420(rgb):
    y, u, v = yuv(rgb)
    return [(y, 1), (u[::2, ::2], 0.5), (v[::2, ::2], 0.5)]


def mosaic(pattern, rgb):
    """Return what a sensor behind these filters sees: row by row, as `rggb`."""
    seen = np.empty((HEIGHT, WIDTH), np.uint8)
    for number, letter in enumerate(pattern):
        row, column = divmod(number, 2)
        seen[row::2, column::2] = rgb[row::2, column::2, 'rgb'.index(letter)]
    return seen


def mosaic_16(pattern, rgb, big_endian):
    values = mosaic(pattern, rgb).astype(np.uint16) * 256 + 0x99
    return [(values.astype('>u2' if big_endian else '<u2').view(np.uint8), 1)]


# Encoding: (its planes, each with its step as a share of the luma's; tolerance)
COLOURED = {
    'bgr8': (lambda rgb, _: packed(*colours('bgr', rgb)), 0),
    '8UC3': (lambda rgb, _: packed(*colours('bgr', rgb)), 0),
    'rgb8': (lambda rgb, _: packed(*colours('rgb', rgb)), 0),
    'bgra8': (lambda rgb, _: packed(*colours('bgra', rgb)), 0),
    '8UC4': (lambda rgb, _: packed(*colours('bgra', rgb)), 0),
    'rgba8': (lambda rgb, _: packed(*colours('rgba', rgb)), 0),
    'bgr16': (lambda rgb, big: colours_16('bgr', rgb, big), 0),
    '16UC3': (lambda rgb, big: colours_16('bgr', rgb, big), 0),
    'rgb16': (lambda rgb, big: colours_16('rgb', rgb, big), 0),
    'bgra16': (lambda rgb, big: colours_16('bgra', rgb, big), 0),
    '16UC4': (lambda rgb, big: colours_16('bgra', rgb, big), 0),
    'rgba16': (lambda rgb, big: colours_16('rgba', rgb, big), 0),
    'uyvy': (lambda rgb, _: yuv_422(False, rgb), 4),
    'yuv422': (lambda rgb, _: yuv_422(False, rgb), 4),
    'yuyv': (lambda rgb, _: yuv_422(True, rgb), 4),
    'yuv422_yuy2': (lambda rgb, _: yuv_422(True, rgb), 4),
    'nv12': (lambda rgb, _: nv12(False, rgb), 4),
    'nv21': (lambda rgb, _: nv12(True, rgb), 4),
    'nv24': (lambda rgb, _: nv24(rgb), 4),
    'i420': (lambda rgb, _: i420(rgb), 4),
    'yuv420': (lambda rgb, _: i420(rgb), 4),
    'yuv420p': (lambda rgb, _: i420(rgb), 4),
}
BAYER = {f'bayer_{pattern}{bits}': (
    (lambda rgb, _, pattern=pattern: [(mosaic(pattern, rgb), 1)]) if bits == 8 else
    (lambda rgb, big, pattern=pattern: mosaic_16(pattern, rgb, big)), 0)
    for pattern in ('rggb', 'bggr', 'gbrg', 'grbg') for bits in (8, 16)}
GREY = ('mono8', '8UC1', '8SC1')
STRETCHED = {'mono16': 'u2', '16UC1': 'u2', '16SC1': 'i2', '32SC1': 'i4', '32FC1': 'f4',
             '64FC1': 'f8'}
PLANAR = ('nv12', 'nv21', 'nv24', 'i420', 'yuv420', 'yuv420p')


def message(planes, padding=0):
    """Return (data, step) of planes whose rows are padded; `padding` is that of the luma."""
    step = planes[0][0].shape[1] + padding
    rows = []
    for plane, share in planes:
        padded = np.full((plane.shape[0], int(step * share)), JUNK, np.uint8)
        padded[:, :plane.shape[1]] = plane
        rows.append(padded.tobytes())
    return b''.join(rows), step


def depth(kind, values, big_endian=False):
    """Return (data, width, height, step) of rows of numbers."""
    array_ = np.array(values).astype(np.dtype(kind).newbyteorder('>' if big_endian else '<'))
    height, width = array_.shape
    return array_.tobytes(), width, height, width * array_.itemsize


def view_depth(encoding, values, big_endian=False):
    data, width, height, step = depth(STRETCHED[encoding], values, big_endian)
    return to_viewable(data, encoding, width, height, step, big_endian)


def test_every_encoding_is_tested_here():
    tested = {*COLOURED, *BAYER, *GREY, *STRETCHED}
    assert {name.lower() for name in tested} == set(raw_image._ENCODINGS)


@pytest.mark.parametrize('big_endian', [False, True])
@pytest.mark.parametrize('padding', [0, 8])
@pytest.mark.parametrize('encoding', COLOURED)
def test_colours_come_out_as_they_are(encoding, padding, big_endian):
    planes, tolerance = COLOURED[encoding]
    data, step = message(planes(scene(), big_endian), padding)
    image = to_viewable(data, encoding, WIDTH, HEIGHT, step, big_endian)
    assert image.dtype == np.uint8
    assert image.shape == (HEIGHT, WIDTH, 3)
    assert np.abs(image.astype(int) - scene()[..., ::-1]).max() <= tolerance


@pytest.mark.parametrize('big_endian', [False, True])
@pytest.mark.parametrize('padding', [0, 8])
@pytest.mark.parametrize('encoding', BAYER)
def test_a_mosaic_shows_the_colours_before_the_filters(encoding, padding, big_endian):
    planes, tolerance = BAYER[encoding]
    data, step = message(planes(scene(), big_endian), padding)
    image = to_viewable(data, encoding, WIDTH, HEIGHT, step, big_endian)
    assert image.shape == (HEIGHT, WIDTH, 3)
    inner = np.zeros((HEIGHT, WIDTH), bool)  # at the edges, neighbours shine in
    for row in (0, HEIGHT // 2):
        for column in (0, WIDTH // 2):
            inner[row + 2:row + HEIGHT // 2 - 2, column + 2:column + WIDTH // 2 - 2] = True
    assert np.abs(image.astype(int) - scene()[..., ::-1])[inner].max() <= tolerance


@pytest.mark.parametrize('pattern', ['rggb', 'bggr', 'gbrg', 'grbg'])
def test_a_pure_red_mosaic_is_red(pattern):
    red = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    red[..., 0] = 255
    data, step = message([(mosaic(pattern, red), 1)])
    image = to_viewable(data, f'bayer_{pattern}8', WIDTH, HEIGHT, step, False)
    assert (image == (0, 0, 255)).all()


@pytest.mark.parametrize('padding', [0, 8])
@pytest.mark.parametrize('encoding', ['mono8', '8UC1'])
def test_grey_is_a_view(encoding, padding):
    rows = np.arange(WIDTH * HEIGHT, dtype=np.uint16).astype(np.uint8).reshape(HEIGHT, WIDTH)
    data, step = message([(rows, 1)], padding)
    image = to_viewable(data, encoding, WIDTH, HEIGHT, step, False)
    assert np.array_equal(image, rows)
    assert np.shares_memory(image, np.frombuffer(data, np.uint8))


def test_signed_grey_has_zero_in_the_middle():
    values = np.array([[-128, -1, 0, 127]], np.int8)
    image = to_viewable(values.tobytes(), '8SC1', 4, 1, 4, False)
    assert image.tolist() == [[0, 127, 128, 255]]


@pytest.mark.parametrize('padding', [0, 5])
def test_bgr_is_a_view_even_where_rows_are_padded(padding):
    data, step = message(packed(*colours('bgr', scene())), padding)
    image = to_viewable(data, 'bgr8', WIDTH, HEIGHT, step, False)
    assert np.shares_memory(image, np.frombuffer(data, np.uint8))


@pytest.mark.parametrize('wrap', [bytes, bytearray, memoryview, lambda data: array('B', data),
                                  lambda data: np.frombuffer(data, np.uint8)])
def test_any_buffer_will_do(wrap):
    data, step = message(packed(*colours('rgb', scene())))
    image = to_viewable(wrap(data), 'rgb8', WIDTH, HEIGHT, step, False)
    assert np.array_equal(image, scene()[..., ::-1])


@pytest.mark.parametrize('encoding', ['RGB8', 'Rgb8', ' rgb8 '])
def test_drivers_may_be_sloppy_about_the_name(encoding):
    data, step = message(packed(*colours('rgb', scene())))
    assert np.array_equal(to_viewable(data, encoding, WIDTH, HEIGHT, step, False),
                          scene()[..., ::-1])


@pytest.mark.parametrize('encoding', PLANAR)
def test_a_planar_picture_whose_driver_reckons_two_bytes_a_pixel(encoding):
    data, step = message(COLOURED[encoding][0](scene(), False))
    for behind in (0, WIDTH * HEIGHT // 2):
        image = to_viewable(data + bytes(behind), encoding, WIDTH, HEIGHT, 2 * step, False)
        assert np.abs(image.astype(int) - scene()[..., ::-1]).max() <= 4


@pytest.mark.parametrize('padding', [0, 8])
@pytest.mark.parametrize('encoding', [*COLOURED, *BAYER, *GREY, *STRETCHED])
def test_the_last_row_needs_no_padding_but_all_its_bytes(encoding, padding):
    if encoding in (*GREY, *STRETCHED):
        item = np.dtype(STRETCHED.get(encoding, 'u1')).itemsize
        planes = [(np.full((HEIGHT, WIDTH * item), 65, np.uint8), 1)]
    else:
        planes = {**COLOURED, **BAYER}[encoding][0](scene(), False)
    data, step = message(planes, padding)
    least = len(data) - int(padding * planes[-1][1])
    image = to_viewable(data[:least], encoding, WIDTH, HEIGHT, step, False)
    assert np.array_equal(image, to_viewable(data, encoding, WIDTH, HEIGHT, step, False))
    with pytest.raises(ValueError, match=f'{least} bytes, but {least - 1} came'):
        to_viewable(data[:least - 1], encoding, WIDTH, HEIGHT, step, False)
    with pytest.raises(ValueError, match='do not fit into a step of'):
        to_viewable(data, encoding, WIDTH, HEIGHT, step - padding - 1, False)


@pytest.mark.parametrize(('encoding', 'width', 'height'), [
    ('yuyv', 7, 4), ('uyvy', 7, 4), ('nv12', 7, 4), ('nv12', 8, 3), ('nv21', 7, 4),
    ('i420', 8, 3)])
def test_odd_sizes_are_refused_where_pixels_share_their_colour(encoding, width, height):
    with pytest.raises(ValueError, match=f'{encoding} needs an even .* not {width}x{height}'):
        to_viewable(bytes(1000), encoding, width, height, 16, False)


def test_odd_sizes_are_fine_elsewhere():
    assert to_viewable(bytes(1000), 'uyvy', 8, 3, 16, False).shape == (3, 8, 3)
    assert to_viewable(bytes(1000), 'nv24', 7, 3, 7, False).shape == (3, 7, 3)
    assert to_viewable(bytes(1000), 'bayer_rggb8', 7, 3, 7, False).shape == (3, 7, 3)


@pytest.mark.parametrize(('width', 'height'), [(0, 4), (4, 0), (-1, 4), (0, 0)])
@pytest.mark.parametrize('encoding', ['bgr8', 'nv12', '32FC1'])
def test_an_empty_picture_is_refused(encoding, width, height):
    with pytest.raises(ValueError, match='has nothing to show'):
        to_viewable(b'', encoding, width, height, 0, False)


def test_a_mosaic_too_small_to_be_interpolated_is_refused():
    with pytest.raises(ValueError, match='at least 3x3'):
        to_viewable(bytes(100), 'bayer_rggb8', 2, 8, 2, False)


@pytest.mark.parametrize('encoding', ['', 'jpeg', '8UC2', 'rgb', 'bayer_rgbg8', 'x' * 1000])
def test_an_unknown_encoding_is_explained(encoding):
    with pytest.raises(ValueError, match='is not supported: bgr8, rgb8,') as error:
        to_viewable(bytes(100), encoding, 4, 4, 4, False)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize('big_endian', [False, True])
@pytest.mark.parametrize('encoding', STRETCHED)
def test_depth_is_stretched_from_the_nearest_to_the_farthest(encoding, big_endian):
    values = np.linspace(500, 5000, 200 * 100).reshape(100, 200)
    image = view_depth(encoding, values, big_endian)
    assert image.dtype == np.uint8
    assert image.shape == (100, 200)
    assert (np.diff(image.ravel().astype(int)) >= 0).all()
    assert image.min() == 1  # 0 is kept for what is invalid
    assert image.max() == 255
    assert image[50, 0] == pytest.approx(128, abs=2)


@pytest.mark.parametrize('encoding', STRETCHED)
def test_what_was_not_measured_is_black_and_nothing_else(encoding):
    values = np.tile(np.linspace(500, 5000, 100), (10, 1))
    values[:, ::7] = 0
    image = view_depth(encoding, values)
    assert np.array_equal(image == 0, values == 0)


@pytest.mark.parametrize('encoding', ['32FC1', '64FC1'])
def test_nan_and_infinity_are_black(encoding):
    values = np.tile(np.linspace(0.5, 5, 100), (10, 1))
    plain = view_depth(encoding, values)
    values[3, ::5], values[4, ::5], values[5, ::5] = np.nan, np.inf, -np.inf
    image = view_depth(encoding, values)
    assert np.array_equal(image == 0, ~np.isfinite(values))
    assert np.abs(image.astype(int) - plain)[np.isfinite(values)].max() <= 3  # one column


@pytest.mark.parametrize('encoding', STRETCHED)
@pytest.mark.parametrize('nothing', [0, np.nan])
def test_nothing_measured_is_all_black(encoding, nothing):
    if np.dtype(STRETCHED[encoding]).kind != 'f':
        nothing = 0
    assert not view_depth(encoding, np.full((10, 10), nothing)).any()


@pytest.mark.parametrize('encoding', STRETCHED)
def test_a_constant_picture_is_grey(encoding):
    assert np.unique(view_depth(encoding, np.full((10, 10), 1000))).tolist() == [128]


@pytest.mark.parametrize('encoding', STRETCHED)
def test_noise_on_a_flat_wall_is_not_blown_up(encoding):
    noise = np.random.default_rng(0).integers(-1, 2, (100, 100))
    image = view_depth(encoding, 2000 + noise)
    assert int(image.max()) - int(image.min()) <= 255 * 2 / 20 + 2


@pytest.mark.parametrize('encoding', ['16SC1', '32SC1', '32FC1', '64FC1'])
def test_negative_values_are_darker_than_positive_ones(encoding):
    image = view_depth(encoding, np.linspace(-3000, 3000, 1000).reshape(10, 100))
    assert (np.diff(image.ravel().astype(int)) >= 0).all()


@pytest.mark.parametrize('encoding', STRETCHED)
def test_a_few_outliers_change_little(encoding):
    values = np.linspace(500, 5000, 200 * 100).reshape(100, 200)
    plain = view_depth(encoding, values).astype(int)
    values[7, 7:12] = 32000
    changed = np.abs(view_depth(encoding, values).astype(int) - plain)
    changed[7, 7:12] = 0
    assert changed.max() <= 1


def test_a_single_point_in_a_large_picture_is_seen():
    values = np.zeros((480, 640))
    values[101, 333] = 1500
    image = view_depth('16UC1', values)
    assert image[101, 333] == 128
    assert np.count_nonzero(image) == 1


@pytest.mark.parametrize(('encoding', 'values'), [
    ('32FC1', [-3.4e38, 3.4e38, 1e-45, 1.0]), ('32FC1', [1e-45, 3e-45, 1e-45]),
    ('64FC1', [-1.7e308, 1.7e308, 5e-324, 1.0]), ('64FC1', [5e-324, 1e-323]),
    ('32SC1', [-2**31, 2**31 - 1, 1]), ('16SC1', [-2**15, 2**15 - 1, 1])])
def test_the_largest_and_smallest_numbers_do_not_overflow(encoding, values):
    image = view_depth(encoding, [values])
    assert (np.diff(image[0][np.argsort(values)].astype(int)) >= 0).all()
    assert image.all()


@settings(deadline=None)
@given(st.sampled_from([*COLOURED, *BAYER, *GREY, *STRETCHED, '8UC2', '']),
       st.integers(-1, 20), st.integers(-1, 20), st.integers(0, 40), st.floats(0, 1.2),
       st.booleans(), st.integers(0, 2**32))
def test_whatever_comes_gives_a_picture_or_a_value_error(encoding, width, height, padding, share,
                                                         big_endian, seed):
    random = np.random.default_rng(seed)
    step = max(0, random.choice((0, 1, 1, 2, 3, 4, 8)) * width + padding)
    data = random.bytes(int(step * max(0, height) * 3 * share))
    try:
        image = to_viewable(data, encoding, width, height, int(step), big_endian)
    except ValueError as error:
        assert str(error)
    else:
        assert image.dtype == np.uint8
        assert image.shape[:2] == (height, width)
        assert image.shape[2:] in {(), (3,)}
