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

from pi_camera_stream.codecs.sniffing import sniff
import pytest
from support import pictures

TS = b'\x47' + bytes(187)


@pytest.mark.parametrize(('data', 'kind'), [
    (TS, 'mpegts'),
    (TS * 7, 'mpegts'),
    (b'abc' + TS * 3, 'mpegts'),
    (b'\0\0\0\1\x67\x42\0\x1f', 'h264'),
    (b'the end of a picture\0\0\1\x27\x42', 'h264'),
    (b'\0\0\0\1\x09\xf0\0\0\0\1\x67\x64', 'h264'),
    (b'\0\0\0\1\x40\1\x0c', 'hevc'),
    (b'\0\0\0\1\x46\1\x50\0\0\1\x40\1\x0c\0\0\1\x42\1', 'hevc'),
    (pictures.jpeg(), 'mjpeg'),
    (b'cut' + pictures.jpeg(), 'mjpeg'),
    (b'\x80\xe0\0\1' + bytes(8) + b'\x7c', 'rtp'),
    (b'\x80\x60\0\1' + bytes(8), 'rtp'),
    (b'HTTP/1.1 200 OK\r\n', 'http'),
    (b'', ''),
    (b'hello', ''),
    (b'\0\0\0\1\x41\x9a', ''),  # a picture that builds on others: which codec, cannot be said
    (b'G' + bytes(10), ''),
])
def test_what_begins_like_this(data, kind):
    assert sniff(data) == kind
