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

"""
The driving controls of the page, before a robot that only listens.

In most tests the page's clock stands still until the test moves it: then no machine is too slow.
"""

import time

import pytest
from support.driving_robot import Robot

LATE_MS = 300
SIZES = [(1280, 800), (390, 844), (844, 390), (360, 740), (568, 320), (320, 568)]
HIDE = """hidden => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event('visibilitychange'));
}"""
PRESS_AT_ONCE = """
    window.changes = 0;
    document.addEventListener('fullscreenchange', () => { changes += 1; });
    const { port1, port2 } = new MessageChannel(); // quicker than any timer
    port1.onmessage = () => {
        if (!document.fullscreenElement) port2.postMessage('');
        else document.body.dispatchEvent(
            new KeyboardEvent('keydown', { code: 'KeyF', key: 'f', bubbles: true }));
    };
    port2.postMessage('');"""
WAKE_LOCK = """
    window.locks = [];
    Object.defineProperty(navigator, 'wakeLock', { value: { request: async (kind) => {
        locks.push(kind);
        return { release: () => locks.pop() };
    } } });"""


def test_where_nothing_may_be_driven_there_is_no_trace_of_it(viewer):
    robot = Robot(driving=False)
    robot.start()
    try:
        viewer.page.goto(robot.address)
        viewer.wait_until(lambda: len(robot.stamps_ms) > 5 and '/state' in robot.asked)
        for key in ('w', 'Space', 'Escape'):
            viewer.page.keyboard.press(key)
        assert not [path for path in robot.asked if 'driv' in path and not path.endswith((
            '.css', '/driving_finder.js'))]
        assert robot.asked.count('/state') <= 4  # whether it drives, how it is, and not on and on
        assert viewer.page.locator('.driving, .touch-zones, .latch').count() == 0
        assert 'Driving' not in viewer.page.locator('body').aria_snapshot()
        viewer.page.goto('about:blank')
    finally:
        robot.stop()


def test_keys_drive_while_they_are_held(driver):
    for keys, motion in {
            ('w',): (1, 0), ('s',): (-1, 0), ('a',): (0, 1), ('d',): (0, -1),
            ('ArrowUp',): (1, 0), ('ArrowDown',): (-1, 0), ('ArrowLeft',): (0, 1),
            ('ArrowRight',): (0, -1), ('w', 'a'): (1, 1), ('ArrowDown', 'd'): (-1, -1),
            ('w', 's'): (0, 0), ('w', 'ArrowUp'): (1, 0)}.items():
        with driver.held(*keys):
            driver.moves(*motion)
        driver.lets_go()
    sequences = [message['sequence'] for message in driver.robot.heard
                 if message['type'] == 'drive']
    assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))
    assert '/snapshot.jpg' not in driver.robot.asked  # which s is, for those who do not drive


def test_what_is_held_is_said_again_and_again_and_hands_off_now_and_then(driver):
    with driver.held('w'):
        driver.moves(1, 0)
        driver.pass_ms(3 * 33)
        for _ in range(3):
            driver.moves(1, 0)
    driver.lets_go()
    driver.pass_ms(450)
    assert driver.motions() == []
    driver.pass_ms(100)
    driver.lets_go()


def test_only_a_fresh_press_of_a_driving_key_moves(driver):
    page = driver.page
    page.keyboard.down('Control')
    page.keyboard.down('ArrowUp')
    page.keyboard.up('ArrowUp')
    page.keyboard.up('Control')
    page.evaluate("""dispatchEvent(new KeyboardEvent('keydown', {
        code: 'KeyW', key: 'w', repeat: true }))""")
    speed = page.get_by_role('slider', name='Speed')
    speed.focus()
    page.keyboard.press('ArrowUp')  # which belongs to the slider
    assert speed.input_value() == '0.55'
    page.evaluate("""document.body.insertAdjacentHTML('beforeend', '<input id="name">')""")
    page.fill('#name', '')
    page.locator('#name').press_sequentially('wasd ')
    assert page.input_value('#name') == 'wasd '
    driver.still()
    page.evaluate('document.activeElement.blur()')
    page.keyboard.down('w')
    driver.moves(1, 0)
    page.keyboard.down('Meta')  # what comes up now, the page may not hear of
    driver.lets_go()


