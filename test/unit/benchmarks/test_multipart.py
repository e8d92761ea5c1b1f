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

import random

from benchmarks.common.multipart import MultipartError, MultipartParser, Part
import pytest

HEAD = b'HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n'
# With all that could be taken for the end of a head, or for a boundary.
BODIES = [b'\xff\xd8 one \r\n\r\n--frame\r\n\xff\xd9', b'x' * 5000, b'', b'\r\n\r\n', b'-' * 700]
EXPECTED = [Part(len(body), 1e9 + number / 4) for number, body in enumerate(BODIES)]


def stream():
    parts = [HEAD]
    for part, body in zip(EXPECTED, BODIES, strict=True):
        parts.append(b'--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n'
                     b'X-Timestamp: %.9f\r\n\r\n' % (part.size, part.stamp_s))
        parts.append(body + b'\r\n')
    return b''.join(parts)


def test_all_at_once():
    assert MultipartParser().feed(stream()) == EXPECTED


def test_byte_by_byte():
    parser, found = MultipartParser(), []
    for number in stream():
        found += parser.feed(bytes([number]))
    assert found == EXPECTED


@pytest.mark.parametrize('seed', range(20))
def test_in_pieces_of_any_size(seed):
    sizes, data = random.Random(seed), memoryview(stream() + stream()[len(HEAD):])
    parser, found = MultipartParser(), []
    while data:
        size = sizes.choice((1, 3, 50, 600, 3000))
        found += parser.feed(data[:size])
        data = data[size:]
    assert found == EXPECTED * 2


@pytest.mark.parametrize('most', [1, 7, 10_000])
def test_what_is_not_looked_at_can_be_skipped(most):
    parser, data, found = MultipartParser(), stream(), []
    while data:
        if size := min(parser.left, most):
            found += parser.skip(size)
        else:
            size = min(most, 100)
            found += parser.feed(data[:size])
        data = data[size:]
    assert found == EXPECTED
    assert parser.left == 0


def test_a_picture_is_there_with_its_last_byte_and_not_before():
    parser = MultipartParser()
    first = stream().index(BODIES[0]) + len(BODIES[0])
    assert parser.feed(stream()[:first - 1]) == []
    assert parser.feed(stream()[first - 1:first]) == EXPECTED[:1]


def test_names_of_fields_may_be_written_in_any_case():
    parser = MultipartParser()
    parser.feed(HEAD)
    assert parser.feed(b'--f\r\ncontent-length: 2\r\nX-TIMESTAMP: 5.5\r\n\r\nab') == [Part(2, 5.5)]


def test_what_a_server_says_when_it_refuses_is_told():
    with pytest.raises(MultipartError, match="the server answers '503 Service Unavailable'"):
        MultipartParser().feed(b'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n\r\nno')


def test_a_picture_without_length_or_time_is_refused():
    parser = MultipartParser()
    parser.feed(HEAD)
    with pytest.raises(MultipartError, match='without Content-Length or X-Timestamp'):
        parser.feed(b'--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 7\r\n\r\n')


def test_something_else_is_refused():
    with pytest.raises(MultipartError, match='no multipart stream'):
        MultipartParser().feed(bytes(100_000))
