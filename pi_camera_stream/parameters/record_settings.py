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

"""What is recorded, and where, read from the bridge's parameters."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..core.errors import PermanentError
from ..recording.settings import OFF, RecordSettings

_GB = 1e9


def read_recording(value: Callable[[str], Any]) -> RecordSettings | None:
    """Return it, or None where nothing is; PermanentError where parameters make no sense."""
    folder = str(value('record_folder')).strip()
    if not folder:
        if value('record') != OFF:
            raise PermanentError(f"'record' is {value('record')}, but there is no folder for it: "
                                 "set 'record_folder', too")
        return None
    try:
        path = Path(folder).expanduser().absolute()
    except RuntimeError as error:  # nobody knows where the home is
        raise PermanentError(f"'record_folder' is '{folder}', but there is no such home: write "
                             'the whole path') from error
    return RecordSettings(
        path, value('record'), value('record_codec'),
        tuple(word.strip() for word in value('record_topics').split(',') if word.strip()),
        float(value('record_minutes')), float(value('record_before_s')),
        float(value('record_after_s')), float(value('record_keep_gb')) * _GB)
