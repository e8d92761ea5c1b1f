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
from contextlib import contextmanager, ExitStack
import sys

from aiohttp import web
from pi_camera_stream.codecs.renditions import RenditionEncoder
from pi_camera_stream.core.frame import Frame
from pi_camera_stream.core.rendition_spec import RenditionSpec
from pi_camera_stream.web.metrics import answer_metrics
from pi_camera_stream.web.stream.catalog import Catalog
from pi_camera_stream.web.stream.viewer import StreamRequest, Viewer
from prometheus_client.parser import text_string_to_metric_families
import pytest
from support import pictures
from support.streams import Stream

TOPIC = '/camera/image_raw/compressed'
JPEG = pictures.jpeg()
COUNTERS = ('frames_received', 'frames_sent', 'bytes_received', 'bytes_sent')


def new_catalog(default=TOPIC):
    catalog = Catalog(default, lambda name: Stream(
        name, lambda: 10**9, lambda _: None, RenditionEncoder(),
        RenditionSpec()))
    catalog.update({'/depth': 'sensor_msgs/msg/Image'})
    return catalog


async def scrape(catalog):
    """Return {(name, label values...): value} of what Prometheus would read."""
    answer = await answer_metrics(catalog)
    assert answer.status == 200
    assert answer.headers['Content-Type'].startswith('text/plain; version=')
    assert answer.headers['Cache-Control'] == 'no-store'
    figures = {}
    for family in text_string_to_metric_families(answer.body.decode()):
        assert family.name.startswith('pi_camera_stream_')
        assert family.documentation
        for sample in family.samples:
            values = (sample.labels[label] for label in ('topic', 'transport', 'tier', 'codec')
                      if label in sample.labels)
            key = sample.name.removeprefix('pi_camera_stream_'), *values
            assert key not in figures
            figures[key] = sample.value
    return figures


@contextmanager
def watched(stream, *viewers):
    """Let several viewers watch, though there is one task only."""
    with stream.wanted(), ExitStack() as stack:
        for viewer in viewers:
            viewer.rendition = stack.enter_context(stream.use(viewer.spec()))
            stream.viewers.add(viewer)
        yield
        stream.viewers.clear()
    stream.close()


def test_a_stream_that_nobody_has_watched_counts_nothing():
    figures = asyncio.run(scrape(new_catalog()))
    assert figures == {(f'{name}_total', TOPIC): 0 for name in COUNTERS}


def test_what_has_come_and_gone_is_counted():
    async def run():
        catalog = new_catalog()
        stream = catalog.stream()
        with watched(stream):
            for sequence in (1, 2, 3):
                stream.offer(Frame(JPEG, 10**9, sequence, 64, 48))
            stream.frames_sent, stream.bytes_sent = 12, 3456
            figures = await scrape(catalog)
        assert figures.pop(('silent_seconds', TOPIC)) >= 0
        assert figures == {
            ('frames_received_total', TOPIC): 3, ('bytes_received_total', TOPIC): 3 * len(JPEG),
            ('frames_sent_total', TOPIC): 12, ('bytes_sent_total', TOPIC): 3456}

    asyncio.run(run())


def test_viewers_are_counted_by_topic_transport_tier_and_codec():
    async def run():
        catalog = new_catalog()
        viewers = [Viewer('a', 'mjpeg'), Viewer('b', 'mjpeg', StreamRequest(tier=0)),
                   Viewer('c', 'mjpeg', StreamRequest(tier=3)),
                   Viewer('d', 'websocket', StreamRequest(tier=3)),
                   Viewer('e', 'websocket', StreamRequest(spec=RenditionSpec(width=32)))]
        video = Viewer('g', 'h264', StreamRequest(ladder=(5,), codecs=('h264',)))
        with catalog.stream().watch(video), watched(catalog.stream(), *viewers), watched(
                catalog.stream('/depth'), Viewer('f', 'mjpeg')):
            figures = await scrape(catalog)
        assert {key[1:]: value for key, value in figures.items() if key[0] == 'viewers'} == {
            (TOPIC, 'mjpeg', 'full', 'jpeg'): 2, (TOPIC, 'mjpeg', 'low', 'jpeg'): 1,
            (TOPIC, 'websocket', 'low', 'jpeg'): 1, (TOPIC, 'websocket', 'custom', 'jpeg'): 1,
            (TOPIC, 'h264', 'h264', 'h264'): 1, ('/depth', 'mjpeg', 'full', 'jpeg'): 1}
        figures = await scrape(catalog)
        assert not [key for key in figures if key[0] == 'viewers']

    asyncio.run(run())


def test_the_age_is_that_of_the_viewer_who_gets_the_oldest_pictures():
    async def run():
        catalog = new_catalog()
        quick, slow, new = (Viewer(name, 'mjpeg') for name in ('quick', 'slow', 'new'))
        for _ in range(3):
            quick.age_ms.add(20.0)
            slow.age_ms.add(250.0)
        slow.age_ms.add(9000.0)
        with watched(catalog.stream(), quick, slow, new):
            assert (await scrape(catalog))['oldest_age_seconds', TOPIC] == 0.25
        with watched(catalog.stream(), new):
            assert ('oldest_age_seconds', TOPIC) not in await scrape(catalog)

    asyncio.run(run())


@pytest.mark.parametrize('topic', [
    '/a"b', '/a\\b', '/a\nb', '/a\\nb', '/a{b="c"} 1\n# TYPE x counter', '/ünï', "/it's", '/'])
def test_any_name_of_a_topic_can_be_read_again(topic):
    figures = asyncio.run(scrape(new_catalog(topic)))
    assert {key[1] for key in figures} == {topic}
    assert len(figures) == len(COUNTERS)


def test_two_scrapes_are_two_looks():
    async def run():
        catalog = new_catalog()
        catalog.stream().frames_sent = 1
        first = await scrape(catalog)
        catalog.stream().frames_sent = 2
        second = await scrape(catalog)
        assert (first['frames_sent_total', TOPIC], second['frames_sent_total', TOPIC]) == (1, 2)

    asyncio.run(run())


def test_without_the_library_the_remedy_is_named(monkeypatch):
    for name in [name for name in sys.modules if name.split('.')[0] == 'prometheus_client']:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(web.HTTPNotImplemented) as caught:
        asyncio.run(answer_metrics(new_catalog()))
    assert caught.value.status == 501
    assert 'python3-prometheus-client' in caught.value.text
