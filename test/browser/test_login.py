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

"""Who comes by which door, and what they may do then, in a real browser."""

from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
import re
import threading

import pytest
from support.browsers import in_both
from support.processes import parameters, running

TOKEN, DRIVER = 'correct-horse-battery', 'at-the-wheel-of-it-all'
ROLES = {'access_token': TOKEN, 'driver_token': DRIVER, 'teleop__enabled': 'true',
         'teleop__insecure': 'true'}
SIZES = [(1280, 800), (390, 844), (844, 390), (320, 568), (568, 320)]


@contextmanager
def foreign_site(folder, html):
    """Serve a page at another host than the bridge's; yield its address."""
    (folder / 'index.html').write_text(f'<link rel="icon" href="data:,">{html}')
    server = ThreadingHTTPServer(('127.0.0.1', 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f'http://localhost:{server.server_address[1]}/'
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def log_in(page, token):
    page.wait_for_url(re.compile('/login'))
    page.get_by_label('Token').fill(token)
    page.keyboard.press('Enter')
    page.wait_for_url(re.compile(r'/(\?.*)?$'))


@in_both
def test_a_link_on_another_site_leads_to_the_picture(camera, viewer, tmp_path):
    with viewer.bridge(access_token=TOKEN):
        link = f'<a href="{viewer.address}?token={TOKEN}&tier=low">the robot</a>'
        with foreign_site(tmp_path, link) as site:
            viewer.page.goto(site)
            viewer.page.get_by_text('the robot').click()
            viewer.page.wait_for_url(f'{viewer.address}?tier=low')
            viewer.wait_for_pictures()
            viewer.page.goto(site)
            viewer.page.evaluate('address => { document.querySelector("a").href = address; }',
                                 viewer.address)  # who is known needs no token in it
            viewer.page.get_by_text('the robot').click()
            viewer.wait_for_pictures()


def test_wrong_tokens_on_another_site_lock_nobody_out(camera, viewer, tmp_path):
    viewer.may_complain = True
    with viewer.bridge(access_token=TOKEN) as program:
        with foreign_site(tmp_path, ''.join(
                f'<img src="{viewer.address}snapshot.jpg?token=wrong{number}">'
                for number in range(30))) as site:
            viewer.page.goto(site)
            program.wait_for('wrong access tokens within a minute, through a page of another site')
        viewer.open()
        log_in(viewer.page, TOKEN)
        viewer.wait_for_pictures()


@in_both
def test_who_was_logged_in_watches_again_after_the_bridge_was_killed(camera, viewer):
    viewer.may_complain = True
    program, port = viewer.start_bridge(access_token=TOKEN)
    try:
        viewer.open(token=TOKEN)
        viewer.wait_for_pictures()
        program.process.kill()
        program.wait()
        viewer.wait_until(viewer.notice)
        with running('bridge', *parameters(port=port, address='127.0.0.1', access_token=TOKEN)):
            viewer.wait_for_pictures()
            assert viewer.page.url == viewer.address
            viewer.page.goto('about:blank')
    finally:
        program.process.kill()
        program.wait()


def test_a_viewer_logs_in_to_drive_and_out_again_in_all_windows(camera, viewer):
    viewer.may_complain = True
    page = viewer.page
    with viewer.bridge(**ROLES):
        viewer.open(token=TOKEN)
        viewer.wait_for_pictures()
        page.get_by_role('button', name='Viewer').click()
        page.get_by_text('You may watch.').wait_for()
        page.keyboard.press('Escape')
        page.get_by_role('button', name='Log in to drive').click()
        log_in(page, DRIVER)
        page.get_by_role('button', name='Take the wheel').click()
        page.get_by_role('button', name='Leave the wheel').wait_for()
        other = page.context.new_page()
        other.goto(viewer.address)
        other.get_by_role('button', name='Ask for the wheel').wait_for()
        page.get_by_role('button', name='Driver').click()
        page.get_by_role('button', name='Log out').click()
        page.wait_for_url(re.compile('/login'))
        other.wait_for_url(re.compile('/login'))
        page.goto(viewer.address)
        page.wait_for_url(re.compile('/login'))
        other.close()


def test_the_stop_of_one_who_presses_again_and_again_can_be_muted(camera, viewer, browser):
    viewer.may_complain = True
    page = viewer.page
    with viewer.bridge(**ROLES):
        viewer.open(token=DRIVER)
        page.get_by_role('button', name='Take the wheel').click()
        page.get_by_role('button', name='Leave the wheel').wait_for()
        context = browser.new_context()
        nuisance = context.new_page()
        nuisance.goto(f'{viewer.address}?token={TOKEN}')
        stop = nuisance.get_by_role('button', name='Emergency stop')
        for number in range(3):
            stop.dispatch_event('pointerdown')
            page.get_by_text('EMERGENCY STOP by').wait_for()
            if number < 2:
                release = page.get_by_role('button', name='Hold to release')
                release.focus()
                page.keyboard.down('Enter')
                release.wait_for(state='hidden')
                page.keyboard.up('Enter')
        page.get_by_text('has stopped it 3 times recently').wait_for()
        page.get_by_role('button', name='Mute').click()
        nuisance.get_by_text('The driver has muted your stop').wait_for()
        assert stop.is_disabled()
        context.close()


@pytest.mark.parametrize(('width', 'height'), SIZES)
def test_the_way_in_and_out_fits_every_screen(camera, viewer, width, height):
    viewer.page.set_viewport_size({'width': width, 'height': height})
    with viewer.bridge(camera_controls='true', **ROLES):
        for token, name in ((TOKEN, 'Viewer'), (DRIVER, 'Driver')):
            viewer.open(token=token)
            viewer.page.get_by_role('button', name=name, exact=True).click()
            viewer.page.locator('#log-out').wait_for()
            for selector in ('#account', '#account-panel', '#log-out', '#fullscreen', '.wheel',
                             '.stop'):
                box = viewer.page.locator(selector).bounding_box()
                assert box['x'] >= 0, selector
                assert box['y'] >= 0, selector
                assert box['x'] + box['width'] <= width, selector
                assert box['y'] + box['height'] <= height, selector
            viewer.page.context.clear_cookies()
