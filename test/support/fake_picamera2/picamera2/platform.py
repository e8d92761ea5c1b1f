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

"""Which kind of Raspberry Pi this is."""

from enum import Enum

from . import sensor


class Platform(Enum):
    VC4 = 0
    PISP = 1


def get_platform():
    return Platform.PISP if sensor.option('PLATFORM', 'vc4') == 'pisp' else Platform.VC4
