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

"""Who may change a camera from a page, and what comes of it."""

import asyncio
from concurrent.futures import Future
from functools import wraps

from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given
from hypothesis import strategies as st
from pi_camera_stream.codecs.renditions import RenditionEncoder
from pi_camera_stream.core.errors import TemporaryError
from pi_camera_stream.core.rendition_spec import RenditionSpec
from pi_camera_stream.web.access.access_rules import AccessRules
from pi_camera_stream.web.app import Application
from pi_camera_stream.web.connections import ConnectionReaper
from pi_camera_stream.web.controls.camera_panel import CameraPanel
from pi_camera_stream.web.controls.cameras import Control, may_be_set
from pi_camera_stream.web.stream.catalog import Catalog
import pytest
from support.streams import Stream

TOPIC, RAW = '/camera/image_raw/compressed', '/camera/image_raw'
TOKEN, DRIVER = 'correct-horse-battery', 'at-the-wheel-of-it-all'
FLIP = {'topic': '', 'name': 'hflip', 'value': True}
JSON = {'Content-Type': 'application/json'}


class Camera:
    """Remembers what it is told; `says` is what becomes of it."""

    def __init__(self):
        self.told, self.says, self.futures = [], '', []
        self.controls = [Control('ExposureTime', 'int', 9000, 100, 66_666),
                         Control('AwbMode', 'int', 0, choices=((0, 'Auto'), (5, 'Daylight'))),
                         Control('hflip', 'bool', False, read_only=True)]

    def read(self, topic):
        self.told.append(topic)
        return self._answer(self.controls)

    def set(self, topic, name, value):
        self.told.append((topic, name, value))
        return self._answer(self.says)

    def _answer(self, result):
        future = Future()
        self.futures.append(future)
        if isinstance(self.says, Exception):
            future.set_exception(self.says)
        elif self.says is not None:  # or it never answers
            future.set_result(result)
        return future


class Scene:
    """A bridge with a camera; an async context manager."""

    def __init__(self, token='', switched_on=True, driver_token=''):
        self.camera, self.now_s = Camera(), 1000.0
        self.catalog = Catalog(TOPIC, lambda name: Stream(
            name, lambda: 0, lambda _: None, RenditionEncoder(), RenditionSpec()))
        self.catalog.update({TOPIC: 'sensor_msgs/msg/CompressedImage'})
        panel = CameraPanel(self.camera, self.catalog.published, lambda: self.now_s, 0.2)
        rules = AccessRules(access_token=token, driver_token=driver_token)
        self._app = Application(self.catalog, rules, lambda _: None,
                                camera_panel=panel if switched_on else None)

    async def __aenter__(self):
        self._client = TestClient(TestServer(self._app.build(ConnectionReaper())))
        await self._client.start_server()
        self.here = f'http://127.0.0.1:{self._client.port}'
        return self

    async def __aexit__(self, *_):
        await self._client.close()

    async def ask(self, path='/camera', method='GET', **options):
        async with self._client.request(method, path, **options) as answer:
            return answer.status, await answer.text()

    async def look(self):
        async with self._client.get('/camera') as answer:
            assert answer.status == 200
            return await answer.json()

    async def change(self, body=FLIP, headers=None):
        """Send what the page sends."""
        headers = {'Origin': self.here, **JSON, **(headers or {})}
        content = {'data': body} if isinstance(body, bytes) else {'json': body}
        return await self.ask(method='POST', headers=headers, **content)


def scene(**options):
    """Run an async test that takes a scene."""
    def decorate(test):
        @wraps(test)
        def wrapped(*arguments, **named):
            async def run():
                async with Scene(**options) as it:
                    await asyncio.wait_for(test(it, *arguments, **named), 60)
            asyncio.run(run())
        del wrapped.__wrapped__  # or pytest would look for its arguments
        return wrapped
    return decorate


@scene(switched_on=False)
async def test_what_is_not_switched_on_is_not_there(it):
    assert (await it.ask())[0] == 404
    assert (await it.change())[0] == 404
    assert '"camera_controls": false' in (await it.ask('/state'))[1]
    assert it.camera.told == []


@scene(token=TOKEN)
async def test_who_has_not_the_token_sees_and_changes_nothing(it):
    assert (await it.ask())[0] == 401
    assert (await it.change())[0] == 401
    assert it.camera.told == []
    assert (await it.change(headers={'Authorization': f'Bearer {TOKEN}'}))[0] == 200
    assert it.camera.told == [(TOPIC, 'hflip', True)]


@scene(token=TOKEN, driver_token=DRIVER)
async def test_who_only_watches_changes_nothing(it):
    for token, status, offered in ((TOKEN, 403, 'false'), (DRIVER, 200, 'true')):
        known = {'Authorization': f'Bearer {token}'}
        assert f'"camera_controls": {offered}' in (await it.ask('/state', headers=known))[1]
        answer = await it.change(headers=known)
        assert answer[0] == status, answer
    assert it.camera.told == [(TOPIC, 'hflip', True)]


