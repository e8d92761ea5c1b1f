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

"""The addresses of streams: what can be opened, and what of them nobody may see."""

from dataclasses import dataclass, field
import re
from urllib.parse import parse_qsl, unquote, urlsplit

from ..core.errors import PermanentError

EXAMPLES = ('http://192.168.1.20:8080/stream.mjpg, rtsp://user:password@192.168.1.20/live, '
            'udp://@:5000, udp://@239.1.2.3:5000, tcp://192.168.1.20:8888 or '
            'tcp://0.0.0.0:5000?listen')
_SCHEMES = ('http', 'https', 'rtsp', 'rtsps', 'udp', 'rtp', 'tcp', 'srt', 'rtmp')
_WITH_PORT = ('udp', 'rtp', 'tcp', 'srt')  # the others have one that everybody uses
_PASSWORD = re.compile(r'(//)\S+@')  # up to the last one: a password may have an @ or a / itself
_QUERY = re.compile(r'([?#])(?!listen(?:=1)?(?:[\s"\':,)]|$))\S*[^\s"\':,)]')


def hide_secrets(text: str) -> str:
    """Return `text` with *** in place of all that could be a secret of the addresses in it."""
    return _QUERY.sub(r'\1***', _PASSWORD.sub(r'\1***@', text))


@dataclass(frozen=True)
class StreamAddress:
    """Where a stream comes from."""

    url: str = field(repr=False)  # as the user gave it; never to be shown
    scheme: str  # `http`, `rtsp`, `udp` ..., in lower case
    host: str  # empty where there is none
    port: int  # 0 where there is none
    options: dict[str, str] = field(repr=False)  # what stands behind the question mark
    tls_ca: str = ''  # a file with the certificates that are believed; empty for all there are
    certificates: str = field(default='', repr=False)  # what stands in it (PEM)

    @property
    def shown(self) -> str:
        """Return the address without its secrets, for people."""
        return hide_secrets(self.url)

    @property
    def listens(self) -> bool:
        return self.options.get('listen', '0') != '0' or self.options.get('mode') == 'listener'


def parse_address(url: str) -> StreamAddress:
    """Return the address that `url` is; PermanentError when no stream could come from it."""
    if not url:
        raise PermanentError("source 'url' needs the parameter 'path': set it to the address of a "
                             f'stream, for example {EXAMPLES}')
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or '', parts.port or 0
        login = unquote(parts.netloc.rpartition('@')[0])
    except ValueError:
        raise _odd(url, 'is not an address') from None
    scheme = parts.scheme.lower()
    if '://' not in url or any(ord(letter) <= ord(' ') for letter in url):
        raise _odd(url, 'is not an address')
    if not login.isprintable():
        raise _odd(url, 'has control characters in its password')
    if scheme not in _SCHEMES:
        raise _odd(url, f'begins with {scheme}://, and not with one of {", ".join(_SCHEMES)}')
    if scheme in _WITH_PORT and not port:
        raise _odd(url, 'has no port')
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if 'listen' in options:
        options['listen'] = options['listen'] or '1'
    address = StreamAddress(url, scheme, host, port, options)
    if not host and scheme not in ('udp', 'rtp') and not address.listens:
        raise _odd(url, 'has no host')
    return address


def _odd(url: str, what: str) -> PermanentError:
    if '://' not in url and '@' in url:  # with a password, and without its beginning
        url = '***@' + url.rpartition('@')[2]
    return PermanentError(f"'{hide_secrets(url)}' {what}: set the parameter 'path' to the address "
                          f'of a stream, for example {EXAMPLES}')
