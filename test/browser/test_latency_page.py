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

"""The page that measures from glass to glass, with its own rendering as the camera's picture."""

import base64
from collections import deque
from contextlib import contextmanager
from itertools import pairwise
import json
import math
import os
import re
import statistics
import threading
import time

import pytest
from support.browsers import in_both
from support.processes import parameters, running

DELAY_MS = 300
READINGS = 40  # of each measurement
FLUSHED = 10  # readings after which nothing older is on its way any more
POLL_S = 0.001
DISPLAY_FRAME_MS = 1000 / 60
SLACK_MS = 5  # of what the page knows of the robot's clock, and of rounding
SIZES = [(390, 844), (844, 390), (320, 568), (720, 480), (1280, 800)]
NO_PIXELS = """
    const { getImageData } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.getImageData = function (...place) {
        const picture = getImageData.apply(this, place);
        crypto.getRandomValues(picture.data.subarray(0, 65536));
        return picture;
    };"""


class DelayLine:
    """
    What the browser shows, as JPEGs in a named pipe, after a delay.

    Attributes
    ----------
    delay_s
        For pictures that come from now on; they never overtake each other.
    fed
        Of each picture in the pipe: when it went there, and how long it had waited; in s.

    """

    def __init__(self, page, path):
        self.delay_s = 0.0
        self.fed = []
        self._waiting = deque()  # of (when it came, when it is due, JPEG)
        self._pipe = os.open(path, os.O_RDWR)  # does not wait for a reader
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._browser = page.context.new_cdp_session(page)
        self._browser.on('Page.screencastFrame', self._take)

    def start(self):
        self._thread.start()
        self._browser.send('Page.startScreencast', {
            'format': 'jpeg', 'quality': 60, 'everyNthFrame': 2})

    def stop(self):
        self._browser.send('Page.stopScreencast')
        self._closing.set()
        self._thread.join()
        os.close(self._pipe)

    def _take(self, frame):
        now_s = time.monotonic()
        self._waiting.append((now_s, now_s + self.delay_s, base64.b64decode(frame['data'])))
        if not self._closing.is_set():
            self._browser.send('Page.screencastFrameAck', {'sessionId': frame['sessionId']})

    def _run(self):
        while not self._closing.wait(POLL_S):
            now_s = time.monotonic()
            if self._waiting and self._waiting[0][1] <= now_s:
                came_s, _, jpeg = self._waiting.popleft()
                self.fed.append((now_s, now_s - came_s))
                os.write(self._pipe, jpeg)


class Ears:
    """Hear what the page tells the bridge: how old each picture is at paint, by its stamp."""

    def __init__(self, page):
        self.ages_ms = []
        page.on('websocket', lambda socket: socket.on('framesent', self._hear))

    def _hear(self, payload):
        message = json.loads(payload)
        if message['type'] == 'ack' and message['age_ms'] is not None:
            self.ages_ms.append(message['age_ms'])


@contextmanager
def mirror(viewer, path):
    """Run a camera that looks at the page."""
    os.mkfifo(path)
    with running('camera', *parameters(source='stdin', path=path)):
        line = DelayLine(viewer.page, path)
        line.start()
        try:
            yield line
        finally:
            line.stop()


def open_page(viewer, query=''):
    viewer.page.goto(f'{viewer.address}latency{query}')


def state(viewer):
    return viewer.page.get_attribute('#latency', 'data-state')


def shown(viewer, name):
    """Return one of the figures, None while there is none."""
    match = re.match(r'\d+', viewer.page.inner_text(f'#results .{name}'))
    return int(match[0]) if match else None


def measure(viewer, line, ears):
    """Return the figures of some readings that begin now, and what else is known of them."""
    wait_for_readings(viewer, FLUSHED)
    fed, painted = len(line.fed), len(ears.ages_ms)
    wait_for_readings(viewer, READINGS)
    fed_s, waited_s = zip(*line.fed[fed:], strict=True)
    pauses_s = [after - before for before, after in pairwise(fed_s)]
    ages_ms = ears.ages_ms[painted:]
    return {
        **{name: shown(viewer, name) for name in ('least', 'middle', 'p95', 'most')},
        'interval_ms': 1e3 * statistics.median(pauses_s),
        # Of its way through the delay line, and from the stamp to the painting.
        'known_least': 1e3 * min(waited_s) + min(ages_ms),
        'known_middle': 1e3 * statistics.median(waited_s) + statistics.median(ages_ms),
    }