@scene()
async def test_the_page_sees_what_there_is_and_changes_it(it):
    assert '"camera_controls": true' in (await it.ask('/state'))[1]
    seen = await it.look()
    assert seen['topic'] == TOPIC
    exposure, white, flip = seen['controls']
    assert exposure == {
        'name': 'ExposureTime', 'group': 'Exposure', 'kind': 'int', 'value': 9000, 'minimum': 100,
        'maximum': 66_666, 'step': 0.0, 'length': 0, 'read_only': False, 'inactive': False,
        'choices': []}
    assert white['choices'] == [{'value': 0, 'name': 'Auto'}, {'value': 5, 'name': 'Daylight'}]
    assert flip['read_only']
    assert await it.change() == (200, '{}')
    assert await it.change({'topic': '/camera/image_raw', 'name': 'ColourGains',
                            'value': [1.5, 2]}) == (200, '{}')
    assert it.camera.told == [TOPIC, (TOPIC, 'hflip', True), (TOPIC, 'ColourGains', [1.5, 2])]


@scene()
async def test_a_raw_topic_is_asked_for_where_the_default_is_not_published(it):
    it.catalog.update({RAW: 'sensor_msgs/msg/Image'})
    assert (await it.look())['topic'] == RAW
    assert it.camera.told == [RAW]


@scene()
async def test_only_the_page_itself_may_change_something(it):
    for origin in ('https://evil.example', 'null', it.here.replace('http:', 'ftp:')):
        status, text = await it.change(headers={'Origin': origin})
        assert status == 403, origin
    status, text = await it.ask(method='POST', json=FLIP)
    assert (status, text) == (403, 'only the viewer page of this robot may change its camera\n')
    assert it.camera.told == []


@scene()
async def test_why_a_camera_refuses_is_said(it):
    it.camera.says = "parameter 'rotation' must be 0 or 180, not 90"
    assert await it.change() == (422, f'{it.camera.says}\n')
    it.camera.says = TemporaryError('no node publishes it at present')
    assert await it.change() == await it.ask() == (503, f'{it.camera.says}\n')


@scene()
async def test_nobody_waits_for_ever_and_the_camera_hears_of_that(it):
    it.camera.says = None
    status, text = await it.ask()
    assert status == 504
    assert text.startswith(f"the node that publishes '{TOPIC}' has not answered within 0.2 s")
    assert all(future.cancelled() for future in it.camera.futures)


@pytest.mark.parametrize('body', [
    b'', b'[]', b'{', b'\xff', {'topic': '', 'name': 'hflip'}, FLIP | {'value': None},
    FLIP | {'value': {}}, FLIP | {'value': [True, 'a']}, FLIP | {'value': [1] * 17},
    FLIP | {'value': 'a\nb'}, FLIP | {'topic': 7}, b'{"topic":"","name":"hflip","value":NaN}'])
def test_what_no_page_sends_is_refused(body):
    @scene()
    async def send(it):
        status, text = await it.change(body)
        assert status == 400
        assert text.startswith('this cannot be set: ')
        assert it.camera.told == []
    send()


@scene()
async def test_a_body_is_short_and_says_what_it_is(it):
    assert (await it.change(FLIP | {'value': 'a' * 2000}))[0] == 413
    assert (await it.change(headers={'Content-Type': 'text/plain'}))[0] == 415
    assert (await it.change(FLIP | {'topic': '/nothing'}))[0] == 404
    assert it.camera.told == []


@pytest.mark.parametrize('name', ['path', 'source', 'picamera2.python', 'use_sim_time', 'v4l2.',
                                  'v4l2.a/b', 'v4l2.Ä', 'qos_overrides.x', 'hflip ', ''])
def test_no_other_parameter_can_be_reached(name):
    @scene()
    async def send(it):
        assert (await it.change(FLIP | {'name': name}))[0] == 403
        assert it.camera.told == []
    assert not may_be_set(name)
    send()


@scene()
async def test_a_flood_does_not_reach_the_camera(it):
    answers = [(await it.change())[0] for _ in range(15)]
    assert answers == [200] * 10 + [429] * 5
    it.now_s += 0.55
    assert [(await it.change())[0] for _ in range(6)] == [200] * 5 + [429]
    assert [(await it.ask())[0] for _ in range(25)] == [200] * 20 + [429] * 5


@pytest.mark.parametrize(('control', 'given', 'taken'), [
    (Control('hflip', 'bool'), True, True),
    (Control('ExposureTime', 'int'), 7, 7),
    (Control('Contrast', 'float'), 1, 1.0),
    (Control('ColourGains', 'float[]', length=2), [1, 2.5], [1.0, 2.5]),
    (Control('v4l2.auto_exposure', 'str', choices=(('Manual', 'Manual'),)), 'Manual', 'Manual'),
])
def test_a_value_gets_the_type_that_the_camera_has(control, given, taken):
    checked = control.check(given)
    assert checked == taken
    assert type(checked) is type(taken)


@given(value=st.one_of(st.none(), st.integers(), st.floats(), st.text(), st.booleans(),
                       st.lists(st.one_of(st.floats(), st.text()))),
       kind=st.sampled_from(['bool', 'int', 'float', 'str', 'float[]', 'int[]']))
def test_whatever_else_is_sent_is_refused_and_not_passed_on(value, kind):
    control = Control('Contrast', kind, length=2, choices=((0, 'Auto'), ('b', 'b')))
    try:
        checked = control.check(value)
    except ValueError:
        return
    assert type(checked) is {'bool': bool, 'int': int, 'float': float, 'str': str}.get(kind, list)
