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
from urllib.parse import parse_qs, urlsplit

from .outlet import Log, Outlet
from .raw_tcp import RawTcpServer
from .rtsp_server import RtspServer
from ..core.errors import PermanentError
from ..web.access.access_rules import AccessRules
from ..web.access.admission import Admission
from ..web.access.origins import shown
from ..web.stream.catalog import Catalog

_FORM = 'tcp://:5001, or tcp://:5001?topic=/front/image_raw'


@dataclass(frozen=True)
class OutletSettings:
    """What has been configured of them."""

    address: str  # where they listen
    rtsp_port: int = 0  # 0 for none
    rtsp_multicast: bool = False  # whether its players may have pictures sent to a group
    outlets: tuple[str, ...] = ()  # addresses
    insecure: bool = False  # whether those that cannot ask for a token may be there beside one


def create_outlets(settings: OutletSettings, catalog: Catalog, rules: AccessRules,
                   places: Admission, note_wrong: Callable[[str], float], log: Log
                   ) -> list[Outlet]:
    """
    Return what is wanted; nothing is open yet. `note_wrong` is as for `RtspServer`.

    PermanentError where an address makes no sense, or would show to all what is for some.
    """
    outlets: list[Outlet] = []
    if settings.rtsp_port:
        if settings.rtsp_multicast and rules.access_token and not settings.insecure:
            raise PermanentError("'rtsp_multicast' would show the pictures to everyone, and "
                                 'watching needs the access token: set it to false, or set '
                                 "'outlets_insecure'")
        outlets.append(RtspServer(settings.address, settings.rtsp_port, catalog, rules, places,
                                  note_wrong, log, settings.rtsp_multicast))
    for text in settings.outlets:
        port, topic = _read(text)
        if rules.access_token and not settings.insecure:
            raise PermanentError(
                f"'{shown(text)}' in the parameter 'outlets' would show the pictures to everyone, "
                'and watching needs the access token: leave it out, take RTSP (rtsp_port), which '
                "asks for it, or set 'outlets_insecure'")
        outlets.append(RawTcpServer(settings.address, port, topic, catalog, rules, places, log))
    return outlets


def _read(text: str) -> tuple[int, str]:
    """Return port and topic of an address."""
    try:
        parts = urlsplit(text)
        query = parse_qs(parts.query, strict_parsing=bool(parts.query))
        if parts.scheme == 'tcp' and not parts.hostname and not parts.username and parts.port \
                and parts.path in ('', '/') and query.keys() <= {'topic'}:
            return parts.port, query.get('topic', [''])[0]
    except ValueError:
        pass
    raise PermanentError(f"'{shown(text)}' in the parameter 'outlets' is none: write {_FORM}")
