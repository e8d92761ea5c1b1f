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

import os
import struct

from benchmarks.video.websocket import BINARY, message, Messages, PING, TEXT, WebSocketError
import pytest

ANSWER = b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n'


def frame(kind, payload):
    """Return a frame as a server sends it."""
    size = len(payload)
    if size < 126:
        length = bytes([size])
    elif size < 1 << 16:
        length = b'\x7e' + struct.pack('>H', size)
    else:
        length = b'\x7f' + struct.pack('>Q', size)
    return bytes([0x80 | kind]) + length + payload


MESSAGES = [(TEXT, b'{"type": "hello"}'), (BINARY, os.urandom(300)), (PING, b''),
            (BINARY, os.urandom(70_000)), (BINARY, b'')]
STREAM = ANSWER + b''.join(frame(*one) for one in MESSAGES)


@pytest.mark.parametrize('size', [1, 7, 1000, len(STREAM)])
def test_messages_come_out_whole_whatever_the_pieces(size):
    messages = Messages()
    found = [one for at in range(0, len(STREAM), size)
             for one in messages.feed(STREAM[at:at + size])]
    assert found == MESSAGES


def test_a_refusal_is_told_with_its_sentence():
    with pytest.raises(WebSocketError, match='tier must be auto'):
        list(Messages().feed(b'HTTP/1.1 400 Bad Request\r\n\r\ntier must be auto\n'))


def test_a_fragment_is_not_taken_for_a_message():
    with pytest.raises(WebSocketError, match='fragment'):
        list(Messages().feed(ANSWER + bytes([BINARY, 1, 0])))


def test_what_a_page_says_is_masked_and_short():
    assert message(TEXT, b'ab') == b'\x81\x82\0\0\0\0ab'
    with pytest.raises(ValueError, match='126 bytes'):
        message(TEXT, bytes(126))
