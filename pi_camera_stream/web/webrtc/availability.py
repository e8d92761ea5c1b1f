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

"""Whether aiortc is there, which is needed for WebRTC only."""

from importlib import metadata
from importlib.util import find_spec
import re

_LEAST = (1, 4)
_REMEDY = ('sudo apt install python3-aiortc (Debian 12, Ubuntu 24.04 or newer), or '
           'pip install aiortc in a virtual environment')


def why_missing() -> str:
    """Return why there is no WebRTC here, and what helps; empty where there is."""
    if find_spec('aiortc') is None:
        return f'WebRTC needs aiortc: {_REMEDY}'
    try:
        version = metadata.version('aiortc')
    except metadata.PackageNotFoundError:  # it lies there without being installed
        return ''
    if tuple(map(int, re.findall(r'\d+', version)[:2])) < _LEAST:
        return (f'WebRTC needs aiortc {_LEAST[0]}.{_LEAST[1]} or newer, but {version} is '
                f'installed: {_REMEDY}')
    return ''
