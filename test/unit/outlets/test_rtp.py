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

from itertools import pairwise
import struct

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
from pi_camera_stream.codecs.h264 import nal_units, StreamReader
from pi_camera_stream.core.frame import Frame
from pi_camera_stream.outlets import rtp
import pytest
from support.rtsp_client import Depacketizer

SECOND = 1_000_000_000
NOW_NS = 1_764_000_000 * SECOND
DELIMITER = b'\x09\xf0'
# No start code, and no zero at the end, which belongs to the next start code.
UNITS = st.lists(st.builds(
    lambda kind, size: bytes([0x60 | kind]) + b'\x55' * size,
    st.sampled_from([1, 5, 6, 7, 8]), st.integers(1, 6000)), min_size=1, max_size=6)


def frame(data, stamp_ns=NOW_NS, key=True):
    return Frame(data, stamp_ns, 1, 64, 48, codec='h264', key=key)


def sender(now_ns=lambda: NOW_NS, **options):
    return rtp.RtpSender(now_ns, **options)


def put_together(sender, data, stamp_ns=NOW_NS, channel=0):
    """Return the access unit that a receiver has, and its RTP time."""
    depacketizer, packed = Depacketizer(), rtp.Packer().pack(frame(data))
    sent = sender.number(packed, stamp_ns, channel).packets
    *none, found = [depacketizer.put(packet) for packet in sent]
    assert not any(none)
    return found[0]


@given(UNITS)
def test_what_is_packed_is_put_together_again_whatever_its_size(units):
    data = b''.join(b'\0\0\1' + unit for unit in units)
    there, _ = put_together(sender(), data)
    *found, last = nal_units(there)
    assert last == DELIMITER
    assert sorted(found) == sorted(units)
    assert [unit for unit in found if unit[0] & 31 < 7] == [
        unit for unit in units if unit[0] & 31 < 7]
    for packet in sender().number(rtp.Packed(data), NOW_NS).packets:
        assert len(packet) <= 1400


@pytest.mark.usefixtures('pyav')
def test_what_is_put_together_again_can_be_decoded():
    import av
    from support import videos
    pictures = [np.full((240, 320, 3), 20 * number, np.uint8) for number in range(6)]
    pictures[3] = np.random.default_rng(1).integers(0, 255, (240, 320, 3), np.uint8)  # large
    reader, ours = StreamReader(), sender()
    decoder, found = av.CodecContext.create('h264', 'r'), []
    for unit in videos.access_units(pictures):
        data, _ = reader.read(unit)
        there, _ = put_together(ours, data)
        found += decoder.decode(av.Packet(there))
    found += decoder.decode(None)
    assert len(found) == len(pictures)
    means = [picture.to_ndarray(format='bgr24').mean() for picture in found]
    assert means == pytest.approx([picture.mean() for picture in pictures], abs=4)


def test_parameter_sets_are_in_one_packet_and_delimiters_in_front_are_left_out():
    data = b''.join(b'\0\0\0\1' + unit for unit in (DELIMITER, b'\x67ab', b'\x68c', b'\x65xyz'))
    first, *others = rtp.payloads(data)
    assert first == b'\x78\0\x03\x67ab\0\x02\x68c'
    assert others == [b'\x65xyz', DELIMITER]


def test_who_has_got_all_frames_has_the_very_packets_of_the_others():
    packer, numbers = rtp.Packer(), rtp.Numbers(lambda: NOW_NS)
    packed = [packer.pack(frame(b'\0\0\1\x65' + b'x' * 3000)) for _ in range(4)]
    first, second, late = (sender(numbers=numbers) for _ in range(3))
    for number, each in enumerate(packed):
        stamp_ns = NOW_NS + number * 33_000_000
        data = first.number(each, stamp_ns).data
        assert second.number(each, stamp_ns).data is data
        if number > 1:  # who comes later
            assert late.number(each, stamp_ns).data is data


def test_who_has_not_got_a_frame_misses_no_number_and_no_time_goes_back():
    packer, numbers = rtp.Packer(), rtp.Numbers(lambda: NOW_NS)
    packed = [packer.pack(frame(b'\0\0\1\x65' + b'x' * 3000)) for _ in range(4)]
    all_of_them, some, another = (sender(numbers=numbers) for _ in range(3))
    for each in packed:
        all_of_them.number(each, NOW_NS)
    for one, got in ((some, (0, 2, 3)), (another, (1, 0, 2))):  # as the others got 1 before 0
        heads = [struct.unpack_from('>2xHII', packet) for number in got
                 for packet in one.number(packed[number], NOW_NS).packets]
        assert [(after[0] - before[0]) & 0xFFFF for before, after in pairwise(heads)] == \
            [1] * (len(heads) - 1)
        times = [ticks for _, ticks, _ in heads]
        assert times == sorted(times)
        assert len(set(times)) == 3
        assert {ssrc for *_, ssrc in heads} == {numbers.ssrc}


