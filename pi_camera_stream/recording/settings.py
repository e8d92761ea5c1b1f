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

"""What has been configured of recording."""

from dataclasses import dataclass
from pathlib import Path

from ..core.frame import H264, JPEG
from ..core.parameters import Parameter

MODES = OFF, READY, MOTION, ALWAYS = 'off', 'ready', 'motion', 'always'
CODECS = JPEG, H264
PARAMETERS = (
    Parameter('record_folder', '', 'Folder for recordings; empty is none, and nothing of it runs'),
    Parameter('record', OFF, 'When it is recorded: `ready` keeps the last seconds until it is '
                             'switched on, `motion` begins when a processor of that name finds '
                             'something; with `off`, the service `record` and the page switch it '
                             'on, too', choices=MODES),
    Parameter('record_topics', '', "Topics to record, separated by commas; empty is the bridge's "
                                   'own, and in `serve` all cameras'),
    Parameter('record_codec', JPEG, 'Whether pictures are recorded as they come, or as the H.264 '
                                    'that viewers get', choices=CODECS),
    Parameter('record_minutes', 10.0, 'After so long, another file begins', 'min', 0.1, 1440),
    Parameter('record_before_s', 5.0, 'How much of what was before stands in front of what is '
                                      'recorded, where `record` is ready or motion', 's', 0, 60),
    Parameter('record_after_s', 10.0, 'How long it goes on after something moved last', 's', 1,
              3600),
    Parameter('record_keep_gb', 10.0, 'The most that recordings take; then, and where the disk is '
                                      'full, the oldest are deleted; 0 keeps all until the disk '
                                      'is full', 'GB', 0, 100_000),
)


@dataclass(frozen=True)
class RecordSettings:
    folder: Path
    mode: str = OFF  # one of MODES
    codec: str = JPEG  # one of CODECS
    topics: tuple[str, ...] = ()
    minutes: float = 10.0  # of a file
    before_s: float = 5.0
    after_s: float = 10.0  # so long after the last find
    keep_bytes: float = 0.0  # 0 for all
    sound_channels: int = 0  # 0 for none
