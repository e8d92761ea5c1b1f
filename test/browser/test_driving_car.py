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


"""A car that is driven from a real page: it moves while it may, and stands whatever happens."""

import os
from pathlib import Path
import signal
import subprocess

from benchmarks.common import networks
import pytest
from support.browsers import CHROMIUM, in_both
from support.car import Car
from support.driving_link import Child
from support.guest import Guest
from support.processes import children, parameters, running, wait_until

DRIVING = {'teleop__enabled': 'true', 'teleop__insecure': 'true', 'teleop__max_linear': 2.0,
           'teleop__stamped': 'true'}
PATTERN = parameters(source='pattern', width=640, height=360, fps=15)
GAMEPAD = """
    const pad = {
      connected: true, mapping: 'standard', index: 0, id: 'pad', axes: [0, 0, 0, 0],
      buttons: Array.from({ length: 17 }, () => ({ pressed: false, touched: false, value: 0 })),
    };
    navigator.getGamepads = () => [pad, null, null, null];
    window.hold = (button, value) => {
      pad.buttons[button] = { pressed: value > 0.5, touched: value > 0, value };
      pad.timestamp = performance.now();
    };
"""


@pytest.fixture
def car():
    """Return a car with a controller that never times out: only the robot's side stops it."""
    guest = Guest('car')
    yield Car(guest, timeout_s=float('inf'))
    guest.close()


def take(page, button='Take the wheel'):
    page.get_by_role('button', name=button).click()
    page.get_by_role('button', name='Leave the wheel').wait_for()


def drive(viewer, **query):
    """Open the page and take the wheel."""
    viewer.open(**query)
    viewer.wait_for_pictures()
    take(viewer.page)


def moves(car):
    return car.heard and car.heard[-1].linear > 0.5 and car.x > 0.05


def wait_for_motion(car):
    wait_until(lambda: moves(car))


def wait_for_stop(car):
    wait_until(lambda: car.heard and car.heard[-1].standing)


@in_both
def test_keys_move_it(camera, viewer, car):
    with viewer.bridge(**DRIVING):
        drive(viewer)
        viewer.page.keyboard.down('w')
        wait_for_motion(car)
        viewer.page.keyboard.down('a')
        wait_until(lambda: car.yaw > 0.05)
        viewer.page.keyboard.up('a')
        viewer.page.keyboard.up('w')
        wait_for_stop(car)


def test_trim_makes_it_go_in_a_curve_and_never_turns_it_where_it_stands(camera, viewer, car):
    with viewer.bridge(**DRIVING):
        drive(viewer)
        viewer.page.get_by_role('button', name='Adjust the controls').click()
        viewer.page.get_by_role('slider', name='Steering trim').fill('0.25')
        viewer.page.keyboard.down('s')
        viewer.page.keyboard.down('w')  # both: that is none
        wait_for_stop(car)
        car.reset()
        wait_until(lambda: len(car.heard) > 10)
        assert all(heard.standing for heard in car.heard)
        viewer.page.keyboard.up('s')
        wait_for_motion(car)
        wait_until(lambda: car.yaw < -0.05)
        viewer.page.keyboard.up('w')
        wait_for_stop(car)


def test_a_thumb_moves_it(camera, viewer, car):
    with viewer.bridge(**DRIVING):
        drive(viewer)
        viewer.page.get_by_label('Touch').select_option('one')
        touch = viewer.fingers()

        def thumb_moves_it():
            touch('Start', (1, 900, 400))
            touch('Move', (1, 900, 336))
            for _ in range(30):
                if moves(car):
                    return True
                viewer.page.wait_for_timeout(100)
            touch('End')  # the page lets go by itself where the machine was busy for 0.3 s
            return False

        wait_until(thumb_moves_it)
        touch('End')
        wait_for_stop(car)


def test_a_gamepad_moves_it(camera, viewer, car):
    viewer.page.add_init_script(GAMEPAD)
    with viewer.bridge(**DRIVING):
        drive(viewer)
        viewer.page.wait_for_timeout(300)
        viewer.page.evaluate('hold(7, 1)')
        wait_for_motion(car)
        viewer.page.evaluate('hold(7, 0)')
        wait_for_stop(car)


@pytest.mark.parametrize('tier', ['jpeg', 'h264'])
def test_a_picture_that_stands_still_stops_it(viewer, car, tier):
    with running('camera', *PATTERN) as camera, viewer.bridge(**DRIVING):
        drive(viewer, tier=tier)
        codec = {'jpeg': 'JPEG', 'h264': 'H.264'}[tier]
        viewer.wait_until(lambda: viewer.figure('codec') == codec)
        viewer.page.keyboard.down('w')
        wait_for_motion(car)
        camera.process.send_signal(signal.SIGSTOP)
        try:
            wait_for_stop(car)
            viewer.page.get_by_text('the picture is too old').wait_for()
        finally:
            camera.process.send_signal(signal.SIGCONT)
        wait_for_motion_again(car)
        viewer.page.keyboard.up('w')
        wait_for_stop(car)


