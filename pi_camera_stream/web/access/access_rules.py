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

"""Who may do what, as plain rules: hosts, origins, the tokens, and how many."""

from dataclasses import dataclass, field
from enum import Enum
from functools import cache
import hashlib
import hmac
import ipaddress
import math
import re
import socket
import string

from .addresses import is_in, is_loopback, Network, network
from ...core.errors import PermanentError
from ...core.parameters import Parameter, require

_TOKEN_LENGTH = 8  # characters at least
_ENOUGH_BITS = 56  # of a token: who tries a thousand a second needs a million years
_ALPHABETS = (string.digits, string.ascii_lowercase, string.ascii_uppercase, string.punctuation)
_ADVICE = 'take what `python3 -m pi_camera_stream secure` makes, or `openssl rand -hex 16`'
_ALL = '*'
_LOCAL_DOMAINS = ('local', 'lan', 'home', 'home.arpa', 'internal', 'localdomain')
_DEFAULT_PORTS = {'http': 80, 'https': 443}
_SHOWN_LENGTH = 60
_FLAGS = re.ASCII | re.IGNORECASE
_HOST = re.compile(r'(\[[0-9a-z:.%]+\]|[0-9a-z_.-]+)(?::(\d{1,5}))?', _FLAGS)
_ORIGIN = re.compile(r'([a-z][a-z0-9+.-]*)://([^/]+)', _FLAGS)
# One slash at first. Browsers take a backslash for a slash, and skip control characters.
_LOCAL_PATH = re.compile(r'/(?!/)[!-\[\]-~]*')
_UPWARDS = re.compile(r'/(?:\.|%2e){1,2}(?:/|$)', _FLAGS)  # browsers resolve both spellings

NUMBERS_OF_VIEWERS = (
    Parameter('max_viewers', 100, 'Viewers at a time', '', 1, 10000),
    Parameter('max_viewers_per_address', 0, 'Viewers at a time from one address, or from one '
                                            'IPv6 network (/64); 0 is half of `max_viewers`', '',
              0, 10000),
)


class Token(Enum):
    """The secrets that there may be; the values are their parameters, less `_token`."""

    ACCESS = 'access'
    DRIVER = 'driver'


class Role(Enum):
    """What somebody may do, of whom the door has let in; the values are what pages know."""

    WATCHES = 'watches'  # the pictures, and may stop the vehicle: there is a driver token
    EQUAL = 'equal'  # may do what all others may: there is none
    LEADS = 'leads'  # has the driver token

    @property
    def drives(self) -> bool:
        return self is not Role.WATCHES


