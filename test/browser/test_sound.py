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

"""The robot's microphone on the page: ALSA's file plug-in clicks twice a second."""

import os
import re
import shutil
from urllib.parse import parse_qs, urlsplit

from benchmarks.common.sound_card import clicks, SoundCard
from benchmarks.common.sound_server import listening
import pytest
from support.browsers import FIREFOX

DEAF = 'delete window.AudioDecoder;'
# Lets the test have the element that plays.
OVERHEARD = """
const Plain = Audio;
window.Audio = class extends Plain { constructor() { super(); window.element = this; } };
"""


@pytest.fixture(autouse=True)
def card(tmp_path, monkeypatch, missing):
    if shutil.which('arecord') is None:
        missing('arecord (alsa-utils) is not installed')
    made = SoundCard(tmp_path, clicks())
    monkeypatch.setenv('ALSA_CONFIG_PATH', made.environment['ALSA_CONFIG_PATH'])
    yield made
    made.stop()


def chosen(viewer):
    return parse_qs(urlsplit(viewer.page.url).query).get('sound', ['off'])


def value(viewer):
    return viewer.page.locator('#sound .value').inner_text()


def level(viewer):
    return viewer.page.evaluate("document.querySelector('#sound-room meter').value")


def hears(viewer):
    """Wait until a click is seen in the level, and the bridge knows of a listener."""
    viewer.wait_until(lambda: level(viewer) > 0.7)
    assert viewer.state()['sound']['listeners'] == 1


def test_it_is_heard_muted_remembered_and_left(viewer, card):
    page = viewer.page
    with viewer.bridge(audio=card.name):
        viewer.open()
        page.locator('#sound').wait_for()
        assert not card.opened
        page.click('#sound')
        hears(viewer)
        page.locator('#sound-age', has_text=re.compile(r'^\d+ ms old$')).wait_for()
        page.keyboard.press('m')
        assert (chosen(viewer), value(viewer)) == (['muted'], 'muted')
        page.reload()
        page.locator('#sound').wait_for()
        assert value(viewer) in ('muted', 'touch to hear')
        page.keyboard.press('m')
        hears(viewer)
        assert (chosen(viewer), value(viewer)) == (['on'], 'on')
        page.click('#sound')
        page.click('label:has(#sound-listen)')
        viewer.wait_until(lambda: not card.opened)
        viewer.wait_until(lambda: level(viewer) == 0)
        assert chosen(viewer) == ['off']


def test_a_page_that_cannot_decode_hears_by_webrtc_or_says_what_helps(viewer, card):
    page = viewer.page
    with viewer.bridge(audio=card.name):
        page.add_init_script(DEAF + OVERHEARD)
        viewer.open()
        page.click('#sound')
        hears(viewer)
        assert page.evaluate('element.muted || element.paused') is False
        heard_s = page.evaluate('element.currentTime')
        viewer.wait_until(lambda: page.evaluate('element.currentTime') > heard_s)
        page.keyboard.press('m')
        assert page.evaluate('element.muted') is True
        page.keyboard.press('m')
        assert page.evaluate('element.muted') is False
        page.add_init_script('delete window.RTCPeerConnection;')
        viewer.open(sound='on')
        page.click('#sound')
        page.locator('#sound-note', has_text='pi_camera_stream secure').wait_for()
        viewer.wait_until(lambda: not card.opened)


def test_why_there_is_no_sound_is_on_the_page(viewer, card):
    with viewer.bridge(audio='hw:7'):
        viewer.open()
        viewer.page.click('#sound')
        viewer.page.locator('#sound-note', has_text="There is no microphone 'hw:7'").wait_for()
        assert 'arecord -l' in viewer.state()['sound']['reason']


@pytest.fixture
def server(tmp_path, missing):
    """
    Return a sound server.

    Where a machine has neither that nor a sound card, Firefox leaves an AudioContext suspended,
    whatever is touched.
    """
    if shutil.which('pulseaudio') is None or shutil.which('parec') is None:
        missing('pulseaudio is not installed (Debian packages pulseaudio, pulseaudio-utils)')
    with listening(tmp_path) as server:
        yield server


@pytest.fixture
def firefox_with_sound(playwright, server, missing):
    if not os.path.exists(FIREFOX):
        missing('firefox is not installed (Debian package firefox-esr)')
    browser = playwright.firefox.launch(executable_path=FIREFOX, channel='moz-firefox',
                                        env={**os.environ, **server.environment})
    yield browser
    browser.close()


# By WebRTC it plays, too, but not by loopback, which its ICE leaves out.
def test_firefox_plays_it_when_the_button_is_pressed(firefox_with_sound, server, viewer, card):
    with viewer.bridge(audio=card.name):
        page = firefox_with_sound.new_page()
        page.goto(viewer.address)
        page.click('#sound')
        server.clicks_ms.clear()
        viewer.wait_until(lambda: len(server.clicks_ms) > 2)
        assert page.locator('#sound .value').inner_text() == 'on'
        page.close()
