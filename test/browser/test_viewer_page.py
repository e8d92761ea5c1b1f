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

import time

import cv2
import numpy as np
from pi_camera_stream.core import block_code
import pytest
from support.guest import Camera, Guest
from support.processes import parameters, running, WAIT_S

BRIDGE = {'port': 0, 'address': '127.0.0.1'}


@pytest.fixture
def camera():
    with running('camera', *parameters(source='pattern', width=640, height=360, fps=15)):
        yield


def shown(page):
    """Return the time in the picture that is on the screen, read from its pixels."""
    picture = page.locator('#picture')
    size = picture.evaluate('image => [image.naturalWidth, image.naturalHeight]')
    if not size[0]:
        return None
    box = picture.bounding_box()
    scale = min(box['width'] / size[0], box['height'] / size[1])
    width, height = size[0] * scale, size[1] * scale
    clip = {'x': box['x'] + (box['width'] - width) / 2,
            'y': box['y'] + (box['height'] - height) / 2, 'width': width, 'height': height}
    pixels = cv2.imdecode(np.frombuffer(page.screenshot(clip=clip), np.uint8), cv2.IMREAD_COLOR)
    code = block_code.read(pixels)
    return code.time_us if code else None


def wait_until(page, condition):
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline
        page.wait_for_timeout(100)


def wait_for_pictures(page):
    """Wait until the picture on the screen has changed twice; return the last one's time."""
    seen = []

    def changed():
        time_us = shown(page)
        if time_us is not None and time_us not in seen:
            seen.append(time_us)
        return len(seen) > 2

    wait_until(page, changed)
    assert seen == sorted(seen)
    return seen[-1]


def test_the_picture_changes_on_the_screen(camera, page):
    complaints = []
    page.on('console', lambda message: complaints.append(message.text)
            if message.type in ('error', 'warning') else None)
    page.on('pageerror', lambda error: complaints.append(str(error)))
    with running('bridge', *parameters(**BRIDGE)) as bridge:
        page.goto(bridge.wait_for(r'at (http://\S+/)').group(1))
        wait_for_pictures(page)
        wait_until(page, lambda: page.inner_text('#rate') != '0.0 /s')
        assert page.inner_text('#topic') == '/camera/image_raw/compressed'
        assert page.inner_text('#size') == '640×360'  # noqa: RUF001
        assert page.inner_text('#viewers') == '1'
        wait_until(page, lambda: page.inner_text('#age').endswith(' ms'))
        assert not page.is_visible('#notice')
        page.goto('about:blank')
    assert complaints == []


def test_the_newest_picture_is_shown_and_not_the_one_before(page):
    """Chrome paints a part of the stream only when the head of the next part is there."""
    guest = Guest()
    try:
        camera = Camera(guest)
        with running('bridge', *parameters(**BRIDGE)) as bridge:
            page.goto(bridge.wait_for(r'at (http://\S+/)').group(1))
            for time_us in range(1, 6):
                image = np.full((360, 640, 3), 90, np.uint8)
                block_code.draw(image, block_code.BlockCode(0, time_us))
                jpeg = cv2.imencode('.jpg', image)[1].tobytes()
                if time_us == 1:
                    camera.send_until(jpeg, lambda: shown(page) == 1)
                else:
                    camera.send(jpeg)  # and nothing behind it
                    wait_until(page, lambda wanted=time_us: shown(page) == wanted)
            page.goto('about:blank')
    finally:
        guest.close()


def test_it_asks_nothing_of_the_internet(camera, page):
    asked = []
    page.on('request', lambda request: asked.append(request.url))
    with running('bridge', *parameters(**BRIDGE)) as bridge:
        address = bridge.wait_for(r'at (http://\S+/)').group(1)
        page.goto(address)
        wait_for_pictures(page)
        page.goto('about:blank')
    assert all(url.startswith((address, 'data:', 'about:')) for url in asked), asked


def test_it_says_when_there_is_no_signal_and_goes_on_by_itself(page):
    with running('bridge', *parameters(**BRIDGE)) as bridge:
        page.goto(bridge.wait_for(r'at (http://\S+/)').group(1))
        page.get_by_text('Waiting for a picture on /camera/image_raw/compressed').wait_for()
        with running('camera', *parameters(source='pattern', width=640, height=360)):
            wait_for_pictures(page)
            wait_until(page, lambda: not page.is_visible('#notice'))
        page.get_by_text('No signal since').wait_for()
        with running('camera', *parameters(source='pattern', width=640, height=360)):
            wait_for_pictures(page)
            wait_until(page, lambda: not page.is_visible('#notice'))
        page.goto('about:blank')


def test_it_finds_the_bridge_again_after_a_restart(camera, page):
    with running('bridge', *parameters(**BRIDGE)) as bridge:
        address, port = bridge.wait_for(r'at (http://\S+:(\d+)/)').groups()
        page.goto(address)
        before = wait_for_pictures(page)
    page.get_by_text('No connection to the robot, trying again').wait_for()
    with running('bridge', *parameters(port=port, address='127.0.0.1')):
        wait_until(page, lambda: not page.is_visible('#notice'))
        assert wait_for_pictures(page) > before
        page.goto('about:blank')


@pytest.mark.parametrize('size', [(360, 740), (740, 360), (320, 568), (2560, 1440)])
def test_it_fits_every_screen_without_scrolling(camera, page, size):
    page.set_viewport_size({'width': size[0], 'height': size[1]})
    with running('bridge', *parameters(**BRIDGE)) as bridge:
        page.goto(bridge.wait_for(r'at (http://\S+/)').group(1))
        wait_for_pictures(page)
        extent = page.evaluate('[document.documentElement.scrollWidth, '
                               'document.documentElement.scrollHeight]')
        assert extent[0] <= size[0]
        assert extent[1] <= size[1]
        for name in ('#snapshot', '#fullscreen'):
            box = page.locator(name).bounding_box()
            assert box['height'] >= 44  # a finger's width
            assert box['x'] + box['width'] <= size[0]
        page.goto('about:blank')