def test_who_does_not_drive_moves_nothing(seat):
    seat.viewer.may_complain = True  # of the snapshot that there is not
    seat.open()
    with seat.held('w'):
        seat.page.keyboard.press('s')
        seat.viewer.wait_until(lambda: '/snapshot.jpg' in seat.robot.asked)
    seat.still()
    assert seat.motions() == []


def test_a_stop_is_for_everyone_and_latches_until_it_is_released_on_purpose(seat):
    seat.robot.say(driver='Ann')
    seat.open()
    seat.says('Ann drives')
    seat.button('Emergency stop').dispatch_event('pointerdown')
    seat.told('stop')
    seat.says('EMERGENCY STOP by Bob')
    stage = "getComputedStyle(document.getElementById('stage'), '::after').borderTopColor"
    assert seat.page.evaluate(stage) == 'rgb(196, 18, 26)'
    assert seat.button('Emergency stop').get_attribute('aria-pressed') == 'true'
    release = seat.button('Hold to release')
    for pass_ms, key in ((900, None), (900, 'Enter')):
        seat.mark()
        if key:
            release.focus()
            seat.page.keyboard.down(key)
        else:
            release.hover()
            seat.page.mouse.down()
        seat.pass_ms(pass_ms)
        seat.page.keyboard.up(key) if key else seat.page.mouse.up()
        seat.pass_ms(1000)
        assert [message for message in seat.robot.heard if message['type'] == 'release'] == []
    release.hover()
    seat.page.mouse.down()
    seat.pass_ms(1100)
    seat.told('release')
    release.wait_for(state='hidden')
    seat.page.mouse.up()


@pytest.mark.parametrize('key', ['Space', 'Escape'])
def test_space_and_escape_stop_and_nothing_moves_before_it_is_pressed_again(driver, key):
    page = driver.page
    driver.wheel.focus()
    page.keyboard.down('w')
    driver.moves(1, 0)
    page.keyboard.press(key)
    driver.told('stop')
    driver.lets_go()
    driver.says('No motion: the emergency stop holds')
    page.keyboard.down('d')  # does not count, either
    driver.robot.say(latched=False)
    driver.says('Hold W A S D')
    driver.still()
    assert [message for message in driver.robot.heard if message['type'] == 'leave'] == []
    page.keyboard.up('w')
    page.keyboard.down('w')
    driver.moves(1, 0)


def test_escape_closes_a_menu_too_and_enter_does_what_space_did(driver):
    page = driver.page
    page.click('#cameras')
    rear = page.get_by_role('checkbox', name='/rear')
    rear.focus()
    page.keyboard.press('Enter')
    assert rear.is_checked()
    assert [message for message in driver.robot.heard if message['type'] == 'stop'] == []
    rear.focus()
    page.keyboard.press('Escape')
    driver.told('stop')
    assert not page.is_visible('#camera-panel')
    assert not page.evaluate("""dispatchEvent(new KeyboardEvent('keydown', {
        code: 'Space', key: ' ', cancelable: true }))""")  # or the page would scroll


def test_leaving_full_screen_by_escape_stops_for_browsers_say_nothing_of_that_key(driver):
    page = driver.page
    full = "document.body.classList.contains('full-screen')"

    def switch(on):
        page.keyboard.press('f')
        driver.viewer.wait_until(lambda: page.evaluate(full) is on)
        driver.pass_ms(20)  # the frame in which the page heard of it

    for on in (True, False, True, False):
        switch(on)
    page.evaluate(PRESS_AT_ONCE)
    page.keyboard.press('f')
    driver.viewer.wait_until(lambda: page.evaluate('changes') == 2)
    assert not page.evaluate(full)
    driver.pass_ms(20)
    assert [message for message in driver.robot.heard if message['type'] == 'stop'] == []
    switch(True)
    page.evaluate('document.exitFullscreen()')
    driver.told('stop')


