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

"""The page as a whole: sizes, network, login, and a browser without JavaScript."""

from itertools import pairwise, product
import re

import pytest
from support.browsers import in_both

SIZES = [(360, 740), (740, 360), (320, 568), (568, 320), (1280, 800), (2560, 1440)]
FINGER = 44


@pytest.mark.parametrize(('scheme', 'transport'), [('dark', 'auto'), ('light', 'webrtc')])
def test_it_fits_every_screen_without_scrolling(camera, viewer, scheme, transport):
    viewer.page.emulate_media(color_scheme=scheme)
    with viewer.bridge():
        viewer.open(transport=transport)
        for width, height in SIZES:
            viewer.page.set_viewport_size({'width': width, 'height': height})
            viewer.wait_for_pictures()
            extent = viewer.page.evaluate(
                '[document.documentElement.scrollWidth, document.documentElement.scrollHeight]')
            assert extent[0] <= width
            assert extent[1] <= height
            for name in ('cameras', 'quality', 'figures', 'snapshot', 'fullscreen'):
                box = _box(viewer, f'#{name}', width, height)
                assert box['height'] >= FINGER
                assert box['width'] >= FINGER
            picture = _box(viewer, '.picture', width, height)
            assert picture['width'] / picture['height'] == pytest.approx(16 / 9, rel=0.02)
            for name in ('camera', 'quality'):
                viewer.page.click(f'#{name}s' if name == 'camera' else f'#{name}')
                viewer.page.locator(f'#{name}-list label').first.wait_for()
                _box(viewer, f'#{name}-panel', width, height)
                viewer.page.keyboard.press('Escape')



def test_words_of_the_bar_do_not_touch_however_many_buttons_there_are(camera, viewer):
    with viewer.bridge():
        viewer.open()
        viewer.page.locator('#bar').wait_for()
        for width, shown in product((320, 360, 390, 430, 520), range(5)):
            viewer.page.set_viewport_size({'width': width, 'height': 740})
            # At once, since the page looks again and again at what the robot has.
            extents = viewer.page.evaluate("""shown => {
                ['controls', 'sound', 'account', 'record'].forEach((name, at) =>
                    document.querySelector(`#${name}-room`).hidden = at >= shown);
                document.querySelector('#account > span').textContent = 'Logged in';
                const words = document.createRange();
                return [...document.querySelectorAll('#bar button > span')]
                    .filter(one => one.checkVisibility()
                        && one.closest('.panel') === null
                        && getComputedStyle(one).clipPath === 'none')
                    .map(one => {
                        words.selectNodeContents(one.firstChild);
                        const { left, right } = words.getBoundingClientRect();
                        return [left, right];
                    });
            }""", shown)
            assert extents or width / (5 + shown) < 50, width
            if extents:
                assert extents[0][0] >= 1, (width, extents)
                assert extents[-1][1] <= width - 1, (width, extents)
            for (_, right), (left, _) in pairwise(extents):
                assert left - right >= 3, (width, extents)


def test_it_asks_nothing_of_the_internet(camera, viewer):
    asked = []
    viewer.page.on('request', lambda request: asked.append(request.url))
    viewer.page.on('websocket', lambda socket: asked.append(socket.url))
    with viewer.bridge():
        viewer.open()
        viewer.wait_for_pictures()
    ours = (viewer.address, viewer.address.replace('http:', 'ws:'), 'data:', 'about:')
    assert any(url.startswith('ws:') for url in asked)
    assert all(url.startswith(ours) for url in asked), asked


@in_both
def test_who_is_not_known_is_led_to_the_login_page_and_back(camera, viewer):
    viewer.may_complain = True
    token = 'long-enough-to-be-one'
    with viewer.bridge(access_token=token):
        viewer.open(tier='low')
        page = viewer.page
        page.wait_for_url(re.compile('/login'))
        page.get_by_label('Token').fill(token)
        page.keyboard.press('Enter')
        viewer.wait_for_pictures()
        assert page.url == f'{viewer.address}?tier=low'
        page.context.clear_cookies()
        page.click('#snapshot')
        page.wait_for_url(re.compile('/login'))


def test_without_javascript_there_is_a_picture_at_least(chromium, viewer, camera):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    with viewer.bridge():
        page.goto(viewer.address, wait_until='commit')
        viewer.wait_until(lambda: viewer.state()['viewers'] == 1)
        assert page.locator('img.picture').is_visible()
        assert not page.is_visible('#bar')
        context.close()


def _box(viewer, selector, width, height):
    box = viewer.page.locator(selector).first.bounding_box()
    assert box['x'] >= 0
    assert box['y'] >= 0
    assert box['x'] + box['width'] <= width
    assert box['y'] + box['height'] <= height
    return box
