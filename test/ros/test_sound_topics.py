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

"""The microphone's sound on the topics of audio_common."""

import queue
import shutil
import threading
import time

from benchmarks.common.sound_card import clicks, RATE, SoundCard
import numpy as np
from pi_camera_stream.client.qos import reliable_qos
from pi_camera_stream.core.sound import SoundFeed, SoundPacket
import pytest
from support.guest import stamp
from support.processes import parameters, running, WAIT_S, wait_until

PACKET = 480  # samples
STATUS = 'http_bridge: bridge'


@pytest.fixture
def card(tmp_path, missing, monkeypatch):
    if shutil.which('arecord') is None:
        missing('arecord (alsa-utils) is not installed')
    made = SoundCard(tmp_path, clicks())
    monkeypatch.setenv('ALSA_CONFIG_PATH', made.environment['ALSA_CONFIG_PATH'])
    yield made
    made.stop()


def bridge():
    return running('bridge', *parameters(port=0, address='127.0.0.1', audio=SoundCard.name))


def test_samples_come_with_their_stamps_and_what_they_are_while_somebody_subscribes(
        guest, card, audio_messages):
    from audio_common_msgs import msg

    with bridge():
        assert guest.diagnostics(STATUS)['sound on topics'] == 'nobody subscribes'
        described = guest.listen(msg.AudioInfo, '/camera/audio_info')
        info = described.get(timeout=WAIT_S)
        assert not card.opened
        assert (info.channels, info.sample_rate, info.sample_format, info.bitrate,
                info.coding_format) == (1, 48_000, 'S16LE', 768_000, 'wave')
        # As audio_play has it.
        played = guest.listen(msg.AudioData, '/camera/audio', reliable_qos(10))
        assert len(played.get(timeout=WAIT_S).data) == 2 * PACKET
        assert guest.diagnostics(STATUS)['sound on topics'] == 'published'
        messages = guest.listen(msg.AudioDataStamped, '/camera/audio_stamped')
        begin_s, clicked_ms = card.begin_ns / 1e9 + time.time() - time.monotonic(), []
        while len(clicked_ms) < 3:
            message = messages.get(timeout=WAIT_S)
            samples = np.frombuffer(message.audio.data, '<i2') / 32768
            assert len(samples) == PACKET
            loud = np.flatnonzero(abs(samples) > 0.1)
            if len(loud):
                clicked_ms.append((stamp(message) + loud[0] / RATE - begin_s) * 1e3)
        errors_ms = [(at_ms + 250) % 500 - 250 for at_ms in clicked_ms]
        assert max(map(abs, errors_ms)) < 15  # on a busy machine
        for one in (played, messages):
            guest.forget(one)
        wait_until(lambda: not card.opened)


def test_another_package_of_that_name_is_none(guest, card, tmp_path, monkeypatch):
    package = tmp_path / 'audio_common_msgs'
    package.mkdir()
    (package / '__init__.py').touch()
    (package / 'msg.py').write_text('class AudioData:\n'
                                    '    get_fields_and_field_types = staticmethod(\n'
                                    "        lambda: {'uint8_data': 'sequence<uint8>'})\n")
    monkeypatch.setenv('PYTHONPATH', str(tmp_path), prepend=':')
    with bridge() as program:
        values = guest.diagnostics(STATUS)
        assert 'ros-$ROS_DISTRO-audio-common-msgs' in values['sound on topics']
        assert 'audio_common_msgs' not in program.output
        assert '/camera/audio' not in dict(guest.node.get_topic_names_and_types())


def test_what_a_link_holds_up_is_left_out_and_holds_up_nobody(
        guest, audio_messages, monkeypatch):
    from audio_common_msgs import msg
    from pi_camera_stream.nodes.bridge import sound_topics

    free, sent = threading.Event(), queue.Queue()

    def publish(_, serialized):
        sent.put(serialized.tobytes())
        free.wait(WAIT_S)

    monkeypatch.setattr(sound_topics, 'publish_serialized', publish)
    feed = SoundFeed(lambda _: None)
    topics = sound_topics.SoundTopics(guest.node, feed)
    guest.listen(msg.AudioData, '/audio')
    wait_until(lambda: feed.listeners)
    give(feed, 0)
    first = sent.get(timeout=WAIT_S)
    for number in range(1, 31):
        give(feed, number)
    assert topics.title() == 'published, 20 packets left out'
    free.set()
    others = [sent.get(timeout=WAIT_S) for _ in range(10)]
    assert [data[-1] for data in (first, *others)] == [0, *range(21, 31)]
    topics.stop()
    assert not feed.listeners


def give(feed, number):
    feed.hand_out(SoundPacket(bytes([number] * 4), 0, number))
