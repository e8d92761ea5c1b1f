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

"""Which addresses count as one visitor's, and whose stand behind proxies."""

from collections.abc import Iterable, Sequence
import ipaddress

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def network(address: str) -> str:
    """Return what counts as one: an IPv4 address, or the /64 of IPv6 that one line has."""
    number = _number(address)
    if isinstance(number, ipaddress.IPv6Address):
        return f'{int(number) >> 64:x}/64'
    return str(number or address)


def is_in(address: str, networks: Iterable[Network]) -> bool:
    number = _number(address)
    return number is not None and any(number in one for one in networks)


def is_loopback(address: str) -> bool:
    number = _number(address)
    return number is not None and number.is_loopback


def nearest(peer: str, hops: Sequence[str], proxies: Sequence[Network]) -> str:
    """
    Return the hop nearest to us that is no trusted proxy.

    Each proxy appends the address that it was asked from, so that what stands before the first
    stranger's may be anything.
    """
    for hop in reversed(hops):
        if _number(_bare(hop)) is None:
            break
        peer = _bare(hop)
        if not is_in(peer, proxies):
            break
    return peer


def _bare(hop: str) -> str:
    """Return an address without the port that some proxies write behind it."""
    if hop.startswith('['):
        return hop[1:].partition(']')[0]
    return hop.partition(':')[0] if hop.count(':') == 1 else hop


def _number(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        number = ipaddress.ip_address(address)
    except ValueError:
        return None
    mapped = number.ipv4_mapped if isinstance(number, ipaddress.IPv6Address) else None
    return mapped or number
