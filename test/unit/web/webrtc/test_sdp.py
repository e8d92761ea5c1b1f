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

from pathlib import Path
import re

from hypothesis import given
from hypothesis import strategies as st
from pi_camera_stream.web.webrtc import sdp
import pytest

OFFERS = Path(__file__).with_name('offers')
CHROMIUM, FIREFOX = 'chromium.sdp', 'firefox_without_h264.sdp'
# What aiortc makes of the offer of its one video.
ANSWER = ('v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 1\r\n'
          'm=video 4000 UDP/TLS/RTP/SAVPF 108\r\na=mid:1\r\na=fingerprint:sha-512 00:00\r\n'
          'a=fingerprint:sha-256 00:11\r\na=fingerprint:sha-384 00:22\r\na=setup:active\r\n')


def offer(name=CHROMIUM):
    return (OFFERS / name).read_bytes().decode()


def changed(pattern, replacement='', name=CHROMIUM):
    """Return an offer in which something is different."""
    text, count = re.subn(pattern, replacement, offer(name), flags=re.MULTILINE)
    assert count, 'nothing is different'
    return text


def test_of_chromiums_offer_only_the_video_goes_on():
    read = sdp.read_offer(offer())
    assert read.mid == '1'
    assert re.findall('^m=(\\w+) ', read.text, re.MULTILINE) == ['video']
    assert 'a=group:BUNDLE 1\r\n' in read.text
    assert read.text.count('a=ice-ufrag:') == 1 and f'a=ice-ufrag:{read.ufrag}\r\n' in read.text


def test_what_is_not_video_is_rejected_in_its_place():
    answer = sdp.read_offer(offer()).answer(ANSWER)
    audio, video = re.findall('^m=.*$', answer.replace('\r', ''), re.MULTILINE)
    assert audio.startswith('m=audio 0 UDP/TLS/RTP/SAVPF ') and 'a=mid:0\r\n' in answer
    assert video.startswith('m=video 4000 ')


def test_only_one_fingerprint_is_told():
    answer = sdp.read_offer(offer()).answer(ANSWER)
    assert re.findall('a=fingerprint:.*', answer) == ['a=fingerprint:sha-256 00:11\r']


def test_names_of_mdns_are_not_waited_for():
    assert '.local ' in offer() and sdp.read_offer(offer()).candidates == ()


@pytest.mark.parametrize(('line', 'taken'), [
    ('a=candidate:1 1 udp 2122260223 192.168.1.7 50000 typ host generation 0', True),
    ('a=candidate:1 1 UDP 2122260223 2001:db8::7 50000 typ host', True),
    ('candidate:1 1 udp 1 192.0.2.1 50000 typ srflx raddr 192.168.1.7 rport 9', True),
    ('a=candidate:1 2 udp 2122260223 192.168.1.7 50000 typ host', False),  # RTCP of its own
    ('a=candidate:1 1 tcp 2122260223 192.168.1.7 9 typ host tcptype active', False),
    ('a=candidate:1 1 udp 2122260223 192.168.1.7 0 typ host', False),
    ('a=candidate:1 1 udp 2122260223 192.168.1.7 70000 typ host', False),
    ('a=candidate:1 1 udp 2122260223 239.255.0.1 50000 typ host', False),
    ('a=candidate:1 1 udp 2122260223 example.org 50000 typ host', False),
    ('a=candidate:1 1 udp 2122260223 0.0.0.0 50000 typ host', False),
])
def test_candidates_are_addresses_for_udp(line, taken):
    found = sdp.read_candidates(line)
    assert bool(found) == taken
    assert all(re.fullmatch(r'candidate:1 1 (udp|UDP) \d+ \S+ \d+ typ \w+', one) for one in found)


def test_candidates_of_a_whole_offer_have_a_limit():
    lines = ''.join(f'a=candidate:{n} 1 udp 1 10.0.{n}.1 5000 typ host\r\n' for n in range(200))
    assert len(sdp.read_offer(offer() + lines).candidates) == sdp.MOST_CANDIDATES


def test_the_offer_of_a_firefox_without_h264_is_refused_by_what_it_has():
    with pytest.raises(sdp.NoH264Error, match=r'only VP8, VP9, AV1$'):
        sdp.read_offer(offer(FIREFOX))


def test_h264_of_other_kinds_is_named_with_its_kind():
    with pytest.raises(sdp.NoH264Error) as refusal:
        sdp.read_offer(changed('packetization-mode=1', 'packetization-mode=0'))
    assert 'H264 (packetization-mode 0, profile-level-id 42001f)' in str(refusal.value)


def test_a_client_that_says_nothing_of_the_mode_is_taken():
    text = changed('packetization-mode=[01];')
    assert 'packetization-mode=1' in sdp.read_offer(text).text


def test_where_the_mode_is_said_somewhere_the_default_counts():
    text = changed('packetization-mode=0;')
    assert 'profile-level-id=42001f;packetization-mode=1' not in sdp.read_offer(text).text


def test_what_stands_at_the_session_counts_for_the_video():
    fingerprint = re.search('^a=fingerprint:.*\r\n', offer(), re.MULTILINE)[0]
    text = changed('^a=fingerprint:.*\r\n').replace('t=0 0\r\n', f't=0 0\r\n{fingerprint}')
    assert sdp.read_offer(text).text.count(fingerprint) == 1


@pytest.mark.parametrize(('text', 'sentence'), [
    ('', 'begins with v=0'),
    ('hello', 'begins with v=0'),
    ('{"sdp": "v=0"}', 'begins with v=0'),
    ('v=0\r\n', 'no valid media sections'),
    ('v=0\r\nm=\r\n', 'no valid media sections'),
    ('v=0\r\n' + 'm=video 9 UDP/TLS/RTP/SAVPF 96\r\n' * 1000, 'no valid media sections'),
    ('v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n', 'not ask for video'),
    (changed('^a=recvonly', 'a=sendonly'), 'not ask for video'),
    (changed('^m=video 9', 'm=video 0'), 'not ask for video'),
    (changed('^a=ice-ufrag:.*\r\n'), 'has no ice-ufrag'),
    (changed('^a=fingerprint:.*\r\n'), 'has no fingerprint'),
])
def test_what_is_no_offer_is_said_in_a_sentence(text, sentence):
    with pytest.raises(sdp.BadOfferError, match=sentence):
        sdp.read_offer(text)


@given(st.data())
def test_no_offer_fails_otherwise(data):
    lines = offer(data.draw(st.sampled_from([CHROMIUM, FIREFOX]))).splitlines()
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(lines) - 1))
        lines[at:at + data.draw(st.integers(0, 3))] = data.draw(st.lists(
            st.one_of(st.text(max_size=30), st.sampled_from(lines)), max_size=2))
    try:
        read = sdp.read_offer('\r\n'.join(lines))
    except sdp.BadOfferError as error:
        assert '\n' not in str(error)
    else:
        assert read.answer(ANSWER).count('m=') >= 1
