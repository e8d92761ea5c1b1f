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

"""The outlets that are wanted, put together."""

from collections.abc import Callable
from dataclasses import dataclass
import ipaddress
from typing import TYPE_CHECKING

from .address import Address, public, read_address, RTP, RTSP, TS
from ..core.errors import PermanentError
from ..web.access.access_rules import AccessRules
from ..web.access.admission import Admission
from ..web.stream.catalog import Catalog

if TYPE_CHECKING:
    from .outlet import Log, Outlet
    from ..web.sound.listeners import Listeners

_BY_UDP = RTP, TS
_LAST_PORT = 65535
_ANY = '0.0.0.0'  # noqa: S104 - compared, not listened at


@dataclass(frozen=True)
class OutletSettings:
    """What has been configured of them."""

    address: str  # where they listen, and by which those to groups go
    rtsp_port: int = 0  # 0 for none
    rtsp_multicast: bool = False  # whether its players may have pictures sent to a group
    outlets: tuple[str, ...] = ()  # addresses
    insecure: bool = False  # whether those that cannot ask for a token may be there beside one


def create_outlets(settings: OutletSettings, catalog: Catalog, rules: AccessRules,
                   places: Admission, note_wrong: Callable[[str], float], log: 'Log',
                   sound: 'Listeners | None' = None) -> 'list[Outlet]':
    """
    Return what is wanted; nothing is open yet. `note_wrong` and `sound` are as for `RtspServer`.

    PermanentError where an address makes no sense, or would show to all what is for some.
    """
    if not settings.rtsp_port and not settings.outlets:
        return []
    from . import kinds
    outlets: list[Outlet] = []
    if settings.rtsp_port:
        if settings.rtsp_multicast and rules.access_token and not settings.insecure:
            raise PermanentError("'rtsp_multicast' would show the pictures to everyone, but "
                                 'watching requires the access token: set it to false, or set '
                                 "'outlets_insecure' to true")
        outlets.append(kinds.RtspServer(settings.address, settings.rtsp_port, catalog, rules,
                                        places, note_wrong, log, settings.rtsp_multicast, sound))
    addresses = [read_address(text) for text in settings.outlets]
    _check_ports(addresses, sound is not None)
    for address in addresses:
        if rules.access_token and not settings.insecure and not _asks(address):
            raise PermanentError(
                f"'{public(address.url)}' in the parameter 'outlets' would show the pictures to "
                'everyone, but watching requires the access token: remove it, use RTSP '
                '(rtsp_port), which asks for the token, push to a server with a password '
                "(rtsp://user:secret@…), or set 'outlets_insecure' to true")
        if not address.host:
            outlets.append(kinds.RawTcpServer(settings.address, address.port, address.topic,
                                              catalog, rules, places, log, address.tier))
        elif address.scheme in _BY_UDP:
            outlet = kinds.BY_UDP[address.scheme](address, _interface(settings.address),
                                                  catalog, rules, places, log)
            outlet.sound = sound
            outlets.append(outlet)
        elif address.scheme == RTSP:
            outlets.append(kinds.RtspPush(address, settings.insecure, catalog, rules, places, log,
                                          sound))
        else:
            outlets.append(kinds.TcpCaller(address, catalog, rules, places, log))
    return outlets


def _asks(address: Address) -> bool:
    """Return whether who receives it asks who watches, or should: it has a password for us."""
    return address.scheme == RTSP and bool(address.secret)


def _check_ports(addresses: list[Address], sound: bool) -> None:
    """PermanentError where two send to one place, where nobody could tell them apart."""
    taken: set[tuple[object, ...]] = set()
    for address in addresses:
        kind = 'udp' if address.scheme in _BY_UDP else address.scheme
        places = {(kind, address.host, port, address.path)
                  for port in address.ports(sound)}
        if address.ports(sound)[-1] > _LAST_PORT:
            raise PermanentError(
                f"'{public(address.url)}' in the parameter 'outlets' has no room for sound, which "
                f'goes to the two ports behind: use a port up to {_LAST_PORT - 3}')
        if places & taken:
            raise PermanentError(
                f"'{public(address.url)}' in the parameter 'outlets' conflicts with another one: "
                'give each its own port (RTP also uses the next one, with sound the next '
                'three)')
        taken |= places


def _interface(address: str) -> str:
    """Return by which address of this machine groups are sent to, if one has been chosen."""
    try:
        return address if ipaddress.ip_address(address).version == 4 else _ANY
    except ValueError:  # a name, or nothing
        return _ANY
