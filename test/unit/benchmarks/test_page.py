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

import json
import socket
import struct
import threading

from benchmarks.video import scene
from benchmarks.video.decoding import kept
from benchmarks.video.page import HEAD, Page, Watch
from pi_camera_stream.codecs.h264_encoder import H264Encoder
from pi_camera_stream.codecs.jpeg_codec import encode_jpeg
import pytest

TIERS = ['full', 'high', 'medium', 'low', 'lowest', 'h264', 'h264_small']
ANSWER = b'HTTP/1.1 101 Switching Protocols\r\n\r\n'


def frame(kind, payload):
    return bytes([0x80 | kind, 0x7f]) + struct.pack('>Q', len(payload)) + payload


def picture(tier, codec, flags, sequence, data):
    return frame(2, HEAD.pack(1, tier, codec, flags, sequence, 1000 + sequence) + data)


def hello(**others):
    return frame(1, json.dumps({'type': 'hello', 'tiers': TIERS, 'viewer': '', **others}).encode())


@pytest.fixture
def bridge():
    """Yield a function that makes a page, and what is at the other end of its connection."""
    server = socket.create_server(('127.0.0.1', 0))
    opened = []

    def open_page(**watch):
        page = Page(7, server.getsockname(), Watch(**{'query': 'tier=auto', **watch}))
        connection, _ = server.accept()
        connection.settimeout(20)
        opened.extend((page, connection))
        connection.sendall(ANSWER)
        return page, connection

    yield open_page
    for one in opened:
        one.close()
    server.close()


def read_all(page, connection, data):
    """Let the page read all of that, and the end."""
    def send():
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
    sending = threading.Thread(target=send)
    sending.start()
    with pytest.raises(ConnectionError):
        while True:
            page.read()
    sending.join()


def heard(page, connection):
    """Return the request, and what the page has said."""
    page.close()
    data = b''
    while part := connection.recv(65536):
        data += part
    request, _, rest = data.partition(b'\r\n\r\n')
    said = []
    while rest:
        size = rest[1] & 0x7f
        said.append(json.loads(rest[6:6 + size]))
        rest = rest[6 + size:]
    return request.decode(), said


def units(count):
    encoder = H264Encoder(1e6, 30)
    images = scene.pictures(320, 180)
    return [encoder.encode(next(images), 0) for _ in range(count)]


def test_a_page_acknowledges_and_notes_what_comes(bridge, tmp_path):
    page, connection = bridge(query='codecs=jpeg,h264', decodes=True, keep=str(tmp_path / 'kept'))
    jpeg = encode_jpeg(next(scene.pictures(320, 180)), 80)
    first, second = units(2)
    read_all(page, connection, hello(h264='') + picture(0, 0, 0, 1, jpeg)
             + picture(5, 1, 1, 2, first.data) + picture(5, 1, 0, 3, second.data))
    request, said = heard(page, connection)
    assert request.startswith('GET /ws?codecs=jpeg,h264 HTTP/1.1\r\n')
    assert [(one['type'], one['sequence']) for one in said] == [('ack', 1), ('ack', 2), ('ack', 3)]
    assert all(one['age_ms'] > 0 for one in said)
    assert [(one.tier, one.codec, one.key, one.stamp_ns, one.size) for one in page.pictures] == [
        ('full', 0, False, 1001, len(jpeg)), ('h264', 1, True, 1002, len(first.data)),
        ('h264', 1, False, 1003, len(second.data))]
    assert all(one.page == 7 and one.shown_ns > one.came_ns > 0 for one in page.pictures)
    assert page.broken == 0
    assert page.reason == ''
    assert [message[HEAD.size:] for message in kept(tmp_path / 'kept')] \
        == [jpeg, first.data, second.data]


def test_a_page_that_cannot_decode_asks_for_a_key_frame(bridge):
    page, connection = bridge(decodes=True)
    _, second = units(2)
    read_all(page, connection, hello() + picture(5, 1, 0, 9, second.data))
    _, said = heard(page, connection)
    assert said[0] == {'type': 'keyframe'}
    assert (said[1]['sequence'], said[1]['age_ms']) == (9, None)
    assert page.broken == 1
    assert page.reason is None
    assert page.pictures == []


def test_a_page_does_not_show_what_is_older_than_what_it_has_shown(bridge):
    page, connection = bridge()
    read_all(page, connection, hello() + b''.join(
        picture(0, 0, 0, number, b'') for number in (5, 4, 5, 6)))
    _, said = heard(page, connection)
    assert [one['age_ms'] is None for one in said] == [False, True, True, False]
    assert [one.sequence for one in page.pictures] == [5, 6]
    assert page.stale == 2


def test_a_page_that_decodes_nothing_acknowledges_what_has_arrived(bridge):
    page, connection = bridge()
    read_all(page, connection, hello(h264='no libx264') + picture(255, 0, 0, 4, b'whatever')
             + frame(1, b'{"type": "h264", "reason": "too slow"}'))
    _, (ack,) = heard(page, connection)
    assert ack['sequence'] == 4
    assert page.reason == 'too slow'
    assert page.pictures[0].tier == 'custom'
    assert page.pictures[0].shown_ns == 0


def test_a_page_says_what_is_due_and_once(bridge):
    later, sooner = {'type': 'tier', 'tier': 'jpeg'}, {'type': 'tier', 'tier': 'h264'}
    page, connection = bridge(says=[(5.0, later), (2.0, sooner)])
    page.read()  # what is left unread would break the connection at its end
    page.say_what_is_due(1.9)
    page.say_what_is_due(2.0)
    page.say_what_is_due(2.1)
    page.say_what_is_due(9.0)
    assert heard(page, connection)[1] == [sooner, later]