def wait_for_readings(viewer, count):
    viewer.page.click('.reset')
    viewer.wait_until(lambda: shown(viewer, 'count') >= count)


def test_a_delay_of_the_picture_is_measured(viewer, tmp_path):
    viewer.page.set_viewport_size({'width': 640, 'height': 400})
    ears = Ears(viewer.page)
    with viewer.bridge(), mirror(viewer, tmp_path / 'pipe') as line:
        open_page(viewer)
        viewer.wait_until(lambda: state(viewer) == 'seen')
        before = measure(viewer, line, ears)
        line.delay_s = DELAY_MS / 1e3
        viewer.wait_until(lambda: line.fed[-1][1] >= line.delay_s)
        delayed = measure(viewer, line, ears)
        line.delay_s = 0.0
        viewer.wait_until(lambda: line.fed[-1][1] < DELAY_MS / 1e3)
        after = measure(viewer, line, ears)
    results = (before, delayed, after)
    print(*results, sep='\n')
    for result in results:
        assert result['least'] >= result['known_least'] - SLACK_MS
        assert result['least'] <= result['middle'] <= result['p95'] <= result['most']
    assert delayed['known_least'] > DELAY_MS
    two_frames_ms = 2 * max(DISPLAY_FRAME_MS, *(result['interval_ms'] for result in results))
    low, high = sorted([before['least'], after['least']])
    assert low - two_frames_ms <= delayed['least'] - DELAY_MS <= high + two_frames_ms
    # What is not known does not depend on the delay, whether the machine is busy or not. A median
    # of so few readings is uncertain by some of what they are spread over.
    slack_ms = two_frames_ms + 1.5 * max(
        result['p95'] - result['middle'] for result in results) / math.sqrt(READINGS)
    unknown_ms = [result['middle'] - result['known_middle'] for result in results]
    low, high = sorted([unknown_ms[0], unknown_ms[2]])
    assert low - slack_ms <= unknown_ms[1] <= high + slack_ms


@in_both
def test_it_says_what_to_do(viewer):
    hint = viewer.page.locator('.hint')
    with viewer.bridge():
        open_page(viewer)
        viewer.wait_until(lambda: state(viewer) == 'waiting')
        assert 'Waiting for pictures' in hint.inner_text()
        with running('camera', *parameters(source='pattern', width=640, height=360, fps=15)):
            viewer.wait_until(lambda: state(viewer) == 'searching')
            assert 'Point the camera at this code' in hint.inner_text()
            viewer.wait_until(lambda: shown(viewer, 'share') == 0)
            assert shown(viewer, 'middle') is None


@pytest.mark.parametrize('tier', ['full', 'h264'])
def test_it_says_when_the_code_is_lost_and_begins_anew(viewer, tmp_path, tier):
    page = viewer.page
    page.set_viewport_size({'width': 640, 'height': 400})
    with viewer.bridge(), mirror(viewer, tmp_path / 'pipe'):
        open_page(viewer, f'?tier={tier}')
        viewer.wait_until(lambda: state(viewer) == 'seen')
        page.locator('svg.histogram rect').first.wait_for()
        assert re.match(r'Histogram of latencies from \d+ to \d+ ms, median \d+ ms',
                        page.get_attribute('svg.histogram', 'aria-label'))
        page.evaluate('document.querySelector("#code").hidden = true')
        viewer.wait_until(lambda: state(viewer) == 'lost')
        assert 'No code found in the picture' in page.inner_text('.hint')
        page.click('.reset')
        viewer.wait_until(lambda: state(viewer) == 'searching')
        assert shown(viewer, 'count') == 0
        assert shown(viewer, 'most') is None