def test_a_stop_that_could_not_be_sent_is_sent_as_soon_as_it_can(seat):
    seat.open()
    seat.robot.hang_up()
    seat.says('No connection to the robot')
    seat.page.keyboard.press('Space')
    seat.says('The stop will be sent as soon as the robot can be reached')
    seat.says('not confirmed by the robot yet')
    assert seat.robot.heard == []
    seat.pass_ms(2000)
    assert seat.told('stop')['connection'] == 1
    seat.says('EMERGENCY STOP by Bob')


def test_the_wheel_is_taken_asked_for_and_handed_over(seat):
    seat.robot.say(driver='Ann')
    seat.open()
    seat.says('Ann drives')
    seat.button('Ask for the wheel').click()
    assert seat.told('take')['viewer'] == 'eyes'
    seat.robot.say(asking='you')
    seat.says('Ann drives \N{EN DASH} you asks for the wheel')
    seat.robot.say(driver='', asking='')
    seat.says('Nobody drives')
    assert not seat.page.locator('.drive-tools').is_visible()
    seat.take()
    assert seat.page.locator('.drive-tools').is_visible()
    seat.robot.say(asking='Ann')
    seat.says('You drive \N{EN DASH} Ann asks for the wheel')
    seat.button('Hand over to Ann').click()
    seat.told('leave')
    seat.says('Nobody drives')


def test_a_driver_who_lost_the_wheel_says_no_more(driver):
    with driver.held('w'):
        driver.moves(1, 0)
        driver.robot.change_driver(None, 'Ann')
        driver.says('Ann drives')
        driver.mark()
        driver.pass_ms(200)
        driver.says('Stopped: the wheel was lost')
        driver.robot.change_driver(None, '')
        driver.says('Nobody drives')
        assert driver.motions() == []
        driver.take()
        driver.still()  # though the key has been held all the time


def test_a_new_connection_does_not_drive_until_the_wheel_is_taken_again(driver):
    page = driver.page
    page.keyboard.down('w')
    driver.moves(1, 0)
    driver.robot.hang_up()
    driver.says('No connection to the robot')
    driver.mark()
    driver.pass_ms(2000)
    driver.viewer.wait_until(lambda: driver.robot.connections == 2)
    driver.robot.change_driver(1)  # even if the robot would have it
    driver.button('Take the wheel').wait_for()
    page.keyboard.up('w')
    with driver.held('w'):
        driver.still()
    assert driver.motions() == []
    driver.button('Take the wheel').click()
    driver.button('Leave the wheel').wait_for()
    driver.pass_ms(600)
    page.keyboard.down('w')
    assert driver.moves(1, 0)['connection'] == 1


@pytest.mark.parametrize('kind', ['mute', 'deaf'])
def test_a_page_that_is_not_heard_for_300_ms_lets_go(driver, kind):
    page, robot = driver.page, driver.robot
    page.keyboard.down('w')
    driver.moves(1, 0)
    robot.say(limit=0.5, reason='its last word')
    driver.says('its last word')
    setattr(robot, kind, True)
    driver.pass_ms(LATE_MS - 50)
    driver.viewer.wait_until(lambda: len(driver.motions()) >= 7)
    assert all(motion == (1, 0) for motion in driver.motions())
    driver.pass_ms(150)
    driver.lets_go()
    driver.says('No motion: the connection is more than 300 ms late')
    page.keyboard.down('d')
    setattr(robot, kind, False)
    driver.pass_ms(600)  # a sign of life, which is heard again
    driver.says('Stopped: the connection was more than 300 ms late. Press again to drive')
    driver.still()
    page.keyboard.up('w')
    page.keyboard.up('d')
    page.keyboard.down('w')
    driver.moves(1, 0)


@pytest.mark.parametrize(('event', 'why'), [
    ("dispatchEvent(new Event('blur'))", 'the page lost focus'),
    ("dispatchEvent(new Event('orientationchange'))", 'the screen was turned'),
    ("screen.orientation.dispatchEvent(new Event('change'))", 'the screen was turned'),
    ("document.dispatchEvent(new Event('freeze'))", 'the page was frozen'),
    (f'({HIDE})(true)', 'the page was hidden'),
])
def test_whoever_does_not_look_lets_go(driver, event, why):
    page = driver.page
    page.keyboard.down('w')
    driver.moves(1, 0)
    page.evaluate(event)
    driver.lets_go()
    driver.says(f'Stopped: {why}. Press again to drive')
    page.evaluate(f'({HIDE})(false)')
    page.keyboard.down('w')  # again, as a key does that is held
    driver.still()
    page.keyboard.up('w')
    page.keyboard.down('w')
    driver.moves(1, 0)


