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

from hypothesis import given
from hypothesis import strategies as st
from pi_camera_stream.outlets.rtsp_messages import (
    AnswerReader,
    Delivery,
    Interleaved,
    MessageReader,
    read_delivery,
    Request,
    RtspError,
    write_answer,
    write_request,
)
import pytest

OPTIONS = b'OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n'
SETUP = (b'SETUP rtsp://robot:8554/camera/track0?x=1 RTSP/1.0\r\nCSeq: 2\r\n'
         b'Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nContent-Length: 5\r\n\r\nhello')
DATA = b'$\x01\x00\x03abc'
ALL = [Request('OPTIONS', '*', {'cseq': '1'}),
       Interleaved(1, b'abc'),
       Request('SETUP', 'rtsp://robot:8554/camera/track0?x=1', {
           'cseq': '2', 'transport': 'RTP/AVP/TCP;unicast;interleaved=0-1',
           'content-length': '5'}, b'hello')]


def read(*pieces):
    reader = MessageReader()
    return [message for piece in pieces for message in reader.feed(piece)]


def test_requests_may_come_together_with_data_between_them():
    assert read(OPTIONS + DATA + b'\r\n' + SETUP) == ALL


@given(st.lists(st.integers(0, len(OPTIONS + DATA + SETUP)), max_size=10))
def test_messages_are_found_however_they_are_cut(cuts):
    data = OPTIONS + DATA + SETUP
    places = [0, *sorted(cuts), len(data)]
    assert read(*(data[a:b] for a, b in pairwise(places))) == ALL


@given(st.lists(st.one_of(st.binary(max_size=60), st.sampled_from([OPTIONS, DATA, SETUP])),
                max_size=8))
def test_garbage_is_refused_with_a_sentence_or_waited_for(pieces):
    try:
        for message in read(*pieces):
            assert isinstance(message, Request | Interleaved)
    except RtspError as error:
        assert error.ends
        assert str(error)


@pytest.mark.parametrize(('data', 'status'), [
    (b'GET / HTTP/1.1\r\n', 400),  # at once, since a page of some web site may have sent it
    (b'\x16\x03\x01\x02\x00', 400),  # TLS
    (b'RTSP/1.0 200 OK\r\n\r\n', 400),
    (b'OPTIONS * RTSP/2.0\r\n\r\n', 505),
    (b'OPTIONS *\r\n\r\n', 400),
    (b'OPTIONS  RTSP/1.0\r\n\r\n', 400),
    (b'OPTIONS * RTSP/1.0\r\nno header\r\n\r\n', 400),
    (b'OPTIONS * RTSP/1.0\r\n' + b'a: b\r\n' * 65 + b'\r\n', 400),
    (b'OPTIONS * RTSP/1.0\r\nContent-Length: -1\r\n\r\n', 400),
    (b'OPTIONS * RTSP/1.0\r\nContent-Length: \xb2\r\n\r\n', 400),
    (b'OPTIONS * RTSP/1.0\r\nContent-Length: 4097\r\n\r\n', 413),
    (b'OPTIONS * RTSP/1.0\r\na: ' + b'b' * 8192, 413),
    (b'O' * 8192, 413),
])
def test_what_is_no_request_ends_the_connection(data, status):
    with pytest.raises(RtspError) as caught:
        read(data)
    assert caught.value.status == status
    assert caught.value.ends


@pytest.mark.parametrize(('url', 'path'), [
    ('rtsp://robot:8554/camera', 'camera'),
    ('rtsp://user:secret@robot/front/compressed/?tier=h264', 'front/compressed'),
    ('rtsp://robot', ''), ('*', '*'), ('/camera/', 'camera'),
])
def test_the_path_is_without_host_and_query(url, path):
    assert Request('DESCRIBE', url, {}).path == path


