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

import asyncio
from contextlib import contextmanager
import json
import struct
import threading
import time

from aiohttp import web, WSMsgType
from pi_camera_stream.web import access
from pi_camera_stream.web import app as application
import pytest
from support import pictures
from support.processes import WAIT_S

STATE_S = 0.2
PICTURE_S = 0.1
LATE_MS = 300
HANDS_OFF = None, None
SIZES = [(1280, 800), (390, 844), (844, 390), (360, 740), (568, 320), (320, 568)]
HIDE = """hidden => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event('visibilitychange'));
}"""
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
PRESS_AT_ONCE = """
    window.pressed = false;
    const { port1, port2 } = new MessageChannel(); // quicker than any timer
    port1.onmessage = () => {
        if (!document.fullscreenElement) port2.postMessage('');
        else {
            document.body.dispatchEvent(
                new KeyboardEvent('keydown', { code: 'KeyF', key: 'f', bubbles: true }));
            pressed = true;
        }
    };
    port2.postMessage('');"""
WAKE_LOCK = """
    window.locks = [];
    Object.defineProperty(navigator, 'wakeLock', { value: { request: async (kind) => {
        locks.push(kind);
        return { release: () => locks.pop() };
    } } });"""


class Robot:
    """
    What the page speaks with: the page itself, pictures, and `/drive`.

    Attributes
    ----------
    heard
        All messages of `/drive`, each with the number of its connection in `connection`.
    asked
        Paths of all requests.
    stamps_ms
        Of the pictures that were sent.
    mute
        Whether it says nothing any more over `/drive`.
    deaf
        Whether it does not confirm what it hears.

    """

    def __init__(self, driving=True):
        self.heard, self.asked, self.stamps_ms = [], [], []
        self.mute = self.deaf = False
        self.state = {
            'driver': '', 'asking': '', 'latched': False, 'latched_by': '', 'reason': '',
            'limit': 1.0, 'linear': 0.0, 'angular': 0.0, 'max_linear': 0.5, 'reverse': True,
            'buttons': [], 'battery': None}
        self._driving = driving
        self._changed = threading.Condition()
        self._sockets, self._seat = [], None
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def connections(self):
        """How many connections there have been."""
        return len(self._sockets)

    @property
    def listened_to(self):
        """Whether there is a connection now."""
        return any(not socket.closed for socket in self._sockets)

    def say(self, **changes):
        """Change something of what it says, and say it."""
        self._do(self._say(**changes))

    def seat(self, number, driver='you'):
        """Let the connection with that number drive; None for somebody else, or nobody."""
        self._seat = number
        self.say(driver=driver)

    def hang_up(self):
        """End all connections."""
        for socket in self._sockets:
            self._do(socket.close())

    def wait_for(self, condition, since=0):
        """Return the first message that meets the condition."""
        found = []

        def look():
            found[:] = [message for message in self.heard[since:] if condition(message)]
            return found

        with self._changed:
            assert self._changed.wait_for(look, WAIT_S), self.heard[since:]
        return found[0]

    def wait_for_kind(self, kind, since=0):
        """Return the first message of that type."""
        return self.wait_for(lambda message: message['type'] == kind, since)

    def motions(self, since=0):
        """Return throttle and steering of all drive messages."""
        return [_motion(message) for message in self.heard[since:] if message['type'] == 'drive']

    def start(self):
        """Return the address of its page."""
        self._thread.start()
        assert self._ready.wait(WAIT_S)
        return self.address

    def stop(self):
        """End everything."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT_S)

    def _do(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(WAIT_S)

    def _run(self):
        asyncio.set_event_loop(self._loop)
        runner = self._loop.run_until_complete(self._listen())
        beat = self._loop.create_task(self._beat())
        self._ready.set()
        self._loop.run_forever()
        beat.cancel()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    async def _listen(self):
        app = web.Application(middlewares=[self._note])
        app.router.add_get('/', self._page)
        app.router.add_get('/ws', self._pictures)
        app.router.add_get('/drive', self._drive)
        app.router.add_get('/state', self._state)
        app.router.add_get('/streams', self._streams)
        app.router.add_static('/static/', application._STATIC)
        runner = web.AppRunner(app, shutdown_timeout=0)
        await runner.setup()
        await web.TCPSite(runner, '127.0.0.1', 0).start()
        self.address = f'http://127.0.0.1:{runner.addresses[0][1]}/'
        return runner

    @web.middleware
    async def _note(self, request, handler):
        self.asked.append(request.path)
        return await handler(request)

    async def _page(self, _):
        return web.FileResponse(application._STATIC / 'index.html',
                                headers=access._HTML_HEADERS)

    async def _streams(self, _):
        return web.json_response({'default': '/camera', 'streams': [
            {'topic': topic, 'type': 'sensor_msgs/msg/CompressedImage'}
            for topic in ('/camera', '/rear')]})

    async def _state(self, _):
        state = {'viewers': 0, 'streams': []}
        return web.json_response(state | ({'driving': {}} if self._driving else {}))

    async def _pictures(self, request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({
            'type': 'hello', 'topic': request.query.get('topic', '/camera'), 'tiers': ['full'],
            'viewer': 'eyes'})
        sending = asyncio.create_task(self._send_pictures(socket))
        async for message in socket:
            await _tell_time(socket, json.loads(message.data))
        sending.cancel()
        return socket

    async def _send_pictures(self, socket):
        jpeg = pictures.jpeg(640, 360)
        for sequence in range(1 << 20):
            stamp_ns = time.time_ns()
            self.stamps_ms.append(stamp_ns / 1e6)
            await socket.send_bytes(struct.pack('>BBHIQ', 1, 0, 0, sequence, stamp_ns) + jpeg)
            await asyncio.sleep(PICTURE_S)

    async def _drive(self, request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        number = len(self._sockets)
        self._sockets.append(socket)
        await self._say()
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await self._hear(json.loads(message.data), number, socket)
        if self._seat == number:
            self._seat = None
            await self._say(driver='')
        return socket

    async def _hear(self, message, number, socket):
        if message['type'] == 'clock':
            if not self.mute:
                await _tell_time(socket, message)
            return
        with self._changed:
            self.heard.append({'connection': number, **message})
            self._changed.notify_all()
        if message['type'] == 'drive' and not (self.mute or self.deaf):
            await socket.send_json({'type': 'heard', 'sequence': message['sequence']})
        elif message['type'] == 'take' and not self.state['driver']:
            self._seat = number
            await self._say(driver='you', asking='')
        elif message['type'] == 'leave':
            self._seat = None
            await self._say(driver='', asking='')
        elif message['type'] == 'stop':
            await self._say(latched=True, latched_by='Bob')
        elif message['type'] == 'release':
            await self._say(latched=False)

    async def _say(self, **changes):
        self.state |= changes
        if self.mute:
            return
        for number, socket in enumerate(self._sockets):
            if not socket.closed:
                await socket.send_json({
                    'type': 'state', 'you': number == self._seat, **self.state})

    async def _beat(self):
        while True:
            await asyncio.sleep(STATE_S)
            await self._say()


async def _tell_time(socket, message):
    if message['type'] == 'clock':
        await socket.send_json({'type': 'clock', 'client_ms': message['client_ms'],
                                'server_ms': time.time_ns() / 1e6})


def _motion(message):
    return message['throttle'], message['steering']


class Seat:
    """Somebody before the page, with the robot behind it; time passes when he says so."""

    def __init__(self, viewer, robot):
        self.viewer, self.page, self.robot = viewer, viewer.page, robot
        self._since = self._words = 0

    def open(self, stopped=True):
        """Open the page; with its clock stopped, or running."""
        if stopped:
            self.page.clock.install(time=0)
            self.page.clock.pause_at(1000)
        self.page.goto(self.robot.address)
        self.page.locator('.wheel:enabled').wait_for()

    def pass_ms(self, duration_ms):
        """Let time pass for the page; it has heard from the robot then, unless that is mute."""
        self.page.clock.run_for(duration_ms)
        if self.robot.listened_to and not self.robot.mute:
            self._words += 1
            self.robot.say(battery={'percentage': None, 'voltage': self._words})
            self.page.locator('.battery').get_by_text(f'{self._words}.0 V').wait_for()

    def take(self):
        """Take the wheel."""
        self.wheel.click()
        self.button('Leave the wheel').wait_for()
        self.mark()

    @property
    def wheel(self):
        return self.page.locator('.wheel')

    def button(self, name):
        """Return a button by its name."""
        return self.page.get_by_role('button', name=name)

    def says(self, text):
        """Wait until the page says that."""
        self.page.locator('.driving, .latch').get_by_text(text).first.wait_for()

    def mark(self):
        """Forget the messages so far."""
        self._since = len(self.robot.heard)

    def told(self, kind):
        """Return the first message of that type since the mark."""
        return self.robot.wait_for_kind(kind, self._since)

    def motions(self):
        """Return throttle and steering of all drive messages since the mark."""
        return self.robot.motions(self._since)

    def moves(self, throttle, steering):
        """Wait for that motion; messages before it are forgotten."""
        message = self.robot.wait_for(
            lambda message: message['type'] == 'drive'
            and _motion(message) == pytest.approx((throttle, steering), abs=0.01), self._since)
        self._since = self.robot.heard.index(message) + 1
        return message

    def lets_go(self):
        """Wait until nothing is held any more."""
        message = self.robot.wait_for(
            lambda message: message['type'] == 'drive' and _motion(message) == HANDS_OFF,
            self._since)
        self._since = self.robot.heard.index(message) + 1

    def still(self):
        """See that nothing has moved since the mark, though the page has had the time."""
        self.pass_ms(100)
        assert all(motion == HANDS_OFF for motion in self.motions())


@pytest.fixture
def robot():
    """Run a robot that may be driven."""
    robot = Robot()
    robot.start()
    yield robot
    robot.stop()


@pytest.fixture
def seat(viewer, robot):
    """Return somebody who may open the page."""
    yield Seat(viewer, robot)
    viewer.page.goto('about:blank')


@pytest.fixture
def driver(seat):
    """Return somebody who has the wheel."""
    seat.open()
    seat.take()
    return seat


@contextmanager
def held(page, *keys):
    for key in keys:
        page.keyboard.down(key)
    yield
    for key in keys:
        page.keyboard.up(key)


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
        assert robot.asked.count('/state') <= 2
        assert viewer.page.locator('.driving, .hands, .latch').count() == 0
        assert 'Driving' not in viewer.page.locator('body').aria_snapshot()
        viewer.page.goto('about:blank')
    finally:
        robot.stop()


def test_keys_drive_while_they_are_held(driver):
    page = driver.page
    for keys, motion in {
            ('w',): (1, 0), ('s',): (-1, 0), ('a',): (0, 1), ('d',): (0, -1),
            ('ArrowUp',): (1, 0), ('ArrowDown',): (-1, 0), ('ArrowLeft',): (0, 1),
            ('ArrowRight',): (0, -1), ('w', 'a'): (1, 1), ('ArrowDown', 'd'): (-1, -1),
            ('w', 's'): (0, 0), ('w', 'ArrowUp'): (1, 0)}.items():
        with held(page, *keys):
            driver.moves(*motion)
        driver.lets_go()
    sequences = [message['sequence'] for message in driver.robot.heard
                 if message['type'] == 'drive']
    assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))
    assert '/snapshot.jpg' not in driver.robot.asked  # which s is, for those who do not drive


def test_what_is_held_is_said_again_and_again_and_hands_off_now_and_then(driver):
    with held(driver.page, 'w'):
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
    with held(seat.page, 'w'):
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
    switch(True)
    driver.viewer.wait_until(lambda: page.evaluate('pressed'))
    switch(False)
    assert [message for message in driver.robot.heard if message['type'] == 'stop'] == []
    switch(True)
    page.evaluate('document.exitFullscreen()')
    driver.told('stop')


def test_a_stop_that_could_not_be_sent_is_sent_as_soon_as_it_can(seat):
    seat.open()
    seat.robot.hang_up()
    seat.says('No connection to the robot')
    seat.page.keyboard.press('Space')
    seat.says('The stop is sent as soon as the robot can be reached')
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
    with held(driver.page, 'w'):
        driver.moves(1, 0)
        driver.robot.seat(None, 'Ann')
        driver.says('Ann drives')
        driver.mark()
        driver.pass_ms(200)
        driver.says('Stopped: the wheel was lost')
        driver.robot.seat(None, '')
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
    driver.robot.seat(1)  # even if the robot would have it
    driver.button('Take the wheel').wait_for()
    page.keyboard.up('w')
    with held(page, 'w'):
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
    ("dispatchEvent(new Event('blur'))", 'the page has lost the focus'),
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
    driver.pass_ms(400)
    driver.viewer.wait_until(lambda: driver.robot.state['driver'] == '')
    driver.page.evaluate(HIDE, False)
    driver.says('Nobody drives')


def test_a_page_that_is_left_lets_go(driver):
    driver.page.keyboard.down('w')
    driver.moves(1, 0)
    driver.page.goto('about:blank')
    driver.lets_go()
    driver.viewer.wait_until(lambda: driver.robot.state['driver'] == '')


def choose_touch(page, mode):
    page.get_by_label('Touch').select_option(mode)


def test_two_thumbs_give_throttle_and_steering_at_the_same_time(driver):
    page = driver.page
    choose_touch(page, 'two')
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
    choose_touch(page, 'one')
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
    choose_touch(page, 'off')
    assert not page.get_by_role('img', name='Joystick').is_visible()


def test_a_thumb_that_the_browser_takes_away_lets_go_of_all(driver):
    page = driver.page
    choose_touch(page, 'two')
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


@pytest.mark.parametrize('button', [1, 9])
def test_a_gamepad_has_a_stop_button_and_its_loss_lets_go(seat, button):
    page = seat.page
    page.add_init_script(GAMEPAD)
    seat.open()
    seat.take()
    seat.pass_ms(50)
    page.evaluate('hold({ 3: -1 })')
    seat.pass_ms(50)
    seat.moves(1, 0)
    page.evaluate('pull()')
    seat.lets_go()
    seat.says('Stopped: the gamepad has gone')
    page.evaluate(f'plugIn(); hold({{}}, {{ {button}: 1 }})')
    seat.pass_ms(50)
    seat.told('stop')


def test_a_gamepad_that_the_page_cannot_look_at_lets_go(seat):
    page = seat.page
    page.add_init_script(GAMEPAD)
    seat.open()
    seat.take()
    seat.pass_ms(50)
    page.evaluate('hold({ 3: -1 })')
    seat.pass_ms(50)
    seat.moves(1, 0)
    page.evaluate('requestAnimationFrame = () => 0')
    for _ in range(20):
        seat.pass_ms(33)
        seat.page.wait_for_timeout(20)  # for the robot to confirm
    seat.lets_go()
    seat.says('Stopped: the page could not look at the gamepad in time')


def test_the_slider_is_the_share_of_the_speed(driver):
    page = driver.page
    speed = page.get_by_role('slider', name='Speed')
    for share, text in ((0.5, '50 %, 0.25 m/s'), (1, '100 %, 0.50 m/s'), (0.1, '10 %, 0.05 m/s')):
        speed.fill(str(share))
        with held(page, 'w'):
            assert driver.moves(1, 0)['share'] == pytest.approx(share)
        driver.says('You drive')
        assert page.inner_text('.speed output') == text
    box = speed.bounding_box()
    page.mouse.click(box['x'] + box['width'] * 0.9, box['y'] + box['height'] / 2)
    assert float(speed.input_value()) > 0.8
    with held(page, 'ArrowUp'):  # for driving again
        driver.moves(1, 0)


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
        with held(page, 'w'):
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


def test_the_reason_is_said_while_a_control_is_held(driver):
    with held(driver.page, 'w'):
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
            choose_touch(page, 'two')
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
