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


"""The addresses in the parameter `outlets`: which there are, and what stands in them."""

from dataclasses import dataclass
import ipaddress
import re
from urllib.parse import parse_qs, SplitResult, unquote, urlsplit

from ..core.errors import PermanentError
from ..web.access.origins import shown
from ..web.stream.tiers import H264, H264_INDEX, H264_SMALL, H264_SMALL_INDEX, NAMES

RTP, TS, TCP, RTSP = 'rtp', 'udp', 'tcp', 'rtsp'  # schemes
TIERS = {NAMES[H264_INDEX]: H264, NAMES[H264_SMALL_INDEX]: H264_SMALL}
_USUAL_TIER = NAMES[H264_INDEX]
_FORMS = {
    RTP: 'rtp://192.168.1.20:5004', TS: 'udp://192.168.1.20:5000',
    TCP: 'tcp://192.168.1.20:5001, or tcp://:5001 to listen',
    RTSP: 'rtsp://user:secret@192.168.1.20:8554/robot',
}
_USUAL_PORTS = {RTSP: 554}
_SECRET = re.compile(r'//.*@')  # whatever is wrong with it
_NUMBERS = re.compile(r'[\d.]+', re.ASCII)
_HOST = re.compile(r'[\w.:%-]+', re.ASCII)
_PATH = re.compile(r'[!-\[\]-~]*')
_CONTROL = ipaddress.ip_network('224.0.0.0/24')  # what routers say to each other


@dataclass(frozen=True)
class Address:
    """One of them; `user` and `secret` are to be shown to nobody."""

    scheme: str
    host: str  # empty for one that listens
    port: int
    path: str = ''  # with its first slash
    topic: str = ''  # empty for the default one
    tier: str = _USUAL_TIER
    user: str = ''
    secret: str = ''

    @property
    def place(self) -> str:
        return f'[{self.host}]:{self.port}' if ':' in self.host else f'{self.host}:{self.port}'

    @property
    def url(self) -> str:
        """Return it as it may be shown, without what is ours in it, too."""
        return f'{self.scheme}://{self.place}{self.path}'

    @property
    def group(self) -> bool:
        """Return whether it is a multicast group."""
        return _is_group(self.host)

    def ports(self, sound: bool) -> range:
        """
        Return which ports it is sent to, `sound` being whether there is that.

        RTCP has the one behind that of RTP, and sound by RTP two of its own behind these.
        """
        return range(self.port, self.port + ((4 if sound else 2) if self.scheme == RTP else 1))


def read_address(text: str) -> Address:
    """Return what an address says; PermanentError with one sentence where it says nothing."""
    try:
        parts = urlsplit(text)
        query = parse_qs(parts.query, strict_parsing=bool(parts.query))
        port, host = parts.port, unquote(parts.hostname or '')
    except ValueError:
        raise _none(text, '') from None
    if parts.scheme not in _FORMS:
        raise _none(text, '')
    if port is None:
        port = _USUAL_PORTS.get(parts.scheme, 0)
    if not port or not _fits(parts, host) or not query.keys() <= {'topic', 'tier'} \
            or (parts.scheme == RTP and port > 65534):
        raise _none(text, parts.scheme)
    tier = query.get('tier', [_USUAL_TIER])[0]
    if tier not in TIERS:
        raise _wrong(text, f'the tiers of H.264 are {" and ".join(TIERS)}')
    if host:
        _check_host(text, parts.scheme, host)
    return Address(parts.scheme, host, port, parts.path if parts.scheme == RTSP else '',
                   query.get('topic', [''])[0], tier, unquote(parts.username or ''),
                   unquote(parts.password or ''))


def public(text: str) -> str:
    """Return an address as it may be shown, whatever it is."""
    return shown(_SECRET.sub('//', text))


def _fits(parts: SplitResult, host: str) -> bool:
    """Return whether there is what its scheme asks for, and nothing else."""
    if parts.fragment or not (_HOST.fullmatch(host) if host else parts.scheme == TCP):
        return False
    if parts.scheme == RTSP:
        return bool(parts.path.strip('/')) and _PATH.fullmatch(parts.path) is not None
    return parts.path in ('', '/') and '@' not in parts.netloc


def _check_host(text: str, scheme: str, host: str) -> None:
    """PermanentError where nothing can be sent to that host."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if _NUMBERS.fullmatch(host):
            raise _wrong(text, f"'{shown(host)}' is not an IPv4 address: it needs four numbers "
                         'from 0 to 255, separated by dots') from None
        return
    if address.is_multicast:
        if scheme not in (RTP, TS):
            raise _wrong(text, f'{address} is a multicast group: send to it with rtp:// or '
                         'udp://')
        if address in _CONTROL:
            raise _wrong(text, f'{address} is reserved for routing protocols: choose a group '
                         'from 239.0.0.0 to 239.255.255.255')
    # ::1 lies in what is reserved.
    elif address.is_unspecified or (address.is_reserved and not address.is_loopback):
        raise _wrong(text, f'cannot send to {address}: multicast groups for your own network are '
                     '239.0.0.0 to 239.255.255.255')


def _is_group(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_multicast
    except ValueError:
        return False


def _none(text: str, scheme: str) -> PermanentError:
    forms = [_FORMS[scheme]] if scheme else list(_FORMS.values())
    return PermanentError(f"'{public(text)}' in the parameter 'outlets' is not a valid address: "
                          f'write {"; ".join(forms)}; append ?topic=/front/image_raw for another '
                          'topic, ?tier=h264_small for smaller pictures')


def _wrong(text: str, why: str) -> PermanentError:
    return PermanentError(f"'{public(text)}' in the parameter 'outlets': {why}")
