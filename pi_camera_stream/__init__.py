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

"""Stream a robot's camera: always the newest frame, and how old it is."""

from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    from .client.frame_subscriber import FrameSubscriber

__all__ = ['FrameSubscriber']


def __getattr__(name: str) -> Any:
    if name in __all__:
        from .client import frame_subscriber
        return getattr(frame_subscriber, name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
