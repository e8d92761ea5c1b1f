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

"""The age by pixels: what the blocks of the test pattern say, beside what the stamps claim."""

import array
import json
import re
import time

import cv2
import numpy as np
from pi_camera_stream.core import block_code
import pytest
from sensor_msgs.msg import CompressedImage
from support.guest import best_effort, Guest
from support.processes import Program
from support.repeating import Repeating

TOPIC = '/camera/image_raw/compressed'
FRAME_MS = 1000 / 15  # of the fixture `camera`


@pytest.fixture
def guest():
    """Return a node of the test's own."""
    guest = Guest()
    yield guest
    guest.close()


class Publisher(Repeating):
    """Publish pictures whose blocks are older than their stamps say; without blocks for None."""

    def __init__(self, guest, older_ms):
        self._publisher = guest.node.create_publisher(CompressedImage, TOPIC, best_effort(1))
        self._older_ms = older_ms

    def do(self):
        stamp_us = time.time_ns() // 1000
        image = np.full((360, 640, 3), 90, np.uint8)
        if self._older_ms is not None:
            code = block_code.BlockCode(1, stamp_us - 1000 * self._older_ms)
            block_code.draw(image, code)
        jpeg = cv2.imencode('.jpg', image)[1].tobytes()
        message = CompressedImage(format='jpeg', data=array.array('B', jpeg))
        message.header.stamp.sec, rest_us = divmod(stamp_us, 10**6)
        message.header.stamp.nanosec = 1000 * rest_us
        self._publisher.publish(message)


@pytest.mark.parametrize('tier', ['full', 'lowest', 'h264'])
def test_the_age_by_pixels_is_that_by_the_stamps(camera, viewer, tier):
    viewer.page.set_viewport_size({'width': 390, 'height': 844})  # a phone
    with viewer.bridge():
        viewer.open(tier=tier)
        viewer.wait_until(lambda: lead_ms(viewer) is not None)
        for _ in range(5):
            assert abs(lead_ms(viewer)) <= FRAME_MS
            viewer.page.wait_for_timeout(500)
        claimed_ms, pixels_ms = ages_ms(viewer)
        assert abs(claimed_ms - pixels_ms) <= FRAME_MS
        assert not differs(viewer)
        box = viewer.page.locator('.pixels').bounding_box()
        assert box['x'] >= 0
        assert box['x'] + box['width'] <= 390


@pytest.mark.parametrize('older_ms', [200, -200])
def test_stamps_that_are_wrong_are_found_out(guest, viewer, older_ms):
    with viewer.bridge(), Publisher(guest, older_ms):
        viewer.open()
        viewer.wait_until(lambda: differs(viewer))
        assert lead_ms(viewer) == pytest.approx(older_ms, abs=1)
        if older_ms > 0:
            claimed_ms, pixels_ms = ages_ms(viewer)
            assert pixels_ms - claimed_ms == pytest.approx(older_ms, abs=2)  # both are rounded


def test_pictures_without_blocks_have_no_age_by_pixels(guest, viewer):
    with viewer.bridge(), Publisher(guest, None):
        viewer.open()
        viewer.wait_until(lambda: viewer.rate() > 1)
        viewer.page.wait_for_timeout(1000)
        assert viewer.figure('age').endswith(' ms')
        assert not viewer.page.is_visible('.pixels')
        assert lead_ms(viewer) is None


def test_an_old_film_of_the_pattern_has_no_age_by_pixels(guest, viewer):
    with viewer.bridge(), Publisher(guest, 3_600_000):
        viewer.open()
        viewer.wait_until(lambda: viewer.rate() > 1)
        viewer.page.wait_for_timeout(1000)
        assert lead_ms(viewer) is None


def lead_ms(viewer):
    """Return how much older the pictures are by their pixels, None while nobody knows."""
    lead = viewer.page.locator('.pixels').get_attribute('data-lead-ms')
    return None if lead is None else float(lead)


def differs(viewer):
    """Return whether the page says that stamps and pixels differ."""
    return viewer.page.locator('.pixels').get_attribute('data-differs') is not None


def ages_ms(viewer):
    """Return both ages as they are shown at the same time."""
    shown = viewer.page.locator('div:has(> .pixels)').first.text_content()
    return map(int, re.fullmatch(r'Age(\d+) ms\(pixels (\d+) ms\)', shown).groups())


def test_the_tool_measures_up_to_the_paint(camera, viewer):
    with viewer.bridge():
        viewer.open()
        viewer.wait_for_pictures()
        program = Program('latency', '--json', '--seconds', 2)
        # Not by waiting for it: a page that is driven from here stands still meanwhile.
        viewer.wait_until(lambda: program.process.poll() is not None)
        assert program.wait() == 0, program.output
    hops = {(hop['route'], hop['from'], hop['to']): hop
            for hop in json.loads(program.output[program.output.index('{'):])['hops']}
    painted = hops['/camera/http_bridge', 'received', 'painted']
    assert painted['count'] > 0
    assert painted['uncertainty_ms'] > 0
    assert painted['max_ms'] > 0
    assert ('/camera/http_bridge', 'capture', 'painted') in hops
