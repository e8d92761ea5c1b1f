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

"""Thumbs, gamepads, the slider and the buttons of the page, before a robot that only listens."""

import pytest
from support.browsers import in_both

GAMEPAD = """
    const pad = { mapping: 'standard', axes: [0, 0, 0, 0],
        buttons: Array.from({ length: 17 }, () => ({ pressed: false, value: 0 })) };
    let pads = [null, pad];
    navigator.getGamepads = () => pads;
    window.hold = (axes, buttons = {}) => {
        pad.axes.fill(0);
        for (const button of pad.buttons) Object.assign(button, { pressed: false, value: 0 });
        for (const [index, value] of Object.entries(axes)) pad.axes[index] = value;
        for (const [index, value] of Object.entries(buttons)) {
            Object.assign(pad.buttons[index], { pressed: value > 0.5, value });
        }
    };
    window.plugIn = () => {
        pads = [pad];
    };
    window.pull = () => {
        pads = [];
        dispatchEvent(new Event('gamepaddisconnected'));
    };"""


def test_two_thumbs_give_throttle_and_steering_at_the_same_time(driver):
    driver.choose_touch('two')
    touch = driver.viewer.fingers()
    touch('Start', (1, 200, 400))
    driver.moves(0, 0)
    touch('Move', (1, 230, 336))  # sideways means nothing there
    driver.moves(1, 0)
    touch('Start', (1, 230, 336), (2, 900, 400))
    touch('Move', (1, 230, 336), (2, 836, 350))
    driver.moves(1, 1)
    touch('Move', (1, 200, 1000), (2, 964, 350))
    driver.moves(-1, -1)
    touch('End', (1, 200, 1000))
    driver.moves(0, -1)
    touch('End')
    driver.lets_go()


def test_one_thumb_does_it_all_and_that_is_remembered(driver):
    page = driver.page
    driver.choose_touch('one')
    touch = driver.viewer.fingers()
    touch('Start', (1, 900, 400))
    touch('Move', (1, 900, 336))
    driver.moves(1, 0)
    touch('Move', (1, 836, 336))  # within a circle
    driver.moves(0.707, 0.707)
    touch('Move', (1, 898, 402))  # a thumb is never quite still
    driver.moves(0, 0)
    touch('End')
    driver.lets_go()
    page.reload()
    driver.take()
    assert page.get_by_label('Touch').input_value() == 'one'
    assert page.get_by_role('img', name='Joystick').is_visible()
    driver.choose_touch('off')
    assert not page.get_by_role('img', name='Joystick').is_visible()


def test_a_thumb_that_the_browser_takes_away_lets_go_of_all(driver):
    page = driver.page
    driver.choose_touch('two')
    touch = driver.viewer.fingers()
    touch('Start', (1, 200, 400), (2, 900, 400))
    touch('Move', (1, 200, 336), (2, 836, 400))
    driver.moves(1, 1)
    touch('Cancel')
    driver.lets_go()
    driver.says('Stopped: the touch was lost')
    touch('Start', (1, 200, 400))
    touch('Move', (1, 200, 336))
    driver.moves(1, 0)
    page.evaluate("""document.querySelector('.zone').dispatchEvent(
        new PointerEvent('lostpointercapture', { pointerId: 99 }))""")  # of another pointer
    page.keyboard.down('a')
    driver.moves(1, 1)
    page.evaluate("dispatchEvent(new Event('blur'))")
    driver.lets_go()
    touch('Move', (1, 200, 300))
    driver.still()
    touch('End')


def test_a_gamepad_drives_beyond_its_dead_zone(seat):
    page = seat.page
    page.add_init_script(GAMEPAD)
    seat.open()
    page.evaluate('hold({}, { 7: 1 })')  # held already when the wheel is taken
    seat.take()
    seat.still()
    for axes, buttons, motion in [
            ({}, {7: 1}, (1, 0)), ({}, {6: 1}, (-1, 0)), ({3: -1}, {}, (1, 0)),
            ({0: -1}, {7: 0.55}, (0.5, 1)), ({0: 1, 1: 0.3}, {6: 1}, (-1, -1))]:
        page.evaluate('hold({})')
        seat.pass_ms(50)
        page.evaluate('([axes, buttons]) => hold(axes, buttons)',
                      [_indexed(axes), _indexed(buttons)])
        seat.pass_ms(50)
        seat.moves(*motion)
    page.evaluate('hold({ 0: 0.09, 3: 0.09 }, { 7: 0.09 })')
    seat.pass_ms(50)
    seat.lets_go()
    page.evaluate('hold({}, { 6: 1, 7: 1 })')
    seat.pass_ms(50)
    seat.still()
    seat.button('Leave the wheel').click()
    page.evaluate('hold({})')
    seat.take()
    seat.pass_ms(50)
    page.evaluate('hold({ 0: 0.55, 1: -1 })')  # without triggers, one stick does it all
    seat.pass_ms(50)
    seat.moves(1, -0.5)


