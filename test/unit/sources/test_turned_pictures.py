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

"""What says of itself how it is to be turned, through each source: one table for all."""

from dataclasses import replace
import itertools

import cv2
import numpy as np
from pi_camera_stream.codecs.jpeg import read_header
from pi_camera_stream.codecs.limits import check_image
from pi_camera_stream.codecs.orientation import upright
from pi_camera_stream.core.frame import EncodedImage
from pi_camera_stream.sources.base import SourceSettings
from pi_camera_stream.sources.image_folder import ImageFolderSource
from pi_camera_stream.sources.mjpeg_pipe import MjpegPipeSource
from pi_camera_stream.sources.registry import create_source
from pi_camera_stream.sources.url import UrlSource
from pi_camera_stream.sources.video_file import VideoFileSource
import pytest
from support import videos
from support.capturing import capturing
from support.raw_camera import parts, raw_camera, whole
from support.turning import (
    look,
    ORIENTATIONS,
    quarters,
    seen,
    turn_film,
    turned_jpeg,
    turned_png,
    turned_tiff,
    turned_webp,
)


def shown(content):
    """Return what is seen of what a source delivered, and that its header says the same size."""
    if not isinstance(content, EncodedImage):
        return look(content)
    header = read_header(content.data)
    image = cv2.imdecode(np.frombuffer(content.data, np.uint8), cv2.IMREAD_COLOR)
    assert look(image)[0] == (header.width, header.height)
    return look(image)


def first(source):
    source.start()
    try:
        return source.read(5).content
    finally:
        source.stop()


@pytest.mark.parametrize('orientation', ORIENTATIONS)
@pytest.mark.parametrize(('name', 'make'), [
    ('a.jpg', turned_jpeg), ('a.png', turned_png), ('a.webp', turned_webp),
    ('a.tif', turned_tiff)])
def test_a_folder_of_pictures_and_a_single_one(tmp_path, orientation, name, make):
    data = make(orientation)
    (tmp_path / name).write_bytes(data)
    contents = [first(ImageFolderSource(SourceSettings('file', str(tmp_path)))),
                first(create_source(SourceSettings('file', str(tmp_path / name))))]
    assert [shown(content) for content in contents] == [seen(orientation)] * 2
    content = contents[-1]
    if name == 'a.jpg':
        assert content.data == data  # the bytes say it still
    (width, height), colours = seen(orientation)
    # A size that is asked for is the one that is seen.
    for size in ((width, height), (width // 2, height // 2)):
        settings = SourceSettings('file', str(tmp_path), width=size[0], height=size[1])
        assert shown(first(ImageFolderSource(settings))) == (size, colours)


@pytest.mark.parametrize('orientation', ORIENTATIONS)
def test_jpegs_in_a_pipe(tmp_path, orientation):
    path = tmp_path / 'jpegs'
    path.write_bytes(turned_jpeg(orientation) * 2)
    content = first(MjpegPipeSource(SourceSettings('stdin', str(path))))
    assert content.data == turned_jpeg(orientation)
    assert shown(content) == seen(orientation)


@pytest.mark.parametrize('orientation', ORIENTATIONS)
@pytest.mark.parametrize('name', ['film.mp4', 'film.mov'])
def test_a_film(tmp_path, orientation, name):
    path = tmp_path / name
    videos.write(path, size=(320, 180), picture=quarters(320, 180))
    turn_film(path, orientation)
    assert shown(first(VideoFileSource(SourceSettings('file', str(path))))) == seen(
        orientation, 320, 180)
    (width, height), colours = seen(orientation, 160, 90)
    settings = SourceSettings('file', str(path), width=width, height=height)
    assert shown(first(VideoFileSource(settings))) == ((width, height), colours)


# Turned by a source in one way, and mirrored.
WISHES = ({}, {'rotation': 90}, {'rotation': 180, 'hflip': True}, {'rotation': 270},
          {'vflip': True})


@pytest.mark.parametrize(('orientation', 'wishes'), [
    *zip(ORIENTATIONS, itertools.cycle(WISHES)), (6, WISHES[1]), (8, {})])
def test_jpegs_by_http(orientation, wishes):
    settings = SourceSettings('url', quality=95, **wishes)
    with raw_camera(lambda request, call: parts([turned_jpeg(orientation)])) as camera, \
            capturing(UrlSource(replace(settings, path=camera.url()))) as run:
        content = EncodedImage(run.picture())
        hello = run.source.hello
    image = upright(quarters(), orientation)
    image = np.rot90(image, -settings.rotation // 90)
    image = image[::-1 if settings.vflip else 1, ::-1 if settings.hflip else 1]
    assert shown(content) == look(image)
    assert (hello['width'], hello['height']) == look(image)[0]
    assert (content.data == turned_jpeg(orientation)) == (not wishes)


@pytest.mark.parametrize(('orientation', 'make'), [(6, turned_png), (3, turned_webp)])
def test_other_pictures_by_http(orientation, make):
    data = make(orientation)
    assert check_image(data, ('PNG', 'WebP')).orientation == orientation
    with (raw_camera(lambda request, call: [whole('200 OK', data, 'image/png')]) as camera,
          capturing(UrlSource(SourceSettings('url', camera.url(), quality=95))) as run):
        assert shown(EncodedImage(run.picture())) == seen(orientation)