def wait_for_motion_again(car):
    """Wait until it moves on: the key is still held, and the pictures come again."""
    x = car.x
    wait_until(lambda: car.x > x + 0.05)


def test_a_browser_that_is_suspended_stops_it_and_does_not_go_on_by_itself(camera, viewer, car):
    with viewer.bridge(**DRIVING):
        drive(viewer)
        viewer.page.keyboard.down('w')
        wait_for_motion(car)
        browser = [pid for pid in children(os.getpid())
                   if 'chromium' in Path(f'/proc/{pid}/cmdline').read_text(errors='replace')]
        assert browser
        for pid in browser:
            os.kill(pid, signal.SIGSTOP)
        try:
            wait_for_stop(car)
        finally:
            for pid in browser:
                os.kill(pid, signal.SIGCONT)
        viewer.page.keyboard.up('w')
        wait_for_stop(car)


def test_a_bridge_that_is_killed_says_nothing_more(camera, viewer):
    guest = Guest('car')
    car = Car(guest)  # as real controllers do, this one stops when nothing comes
    viewer.may_complain = True
    program, _ = viewer.start_bridge(**DRIVING)
    try:
        drive(viewer)
        viewer.page.keyboard.down('w')
        wait_for_motion(car)
        program.stop(signal.SIGKILL)
        wait_until(lambda: car.standing)
        viewer.page.keyboard.up('w')
        viewer.page.goto('about:blank')
    finally:
        program.stop(signal.SIGKILL)
        guest.close()


@in_both
def test_the_controls_come_though_the_link_changed_while_they_were_loaded(camera, viewer, car):
    from playwright.sync_api import Error
    lost = []

    def lose_once(route):
        if lost:
            route.continue_()
        else:
            lost.append(route.request.url)
            route.abort('failed')

    viewer.may_complain = True
    viewer.page.route('**/keyboard_input.js', lose_once)
    with viewer.bridge(**DRIVING):
        try:
            drive(viewer)
        except Error as error:  # the page has loaded itself anew, in the midst of it
            if 'navigation' not in str(error):
                raise
            drive(viewer)
    assert len(lost) == 1


@in_both
def test_a_page_that_is_left_stops_it(camera, viewer, car):
    with viewer.bridge(**DRIVING):
        drive(viewer)
        viewer.page.keyboard.down('w')
        wait_for_motion(car)
        viewer.page.goto('about:blank')
        wait_for_stop(car)


def test_two_browsers_compete_for_the_wheel(camera, viewer, car, chromium):
    context = chromium.new_context()
    with viewer.bridge(**DRIVING):
        drive(viewer)
        other = context.new_page()
        other.goto(viewer.address)
        other.get_by_role('button', name='Ask for the wheel').click()
        other.keyboard.down('w')
        viewer.page.get_by_role('button', name='Hand over').wait_for()
        viewer.page.keyboard.down('s')
        wait_until(lambda: car.heard and car.heard[-1].linear < 0)
        assert not any(heard.linear > 0 for heard in car.heard)  # the other one moves nothing
        other.get_by_role('button', name='STOP').click()
        wait_for_stop(car)
        viewer.page.keyboard.up('s')
        other.keyboard.up('w')
        viewer.page.get_by_role('button', name='Hand over').click()
        take(other)
        assert viewer.page.get_by_role('button', name='Ask for the wheel').is_visible()
        context.close()


def test_a_cable_that_is_pulled_out_stops_it(chromium, missing, tmp_path):
    if chromium is None:
        missing('this needs Chromium')
    if reason := networks.unavailable():
        missing(reason)
    with networks.two_hosts() as (robot, desk):
        there = tmp_path / 'chromium'
        there.write_text(f'#!/bin/sh\nexec {" ".join(desk)} {CHROMIUM} "$@"\n')
        there.chmod(0o755)
        browser = chromium.browser_type.launch(
            executable_path=str(there), args=['--no-sandbox', '--disable-gpu', '--no-first-run'])
        with running('camera', *PATTERN, prefix=robot), \
                running('bridge', *parameters(port=8080, **DRIVING), prefix=robot) as bridge:
            bridge.wait_for('showing')
            car = Child(robot, 'support.car')
            try:
                car.wait_for('ready')
                page = browser.new_page()
                page.goto(f'http://{networks.ADDRESSES[0]}:8080/')
                page.locator('.age').get_by_text('ms').first.wait_for()
                take(page)
                page.keyboard.down('w')
                wait_until(lambda: car.told and car.told[-1]['linear'] > 0.5)
                cable(robot, 'down')
                wait_until(lambda: car.told[-1]['linear'] == 0)
            finally:
                cable(robot, 'up')
                car.stop()
                browser.close()


def cable(prefix, state):
    subprocess.run([*prefix, 'ip', 'link', 'set', 'cable', state], check=True)