@pytest.mark.parametrize(('header', 'delivery'), [
    ('RTP/AVP/TCP;unicast;interleaved=4-5', Delivery(channel=4)),
    ('RTP/AVP/TCP;unicast', Delivery(channel=0)),
    ('RTP/AVP;unicast;client_port=5000-5001', Delivery(port=5000, control_port=5001)),
    ('rtp/avp/udp; unicast; client_port=5000', Delivery(port=5000, control_port=5001)),
    ('RTP/AVP;multicast, RTP/AVP/TCP;interleaved=0-1;mode="PLAY"', Delivery(channel=0)),
    ('RTP/AVP;unicast;destination=192.0.2.1;client_port=5000-5001',
     Delivery(port=5000, control_port=5001)),
    ('RTP/AVP;unicast;client_port=53-54, RTP/AVP/TCP', Delivery(channel=0)),
])
def test_the_first_way_that_there_is_is_taken(header, delivery):
    assert read_delivery(header) == delivery


@pytest.mark.parametrize('header', [
    '', 'RTP/AVP', 'RTP/AVP;multicast', 'RTP/SAVP;unicast;client_port=5000-5001',
    'RTP/AVP;unicast;client_port=80-81', 'RTP/AVP;unicast;client_port=5000-5000',
    'RTP/AVP;unicast;client_port=65536-65537', 'RTP/AVP;unicast;client_port=-5',
    'RTP/AVP/TCP;interleaved=255-256', 'RTP/AVP/TCP;interleaved=\xb2', ';;;,,,',
    'RTP/AVP/TCP;unicast;interleaved=0-1;mode=record',
])
def test_other_ways_are_refused(header):
    with pytest.raises(RtspError) as caught:
        read_delivery(header)
    assert caught.value.status == 461


@given(st.text(max_size=80))
def test_whatever_stands_for_a_way_is_taken_or_refused(header):
    try:
        delivery = read_delivery(header)
    except RtspError:
        return
    assert delivery.channel is not None or delivery.port


def test_answers():
    assert write_answer(200, {'CSeq': '1'}) == b'RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n'
    assert write_answer(404, {}, 'grün\n') == (
        b'RTSP/1.0 404 Not Found\r\nContent-Length: 6\r\n\r\ngr\xc3\xbcn\n')


def answers(data, size=4096):
    reader, found = AnswerReader(), []
    for at in range(0, len(data), size):
        found += reader.feed(data[at:at + size])
    return found


def test_answers_are_found_however_they_are_cut_and_headers_of_one_name_are_one():
    data = (b'RTSP/1.0 401 Not yet\r\nCSeq: 1\r\nWWW-Authenticate: Basic realm="x"\r\n'
            b'WWW-Authenticate: Digest nonce="y"\r\nContent-Length: 2\r\n\r\nno'
            b'$\x01\0\x03abcRTSP/1.0 200\r\nCSeq: 2\r\n\r\n')
    for size in (1, 7, 4096):
        first, packet, second = answers(data, size)
        assert (first.status, first.reason, first.body) == (401, 'Not yet', b'no')
        assert first.headers['www-authenticate'] == 'Basic realm="x", Digest nonce="y"'
        assert packet == Interleaved(1, b'abc')
        assert (second.status, second.reason) == (200, '')


@given(st.one_of(st.binary(max_size=200), st.binary(max_size=60).map(
    lambda data: b'RTSP/1.0 200 OK\r\n' + data + b'\r\n\r\n')))
def test_whatever_a_server_says_is_an_answer_or_ends_the_connection(data):
    try:
        answers(data)
    except RtspError as error:
        assert error.ends


def test_a_request_that_we_write_is_one():
    data = write_request('ANNOUNCE', 'rtsp://server/live', {'CSeq': '3'}, 'v=0\r\n')
    request, = MessageReader().feed(data)
    assert (request.method, request.path, request.body) == ('ANNOUNCE', 'live', b'v=0\r\n')
    assert request.headers['cseq'] == '3'
