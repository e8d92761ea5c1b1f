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

import struct

from pi_camera_stream.web.webrtc.transport_feedback import (
    apart_s,
    Arrival,
    is_feedback,
    read_feedback,
)
import pytest

REFERENCE_S = 64 * 0.064


def report(first, count, body, reference=64):
    """Return a report as it comes in an RTCP packet, with what fills it up."""
    body += bytes(-len(body) % 4)
    return struct.pack('>BBHIIHHI', 0x8F, 205, 4 + len(body) // 4, 1, 2, first, count,
                       reference << 8) + body


def chunks(*numbers):
    return struct.pack(f'>{len(numbers)}H', *numbers)


@pytest.mark.parametrize(('first', 'count', 'body', 'expected'), [
    # A run of small steps, of 0.25 ms each.
    (7, 3, chunks(0x2003) + bytes([4, 0, 40]), [(7, 0.001), (8, 0.001), (9, 0.011)]),
    # One bit a packet: come, lost, come.
    (65535, 3, chunks(0x8000 | 0b101 << 11) + bytes([4, 8]), [(65535, 0.001), (1, 0.003)]),
    # Two bits a packet: a large step, back; lost; a small one.
    (1, 3, chunks(0xC000 | 2 << 12 | 0 << 10 | 1 << 8) + struct.pack('>hB', -8, 4),
     [(1, -0.002), (3, -0.001)]),
    # Several chunks: eight lost ones, and one that came.
    (1, 9, chunks(8, 0x2001) + bytes([4]), [(9, 0.001)]),
    (1, 4, chunks(4), []),
])
def test_it_tells_which_packets_have_come_and_when(first, count, body, expected):
    data = report(first, count, body)
    assert is_feedback(data)
    assert read_feedback(data) == [
        Arrival(number, pytest.approx(REFERENCE_S + at_s)) for number, at_s in expected]


@pytest.mark.parametrize(('data', 'words'), [
    (report(1, 3, b''), 'too soon'), (report(1, 3, chunks(0x2003) + bytes(1)), 'too soon'),
    (report(1, 65535, chunks(0x3FFF)), '65535 packets'),
    (report(1, 1, chunks(0x6001)), 'unknown'), (report(1, 1, chunks(0)), 'no packet')])
def test_what_cannot_be_read_is_an_error(data, words):
    assert is_feedback(data)
    with pytest.raises(ValueError, match=words):
        read_feedback(data)


@pytest.mark.parametrize('data', [
    b'', bytes(20), bytes([0x8F, 205]), report(1, 1, chunks(0x2001, 0))[:-4],
    bytes([0x81, 201]) + bytes(30), report(1, 4, chunks(4)) + bytes(4)])
def test_other_packets_are_none(data):
    assert not is_feedback(data)


def test_the_clock_begins_anew():
    whole_s = (1 << 24) * 0.064
    assert apart_s(3.0, 1.0) == pytest.approx(2.0)
    assert apart_s(1.0, whole_s - 1.0) == pytest.approx(2.0)
    assert apart_s(whole_s - 1.0, 1.0) == pytest.approx(-2.0)