def test_a_hidden_page_gives_no_sign_of_life_and_goes_when_nobody_comes_back(driver):
    driver.page.evaluate(HIDE, True)
    driver.mark()
    for _ in range(3):
        driver.pass_ms(1600)
    assert driver.motions() == []
    driver.says('You drive')
    driver.page.clock.run_for(400)  # then it hears no more
    driver.viewer.wait_until(lambda: driver.robot.state['driver'] == '')
    driver.page.evaluate(HIDE, False)
    driver.says('Nobody drives')


def test_a_page_that_is_left_lets_go(driver):
    driver.page.keyboard.down('w')
    driver.moves(1, 0)
    driver.page.goto('about:blank')
    driver.lets_go()
    driver.viewer.wait_until(lambda: driver.robot.state['driver'] == '')


def test_the_driver_sees_the_figures_and_says_which_picture_he_sees(seat):
    seat.open(stopped=False)
    seat.viewer.wait_until(lambda: seat.viewer.age_ms() is not None)
    seat.take()
    robot, page = seat.robot, seat.page
    robot.say(linear=-0.42, angular=0.3, limit=0.4, reason='the picture is too old',
              battery={'percentage': 0.755, 'voltage': None})
    for name, pattern in {'trip': 'ms', 'video': 'ms', 'motion': '\N{MINUS SIGN}0.42 m/s',
                          'turn': 'left 0.30 rad/s', 'battery': '76 %'}.items():
        page.locator(f'.drive-figures .{name}').get_by_text(pattern).wait_for()
    seat.viewer.wait_until(lambda: 'ms' in page.inner_text('.video'))
    seen = []

    def drives():
        since = len(robot.heard)
        with seat.held('w'):
            message = robot.wait_for(
                lambda message: message['type'] == 'drive' and message['throttle'] == 1, since)
        seen.append(message['seen_ms'])
        assert min(abs(message['seen_ms'] - stamp) for stamp in robot.stamps_ms) < 0.01
        # Its clock and ours are the same here.
        assert message['round_trip_ms'] is None or message['round_trip_ms'] > 0
        assert message['seen_ms'] - 1 < message['time_ms'] < time.time() * 1000 + 50
        return len(set(seen)) > 2

    seat.viewer.wait_until(drives)
    robot.say(battery={'percentage': None, 'voltage': 11.84})
    page.locator('.battery').get_by_text('11.8 V').wait_for()


def test_a_wheel_that_nobody_may_have_is_not_offered_and_it_is_said_why(driver):
    with driver.held('w'):
        driver.moves(1, 0)
        driver.robot.change_driver(None, '')
        driver.robot.say(refusal="'/cmd_vel' gets commands of others: /nav")
        driver.says("Nobody can drive: '/cmd_vel' gets commands of others: /nav")
        assert driver.wheel.is_disabled()
    driver.robot.say(latched=True, others='/nav', others_move=True)
    driver.says('Contested: /nav still moves the vehicle')
    driver.says('CONTESTED by /nav')
    driver.robot.say(latched=False, refusal='')
    driver.page.locator('.wheel:enabled').wait_for()
    driver.take()


def test_a_vehicle_that_fails_is_said_before_all_else(driver):
    driver.robot.say(latched=True, fault='its stop() raises OSError()')
    driver.says('The vehicle has failed and is being stopped: its stop() raises OSError()')
    assert driver.wheel.is_enabled()


def test_the_reason_is_said_while_a_control_is_held(driver):
    with driver.held('w'):
        driver.moves(1, 0)
        driver.robot.say(limit=0.4, reason='the picture is too old')
        driver.says('At 40 % of the speed: the picture is too old')
        driver.robot.say(limit=0.0)
        driver.says('No motion: the picture is too old')
    driver.says('Hold W A S D')


