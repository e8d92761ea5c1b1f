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

"""A microphone on ALSA's own file plug-in: the real arecord, and no sound card."""

import os
from pathlib import Path
import queue
import shutil
import sys
import time

import av
from benchmarks.common.sound_card import clicks, RATE, SoundCard
import numpy as np
from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.core.sound import PACKET_NS
from pi_camera_stream.sound import microphone as module
from pi_camera_stream.sound.microphone import Microphone
import pytest
from support.processes import children, gone

WAIT_S = 20.0


@pytest.fixture(autouse=True)
def arecord(missing):
    if shutil.which('arecord') is None:
        missing('arecord (alsa-utils) is not installed')


@pytest.fixture
def card(tmp_path, monkeypatch):
    made = SoundCard(tmp_path, clicks())
    monkeypatch.setenv('ALSA_CONFIG_PATH', made.environment['ALSA_CONFIG_PATH'])
    yield made
    made.stop()


@pytest.fixture
def open_microphone(card):
    opened = []

    def open_one(name=SoundCard.name):
        microphone = Microphone(name, time.monotonic_ns, said.append)
        opened.append(microphone)
        microphone.start()
        return microphone

    said = open_one.said = []
    yield open_one
    for microphone in opened:
        microphone.stop()


def until(condition):
    deadline_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def decoded(packets):
    """Return the samples of each packet."""
    decoder = av.CodecContext.create('opus', 'r')
    decoder.sample_rate, decoder.layout = RATE, 'mono'
    return [frame.to_ndarray().astype(float).ravel() for packet in packets
            for frame in decoder.decode(av.Packet(packet.data))]


def test_sound_has_the_time_when_it_was_taken(card, open_microphone):
    microphone = open_microphone()
    heard = queue.Queue()
    leave = microphone.feed.listen(lambda packet: heard.put((packet, time.monotonic_ns())))
    came = [heard.get(timeout=WAIT_S) for _ in range(180)]
    leave()
    packets = [packet for packet, _ in came]
    assert [packet.sequence for packet in packets] == list(
        range(packets[0].sequence, packets[0].sequence + 180))
    steps_ns = np.diff([packet.stamp_ns for packet in packets])
    assert abs(steps_ns - PACKET_NS).max() < 1_000_000
    found = []
    for packet, samples in zip(packets, decoded(packets), strict=True):
        loud = np.flatnonzero(abs(samples) > 0.1)
        if len(loud):
            found.append((packet.stamp_ns + loud[0] / RATE * 1e9 - card.begin_ns) / 1e6)
    assert len(found) >= 3
    errors_ms = [(at_ms + 250) % 500 - 250 for at_ms in found]
    assert max(map(abs, errors_ms)) < 15  # on a busy machine; a packet is 10 ms
    assert microphone.state()['reason'] == ''


def test_who_wants_samples_has_them_as_they_were_and_nothing_is_encoded(
        card, open_microphone, monkeypatch):
    monkeypatch.setattr(module, '_create_encoder', None)
    opened = open_microphone()
    heard = queue.Queue()
    leave = opened.pcm.listen(heard.put)
    packets = [heard.get(timeout=WAIT_S) for _ in range(120)]
    assert opened.state()['listeners'] == 1
    leave()
    assert {len(packet.data) for packet in packets} == {960}
    found = []
    for packet in packets:
        loud = np.flatnonzero(abs(np.frombuffer(packet.data, '<i2').astype(float)) > 3000)
        if len(loud):
            found.append((packet.stamp_ns + loud[0] / RATE * 1e9 - card.begin_ns) / 1e6)
    assert len(found) >= 2
    assert max(abs((at_ms + 250) % 500 - 250) for at_ms in found) < 15
    until(lambda: not card.opened)


def test_samples_come_where_there_is_no_encoder(open_microphone, monkeypatch):
    lacking = 'sound needs PyAV: sudo apt install python3-av'
    monkeypatch.setattr(module, 'why_missing', lambda: lacking)
    opened = open_microphone()
    heard = queue.Queue()
    leave = opened.pcm.listen(heard.put)
    heard.get(timeout=WAIT_S)
    assert opened.reason == ''
    leave()
    leave = opened.feed.listen(heard.put)
    until(lambda: opened.reason == lacking)
    leave()


def test_nothing_is_open_while_nobody_listens(card, open_microphone):
    microphone = open_microphone()
    leave = microphone.feed.listen(lambda packet: None)
    until(lambda: card.opened)
    leave()
    heard = queue.Queue()
    until(lambda: not card.opened)
    assert microphone.state()['listeners'] == 0
    leave = microphone.feed.listen(heard.put)
    heard.get(timeout=WAIT_S)
    assert card.opened
    assert microphone.state()['listeners'] == 1


@pytest.mark.parametrize(('name', 'words'), [
    ('hw:7', ("there is no microphone 'hw:7'", 'arecord -l')),
    ('nosuch', ("does not know 'nosuch'", 'arecord -L')),
    ('null', ('faster than real time', 'arecord -l')),
])
def test_what_is_wrong_is_one_sentence_with_the_remedy(open_microphone, name, words):
    microphone = open_microphone(name)
    leave = microphone.feed.listen(lambda packet: None)
    until(lambda: microphone.reason)
    assert all(word in microphone.reason for word in words)
    until(lambda: open_microphone.said)
    assert microphone.reason in open_microphone.said[0]
    leave()
    assert microphone.reason == ''


def test_a_microphone_that_has_gone_and_comes_back_is_heard_again(card, open_microphone):
    microphone = open_microphone()
    heard = queue.Queue()
    microphone.feed.listen(heard.put)
    before = heard.get(timeout=WAIT_S)
    card.unplug()
    until(lambda: microphone.reason)
    card.plug_in()
    until(lambda: not microphone.reason)
    while not heard.empty():
        before = heard.get()
    after = heard.get(timeout=WAIT_S)
    assert after.sequence > before.sequence
    assert microphone.state()['restarts'] >= 1


@pytest.fixture
def hanging(tmp_path, monkeypatch):
    """Have an arecord that gives nothing, and does not end when it is told to."""
    program = tmp_path / 'arecord'
    program.write_text(f'#!{sys.executable} -IS\nimport signal, time\n'
                       'signal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(1000)\n')
    program.chmod(0o755)
    monkeypatch.setenv('PATH', str(tmp_path), prepend=os.pathsep)
    return program


@pytest.mark.parametrize('killable', [True, False])
def test_a_card_that_hangs_holds_up_no_end(hanging, open_microphone, monkeypatch, killable):
    opened, pids = open_microphone(), []
    opened.feed.listen(lambda packet: None)
    until(lambda: pids.extend(pid for pid in children(os.getpid()) if str(hanging)
                              in Path(f'/proc/{pid}/cmdline').read_text()) or pids)
    with monkeypatch.context() as patch:
        if not killable:  # as in the midst of a driver
            patch.setattr(os, 'killpg', lambda pid, number: None)
        opened.stop()
    thread = opened._thread
    thread.join(WAIT_S)
    assert not thread.is_alive()
    gone(pids)  # at the latest with the thread that has started it


def test_what_no_microphone_can_be_called_is_refused():
    with pytest.raises(PermanentError, match='arecord -L'):
        Microphone('-h', time.time_ns, print)


def test_without_the_program_it_says_which_package(open_microphone, monkeypatch):
    monkeypatch.setenv('PATH', '/nonexistent')
    microphone = open_microphone()
    assert 'sudo apt install alsa-utils' in microphone.reason
    assert 'alsa-utils' in open_microphone.said[0]
