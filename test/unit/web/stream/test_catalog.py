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

import asyncio

from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st
from pi_camera_stream.codecs.renditions import RenditionEncoder
from pi_camera_stream.core.rendition_spec import RenditionSpec
from pi_camera_stream.web.stream.catalog import Catalog
import pytest
from support.streams import Stream

DEFAULT = '/camera/image_raw/compressed'
RAW, JPEG = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage'
TYPES = {'/front': RAW, '/front/compressed': JPEG, '/rear/compressed': JPEG, '/depth': RAW}


def open_stream(name):
    return Stream(name, lambda: 10**9, lambda _: None,
                  RenditionEncoder(), RenditionSpec())


@pytest.fixture
def catalog():
    catalog = Catalog(DEFAULT, open_stream)
    catalog.update(TYPES)
    return catalog


def names(catalog):
    return [stream.name for stream in catalog.streams()]


def refusal(catalog, name):
    """Return the text of the 404."""
    with pytest.raises(web.HTTPNotFound) as caught:
        catalog.stream(name)
    return caught.value.text


def test_the_default_one_is_there_before_it_is_published():
    catalog = Catalog(DEFAULT, open_stream)
    assert catalog.topics() == {DEFAULT: ''}
    assert names(catalog) == [DEFAULT]
    assert catalog.stream() is catalog.stream(DEFAULT) is catalog.streams()[0]


def test_topics_are_sorted_and_have_their_types(catalog):
    assert list(catalog.topics().items()) == [
        (DEFAULT, ''), ('/depth', RAW), ('/front/compressed', JPEG),
        ('/rear/compressed', JPEG)]
    catalog.update({DEFAULT: JPEG})
    assert catalog.topics() == {DEFAULT: JPEG}


def test_the_default_one_shows_the_raw_one_where_only_that_is_there():
    catalog, raw = Catalog(DEFAULT, open_stream), DEFAULT.removesuffix('/compressed')
    catalog.update({raw: RAW})
    assert (catalog.topics(), catalog.shown) == ({raw: RAW}, raw)
    assert catalog.stream() is catalog.stream(raw) is catalog.stream(DEFAULT)
    catalog.update({raw: RAW, DEFAULT: JPEG})
    assert (catalog.topics(), catalog.shown) == ({DEFAULT: JPEG}, DEFAULT)


@pytest.mark.parametrize(('name', 'topic'), [
    ('', DEFAULT),
    ('/front', '/front/compressed'),
    ('front', '/front/compressed'),
    ('/front/', '/front/compressed'),
    ('//front', '/front/compressed'),
    ('front/compressed', '/front/compressed'),
    ('/rear', '/rear/compressed'),
    ('camera/image_raw', DEFAULT),
    ('/depth', '/depth'),
])
def test_names_are_understood_as_in_web_video_server(catalog, name, topic):
    stream = catalog.stream(name)
    assert stream.name == topic
    assert catalog.stream(topic) is stream


@pytest.mark.parametrize('name', ['/', '/fron', '/Front', '/front/compressed/compressed', '/rear ',
                                  'compressed', '/camera', '../front', '/front?', '%2Ffront'])
def test_another_name_is_refused_with_those_there_are(catalog, name):
    assert refusal(catalog, name) == (
        f"no image topic {'/' + name.strip('/')!r}; available: {DEFAULT}, /depth, "
        '/front/compressed, /rear/compressed\n')


def test_the_list_is_bounded(catalog):
    catalog.update({f'/camera_{number:03d}': RAW for number in range(500)})
    text = refusal(catalog, '/none')
    assert text.count('/camera_') == 19
    assert '/camera_018, …' in text
    catalog.update({f'/camera_{number:03d}': RAW for number in range(19)})
    assert '…' not in refusal(catalog, '/none')


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_other_name_is_one_short_sentence(name):
    catalog = Catalog(DEFAULT, open_stream)
    catalog.update({'/b': RAW})
    if name.strip('/') in ('', 'b', 'camera/image_raw', DEFAULT.strip('/')):
        return
    text = refusal(catalog, name)
    assert text.isascii()
    assert text.isprintable() or text.rstrip('\n').isprintable()
    assert text.count('\n') == 1
    assert names(catalog) == [DEFAULT]


@pytest.mark.parametrize('name', ['\0', '\n', 'a\r\nSet-Cookie: b', '\ud800', '\U0001f600' * 999,
                                  '/' * 9999, '__class__', '{0}', '%s', '<script>', "'"])
def test_hostile_names_do_no_harm(catalog, name):
    if name.strip('/'):
        assert ascii('/' + name[:9])[:-1] in refusal(catalog, name)
    text = refusal(catalog, name)
    assert text.isascii()
    assert text.count('\n') == 1
    assert len(text) < 2500
    assert names(catalog) == [DEFAULT]


def test_what_is_no_longer_published_is_dropped(catalog):
    catalog.stream('/front')
    catalog.update({})
    assert catalog.topics() == {DEFAULT: ''}
    refusal(catalog, '/front')
    assert catalog.stream().name == DEFAULT


def test_what_others_do_with_their_table_does_not_matter(catalog):
    types = {'/a': RAW}
    catalog.update(types)
    types.clear()
    assert catalog.stream('/a').name == '/a'


def test_streams_that_nobody_uses_are_forgotten_when_another_one_is_opened(catalog):
    catalog.stream('/front')
    assert names(catalog) == [DEFAULT, '/front/compressed']
    catalog.stream('/depth')
    assert names(catalog) == [DEFAULT, '/depth']
    depth = catalog.stream('/depth')
    assert catalog.stream() is catalog.streams()[0]
    assert catalog.stream('/depth') is depth


def test_streams_that_somebody_watches_stay(catalog):
    async def run():
        front = catalog.stream('/front')
        with front.wanted():
            catalog.update({'/depth': RAW, '/rear': RAW})
            catalog.stream('/depth')
            catalog.stream('/rear')
            assert names(catalog) == [DEFAULT, '/front/compressed', '/rear']
        catalog.close()

    asyncio.run(run())


def test_closing_ends_all_who_wait(catalog):
    async def wait(stream):
        with stream.wanted(), stream.use(None) as rendition:
            await rendition.newer_than(0)

    async def run():
        tasks = [asyncio.create_task(wait(catalog.stream(name))) for name in ('', '/front')]
        await asyncio.sleep(0)
        catalog.close()
        await asyncio.wait(tasks)
        assert all(task.cancelled() for task in tasks)

    asyncio.run(run())
