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

from .outlet import Log, Outlet
from .rtsp_server import RtspServer
from ..web.access.access_rules import AccessRules
from ..web.access.admission import Admission
from ..web.stream.catalog import Catalog


@dataclass(frozen=True)
class OutletSettings:
    """What has been configured of them."""

    address: str  # where they listen
    rtsp_port: int = 0  # 0 for none


def create_outlets(settings: OutletSettings, catalog: Catalog, rules: AccessRules,
                   places: Admission, note_wrong: Callable[[str], float], log: Log
                   ) -> list[Outlet]:
    """Return what is wanted; nothing is open yet. `note_wrong` is as for `RtspServer`."""
    outlets: list[Outlet] = []
    if settings.rtsp_port:
        outlets.append(RtspServer(settings.address, settings.rtsp_port, catalog, rules, places,
                                  note_wrong, log))
    return outlets
