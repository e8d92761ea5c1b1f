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

"""A microphone, and the pages' way to it, made where the parameters ask for one."""

from collections.abc import Callable
from typing import Any, TYPE_CHECKING

from ..core.clock import NowNs

if TYPE_CHECKING:
    from ..sound.microphone import Microphone
    from ..web.sound.sound import Sound

OFF = 'off'


def create_microphone(value: Callable[[str], Any], now_ns: NowNs, log: Callable[[str], None]
                      ) -> 'Microphone | None':
    """
    Return what `audio` names, None where that is off: then nothing of it is imported.

    PermanentError where there can be no such device; `log` hears why there is no sound.
    """
    name = str(value('audio')).strip()
    if name in ('', OFF):
        return None
    from ..sound.microphone import Microphone
    return Microphone(name, now_ns, log)


def create_sound(microphone: 'Microphone | None', now_ns: NowNs) -> 'Sound | None':
    """Return what pages hear of a microphone, None without one."""
    if microphone is None:
        return None
    from ..web.sound.sound import Sound
    return Sound(microphone, now_ns)
