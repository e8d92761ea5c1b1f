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
    Parameter('record_folder', '', 'Folder for recordings; empty: no recording'),
    Parameter('record', OFF, 'When to record: `always`; `motion`: while a processor `motion` '
                             'finds something; `ready` and `off`: when turned on by the '
                             'service `record` or the page, `ready` with the last seconds '
                             'before that', choices=MODES, live=True),
    Parameter('record_topics', '', "Topics to record, separated by commas; empty: the bridge's "
                                   'own, and in `serve` all cameras'),
    Parameter('record_codec', JPEG, 'How frames are recorded: `jpeg`, as they arrive, or `h264`, '
                                    'as viewers get it', choices=CODECS),
    Parameter('record_minutes', 10.0, 'Length of a file', 'min', 0.1, 1440),
    Parameter('record_before_s', 5.0, 'How much to keep from before a recording begins, if '
                                      '`record` is `ready` or `motion`', 's', 0, 60),
    Parameter('record_after_s', 10.0, 'How long to go on recording after the last motion', 's', 1,
              3600),
    Parameter('record_keep_gb', 10.0, 'Maximum size of all recordings; beyond it, and when the '
                                      'disk is full, the oldest are deleted; 0: keep all until '
                                      'the disk is full', 'GB', 0, 100_000),
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
