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

"""What no browser sends: requests that are absurd, broken, endless or cut."""

import struct

_HOST = b'Host: 127.0.0.1\r\n'
_HOSTS = [b'127.0.0.1'] * 30 + [b'localhost', b'[::1]:9', b'evil.example', b'', b'a:b:c', b'\xff']
_VERSIONS = [b'1.1'] * 30 + [b'1.0', b'2.0', b'0.9', b'9.9', b'']
_METHODS = [b'GET'] * 50 + [b'HEAD', b'POST', b'PUT', b'DELETE', b'OPTIONS', b'CONNECT', b'TRACE',
                            b'PRI', b'get', b'\xff', b'G' * 300, b'']
_PATHS = [b'/', b'/stream.mjpg', b'/stream', b'/snapshot.jpg', b'/snapshot', b'/streams', b'/ws',
          b'/state', b'/metrics', b'/healthz', b'/login', b'/stream_viewer',
          b'/static/viewer/viewer.js', b'/static/', b'/static/../../nodes/run.py',
          b'/static/%2e%2e/app.py', b'/static/%00',
          b'/static/' + b'a' * 3000, b'*', b'//', b'/nothing', b'http://127.0.0.1/state',
          b'http://[', b'http://xn--a/', b'/\xc3\x28', b'/%', b'/%zz%u0000', b'/;a=b']
_NAMES = [b'topic', b'tier', b'type', b'quality', b'width', b'height', b'fps', b'max_age',
          b'invert', b'token', b'next', b'wrong', b'%00', b'']
_VALUES = [b'', b'0', b'-1', b'1', b'16', b'50', b'4096', b'9' * 400, b'1e308', b'nan', b'inf',
           b'0x10', b'1_0', b'%d9%a3', b'%ff%fe', b'%0d%0aSet-Cookie:%20a=b', b'low', b'full',
           b'auto', b'mjpeg', b'ros_compressed', b'/', b'/camera/image_raw', b'//evil', b'%',
           b'../../..', b"'\"<script>", b'a' * 2000, b'%2F' * 500, b'\xf0\x9f\x98\x80']
_HEADERS = [
    b'Accept: text/html', b'Origin: null', b'Origin: http://[', b'Origin: \xff',
    b'Origin: https://evil.example',
    b'Cookie: pi_camera_stream=\xff; =; ";', b'Authorization: Bearer \xff', b'Authorization:',
    b'Range: bytes=9-1', b'Range: bytes=' + b'9' * 3000 + b'-', b'If-None-Match: "\xff',
    b'If-Modified-Since: Mon, 01 Jan 99999999999999999999 00:00:00 GMT',
    b'Accept-Encoding: gzip;q=x, \xff', b'Expect: 100-continue', b'Expect: much', b'Expect: \xff',
    b'Connection: upgrade\r\nUpgrade: websocket', b'Connection: upgrade\r\nUpgrade: h2c',
    b'Content-Type: application/x-www-form-urlencoded', b'User-Agent: Mozilla/5.0',
    b'Content-Type: multipart/form-data; boundary=\xff', b'Content-Encoding: gzip']
_BROKEN = [b'Folded: a\r\n b', b'X:\0', b': nameless', b'no colon', b'X: ' + b'y' * 9000,
           b'Host: 127.0.0.1']
_LENGTHS = [b'0', b'5', b'99999999', b'-5', b'+5', b'5, 5', b'', b'9' * 40]
_CHUNKS = [b'5\r\nhello\r\n0\r\n\r\n', b'5\r\nhel', b'zz\r\nhello\r\n', b'-1\r\n', b'0\r\n',
           b'F' * 30 + b'\r\n', b'5;' + b'x' * 9000 + b'\r\nhello\r\n0\r\n\r\n', b'5\nhello']


def request(dice):
    """Return the bytes that one visitor sends, and in how many requests at the most."""
    make = dice.choice([_plain] * 8 + [_with_body, _with_body, _chunked, _huge_head, _cut,
                                       _pipelined, _websocket, _websocket, _noise])
    data = make(dice)
    for _ in range(dice.choice([0] * 8 + [1, 4])):
        place = dice.randrange(len(data))
        data = data[:place] + dice.randbytes(1) + data[place + dice.choice([0, 1, 1, 5]):]
    return data, 1 + data.count(b'\n\r\n') + data.count(b'\n\n')