def test_the_screen_stays_on_while_the_page_drives(seat):
    page = seat.page
    page.add_init_script(WAKE_LOCK)
    seat.open()
    assert page.evaluate('locks') == []
    seat.take()
    seat.viewer.wait_until(lambda: page.evaluate('locks.join()') == 'screen')
    seat.button('Leave the wheel').click()
    seat.viewer.wait_until(lambda: page.evaluate('locks.length') == 0)


def test_driving_ends_with_a_robot_that_does_not_allow_it_any_more(driver):
    driver.robot._driving = False
    driver.page.reload()
    driver.viewer.wait_until(lambda: driver.robot.asked.count('/ws') == 2)
    assert driver.page.locator('.driving').count() == 0


@pytest.mark.parametrize('scheme', ['dark', 'light'])
def test_it_fits_every_screen_and_the_stop_button_is_always_there(seat, scheme):
    page, robot = seat.page, seat.robot
    page.emulate_media(color_scheme=scheme)
    seat.open(stopped=False)
    robot.say(buttons=['horn', 'lights', 'wiper', 'flag'], linear=-0.42, angular=-0.3,
              battery={'percentage': 0.5, 'voltage': 11.8})
    seat.viewer.wait_until(lambda: seat.viewer.age_ms() is not None)
    for drives in (False, True):
        if drives:
            seat.take()
            seat.choose_touch('two')
        for width, height in SIZES:
            page.set_viewport_size({'width': width, 'height': height})
            robot.say(latched=False)
            page.locator('.latch').wait_for(state='hidden')
            seat.viewer.wait_until(lambda size=(width, height): _extent(page) == size)
            names = ['Take the wheel', 'Emergency stop'] if not drives else [
                'Leave the wheel', 'Emergency stop', 'horn', 'lights', 'wiper', 'flag']
            for name in names:
                _can_be_pressed(seat.button(name), width, height)
            picture = page.locator('.picture').bounding_box()
            assert picture['height'] >= 140
            robot.say(latched=True)
            _can_be_pressed(seat.button('Hold to release'), width, height)
            _can_be_pressed(seat.button('Emergency stop'), width, height)
            page.click('#quality')
            _can_be_pressed(seat.button('Emergency stop'), width, height)
            page.click('#quality')
            robot.say(latched=False)
            page.locator('.latch').wait_for(state='hidden')
            if drives:
                _fits_beside_what_is_adjusted(seat, width, height)


def _fits_beside_what_is_adjusted(seat, width, height):
    adjust = seat.button('Adjust the controls')
    adjust.click()
    panel = seat.page.locator('.adjustments')
    panel.wait_for()
    before = panel.bounding_box()
    for name in ('Adjust the controls', 'Leave the wheel', 'Emergency stop', 'horn', 'flag'):
        _can_be_pressed(seat.button(name), width, height)
    for name in ('Steering trim', 'Soft middle'):
        slider = seat.page.get_by_role('slider', name=name)
        slider.scroll_into_view_if_needed()
        assert slider.bounding_box()['width'] >= 100
    picture = seat.page.locator('.picture').bounding_box()
    assert picture['height'] >= 100
    assert before['x'] + before['width'] <= picture['x'] + 1 \
        or before['y'] >= picture['y'] + picture['height'] - 1, (width, height)
    seat.viewer.wait_until(lambda: _extent(seat.page) == (width, height))
    adjust.click()
    panel.wait_for(state='hidden')


def _extent(page):
    width, height = page.evaluate(
        '[document.documentElement.scrollWidth, document.documentElement.scrollHeight]')
    viewport = page.viewport_size
    return max(width, viewport['width']), max(height, viewport['height'])


def _can_be_pressed(button, width, height):
    button.wait_for()
    box = button.bounding_box()
    assert box['x'] >= 0
    assert box['y'] >= 0
    assert box['x'] + box['width'] <= width
    assert box['y'] + box['height'] <= height
    assert min(box['width'], box['height']) >= 44
    covers = button.evaluate("""button => {
        const { left, right, top, bottom } = button.getBoundingClientRect();
        return [[left + 6, top + 6], [right - 6, top + 6], [left + 6, bottom - 6],
            [right - 6, bottom - 6]].map((place) => document.elementFromPoint(...place))
            .filter((found) => !button.contains(found)).map((found) => found?.outerHTML);
    }""")
    assert covers == [], (width, height)
