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


"""Which machine and which network stack this is, to tell whether another program shares them."""

from functools import lru_cache
from pathlib import Path

_BOOT_ID = Path('/proc/sys/kernel/random/boot_id')
_NETWORK = Path('/proc/self/ns/net')


@lru_cache
def machine_name() -> str:
    """Return a name of this boot of this machine: who has the same one has the same clocks."""
    try:
        return _BOOT_ID.read_text('ascii').strip()
    except OSError:
        return ''


@lru_cache
def network_name() -> str:
    """Return a name of this network stack: between programs with the same one is no link."""
    try:
        return f'{machine_name()}/{_NETWORK.stat().st_ino}'
    except OSError:
        return ''
