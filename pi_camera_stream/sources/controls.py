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

"""The controls that a camera tells of, as `records` describes them."""

from collections.abc import Mapping
from typing import Any

Controls = Mapping[str, Mapping[str, Any]]


def settle(chosen: dict[str, Any], controls: Controls) -> None:
    """
    Let values that somebody chose be those that the camera has made of them.

    A control that has no effect is no choice any more: something else sets it, which was chosen
    later. It would only be refused when the camera is opened again.
    """
    for name in chosen.keys() & controls.keys():
        control = controls[name]
        if control.get('inactive'):
            del chosen[name]
        elif control.get('value') is not None:
            chosen[name] = control['value']
