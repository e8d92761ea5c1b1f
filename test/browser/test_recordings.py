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
"""The button and the mark on the viewer page, and the page of recordings."""

from contextlib import contextmanager

from pi_camera_stream.web.access.access_rules import AccessRules
import pytest
from support.browsers import in_both
from support.recordings import FakeRecordings, film, TOPIC
from support.site import site

TOKEN, DRIVER = 'correct-horse-battery', 'at-the-wheel-of-it-all'
SIZE = (320, 240)


@pytest.fixture
def recordings(tmp_path):
    return FakeRecordings(tmp_path)


@contextmanager
def robot(viewer, recordings, **rules):
    """Run the pages, without a robot."""
    with site(SIZE, rules=AccessRules(**rules), recordings=recordings) as running:
        viewer.address = f'http://127.0.0.1:{running.server.port}/'
        yield
        viewer.page.goto('about:blank')


def test_who_may_presses_the_button_and_everyone_sees_the_red_dot(viewer, recordings):
    page = viewer.page
    mark, switch = page.locator('#recording'), page.locator('#record-switch')
    with robot(viewer, recordings, access_token=TOKEN, driver_token=DRIVER):
        viewer.open(token=DRIVER)
        page.click('#record')
        assert 'Not recording. 5.40 GB free' in page.locator('#record-words').inner_text()
        assert not mark.is_visible()
        switch.click()
        viewer.wait_until(mark.is_visible)
        assert recordings.told == [True]
        assert TOPIC in mark.inner_text() and '1:1' in mark.inner_text()
        switch.click()
        viewer.wait_until(lambda: not mark.is_visible())
        recordings.says = 'the card is read-only: put another one in'
        viewer.may_complain = True  # of the refusal
        switch.click()
        viewer.wait_until(lambda: 'The card is read-only' in
                          page.locator('#record-words').inner_text())
        recordings.recording, recordings.says = True, ''
        page.context.clear_cookies()
        viewer.open(token=TOKEN)
        viewer.wait_until(mark.is_visible)
        page.click('#record')
        assert not switch.is_visible()
        assert page.locator('#recordings').is_visible()


def test_where_everyone_may_watch_they_see_what_is_recorded_and_hear_why_no_more(
        viewer, recordings):
    page = viewer.page
    recordings.fault = 'the card is full: delete something'
    with robot(viewer, recordings):
        viewer.open()
        mark = page.locator('#recording')
        viewer.wait_until(lambda: 'card is full: delete' in mark.inner_text())
        assert not page.locator('#record').is_visible()
        viewer.may_complain = True  # of the refusal
        page.goto(f'{viewer.address}recordings')
        viewer.wait_until(lambda: "'access_token'" in page.locator('#note').inner_text())
        assert not page.locator('#switch').is_visible()


def test_who_has_not_logged_in_as_driver_is_led_there_and_back(viewer, recordings):
    page = viewer.page
    film(recordings.folder / 'a.mkv', 'jpeg', 10)
    viewer.may_complain = True  # of the refusal
    with robot(viewer, recordings, driver_token=DRIVER):
        page.goto(f'{viewer.address}recordings')
        page.click('#log-in')
        page.get_by_label('token').fill(DRIVER)
        page.get_by_role('button').click()
        viewer.wait_until(lambda: page.locator('#files li').count() == 1)


@in_both
def test_recordings_are_listed_played_and_deleted(viewer, recordings):
    page = viewer.page
    film(recordings.folder / 'a.mkv', 'h264', 300, 20)
    film(recordings.folder / 'b.mkv', 'jpeg', 300, 20)
    with robot(viewer, recordings, access_token=TOKEN):
        page.goto(f'{viewer.address}recordings?token={TOKEN}')
        rows = page.locator('#files li')
        viewer.wait_until(lambda: rows.count() == 2)
        assert '0:15' in rows.nth(0).inner_text() and 'JPEG' in rows.nth(0).inner_text()
        for row in (1, 0):
            rows.nth(row).locator('.play').click()
            viewer.wait_for_pictures()
            page.locator('.position').fill('10')
            viewer.wait_until(lambda: (viewer.shown() or 0) >= 9_500_000)
            page.click('.toggle')
            paused = viewer.shown()
            page.wait_for_timeout(300)
            assert viewer.shown() == paused
            page.click('.toggle')
            viewer.wait_until(lambda paused=paused: (viewer.shown() or 0) > paused)
        rows.nth(0).locator('.delete').click()
        assert (recordings.folder / 'b.mkv').exists()
        rows.nth(0).locator('.delete').click()
        viewer.wait_until(lambda: rows.count() == 1)
        assert not (recordings.folder / 'b.mkv').exists()
        assert not page.locator('#player').is_visible()