def _head(dice, *headers, method=b'', path=b''):
    target = path or dice.choice(_PATHS)
    if dice.random() < 0.5:
        target += b'?' + b'&'.join(
            dice.choice(_NAMES) + dice.choice([b'=', b'=', b'=', b'', b'=='])
            + dice.choice(_VALUES) for _ in range(dice.choice([1, 1, 2, 3, 12])))
    odd = dice.sample(_HEADERS, dice.choice([0] * 6 + [1, 1, 2, 4]))
    if dice.random() < 0.05:
        odd.append(dice.choice(_BROKEN))
    lines = b''.join(header + b'\r\n' for header in (*headers, *odd))
    return b'%b %b HTTP/%b\r\nHost: %b\r\n%b\r\n' % (
        method or dice.choice(_METHODS), target,
        dice.choice(_VERSIONS), dice.choice(_HOSTS), lines)


def _plain(dice):
    return _head(dice)


def _with_body(dice):
    body = dice.choice([b'token=a&next=/', b'&' * 500, b'token=%ff', dice.randbytes(300),
                        b'x' * 20000])
    length = dice.choice([b'%d' % len(body)] * 20 + _LENGTHS)
    return _head(dice, b'Content-Length: ' + length, b'Content-Type: application/x-www-form-'
                 b'urlencoded', method=b'POST', path=dice.choice([b'/login', b'/', b'/ws'])) + body


def _chunked(dice):
    return _head(dice, b'Transfer-Encoding: ' + dice.choice(
        [b'chunked'] * 5 + [b'gzip, chunked', b'chunked, chunked', b'x']),
        method=b'POST', path=b'/login') + dice.choice(_CHUNKS)


def _huge_head(dice):
    return b'GET /%b HTTP/1.1\r\n%b%b' % (
        b'a' * dice.choice([0, 100, 10**5]), _HOST,
        dice.choice([b'X: ' + b'y' * 10**5, b'X: y\r\n' * 3000, b'Cookie: a=b;' * 9000])
    ) + dice.choice([b'', b'\r\n\r\n'])


def _cut(dice):
    whole = _head(dice)
    return whole[:dice.randrange(1, len(whole))]


def _pipelined(dice):
    return b''.join(_head(dice, method=dice.choice([b'GET', b'HEAD', b''])) for _ in range(
        dice.choice([2, 3, 20])))


def _websocket(dice):
    head = _head(dice, b'Connection: upgrade', b'Upgrade: websocket', b'Sec-WebSocket-Version: '
                 + dice.choice([b'13', b'13', b'13', b'8', b'x']), b'Sec-WebSocket-Key: '
                 + dice.choice([b'dGhlIHNhbXBsZSBub25jZQ=='] * 3 + [b'', b'\xff']),
                 method=b'GET', path=b'/ws')
    return head + b''.join(_frame(dice) for _ in range(dice.choice([0, 1, 5])))


def _frame(dice):
    """Return a frame of a WebSocket (RFC 6455, 5.2), masked as a client's is, or nearly so."""
    payload = dice.choice([
        b'{}', b'[' * 500, b'null', b'{"type": "ack", "sequence": 1e400}', b'\xff', b'x' * 3000,
        b'{"type": "ack", "sequence": -1, "age_ms": NaN}', b'{"type": "tier", "tier": "best"}',
        b'{"type": "tier", "tier": "low"}', b'{"type": "clock", "client_ms": []}',
        b'{"type": "clock", "client_ms": 5}', dice.randbytes(100)])
    size = dice.choice([len(payload)] * 4 + [0, 2**63, 2**16])
    length = struct.pack('>BQ', 0x80 | 127, size) if size > 65535 else \
        struct.pack('>BH', 0x80 | 126, size) if size > 125 else bytes([0x80 | size])
    first = dice.choice([0x81] * 6 + [0x82, 0x01, 0x80, 0x88, 0x89, 0x8a, 0x8b, 0xf1])
    return bytes([first]) + length + bytes(4) + payload


def _noise(dice):
    return dice.choice([dice.randbytes(200), b'\0' * 50, b'\r\n' * 20, b'\x16\x03\x01\x02\x00',
                        b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', b'GET\r\n\r\n', b' \n' * 99])
