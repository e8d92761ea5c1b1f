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

"""A real Chromium and a real Firefox, and somebody who looks at their screens."""

from contextlib import contextmanager
import json
from pathlib import Path
import re
import time
from urllib.parse import urlencode, urlsplit
from urllib.request import urlopen

import cv2
import numpy as np
from pi_camera_stream.core import block_code
import pytest
from support.browsers import CHROMIUM, FIREFOX, PACKAGES, PLAIN_HOST
from support.driving_robot import Robot
from support.path_proxy import PathProxy
from support.processes import parameters, Program, running, WAIT_S
from support.seat import Seat

# Playwright puts it into Firefox's pages before it takes a picture of them, and ours forbid that.
PLAYWRIGHTS_STYLE = 'sha256-YjaKGiklmzC6wjXA513HAMmzus8VE61XCOT+SmwNZWA='


@pytest.fixture(scope='session')
def playwright():
    """Return what drives the browsers."""
    from playwright.sync_api import sync_playwright
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope='session')
def chromium(playwright):
    """Return the browser, or None where it is not installed."""
    if not Path(CHROMIUM).exists():
        yield None
        return
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[
        '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
        '--disable-background-networking', '--disable-component-update', '--disable-sync',
        f'--host-resolver-rules=MAP {PLAIN_HOST} 127.0.0.1'])
    yield browser
    browser.close()


@pytest.fixture(scope='session')
def firefox(playwright):
    """Return the browser, or None where it is not installed."""
    if not Path(FIREFOX).exists():
        yield None
        return
    # As Debian has it, by WebDriver BiDi: `firefox` alone means one that Playwright has patched.
    browser = playwright.firefox.launch(executable_path=FIREFOX, channel='moz-firefox')
    yield browser
    browser.close()


@pytest.fixture
def browser(request, missing):
    """Return Chromium, or the browser that the test asks for: see support/browsers.py."""
    name = getattr(request, 'param', 'chromium')
    browser = request.getfixturevalue(name)
    if browser is None:
        missing(f'{name} is not installed (Debian package {PACKAGES[name]})')
    return browser


@pytest.fixture
def page(browser):
    """Return a new page."""
    context = browser.new_context(viewport={'width': 1280, 'height': 800})
    context.set_default_timeout(WAIT_S * 1000)
    yield context.new_page()
    context.close()


@pytest.fixture
def viewer(page):
    """Return who looks at the page; what it complains about in its console fails the test."""
    viewer = Viewer(page)
    yield viewer
    assert viewer.may_complain or viewer.complaints == []


@pytest.fixture
def camera():
    """Run a camera node with the test pattern."""
    with running('camera', *pattern()):
        yield


@pytest.fixture
def rear_camera():
    """Run another one, at /rear."""
    with running('camera', *pattern(), '-r', '__ns:=/rear'):
        yield


def pattern():
    """Return the arguments of a camera node with the test pattern."""
    return parameters(source='pattern', width=640, height=360, fps=15)


class Viewer:
    """
    Somebody in front of the page: sees what is on the screen, and waits until it is as it should.

    Attributes
    ----------
    complaints
        Errors and warnings of the browser's console.
    may_complain
        Whether the test makes something fail, about which the browser complains by itself.

    """

    def __init__(self, page):
        self.page = page
        self.address = ''
        self.complaints = []
        self.may_complain = False
        page.on('console', self._hear)
        page.on('pageerror', lambda error: self._note(str(error)))

    def _hear(self, message):
        if message.type in ('error', 'warning'):
            self._note(message.text)

    def _note(self, complaint):
        if PLAYWRIGHTS_STYLE not in complaint:
            self.complaints.append(complaint)

    @contextmanager
    def bridge(self, **values):
        """Run a bridge; leave its page before it ends."""
        values = {'port': 0, 'address': '127.0.0.1'} | values
        with running('bridge', *parameters(**values)) as program:
            self._find(program)
            yield program
            self.page.goto('about:blank')

    @contextmanager
    def behind_a_proxy_without_websockets(self):
        """Come to the bridge by a proxy that does not know them."""
        with PathProxy(urlsplit(self.address).port, '/', websockets=False) as proxy:
            self.address = proxy.url
            yield
            self.page.goto('about:blank')

    def start_bridge(self, **values):
        """Start a bridge that the test kills; return it and its port."""
        program = Program('bridge', *parameters(port=0, address='127.0.0.1', **values))
        return program, self._find(program)

    def _find(self, program):
        self.address, port = program.wait_for(r'at (http://\S+:(\d+)/)').groups()
        return port

    def open(self, *topics, **query):
        """Open the page."""
        words = [('topic', topic) for topic in topics] + list(query.items())
        self.page.goto(self.address + ('?' + urlencode(words) if words else ''))

    def fingers(self):
        """Return what puts fingers on the screen, moves and lifts them."""
        browser = self.page.context.new_cdp_session(self.page)

        def touch(kind, *points):
            browser.send('Input.dispatchTouchEvent', {'type': f'touch{kind}', 'touchPoints': [
                {'id': number, 'x': x, 'y': y} for number, x, y in points]})
        return touch

    def state(self):
        """Return what the bridge says of itself."""
        with urlopen(self.address + 'state', timeout=WAIT_S) as response:
            return json.load(response)

    def shown(self, number=0):
        """Return the time in the picture that is on the screen, read from its pixels."""
        picture = self.page.locator('.picture').nth(number)
        width, height, box = picture.evaluate("""image => [
            image.naturalWidth ?? image.videoWidth ?? image.width,
            image.naturalHeight ?? image.videoHeight ?? image.height,
            image.getBoundingClientRect().toJSON()]""")
        if not width:
            return None
        scale = min(box['width'] / width, box['height'] / height)
        width, height = width * scale, height * scale
        clip = {'x': box['x'] + (box['width'] - width) / 2,
                'y': box['y'] + (box['height'] - height) / 2, 'width': width, 'height': height}
        pixels = cv2.imdecode(np.frombuffer(self.page.screenshot(clip=clip), np.uint8),
                              cv2.IMREAD_COLOR)
        code = block_code.read(pixels)
        return code.time_us if code else None

    def wait_until(self, condition):
        """Look again and again."""
        deadline = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < deadline
            self.page.wait_for_timeout(100)

    def wait_for_pictures(self, number=0):
        """Wait until the picture on the screen has changed twice; return the last one's time."""
        seen = []

        def changed():
            time_us = self.shown(number)
            if time_us is not None and time_us not in seen:
                seen.append(time_us)
            return len(seen) > 2

        self.wait_until(changed)
        assert seen == sorted(seen)
        return seen[-1]

    def figure(self, name, number=0):
        """Return one of the figures over a picture: rate, age, tier or size."""
        return self.page.locator(f'.figures .{name}').nth(number).inner_text()

    def rate(self, number=0):
        """Return the pictures a second that are shown, 0 while none are."""
        match = re.fullmatch(r'(\d+\.\d) /s', self.figure('rate', number))
        return float(match.group(1)) if match else 0.0

    def age_ms(self, number=0):
        """Return the age that is shown, None while there is none."""
        match = re.match(r'(\d+) ms', self.figure('age', number))
        return int(match.group(1)) if match else None

    def notice(self, number=0):
        """Return what is said over a picture."""
        said = self.page.locator('.notice').nth(number).locator('p:first-child')
        return said.inner_text() if said.is_visible() else ''


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
