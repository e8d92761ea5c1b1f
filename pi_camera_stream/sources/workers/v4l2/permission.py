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

"""What is said to a user who may not use a device."""

import getpass
import os
import time

from ....core.errors import PermanentError, StreamError, TemporaryError

_NEW_S = 2.0  # how long udev may take to let the group have a device that has just come


def refusal(path: str) -> StreamError:
    """Return it as a PermanentError, or as a TemporaryError where the device has just come."""
    sentence = (f'{getpass.getuser()} may not use {path}: `sudo usermod -aG video $USER`, and log '
                'in again')
    try:
        new = 0 <= time.time() - os.stat(path).st_ctime < _NEW_S
    except OSError:
        new = False
    return TemporaryError(sentence) if new else PermanentError(sentence)
