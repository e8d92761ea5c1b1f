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

"""The tiles of the screen's code, found in pictures as cameras take them, and nowhere else."""

import base64
import math
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np
from pi_camera_stream import web
from pi_camera_stream.core import block_code
import pytest

STATIC = Path(web.__file__).parent / 'static'
KEY, OTHER_KEY = 12345, 54321
MODULE, QUIET = 20, 30  # pixels of the screen
TILE = 9 * MODULE
TIMES = [100_000, 100_016, 100_033, 100_050]
SIZE = (640, 360)  # of the picture
ASKEW = [(200, 60), (460, 100), (440, 290), (180, 340)]


@pytest.fixture
def reader(page):
    """Return the page's modules, without a robot."""
    def serve(route):
        name = urlsplit(route.request.url).path.removeprefix('/static').lstrip('/')
        if name:
            route.fulfill(path=STATIC / name)
        else:
            route.fulfill(content_type='text/html', body='<!DOCTYPE html>')

    page.route('**/*', serve)
    page.goto('http://reader.test/')
    return Reader(page)


class Reader:
    """What the JavaScript says."""

    def __init__(self, page):
        self._page = page

    def cells(self, tile, time_ms, key=KEY):
        """Return the cells of a tile, 7 x 7."""
        cells = self._page.evaluate("""async ([tile, timeMs, key]) => {
            const { encodeTile } = await import('/latency/tile_code.js');
            return [...encodeTile({ tile, timeMs }, key)];
        }""", [tile, time_ms, key])
        return np.reshape(cells, (7, 7))

    def read(self, picture):
        """Return the times of the tiles in a picture, in order; grey or BGR."""
        if picture.ndim == 3:
            picture = cv2.cvtColor(picture, cv2.COLOR_BGR2RGBA)
        height, width = picture.shape[:2]
        return sorted(self._page.evaluate("""async ([base64, width, height, key]) => {
            const { findTiles } = await import('/latency/tile_finder.js');
            const data = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
            return findTiles({ data, width, height }, key).map(({ timeMs }) => timeMs);
        }""", [base64.b64encode(picture.tobytes()).decode(), width, height, KEY]))

    def latencies(self, picture, painted_ms):
        """Return what is measured in a picture for each time at which it may have been painted."""
        png = cv2.imencode('.png', picture)[1].tobytes()
        return self._page.evaluate("""async ([base64, paintedMs, key]) => {
            const { LatencyMeter } = await import('/latency/latency_meter.js');
            const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
            const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
            const measured = [];
            for (const time of paintedMs) {
                measured.push(await new Promise((resolve, reject) => {
                    const meter = new LatencyMeter(key, { measured: resolve, failed: reject });
                    const { height, width } = bitmap;
                    meter.offer({ image: bitmap, height, width, paintedMs: time });
                }));
            }
            return measured;
        }""", [base64.b64encode(png).decode(), painted_ms, KEY])

    def screen(self, times=TIMES, key=KEY):
        """Return the code as the page draws it."""
        size = 2 * TILE + 3 * QUIET
        image = np.full((size, size), 255, np.uint8)
        for tile, time_ms in enumerate(times):
            x, y = (QUIET + place * (TILE + QUIET) for place in (tile % 2, tile // 2))
            image[y:y + TILE, x:x + TILE] = framed(self.cells(tile, time_ms, key))
        return image


def framed(cells):
    """Return a tile: the cells in their black frame."""
    return np.pad(np.kron(cells * 255, np.ones((MODULE, MODULE))), MODULE).astype(np.uint8)


def taken(screen, corners, back=60):
    """Return the picture of a screen whose corners are seen there."""
    size, scale = screen.shape[0], 3  # drawn large and made small, as a lens would blend it
    to = cv2.getPerspectiveTransform(np.float32([(0, 0), (size, 0), (size, size), (0, size)]),
                                     np.float32(corners) * scale)
    large = cv2.warpPerspective(screen, to, (SIZE[0] * scale, SIZE[1] * scale),
                                flags=cv2.INTER_AREA, borderMode=cv2.BORDER_CONSTANT,
                                borderValue=back)
    return cv2.resize(large, SIZE, interpolation=cv2.INTER_AREA)


def turned(degrees, side=230, middle=(320, 180)):
    """Return the corners of a square."""
    radius, begin = side / math.sqrt(2), math.radians(degrees - 135)
    return [(middle[0] + radius * math.cos(begin + quarter * math.pi / 2),
             middle[1] + radius * math.sin(begin + quarter * math.pi / 2))
            for quarter in range(4)]


def blurred(picture, sigma):
    return cv2.GaussianBlur(picture, (0, 0), sigma)


def noisy(picture, sigma):
    noise = np.random.default_rng(1).normal(0, sigma, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def unevenly_lit(picture):
    """Return it with a shadow on the left, and a reflection from below."""
    height, width = picture.shape
    light = np.linspace(0.35, 1, width)[None, :]
    return np.clip(picture * light + np.linspace(0, 40, height)[:, None], 0, 255).astype(np.uint8)


def compressed(picture, quality):
    jpeg = cv2.imencode('.jpg', picture, (cv2.IMWRITE_JPEG_QUALITY, quality))[1]
    return cv2.imdecode(jpeg, cv2.IMREAD_GRAYSCALE)


def pale(picture, black=60, white=140):
    return (black + picture.astype(float) * (white - black) / 255).astype(np.uint8)


def test_tiles_are_read_as_cameras_see_them(reader):
    screen = reader.screen()
    askew = taken(screen, ASKEW)
    pictures = {
        **{f'turned by {degrees}': taken(screen, turned(degrees))
           for degrees in (0, 3, 17, 45, 90, 180, 270)},
        'mirrored': taken(screen[:, ::-1], ASKEW),
        'large': taken(screen, turned(2, 330)),
        'small': taken(screen, turned(3, 80)),
        'at an angle': askew,
        'from far aside': taken(screen, [(220, 40), (380, 120), (380, 240), (220, 320)]),
        'before black': taken(screen, ASKEW, 0),
        'before white': taken(screen, ASKEW, 255),
        'blurred': blurred(askew, 2.5),
        'noisy': noisy(askew, 25),
        'unevenly lit': unevenly_lit(askew),
        'pale': pale(askew),
        'JPEG 50': compressed(askew, 50),
        'JPEG 20': compressed(askew, 20),
        'all of it': compressed(noisy(unevenly_lit(blurred(taken(screen, turned(187)), 1.2)), 8),
                                50),
        'in colour': cv2.cvtColor(askew, cv2.COLOR_GRAY2BGR),
    }
    read = {name: set(reader.read(picture)) for name, picture in pictures.items()}
    assert {name: times for name, times in read.items() if times != set(TIMES)} == {}


def test_an_exposure_over_a_change_spoils_one_tile_only(reader):
    before = taken(reader.screen(), ASKEW).astype(float)
    after = taken(reader.screen([100_066, *TIMES[1:]]), ASKEW)
    for part in (0.3, 0.5, 0.7):
        read = set(reader.read((before * (1 - part) + after * part).astype(np.uint8)))
        assert read >= set(TIMES[1:])
        assert read <= {*TIMES, 100_066}


def test_in_a_picture_of_the_picture_the_older_code_is_found_beside_the_newest(reader):
    older = [time_ms - 300 for time_ms in TIMES]
    picture = taken(reader.screen(), turned(0, 280, (180, 180)))
    smaller = taken(reader.screen(older), turned(4, 120, (500, 120)))
    picture[:, 400:] = smaller[:, 400:]
    assert reader.read(picture) == sorted(older + TIMES)


def test_the_newest_tile_tells_the_latency(reader):
    older = [time_ms - 300 for time_ms in TIMES]
    picture = taken(reader.screen(), turned(0, 280, (180, 180)))
    picture[:, 400:] = taken(reader.screen(older), turned(4, 120, (500, 120)))[:, 400:]
    newest = max(TIMES)
    # At once (it was rounded up), later, after the times have begun again, and too late.
    painted = [newest - 0.4, newest + 123.4, newest + 2**22 + 50, newest + 11_000]
    assert reader.latencies(picture, painted) == [0, pytest.approx(123.4), 50, None]
    before_it_begins_again = taken(reader.screen([2**22 - 10] * 4), ASKEW)
    assert reader.latencies(before_it_begins_again, [2**22 + 5]) == [15]


def test_what_is_no_code_of_this_page_is_not_read(reader):
    random = np.random.default_rng(1)
    pattern = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    block_code.draw(pattern, block_code.BlockCode(7, 1_700_000_000_000_000))
    text = np.full(SIZE[::-1], 255, np.uint8)
    for line in range(9):
        cv2.putText(text, '#1 FPS 30.0 [OK] 0123456789', (10, 40 * (line + 1)),
                    cv2.FONT_HERSHEY_SIMPLEX, 1.2, 0, 3)
    chessboard = np.kron(np.indices((6, 9)).sum(0) % 2 * 255, np.ones((50, 50))).astype(np.uint8)
    chessboard = np.pad(chessboard, 30, constant_values=255)
    other = taken(reader.screen(key=OTHER_KEY), ASKEW)
    nothing = np.zeros(SIZE[::-1], np.uint8)
    noise = random.integers(0, 256, SIZE[::-1], np.uint8)
    for picture in (pattern, text, chessboard, other, nothing, noise, blurred(noise, 4)):
        assert reader.read(picture) == []


def test_squares_with_random_cells_are_not_read(reader):
    """With the right frame and corners, one in 2^19 would be, as each is seen two ways."""
    random = np.random.default_rng(2)
    for _ in range(20):
        picture = np.full((660, 660), 255, np.uint8)
        for left in range(30, 600, 210):
            for top in range(30, 600, 210):
                cells = random.integers(0, 2, (7, 7))
                cells[[0, 0, -1, -1], [0, -1, 0, -1]] = 0, 0, 0, 1
                picture[top:top + TILE, left:left + TILE] = framed(cells)
        assert reader.read(cv2.resize(picture, (330, 330), interpolation=cv2.INTER_AREA)) == []


def test_one_wrong_cell_is_noticed(reader):
    cells = reader.cells(2, 4_194_303)  # the last time before it begins again
    for at in range(49):
        wrong = cells.copy()
        wrong.flat[at] ^= 1
        picture = np.pad(framed(wrong), QUIET, constant_values=255)
        assert reader.read(picture) == []
    assert reader.read(np.pad(framed(cells), QUIET, constant_values=255)) == [4_194_303]
