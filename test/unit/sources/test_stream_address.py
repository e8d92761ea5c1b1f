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

from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.sources.stream_address import hide_secrets, parse_address
import pytest

SECRET = 'hunter2'


@pytest.mark.parametrize(('text', 'shown'), [
    ('rtsp://admin:hunter2@cam/live', 'rtsp://***@cam/live'),
    ('rtsp://admin:hunter2@x@cam:554/live', 'rtsp://***@cam:554/live'),
    ('rtsp://admin:a/hunter2?@cam/live', 'rtsp://***@cam/live'),
    ('http://hunter2@cam/', 'http://***@cam/'),
    ('http://cam/a?token=hunter2', 'http://cam/a?***'),
    ('http://cam/a?x=1&token=a;hunter2', 'http://cam/a?***'),
    ('http://cam/a?hunter2', 'http://cam/a?***'),
    ('http://cam/a?listen=1&token=hunter2', 'http://cam/a?***'),
    ('http://cam/a#hunter2', 'http://cam/a#***'),
    ("cannot open 'http://a:hunter2@cam/b?c=hunter2': no",
     "cannot open 'http://***@cam/b?***': no"),
    ('srt://cam:1?passphrase="hunter2"', 'srt://cam:1?***"'),
    ('udp://@:5000', 'udp://@:5000'),
    ('udp://@239.1.2.3:5000 is silent', 'udp://@239.1.2.3:5000 is silent'),
    ('tcp://0.0.0.0:5000?listen', 'tcp://0.0.0.0:5000?listen'),
    ('tcp://0.0.0.0:5000?listen=1', 'tcp://0.0.0.0:5000?listen=1'),
    ('is the sender there?', 'is the sender there?'),
])
def test_secrets_are_not_shown(text, shown):
    assert hide_secrets(text) == shown
    assert SECRET not in shown


@pytest.mark.parametrize(('url', 'sentence'), [
    ('', "needs the parameter 'path'"),
    ('hunter2', 'is not an address'),
    ('video.mp4', 'is not an address'),
    ('gopher://cam/1', 'begins with gopher://'),
    ('file:///etc/passwd', 'begins with file://'),
    ('concat:/etc/passwd|http://cam/', 'begins with concat://'),
    ('udp://@239.1.2.3', 'has no port'),
    ('tcp://cam', 'has no port'),
    ('http://', 'has no host'),
    ('rtsp:///live', 'has no host'),
    ('http://[cam/', 'is not an address'),
    ('http://cam:99999/', 'is not an address'),
    ('rtsp://a:hunter2?@cam:x/', 'is not an address'),
    ('http://cam/a b', 'is not an address'),
    ('a:hunter2@cam/live', "'***@cam/live' is not an address"),
    ('http://cam/\r\nX-Header: 1', 'is not an address'),
])
def test_what_is_no_address_is_explained(url, sentence):
    with pytest.raises(PermanentError) as caught:
        parse_address(url)
    assert sentence in str(caught.value)
    assert 'rtsp://user:password@192.168.1.20/live' in str(caught.value)
    assert 'a:hunter2' not in str(caught.value)


@pytest.mark.parametrize(('url', 'scheme', 'host', 'port', 'listens'), [
    ('udp://@:5000', 'udp', '', 5000, False),
    ('udp://239.1.2.3:5000?localaddr=10.0.0.1', 'udp', '239.1.2.3', 5000, False),
    ('TCP://0.0.0.0:5000?listen', 'tcp', '0.0.0.0', 5000, True),
    ('tcp://cam:5000?listen=0', 'tcp', 'cam', 5000, False),
    ('tcp://:5000?listen=1', 'tcp', '', 5000, True),
    ('srt://:9000?mode=listener', 'srt', '', 9000, True),
    ('https://a:b@cam/live?x=1', 'https', 'cam', 0, False),
])
def test_the_parts_of_an_address(url, scheme, host, port, listens):
    address = parse_address(url)
    assert (address.scheme, address.host, address.port, address.listens) == (
        scheme, host, port, listens)


def test_not_even_its_repr_shows_a_secret():
    assert SECRET not in repr(parse_address('rtsp://admin:hunter2@cam/live?token=hunter2'))