def test_all_clients_have_the_same_packets_but_for_their_numbers():
    packer, one = rtp.Packer(), frame(b'\0\0\1\x65' + b'x' * 3000)
    assert packer.pack(one) is packer.pack(one)
    first, second = sender(), sender()
    packets = [each.number(packer.pack(one), NOW_NS).packets for each in (first, second)]
    assert [bytes(packet[12:]) for packet in packets[0]] == [
        bytes(packet[12:]) for packet in packets[1]]
    assert {struct.unpack_from('>I', packet, 8)[0] for packet in packets[0]} == {first.ssrc}
    assert first.ssrc != second.ssrc


def test_numbers_begin_again_after_65535():
    one = sender()
    one.sequence = 65535
    put_together(one, b'\0\0\1\x65' + b'x' * 3000)  # the receiver sees that none is missing
    assert one.sequence == 3


def test_a_channel_of_the_clients_own_is_on_each_packet():
    data = sender().number(rtp.Packed(b'\0\0\1\x65' + b'x' * 3000), NOW_NS, 6).data
    at = 0
    while at < len(data):
        mark, channel, size = struct.unpack_from('>cBH', data, at)
        assert (mark, channel) == (b'$', 6)
        at += 4 + size


def test_times_follow_the_capture():
    clock = rtp.RtpClock(lambda: NOW_NS)
    first = clock.ticks(NOW_NS - SECOND)
    assert clock.ticks(NOW_NS - SECOND // 2) - first == 45_000


@given(st.lists(st.integers(0, 2 * NOW_NS), min_size=2, max_size=20))
def test_times_neither_stand_nor_go_back_whatever_stamps_do(stamps_ns):
    now_ns = [NOW_NS]
    clock = rtp.RtpClock(lambda: now_ns[0])
    times = []
    for stamp_ns in stamps_ns:
        now_ns[0] = stamp_ns  # as where the clock is set
        times.append(clock.ticks(stamp_ns))
    assert all(after > before for before, after in pairwise(times))


def test_times_go_on_at_their_rate_after_the_clock_was_set_back():
    now_ns = [NOW_NS]
    clock = rtp.RtpClock(lambda: now_ns[0])
    clock.ticks(NOW_NS)
    now_ns[0] = NOW_NS - 3600 * SECOND
    first = clock.ticks(now_ns[0])
    assert clock.ticks(now_ns[0] + SECOND) - first == 90_000


@pytest.mark.parametrize('stamp_ns', [0, NOW_NS - 3600 * SECOND, NOW_NS + 3600 * SECOND])
def test_stamps_that_say_nothing_are_taken_for_now(stamp_ns):
    now_ns = [NOW_NS]
    clock = rtp.RtpClock(lambda: now_ns[0])
    first = clock.ticks(stamp_ns)
    now_ns[0] += SECOND
    assert clock.ticks(stamp_ns) - first == 90_000


def test_a_report_says_when_a_picture_was_taken():
    now_s, captured_ns = [100.0], NOW_NS - SECOND // 4
    one = sender(monotonic_s=lambda: now_s[0])
    _, ticks = put_together(one, b'\0\0\1\x65' + b'x' * 3000, captured_ns)
    report = one.report()
    kind, size, ssrc, ntp_s, fraction, said_ticks, packets, count = struct.unpack_from(
        '>xBHIIIIII', report)
    assert (kind, size, ssrc) == (200, 6, one.ssrc)
    taken_s = ntp_s - 2_208_988_800 + fraction / 2**32 + (ticks - said_ticks) / 90_000
    assert taken_s == pytest.approx(captured_ns / SECOND, abs=1e-4)
    assert packets == 4
    assert count == 3006 + 2  # two more bytes of each fragment but the unit's first; and the end
    name = report[28:]
    assert name[:2] == b'\x81\xca'
    assert 4 * (1 + int.from_bytes(name[2:4], 'big')) == len(name)
    assert one.report() == b''
    now_s[0] += 3
    assert one.report()


def rtcp(form, kind, content):
    return struct.pack('>BBH', 0x80 | form, kind, len(content) // 4) + content


@pytest.mark.parametrize(('data', 'misses'), [
    (rtcp(1, 201, bytes(8) + b'\x01' + bytes(19)), True),
    (rtcp(1, 201, bytes(28)), False),
    (rtcp(0, 201, bytes(4)) + rtcp(1, 206, bytes(8)), True),
    (rtcp(0, 201, bytes(4)) + rtcp(4, 206, bytes(16)), True),
    (rtcp(0, 201, bytes(4)) + rtcp(15, 206, bytes(8)), False),
    (b'', False),
])
def test_who_misses_something_is_heard(data, misses):
    assert rtp.misses_something(data) is misses


@given(st.binary(max_size=200))
def test_whatever_comes_by_rtcp_is_taken(data):
    assert rtp.misses_something(data) in (True, False)
