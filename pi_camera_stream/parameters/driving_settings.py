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

"""How a vehicle may be driven, read from the bridge's parameters."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from ..core.driving.limits import Limits
from ..core.errors import PermanentError

_LIMITS = tuple(row.name for row in fields(Limits))


def read_limits(value: Callable[[str], Any]) -> tuple[Limits, float]:
    """Return what the vehicle may do, and how old the driver's picture may be, in s."""
    return (Limits(**{name: value(f'teleop.{name}') for name in _LIMITS}),
            value('teleop.max_video_age'))


def check_access(value: Callable[[str], Any], what: str) -> str:
    """
    Return what is to be warned of where `what` lets pages drive; empty for nothing.

    Raises PermanentError when everyone could drive, or read along what is needed for it.
    """
    missing = [what for there, what in (
        (value('access_token') or value('driver_token'),
         "an access token (parameter 'access_token')"),
        (value('certfile'), "HTTPS (parameters 'certfile' and 'keyfile')")) if not there]
    if not missing:
        return ''
    if not value('teleop.insecure'):
        raise PermanentError(
            f"{what} needs {' and '.join(missing)}, or anyone on the network could drive: set it "
            'up (`python3 -m pi_camera_stream secure` makes it), or, on an isolated workbench, '
            "set 'teleop.insecure'")
    return (f'driving is enabled without {" and ".join(missing)}: anyone on the network can drive')
