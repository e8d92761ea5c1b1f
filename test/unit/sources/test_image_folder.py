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

import cv2
import numpy as np
from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.sources.base import SourceSettings
from pi_camera_stream.sources.image_folder import ImageFolderSource
from pi_camera_stream.sources.registry import create_source
import pytest
from support import bombs, pictures
from support.turning import segment


def opened(folder, **settings):
    source = ImageFolderSource(SourceSettings('file', str(folder), fps=240, **settings))
    source.start()
    return source


def test_jpegs_are_passed_on_in_order_again_and_again(tmp_path):
    names = {'b.jpg': pictures.jpeg(seed=2), 'a.JPEG': pictures.jpeg(seed=1)}
    for name, data in names.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / 'notes.txt').write_text('not a picture')
    source = opened(tmp_path)
    assert [source.read(5).content.data for _ in range(3)] == [
        names['a.JPEG'], names['b.jpg'], names['a.JPEG']]
    assert source.title.startswith('2 pictures')


def test_other_pictures_are_decoded(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), pictures.image(64, 48))
    image = opened(tmp_path).read(5).content
    assert np.array_equal(image, pictures.image(64, 48))


def test_a_wanted_size_is_made(tmp_path):
    (tmp_path / 'a.jpg').write_bytes(pictures.jpeg(64, 48))
    assert opened(tmp_path, width=32, height=24).read(5).content.shape == (24, 32, 3)
    assert opened(tmp_path, width=64, height=48).read(5).content.data == pictures.jpeg(64, 48)
    assert opened(tmp_path, height=24).read(5).content.shape == (24, 32, 3)
    assert opened(tmp_path, width=64).read(5).content.data == pictures.jpeg(64, 48)


def test_a_single_pixel_is_enlarged_or_left_out(tmp_path):
    """OpenCV 4.5.4 cannot enlarge it."""
    cv2.imwrite(str(tmp_path / 'a.png'), pictures.image(1, 1))
    (tmp_path / 'b.jpg').write_bytes(pictures.jpeg())
    source = opened(tmp_path, width=32, height=24)
    capture = source.read(5)
    assert capture is None or capture.content.shape == (24, 32, 3)
    assert source.counters() == {'unreadable pictures': int(capture is None)}


def test_a_broken_picture_is_left_out_and_counted(tmp_path):
    (tmp_path / 'a.jpg').write_bytes(pictures.jpeg()[:300])
    (tmp_path / 'b.jpg').write_bytes(pictures.jpeg())
    source = opened(tmp_path)
    assert source.read(5) is None
    assert source.read(5).content.data == pictures.jpeg()
    assert source.counters() == {'unreadable pictures': 1}


@pytest.mark.parametrize(('name', 'data'), [
    ('a.jpg', bombs.jpeg()), ('a.png', bombs.png()), ('a.webp', bombs.webp()),
    ('a.bmp', bombs.bmp()), ('a.tif', bombs.tiff()), ('a.pgm', bombs.pnm(kind=b'P5')),
    ('a.png', bombs.gif()), ('a.jpg', bombs.hidden_jpeg())])
def test_a_small_file_does_not_take_gigabytes(tmp_path, monkeypatch, caplog, name, data):
    (tmp_path / name).write_bytes(data)
    (tmp_path / 'b.jpg').write_bytes(pictures.jpeg())
    with monkeypatch.context() as patch:
        patch.delattr(cv2, 'imdecode')
        source = opened(tmp_path)
        for _ in range(2):
            assert source.read(5) is None
            assert source.read(5).content.data == pictures.jpeg()
        assert source.counters() == {'unreadable pictures': 2}
    said, = caplog.messages
    assert said.startswith(f"left out '{tmp_path / name}': it ")


def test_the_limit_is_that_of_the_settings(tmp_path):
    (tmp_path / 'a.bmp').write_bytes(cv2.imencode('.bmp', pictures.image(64, 48))[1].tobytes())
    assert opened(tmp_path, max_pixels=64 * 48).read(5).content.shape == (48, 64, 3)
    with pytest.raises(PermanentError, match='no readable picture'):
        opened(tmp_path, max_pixels=64 * 48 - 1)


@pytest.mark.parametrize('suffix', ['.png', '.bmp', '.webp', '.tif', '.tiff', '.ppm', '.pgm'])
def test_each_kind_is_read(tmp_path, suffix):
    image = pictures.image(64, 48)
    cv2.imwrite(str(tmp_path / f'a{suffix}'), image[..., 0] if suffix == '.pgm' else image)
    assert opened(tmp_path).read(5).content.shape == (48, 64, 3)


@pytest.mark.parametrize('kind', ['.png', '.webp', '.bmp', '.tiff', '.ppm'])
def test_what_it_is_tells_its_content_and_not_its_name(tmp_path, kind):
    image = pictures.image(64, 48)
    (tmp_path / 'a.jpg').write_bytes(cv2.imencode(kind, image)[1].tobytes())
    (tmp_path / f'b{kind}').write_bytes(pictures.jpeg(64, 48))
    source = opened(tmp_path)
    assert cv2.absdiff(source.read(5).content, image).mean() < 8
    assert source.read(5).content.data == pictures.jpeg(64, 48)


def test_what_is_no_file_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / 'a.png')  # it would wait for a writer
    (tmp_path / 'b.jpg').write_bytes(pictures.jpeg())
    assert opened(tmp_path).title.startswith('1 pictures')


def test_a_folder_without_pictures_is_explained(tmp_path):
    with pytest.raises(PermanentError, match='no readable picture in folder'):
        opened(tmp_path)
    (tmp_path / 'a.jpg').write_bytes(b'broken')
    with pytest.raises(PermanentError, match='no readable picture in folder'):
        opened(tmp_path)


def moving_png(image):
    data = cv2.imencode('.png', image)[1].tobytes()
    return data[:33] + b'\0\0\0\x08acTL' + bytes(12) + data[33:]


def with_other_views(jpeg):
    """Return a JPEG as phones write them, with another one behind it (CIPA DC-007)."""
    return jpeg[:2] + segment(b'MPF\0' + bytes(40), 0xE2) + jpeg[2:] + jpeg


@pytest.mark.parametrize(('content', 'still'), [
    (pictures.jpeg(), True), (pictures.jpeg() + bytes(4000), True),
    (with_other_views(pictures.jpeg()), True), (pictures.jpeg() * 3, False),
    (cv2.imencode('.png', pictures.image())[1].tobytes(), True),
    (moving_png(pictures.image()), False),
    (cv2.imencode('.bmp', pictures.image())[1].tobytes(), True),
    (b'RIFF' + bytes(8) + b'AVI LIST', False), (bombs.png(), False), (b'', False)])
def test_a_single_picture_is_told_from_a_film_by_its_content(tmp_path, content, still):
    path = tmp_path / 'film.mp4'
    path.write_bytes(content)
    source = create_source(SourceSettings('file', str(path)))
    assert isinstance(source, ImageFolderSource) == still
    if still:
        source.start()
        assert source.title == f'picture {path}'
        for _ in range(2):
            assert source.read(5) is not None