def test_a_camera_is_chosen_and_kept_in_the_address(camera, rear_camera, viewer):
    rear = '/rear/image_raw/compressed'
    with viewer.bridge():
        open_page(viewer)
        viewer.wait_until(lambda: _offered(viewer, rear))
        viewer.page.select_option('#topic', rear)
        viewer.wait_until(lambda: viewer.page.title().startswith(rear))
        assert viewer.page.url == f'{viewer.address}latency?topic={rear}'
        viewer.page.reload()
        viewer.wait_until(lambda: viewer.page.title().startswith(rear))
        viewer.wait_for_pictures()
        watching, = next(stream for stream in viewer.state()['streams']
                         if stream['topic'] == rear)['viewers']
        assert watching['tier'] == 'full'
        viewer.page.click('#viewer')
        viewer.wait_until(lambda: viewer.page.inner_text('#topics') == rear)
        viewer.page.click('#quality')
        viewer.page.get_by_role('link', name='Measure the latency').click()
        viewer.page.wait_for_url(f'{viewer.address}latency?topic={rear}')


@pytest.mark.parametrize('scheme', ['dark', 'light'])
def test_it_fits_every_screen(camera, viewer, scheme):
    viewer.page.emulate_media(color_scheme=scheme)
    with viewer.bridge():
        open_page(viewer)
        for width, height in SIZES:
            viewer.page.set_viewport_size({'width': width, 'height': height})
            viewer.wait_for_pictures()
            extents = viewer.page.evaluate("""['html', '#results'].map((name) => {
                const box = document.querySelector(name);
                return box.scrollWidth - box.clientWidth;
            })""")
            assert max(extents) <= 0, (width, height)
            code = viewer.page.locator('#code canvas').bounding_box()
            assert code['width'] == pytest.approx(code['height'], abs=1)
            assert code['width'] >= 0.7 * min(width, height)
            assert code['y'] + code['height'] <= height
            assert viewer.page.evaluate("""() => {
                const canvas = document.querySelector('#code canvas');
                return canvas.width - Math.round(canvas.clientWidth * devicePixelRatio);
            }""") == 0


def test_who_is_not_known_is_led_to_the_login_page_and_back(viewer):
    token = 'long-enough-to-be-one'
    with viewer.bridge(access_token=token):
        open_page(viewer, '?tier=high')
        viewer.page.wait_for_url(re.compile('/login'))
        viewer.page.get_by_label('Token').fill(token)
        viewer.page.keyboard.press('Enter')
        viewer.page.wait_for_url(f'{viewer.address}latency?tier=high')
        viewer.page.goto('about:blank')  # or the page would ask once more, and be refused
        viewer.page.context.clear_cookies()
        open_page(viewer, f'?token={token}')
        viewer.page.wait_for_url(f'{viewer.address}latency')
        viewer.wait_until(lambda: state(viewer) == 'waiting')


def test_it_fills_the_screen_until_the_browser_ends_that(camera, viewer):
    with viewer.bridge():
        open_page(viewer)
        viewer.wait_for_pictures()
        for act in ("document.getElementById('fullscreen').click()", 'document.exitFullscreen()'):
            before = viewer.page.evaluate('document.fullscreenElement !== null')
            viewer.page.evaluate(act)
            viewer.wait_until(lambda was=before: viewer.page.evaluate(
                "document.body.classList.contains('full-screen')") is not was)


def test_it_says_when_the_browser_does_not_let_it_read_pictures(camera, viewer):
    viewer.page.add_init_script(NO_PIXELS)
    with viewer.bridge():
        open_page(viewer)
        viewer.wait_until(lambda: state(viewer) == 'failed')
        assert 'does not let pages read pictures' in viewer.page.inner_text('.hint')


def test_it_says_when_websockets_do_not_get_through(camera, viewer):
    viewer.may_complain = True
    with viewer.bridge(), viewer.behind_a_proxy_without_websockets():
        open_page(viewer)
        viewer.wait_until(lambda: state(viewer) == 'failed')
        assert 'needs WebSockets' in viewer.page.inner_text('.hint')


def _offered(viewer, topic):
    """Return whether a topic can be chosen; the page asks again when its list gets the focus."""
    viewer.page.locator('#topic').blur()
    viewer.page.focus('#topic')
    return viewer.page.locator(f'#topic option[value="{topic}"]').count() == 1
