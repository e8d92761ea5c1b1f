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

"""What the page says while no pictures come, and how it goes on by itself."""

import signal

import pytest
from support.processes import parameters, running

TOPIC = '/camera/image_raw/compressed'
PATTERN = parameters(source='pattern', width=640, height=360, fps=15)
HIDE = """hidden => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event('visibilitychange'));
}"""
both = pytest.mark.parametrize('transport', ['auto', 'mjpeg'])


@pytest.mark.parametrize(
    ('transport', 'browser'),
    [('auto', 'chromium'), ('mjpeg', 'chromium'), ('auto', 'firefox')], indirect=['browser'])
def test_it_says_when_there_is_no_signal_and_goes_on(viewer, transport):
    with viewer.bridge():
        viewer.open(transport=transport)
        viewer.page.get_by_text(f'Waiting for a picture on {TOPIC}').wait_for()
        for _ in range(2):
            with running('camera', *PATTERN):
                viewer.wait_for_pictures()
                viewer.wait_until(lambda: viewer.notice() == '')
            viewer.page.get_by_text('No signal for').wait_for()
            viewer.page.get_by_text(f"'{TOPIC}' has no publisher").wait_for()
            viewer.wait_until(lambda: viewer.age_ms() is None)


def test_a_screen_reader_hears_of_a_loss_once_and_of_its_end(viewer):
    with viewer.bridge():
        viewer.open()
        with running('camera', *PATTERN):
            viewer.wait_for_pictures()
        viewer.page.get_by_text('No signal for').wait_for()
        seconds = viewer.page.locator('.notice .since')
        assert seconds.get_attribute('aria-hidden') == 'true'
        before = seconds.inner_text()
        viewer.wait_until(lambda: seconds.inner_text() != before)
        status = viewer.page.get_by_role('status').filter(has_text='No signal')
        assert 'since' not in status.aria_snapshot()
        with running('camera', *PATTERN):
            viewer.page.get_by_text(f'Live picture of {TOPIC}').wait_for(state='attached')


@both
def test_it_finds_the_bridge_again_after_it_was_killed(camera, viewer, transport):
    viewer.may_complain = True
    bridge, port = viewer.start_bridge()
    try:
        viewer.open(transport=transport)
        before = viewer.wait_for_pictures()
    finally:
        bridge.stop(signal.SIGKILL)
    viewer.page.get_by_text('No connection to the robot, trying again').wait_for()
    with viewer.bridge(port=port):
        viewer.wait_until(lambda: viewer.notice() == '')
        assert viewer.wait_for_pictures() > before


def test_it_says_when_the_robot_says_nothing_any_more(camera, viewer):
    viewer.may_complain = True
    with viewer.bridge() as bridge:
        viewer.open()
        before = viewer.wait_for_pictures()
        bridge.process.send_signal(signal.SIGSTOP)  # as if it were out of the Wi-Fi's reach
        try:
            viewer.page.get_by_text('No connection to the robot, trying again').wait_for()
        finally:
            bridge.process.send_signal(signal.SIGCONT)
        viewer.wait_until(lambda: viewer.notice() == '')
        assert viewer.wait_for_pictures() > before


def test_a_hidden_page_lets_go_of_the_camera(camera, viewer):
    with viewer.bridge():
        viewer.open()
        viewer.wait_for_pictures()
        viewer.page.evaluate(HIDE, True)
        viewer.wait_until(lambda: viewer.state()['viewers'] == 0)
        before = viewer.shown()
        viewer.page.evaluate(HIDE, False)
        assert viewer.wait_for_pictures() > before
        assert viewer.state()['viewers'] == 1


def test_what_the_robot_refuses_is_said_in_its_words(camera, viewer):
    viewer.may_complain = True
    with viewer.bridge(max_viewers=1):
        viewer.open(TOPIC, '/camera/image_raw')  # the same one, by another name
        viewer.page.get_by_text('max_viewers = 1').wait_for()
        viewer.open('/nowhere')
        viewer.page.get_by_text("No image topic '/nowhere'; available:").wait_for()
