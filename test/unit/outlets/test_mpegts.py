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


import io
from itertools import pairwise
import struct

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
from pi_camera_stream.core.frame import Frame
from pi_camera_stream.outlets.mpegts import TsMuxer
import pytest
from support.filming import group, SIZE

SECOND = 1_000_000_000
NOW_NS = 1_764_000_000 * SECOND
DELIMITER = b'\0\0\0\1\x09\xf0'
VIDEO = 0x100


def frame(data, number=0, key=False):
    return Frame(data, NOW_NS + number * SECOND // 30, number + 1, 64, 48, codec='h264', key=key)


def muxer(now_s=lambda: 0.0):
    return TsMuxer(lambda: NOW_NS, now_s)


def packets(data):
    """Yield PID, whether something begins, adaptation field and payload of each packet."""
    assert len(data) % 188 == 0
    for at in range(0, len(data), 188):
        sync, head, flags = struct.unpack_from('>BHB', data, at)
        assert sync == 0x47
        payload, field = data[at + 4:at + 188], b''
        if flags & 0x20:
            field, payload = payload[1:1 + payload[0]], payload[1 + payload[0]:]
        yield head & 0x1FFF, flags & 0x0F, bool(head & 0x4000), field, payload


def units(data):
    """Return what is in the PES packets, each of the length that it says, and their times."""
    found, times = [], []
    for pid, _, begins, _, payload in packets(data):
        if pid == VIDEO and begins:
            assert payload.startswith(b'\0\0\1\xe0')
            found.append([int.from_bytes(payload[4:6], 'big') - 3 - payload[8],
                          payload[9 + payload[8]:]])
            if payload[7] & 0x80:
                high, middle, low = struct.unpack_from('>BHH', payload, 9)
                times.append((high >> 1 & 7) << 30 | middle >> 1 << 15 | low >> 1)
        elif pid == VIDEO:
            found[-1][1] += payload
    for length, payload in found:
        assert length == len(payload)
    return b''.join(payload for _, payload in found), times


@given(st.lists(st.one_of(st.integers(1, 600), st.integers(60_000, 140_000)), min_size=1,
                max_size=4))
def test_what_is_cut_is_put_together_again_whatever_its_size(sizes):
    one, counters, sent = muxer(), {}, b''
    for number, size in enumerate(sizes):
        unit = b'\0\0\0\1\x65' + b'x' * size
        data = one.mux(frame(unit, number))
        for pid, counter, _, _, _ in packets(data):
            assert counter == counters.get(pid, 0)
            counters[pid] = (counter + 1) & 15
        there, times = units(data)
        assert there == (b'' if sent else DELIMITER) + unit + DELIMITER
        assert len(times) == 1
        sent += there


def test_a_delimiter_in_front_is_that_behind_the_frame_before():
    one, unit = muxer(), b'\0\0\0\1\x65xyz'
    assert units(one.mux(frame(DELIMITER + unit)))[0] == DELIMITER + unit + DELIMITER
    assert units(one.mux(frame(DELIMITER + unit)))[0] == unit + DELIMITER
    assert units(one.mux(frame(DELIMITER[1:] + unit)))[0] == unit + DELIMITER


def test_times_follow_the_capture():
    one = muxer()
    (first,), (second,) = (units(one.mux(frame(b'\0\0\1\x65', number)))[1] for number in (0, 3))
    assert (second - first) % (1 << 33) == 9000
    pid, _, _, field, _ = list(packets(one.mux(frame(b'\0\0\1\x65', 6, key=True))))[2]
    high, low = struct.unpack_from('>IH', field, 1)
    assert (pid, field[0]) == (VIDEO, 0x50)  # who begins there can, and it has a PCR
    assert (high << 1 | low >> 15) - first == 18_000


def test_what_is_in_it_is_told_with_each_key_frame_and_ten_times_a_second():
    now_s = [5.0]
    one = muxer(lambda: now_s[0])

    def tables(**options):
        return [pid for pid, *_ in packets(one.mux(frame(b'\0\0\1\x41x', **options)))
                if pid != VIDEO]

    assert tables() == [0, 0x1000]
    assert tables() == []
    assert tables(key=True) == [0, 0x1000]
    now_s[0] += 0.11
    assert tables() == [0, 0x1000]


@pytest.mark.usefixtures('pyav')
def test_what_is_made_can_be_played():
    import av
    one = muxer()
    data = b''.join(one.mux(Frame(unit, NOW_NS + number * SECOND // 30, number + 1, *SIZE,
                                  codec='h264', key=key))
                    for number, (unit, key) in enumerate(group()))
    with av.open(io.BytesIO(data), format='mpegts') as container:
        found = []
        for packet in container.demux(video=0):
            if packet.size > len(DELIMITER):  # the last one is that alone
                found += packet.decode()
    assert len(found) >= len(group()) - 1
    assert (found[0].width, found[0].height) == SIZE


@pytest.mark.usefixtures('pyav')
def test_sound_beside_it_is_heard_at_its_time():
    import av
    from pi_camera_stream.codecs.opus_encoder import OpusEncoder
    encoder, at = OpusEncoder(), np.arange(480)
    one = TsMuxer(lambda: NOW_NS + SECOND, lambda: 0.0, sound=True)
    data, sounded = b'', 0
    for number, (unit, key) in enumerate(group()):
        stamp_ns = NOW_NS + number * SECOND // 30
        data += one.mux(Frame(unit, stamp_ns, number + 1, *SIZE, codec='h264', key=key))
        while sounded * SECOND // 100 < (number + 1) * SECOND // 30:
            tone = np.sin((at + sounded * 480) * 2 * np.pi * 1000 / 48_000) * 12_000
            opus = encoder.encode(tone.astype(np.int16))[0]
            data += one.mux_sound(opus, NOW_NS + sounded * 10_000_000)
            sounded += 1
    with av.open(io.BytesIO(data), format='mpegts') as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        assert (sound.codec_context.name, sound.codec_context.sample_rate) == ('opus', 48_000)
        packets = list(container.demux(video, sound))
    times = {stream: [packet.pts * packet.time_base for packet in packets
                      if packet.stream is stream and packet.pts is not None]
             for stream in (video, sound)}
    assert len(times[sound]) == sounded
    assert [float(after - before) for before, after in pairwise(times[sound])] == [
        pytest.approx(0.01, abs=2e-5)] * (sounded - 1)
    assert float(times[sound][0] - times[video][0]) == pytest.approx(0, abs=2e-5)
    heard = np.concatenate([frame.to_ndarray().ravel() for packet in packets
                            if packet.stream is sound for frame in packet.decode()])
    assert abs(heard[4800:]).max() > 0.2


def test_a_long_packet_of_sound_says_how_long_it_is():
    one = TsMuxer(lambda: NOW_NS, lambda: 0.0, sound=True)
    found = [payload for *_, payload in packets(one.mux_sound(b'x' * 600, NOW_NS))]
    assert b''.join(found)[14:21] == b'\x7f\xe0\xff\xff\x5axx'
