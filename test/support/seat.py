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

"""Whoever drives a robot from its page."""

from contextlib import contextmanager

import pytest

from .driving_robot import motion

HANDS_OFF = None, None


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

    def choose_touch(self, mode):
        """Choose how thumbs drive."""
        self.page.get_by_label('Touch').select_option(mode)

    @contextmanager
    def held(self, *keys):
        """Hold keys down."""
        for key in keys:
            self.page.keyboard.down(key)
        yield
        for key in keys:
            self.page.keyboard.up(key)

    @property
    def wheel(self):
        """The button that takes and leaves the wheel."""
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
            and motion(message) == pytest.approx((throttle, steering), abs=0.01), self._since)
        self._since = self.robot.heard.index(message) + 1
        return message

    def lets_go(self):
        """Wait until nothing is held any more."""
        message = self.robot.wait_for(
            lambda message: message['type'] == 'drive' and motion(message) == HANDS_OFF,
            self._since)
        self._since = self.robot.heard.index(message) + 1

    def still(self):
        """See that nothing has moved since the mark, though the page has had the time."""
        self.pass_ms(100)
        assert all(given == HANDS_OFF for given in self.motions())
