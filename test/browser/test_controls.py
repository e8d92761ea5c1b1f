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

"""Choosing cameras, snapshots, full screen and the keyboard."""

import re

import cv2
import numpy as np

TOPIC, REAR = '/camera/image_raw/compressed', '/rear/image_raw/compressed'


def test_cameras_are_chosen_in_the_menu_and_kept_in_the_address(camera, rear_camera, viewer):
    with viewer.bridge():
        viewer.open()
        page = viewer.page
        viewer.wait_for_pictures()
        front, rear = (page.get_by_role('checkbox', name=topic) for topic in (TOPIC, REAR))
        page.click('#cameras')
        rear.check()  # it comes when the robot finds it
        assert front.is_checked()
        page.keyboard.press('Escape')  # the menu lies over the picture
        viewer.wait_for_pictures(1)
        assert page.url == f'{viewer.address}?topic={TOPIC}&topic={REAR}'
        page.click('#cameras')
        page.get_by_role('button', name=f'Only {REAR}').click()
        viewer.wait_until(lambda: page.locator('.picture').count() == 1)
        assert page.url == f'{viewer.address}?topic={REAR}'
        rear.click()
        assert rear.is_checked()  # the last one stays
        page.reload()
        viewer.wait_until(lambda: page.inner_text('#topics') == REAR)
        viewer.wait_for_pictures()
        page.keyboard.press('1')
        viewer.wait_until(lambda: page.inner_text('#topics') == TOPIC)


def test_a_snapshot_is_saved(camera, viewer, tmp_path):
    with viewer.bridge():
        viewer.open()
        viewer.wait_for_pictures()
        for save in (lambda: viewer.page.click('#snapshot'),
                     lambda: viewer.page.keyboard.press('s')):
            with viewer.page.expect_download() as download:
                save()
            name = download.value.suggested_filename
            assert re.fullmatch(
                r'camera-image_raw-compressed_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d\.jpg', name)
            download.value.save_as(tmp_path / name)
            content = np.fromfile(tmp_path / name, np.uint8)
            assert cv2.imdecode(content, cv2.IMREAD_COLOR).shape == (360, 640, 3)
            viewer.wait_until(lambda: viewer.page.get_attribute(
                '#snapshot', 'aria-busy') == 'false')


def test_a_snapshot_that_fails_says_why(viewer):
    viewer.may_complain = True
    downloads = []
    viewer.page.on('download', lambda download: downloads.append(download))
    with viewer.bridge():
        viewer.open()
        viewer.page.get_by_text('Waiting for a picture').wait_for()
        viewer.page.click('#snapshot')
        viewer.page.locator('#message').get_by_text('No new picture of').wait_for()
    assert downloads == []


def test_the_keyboard_does_it_all(camera, viewer):
    with viewer.bridge():
        viewer.open()
        page = viewer.page
        viewer.wait_for_pictures()
        figures = page.locator('.figures')
        page.keyboard.press('i')
        assert not figures.is_visible()
        assert page.get_attribute('#figures', 'aria-pressed') == 'false'
        assert 'figures=off' in page.url
        page.keyboard.press('i')
        assert figures.is_visible()
        page.keyboard.press('f')
        viewer.wait_until(lambda: page.evaluate('document.fullscreenElement !== null'))
        page.keyboard.press('f')
        viewer.wait_until(lambda: page.evaluate('document.fullscreenElement === null'))
        for name in ('cameras', 'quality', 'figures', 'snapshot', 'fullscreen'):
            page.keyboard.press('Tab')
            assert page.evaluate('document.activeElement.id') == name
            assert page.evaluate('getComputedStyle(document.activeElement).outlineStyle') != 'none'


def test_keys_do_nothing_while_something_is_filled_in(camera, viewer):
    with viewer.bridge():
        viewer.open()
        page = viewer.page
        viewer.wait_for_pictures()
        page.focus('#quality')
        page.keyboard.press('Enter')
        page.keyboard.press('Tab')
        assert page.evaluate('document.activeElement.value') == 'auto'
        page.keyboard.press('i')
        assert page.locator('.figures').is_visible()
        page.keyboard.press('ArrowDown')
        viewer.wait_until(lambda: 'tier=jpeg' in page.url)
        page.keyboard.press('Escape')
        assert not page.is_visible('#quality-panel')
        assert page.evaluate('document.activeElement.id') == 'quality'
        page.keyboard.press('i')
        assert not page.locator('.figures').is_visible()


def test_the_picture_and_the_controls_have_names(camera, viewer):
    with viewer.bridge():
        viewer.open()
        viewer.wait_for_pictures()
        viewer.page.get_by_role('img', name=f'Live picture of {TOPIC}').wait_for()
        for name in ('Cameras', 'Quality', 'Figures', 'Snapshot', 'Full screen'):
            viewer.page.get_by_role('button', name=name).wait_for()