def _indexed(values):
    return {str(index): value for index, value in values.items()}


def drive_by_gamepad(seat):
    seat.page.add_init_script(GAMEPAD)
    seat.open()
    seat.take()
    seat.pass_ms(50)
    seat.page.evaluate('hold({ 3: -1 })')
    seat.pass_ms(50)
    seat.moves(1, 0)


@pytest.mark.parametrize('button', [1, 9])
def test_a_gamepad_has_a_stop_button_and_its_loss_lets_go(seat, button):
    page = seat.page
    drive_by_gamepad(seat)
    page.evaluate('pull()')
    seat.lets_go()
    seat.says('Stopped: the gamepad was disconnected')
    page.evaluate(f'plugIn(); hold({{}}, {{ {button}: 1 }})')
    seat.pass_ms(50)
    seat.told('stop')


def test_a_gamepad_that_the_page_cannot_look_at_lets_go(seat):
    drive_by_gamepad(seat)
    seat.page.evaluate('requestAnimationFrame = () => 0')
    for _ in range(20):
        seat.pass_ms(33)
        seat.page.wait_for_timeout(20)  # for the robot to confirm
    seat.lets_go()
    seat.says('Stopped: the page could not read the gamepad in time')


def test_the_slider_is_the_share_of_the_speed(driver):
    page = driver.page
    speed = page.get_by_role('slider', name='Speed')
    for share, text in ((0.5, '50 %, 0.25 m/s'), (1, '100 %, 0.50 m/s'), (0.1, '10 %, 0.05 m/s')):
        speed.fill(str(share))
        with driver.held('w'):
            assert driver.moves(1, 0)['share'] == pytest.approx(share)
        driver.says('You drive')
        assert page.inner_text('.speed output') == text
    box = speed.bounding_box()
    page.mouse.click(box['x'] + box['width'] * 0.9, box['y'] + box['height'] / 2)
    assert float(speed.input_value()) > 0.8
    with driver.held('ArrowUp'):  # for driving again
        driver.moves(1, 0)


@in_both
def test_what_is_adjusted_counts_for_all_controls_and_is_remembered(seat):
    page = seat.page
    page.add_init_script(GAMEPAD)
    seat.open()
    seat.take()
    trim, soft = (page.get_by_role('slider', name=name) for name in ('Steering trim', 'Soft'))
    assert not trim.is_visible()
    adjust = seat.button('Adjust the controls')
    adjust.focus()
    page.keyboard.press('Enter')
    for _ in range(10):
        page.keyboard.press('ArrowRight')  # which belongs to the slider
    assert page.inner_text('.trim output') == '10 % right'
    with seat.held('w'):
        seat.moves(1, -0.1)
        page.keyboard.down('s')
        seat.moves(0, 0)  # it stands, and does not turn
        page.keyboard.up('s')
        seat.moves(1, -0.1)
    seat.lets_go()
    page.get_by_label('Reverse steering').click()
    with seat.held('a'):
        seat.moves(0, -1)
    seat.lets_go()
    soft.fill('1')
    seat.pass_ms(50)
    page.evaluate('hold({ 0: -0.55, 3: -0.55 })')  # beyond the dead zone, half way
    seat.pass_ms(50)
    seat.moves(0.125, -(0.125 - 0.1 * 0.125))
    page.evaluate('hold({})')
    seat.pass_ms(50)
    seat.lets_go()
    page.get_by_role('slider', name='Speed').fill('0.8')
    seat.open(stopped=False)
    seat.take()
    adjust.click()
    assert [trim.input_value(), soft.input_value()] == ['0.1', '1']
    with seat.held('d'):
        assert seat.moves(0, 1)['share'] == pytest.approx(0.8)
    seat.lets_go()
    seat.button('Reset').click()
    with seat.held('w', 'd'):
        seat.moves(1, -1)


def test_horn_and_lights_are_on_while_they_are_pressed(driver):
    page = driver.page
    driver.robot.say(buttons=['horn', 'lights', 'wiper_front', 'four', 'five'])
    driver.button('horn').hover()
    page.mouse.down()
    driver.robot.wait_for(lambda message: message.get('name') == 'horn' and message['pressed'])
    page.mouse.up()
    driver.robot.wait_for(lambda message: message.get('name') == 'horn' and not message['pressed'])
    driver.button('wiper front').focus()
    page.keyboard.down('Enter')
    driver.robot.wait_for(lambda message: message.get('name') == 'wiper_front'
                          and message['pressed'])
    page.evaluate("dispatchEvent(new Event('blur'))")
    driver.robot.wait_for(lambda message: message.get('name') == 'wiper_front'
                          and not message['pressed'])
    assert driver.button('four').is_visible()
    assert driver.button('five').count() == 0
