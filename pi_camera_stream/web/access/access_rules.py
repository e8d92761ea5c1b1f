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
import ipaddress

from .addresses import is_in, is_loopback, Network, network
from .origins import is_address, own_names, same_origin, shown, split_host, split_origin
from .tokens import check_token, same_secret, Token, weakness
from ...core.errors import PermanentError
from ...core.parameters import Parameter, require

_ALL = '*'

NUMBERS_OF_VIEWERS = (
    Parameter('max_viewers', 100, 'Maximum number of viewers', '', 1, 10000),
    Parameter('max_viewers_per_address', 0, 'Maximum number of viewers from one address, or from '
                                            'one IPv6 network (/64); 0: half of `max_viewers`', '',
              0, 10000),
)


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
            if host != _ALL and split_host(host) is None:
                raise PermanentError(
                    f"'{shown(host)}' in the parameter 'allowed_hosts' is not a host name: write "
                    "it without scheme and path, as in robot.example.com, or '*' for all")
        for origin in filter(None, self.allowed_origins):
            if origin != _ALL and split_origin(origin) is None:
                raise PermanentError(
                    f"'{shown(origin)}' in the parameter 'allowed_origins' is not an origin: "
                    "write scheme and host, as in https://example.com, or '*' for all")
        self.proxies()
        require(NUMBERS_OF_VIEWERS, {row.name: getattr(self, row.name)
                                     for row in NUMBERS_OF_VIEWERS})
        for token in Token:
            check_token(token, self.secret(token))
        if self.driver_token and self.driver_token == self.access_token:
            raise PermanentError("the parameters 'access_token' and 'driver_token' are the same, "
                                 'so that every viewer could drive: make them different')

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
        host = split_host(host_header or '')
        if host is None:
            return False
        name = host[0]
        return (is_address(name) or name == 'localhost' or name.endswith('.localhost')
                or name in own_names() or _ALL in self.allowed_hosts
                or any(name == allowed[0] for allowed in map(split_host, self.allowed_hosts)
                       if allowed is not None))

    def origin_allowed(self, origin: str, scheme: str, host_header: str | None) -> bool:
        if same_origin(origin, scheme, host_header):
            return True
        parts = split_origin(origin)
        if parts is None and origin != 'null':  # it is echoed in a header, so it is looked at
            return False
        return _ALL in self.allowed_origins or (
            parts is not None and parts in map(split_origin, self.allowed_origins))

    def secret(self, token: Token) -> str:
        return self.access_token if token is Token.ACCESS else self.driver_token

    def recognize(self, candidate: str) -> Token | None:
        """Return which token this is, if any; takes as long wherever they differ."""
        right = [token for token in Token if same_secret(candidate, self.secret(token))]
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
        return next(filter(None, (weakness(token, self.secret(token)) for token in Token)), '')


@cache
def _networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    found: list[Network] = []
    for text in filter(None, texts):
        try:
            found.append(ipaddress.ip_network(text, strict=False))
        except ValueError:
            raise PermanentError(
                f"'{shown(text)}' in the parameter 'trusted_proxies' is neither an address nor a "
                'network: write it as 192.0.2.7 or 192.0.2.0/24') from None
    return tuple(found)