@dataclass(frozen=True)
class AccessRules:
    """What has been configured about those who watch; PermanentError if senseless."""

    access_token: str = field(default='', repr=False)  # empty lets everyone watch
    driver_token: str = field(default='', repr=False)  # empty lets who watches drive, too
    allowed_hosts: tuple[str, ...] = ()  # beside the server's own; `*` for all
    # Other web sites, as `https://example.com`, whose scripts may use it; `*` for all.
    allowed_origins: tuple[str, ...] = ()
    max_viewers: int = 100  # at the same time
    max_viewers_per_address: int = 0  # 0 for half of them
    # Addresses and networks of reverse proxies, whose X-Forwarded-For says who asks.
    trusted_proxies: tuple[str, ...] = ()
    tls: bool = False  # whether the server itself speaks https

    def __post_init__(self) -> None:
        # An empty entry is how ROS users write an empty list.
        for host in filter(None, self.allowed_hosts):
            if host != _ALL and _split_host(host) is None:
                raise PermanentError(
                    f"'{shown(host)}' in the parameter 'allowed_hosts' is no host name: write it "
                    "without scheme and path, as in robot.example.com, or '*' for all")
        for origin in filter(None, self.allowed_origins):
            if origin != _ALL and _split_origin(origin) is None:
                raise PermanentError(
                    f"'{shown(origin)}' in the parameter 'allowed_origins' is no origin: write "
                    "scheme and host, as in https://example.com, or '*' for all")
        self.proxies()
        require(NUMBERS_OF_VIEWERS, {row.name: getattr(self, row.name)
                                     for row in NUMBERS_OF_VIEWERS})
        for token in Token:
            _check_token(token, self.secret(token))
        if self.driver_token and self.driver_token == self.access_token:
            raise PermanentError("the parameters 'access_token' and 'driver_token' are the same, "
                                 "so that whoever watches could drive: set another one of them")

    def proxies(self) -> tuple[Network, ...]:
        return _networks(self.trusted_proxies)

    @property
    def share(self) -> int:
        """How many may watch from one address."""
        return self.max_viewers_per_address or -(-self.max_viewers // 2)

    def counted(self, address: str) -> str:
        """
        Return as what an address is counted among the others; empty where it has no limit.

        That is this machine, from which programs and proxies watch for many, and trusted proxies.
        """
        if is_loopback(address) or is_in(address, self.proxies()):
            return ''
        return network(address)

    def host_allowed(self, host_header: str | None) -> bool:
        """
        Return whether a browser may have come here under this name.

        Numeric addresses always may: DNS rebinding, by which a foreign web site lets its own name
        point to a machine in this network, needs a name.
        """
        host = _split_host(host_header or '')
        if host is None:
            return False
        name = host[0]
        return (_is_address(name) or name == 'localhost' or name.endswith('.localhost')
                or name in _own_names() or _ALL in self.allowed_hosts
                or any(name == allowed[0] for allowed in map(_split_host, self.allowed_hosts)
                       if allowed is not None))

    def origin_allowed(self, origin: str, scheme: str, host_header: str | None) -> bool:
        if same_origin(origin, scheme, host_header):
            return True
        parts = _split_origin(origin)
        if parts is None and origin != 'null':  # it is echoed in a header, so it is looked at
            return False
        return _ALL in self.allowed_origins or (
            parts is not None and parts in map(_split_origin, self.allowed_origins))

    def secret(self, token: Token) -> str:
        return self.access_token if token is Token.ACCESS else self.driver_token

    def recognize(self, candidate: str) -> Token | None:
        """Return which token this is, if any; takes as long wherever they differ."""
        right = [token for token in Token if _equal(candidate, self.secret(token))]
        return right[0] if right else None

    def role(self, token: Token | None) -> Role | None:
        """Return what somebody may with this token, or without one; None for nothing."""
        if token is Token.DRIVER:
            return Role.LEADS
        if token is None and self.access_token:
            return None
        return Role.WATCHES if self.driver_token else Role.EQUAL

    def weakness(self) -> str:
        """Return a sentence about a token that could be found by trying; empty for none."""
        for token in Token:
            secret = self.secret(token)
            letters = sum(len(alphabet) for alphabet in _ALPHABETS
                          if not set(alphabet).isdisjoint(secret))
            if secret and len(secret) * math.log2(max(2, letters)) < _ENOUGH_BITS:
                return (f"the parameter '{token.value}_token' is so short that it could be found "
                        f'by trying: {_ADVICE}')
        return ''


def same_origin(origin: str, scheme: str, host_header: str | None) -> bool:
    """
    Return whether a request comes from a page of this very server.

    Schemes may differ, because a reverse proxy that ends TLS asks by http what the browser asked
    by https. Where the Host header has no port, the scheme says it.
    """
    there, here = _split_origin(origin), _split_host(host_header or '')
    if there is None or here is None or there[0] not in _DEFAULT_PORTS:
        return False
    name, port = here
    ports = {port} if port is not None else {443} if scheme == 'https' else {80, 443}
    return there[1] == name and there[2] in ports


def local_path(text: str) -> str:
    """
    Return `text` if it is a path below this server's root, to which one may be led; otherwise `/`.

    A reverse proxy may have that root below a path of its own, which nothing may lead out of.
    """
    path = re.split('[?#]', text, maxsplit=1)[0]
    return text if _LOCAL_PATH.fullmatch(text) and not _UPWARDS.search(path) else '/'


def relative(path: str) -> str:
    """
    Return a path of this server as it is said to a browser that has asked for a page or the login.

    A reverse proxy may have the server below a path, of which only the browser knows: what begins
    with a slash would lead out of it. All pages stand side by side, so a dot is enough.
    """
    return f'.{path}'


def shown(text: str) -> str:
    """Return what a stranger has sent as it may be shown: short, and without odd characters."""
    clean = re.sub(r'[^0-9A-Za-z.:/_\[\]*-]', '?', text[:_SHOWN_LENGTH + 1])
    return clean if len(clean) <= _SHOWN_LENGTH else clean[:_SHOWN_LENGTH] + '…'


@cache
def _networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    found: list[Network] = []
    for text in filter(None, texts):
        try:
            found.append(ipaddress.ip_network(text, strict=False))
        except ValueError:
            raise PermanentError(
                f"'{shown(text)}' in the parameter 'trusted_proxies' is neither an address nor a "
                'network: write it in numbers, as in 192.0.2.7 or 192.0.2.0/24') from None
    return tuple(found)


def _split_host(text: str) -> tuple[str, int | None] | None:
    """Return name and port of `name`, `name:port`, `[address]` or `[address]:port`."""
    match = _HOST.fullmatch(text)
    name = match[1].lower().removesuffix('.') if match else ''
    if match is None or not name or name.startswith('.'):
        return None
    return name, int(match[2]) if match[2] else None


def _split_origin(text: str) -> tuple[str, str, int] | None:
    match = _ORIGIN.fullmatch(text.removesuffix('/'))
    host = _split_host(match[2]) if match else None
    if match is None or host is None:
        return None
    scheme, (name, port) = match[1].lower(), host
    return scheme, name, _DEFAULT_PORTS.get(scheme, 0) if port is None else port


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip('[]'))
    except ValueError:
        return False
    return True


def _own_names() -> set[str]:
    name = socket.gethostname().lower()
    short = name.partition('.')[0]
    return {name, short, *(f'{short}.{domain}' for domain in _LOCAL_DOMAINS)}


def _check_token(token: Token, secret: str) -> None:
    name = f'{token.value}_token'
    if any(char.isspace() or not char.isprintable() for char in secret):
        raise PermanentError(f"the parameter '{name}' has spaces or control characters in it: "
                             f'{_ADVICE}')
    if 0 < len(secret) < _TOKEN_LENGTH:
        raise PermanentError(f"the parameter '{name}' is easily guessed, with less than "
                             f'{_TOKEN_LENGTH} characters: {_ADVICE}')


def _equal(candidate: str, secret: str) -> bool:
    # Digests, which have the same length, whatever the candidate's is. Headers that are no UTF-8
    # come as lone surrogates, which would not encode otherwise.
    one, other = (hashlib.sha256(text.encode(errors='surrogatepass')).digest()
                  for text in (candidate, secret))
    return hmac.compare_digest(one, other) and bool(secret)
