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

"""The pages behind a reverse proxy that has them below a path."""

from contextlib import contextmanager
import re

import pytest
from support.path_proxy import PathProxy

TOKEN = 'long-enough-to-be-one'


@contextmanager
def proxied(viewer, **values):
    """Run a bridge behind a proxy, through which the viewer comes."""
    with viewer.bridge(**values) as program:
        port = int(re.search(r'at http://\S+:(\d+)/', program.output)[1])
        with PathProxy(port) as proxy:
            viewer.address = proxy.url
            yield proxy
            viewer.page.goto('about:blank')


@pytest.mark.parametrize('transport', ['auto', 'mjpeg'])
def test_the_viewer_works_below_a_path(camera, viewer, transport):
    with proxied(viewer) as proxy:
        viewer.open(transport=transport)
        viewer.wait_for_pictures()
        viewer.page.click('#cameras')
        viewer.page.locator('#camera-list label').first.wait_for()
        with viewer.page.expect_download() as download:
            viewer.page.click('#snapshot')
        assert download.value.suggested_filename.endswith('.jpg')
        assert viewer.page.evaluate('getComputedStyle(document.body).margin') == '0px'  # styled
        assert proxy.missed == []
        watching, = viewer.state()['streams'][0]['viewers']
        assert watching['transport'] == ('mjpeg' if transport == 'mjpeg' else 'websocket')


def test_without_javascript_there_is_a_picture_below_a_path(chromium, viewer, camera):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    with proxied(viewer) as proxy:
        page.goto(viewer.address, wait_until='commit')
        viewer.wait_until(lambda: viewer.state()['viewers'] == 1)
        assert proxy.missed == []
        context.close()


def test_a_robot_is_driven_below_a_path(seat):
    with PathProxy(int(seat.robot.address.rstrip('/').rpartition(':')[2])) as proxy:
        seat.robot.address = proxy.url
        seat.open()
        seat.take()
        seat.robot.wait_for_kind('take')
        assert proxy.missed == []
        seat.page.goto('about:blank')


def test_the_latency_page_and_the_links_between_pages_work_below_a_path(camera, viewer):
    page = viewer.page
    with proxied(viewer) as proxy:
        viewer.open()
        viewer.wait_for_pictures()
        page.click('#quality')
        page.get_by_role('link', name='Measure the latency').click()
        topic = '?topic=/camera/image_raw/compressed'
        page.wait_for_url(f'{proxy.url}latency{topic}')
        # The worker has looked at pictures, too.
        viewer.wait_until(lambda: page.get_attribute('#latency', 'data-state') == 'searching')
        viewer.wait_until(lambda: re.match(r'\d', page.inner_text('#results .share')))
        page.click('#viewer')
        page.wait_for_url(f'{proxy.url}{topic}')
        viewer.wait_for_pictures()
        page.goto(f'{proxy.url}stream_viewer?topic=/camera/image_raw')
        page.wait_for_url(f'{proxy.url}{topic}')
        assert proxy.missed == []


def test_who_is_not_known_logs_in_below_a_path(camera, viewer):
    viewer.may_complain = True
    page = viewer.page
    with proxied(viewer, access_token=TOKEN) as proxy:
        viewer.open(tier='low')
        page.wait_for_url(re.compile('/cam/login'))
        page.get_by_label('Token').fill('another-one')
        page.keyboard.press('Enter')
        page.locator('#wrong').wait_for()
        page.get_by_label('Token').fill(TOKEN)
        page.keyboard.press('Enter')
        viewer.wait_for_pictures()
        assert page.url == f'{proxy.url}?tier=low'
        cookie, = page.context.cookies()
        assert cookie['path'] == '/cam'
        page.context.clear_cookies()
        page.click('#snapshot')
        page.wait_for_url(re.compile('/cam/login'))
        page.get_by_label('Token').fill(TOKEN)
        page.keyboard.press('Enter')
        page.wait_for_url(f'{proxy.url}?tier=low')
        page.goto('about:blank')
        page.context.clear_cookies()
        page.goto(f'{proxy.url}latency?token={TOKEN}')
        page.wait_for_url(f'{proxy.url}latency')
        viewer.wait_for_pictures()
        assert proxy.missed == []
