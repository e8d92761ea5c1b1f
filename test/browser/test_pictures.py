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

"""Pictures on the screen, how old they are, and in which quality; over both transports."""

import re

import cv2
import numpy as np
from pi_camera_stream.core import block_code
import pytest
from support.browsers import in_both
from support.guest import Camera, Guest

TOPIC, REAR = '/camera/image_raw/compressed', '/rear/image_raw/compressed'
both = pytest.mark.parametrize('transport', ['auto', 'mjpeg'])


@pytest.fixture
def guest_camera():
    """Return a camera that sends what the test wants."""
    guest = Guest()
    yield Camera(guest)
    guest.close()


@in_both
@both
def test_the_picture_changes_on_the_screen_and_the_figures_are_right(camera, viewer, transport):
    with viewer.bridge():
        viewer.open(transport=transport)
        viewer.wait_for_pictures()
        viewer.wait_until(lambda: viewer.rate() > 1)
        viewer.wait_until(lambda: viewer.age_ms() is not None)
        assert 0 < viewer.age_ms() < 60_000
        assert viewer.figure('age').endswith('at the robot' if transport == 'mjpeg' else 'ms')
        assert viewer.figure('tier') in ('full', 'high', 'medium', 'low', 'lowest')
        assert viewer.figure('codec') == 'JPEG'
        assert re.fullmatch(r'\d+×\d+', viewer.figure('size'))  # noqa: RUF001
        assert viewer.page.inner_text('#topics') == TOPIC
        assert viewer.notice() == ''
        watching, = viewer.state()['streams'][0]['viewers']
        assert watching['transport'] == ('mjpeg' if transport == 'mjpeg' else 'websocket')


def test_the_robot_is_told_how_old_a_picture_was_when_it_was_painted(camera, viewer):
    with viewer.bridge():
        viewer.open()
        viewer.wait_for_pictures()

        def told_ms():
            watching, = viewer.state()['streams'][0]['viewers']
            return watching['age_ms']

        viewer.wait_until(lambda: told_ms() is not None)
        assert 0 < told_ms() < 60_000


@in_both
@both
def test_the_newest_picture_is_shown_and_not_the_one_before(guest_camera, viewer, transport):
    """Chrome paints a part of an endless image only when the head of the next part is there."""
    with viewer.bridge():
        viewer.open(transport=transport, tier='full')
        for time_us in range(1, 6):
            image = np.full((360, 640, 3), 90, np.uint8)
            block_code.draw(image, block_code.BlockCode(0, time_us))
            jpeg = cv2.imencode('.jpg', image)[1].tobytes()
            if time_us == 1:
                guest_camera.send_until(jpeg, lambda: viewer.shown() == 1)
            else:
                guest_camera.send(jpeg)  # and nothing behind it
                viewer.wait_until(lambda wanted=time_us: viewer.shown() == wanted)


def test_a_picture_is_painted_at_once_and_a_page_that_nobody_sees_gets_no_more(camera, viewer):
    viewer.page.add_init_script('requestAnimationFrame = () => 1')  # there are no frames
    with viewer.bridge():
        viewer.open()
        viewer.page.locator('figure.live').wait_for()
        sent = []

        def settled():
            sent.append(_frames_sent(viewer))
            return len(sent) > 10 and sent[-10] == sent[-1]  # for a second, with 15 pictures in it

        viewer.wait_until(settled)


def test_a_browser_that_does_not_know_the_hint_paints_as_well(camera, viewer):
    viewer.page.add_init_script('delete CanvasRenderingContext2D.prototype.getContextAttributes')
    with viewer.bridge():
        viewer.open()
        viewer.wait_for_pictures()
        viewer.wait_until(lambda: viewer.rate() > 1)


@both
def test_two_cameras_side_by_side(camera, rear_camera, viewer, transport):
    with viewer.bridge():
        viewer.wait_until(lambda: _topics(viewer) >= {TOPIC, REAR})
        viewer.open(TOPIC, REAR, transport=transport)
        for number in (0, 1):
            viewer.wait_for_pictures(number)
        boxes = [viewer.page.locator('.picture').nth(number).bounding_box() for number in (0, 1)]
        assert boxes[0]['x'] + boxes[0]['width'] <= boxes[1]['x']
        viewer.page.set_viewport_size({'width': 360, 'height': 740})  # a phone upright
        viewer.wait_until(lambda: _below_each_other(viewer))


@both
def test_a_quality_is_chosen_and_kept_in_the_address(camera, viewer, transport):
    with viewer.bridge():
        viewer.open(transport=transport)
        viewer.wait_for_pictures()
        viewer.page.click('#quality')
        viewer.page.get_by_label('low', exact=True).check()
        viewer.wait_until(lambda: viewer.figure('size') == '240×136')  # noqa: RUF001
        viewer.wait_until(lambda: viewer.figure('tier') == 'low')
        viewer.wait_for_pictures()
        assert 'tier=low' in viewer.page.url
        viewer.page.reload()
        viewer.wait_until(lambda: viewer.figure('size') == '240×136')  # noqa: RUF001


@in_both
def test_without_websockets_it_falls_back_to_an_endless_image(camera, viewer):
    viewer.may_complain = True
    with viewer.bridge(), viewer.behind_a_proxy_without_websockets():
        viewer.open()
        viewer.page.locator('img.picture').wait_for()
        viewer.wait_for_pictures()


def _topics(viewer):
    response = viewer.page.request.get(viewer.address + 'streams')
    return {stream['topic'] for stream in response.json()['streams']}


def _frames_sent(viewer):
    watching, = viewer.state()['streams'][0]['viewers']
    return watching['frames_sent']


def _below_each_other(viewer):
    first, second = (viewer.page.locator('.picture').nth(number).bounding_box()
                     for number in (0, 1))
    return first['y'] + first['height'] <= second['y'] and first['width'] == 360 - 2 * 2
