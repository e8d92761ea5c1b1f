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

"""What is wrong with a disk, in one sentence with the remedy."""

import errno
from pathlib import Path

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def explain(error: OSError, folder: Path, keeps_all: bool) -> str:
    """Return it; `keeps_all` is whether no old recordings are deleted."""
    if error.errno is None:  # ours, in words
        return f'{error}: recording goes on in a new one'
    if error.errno in FULL:
        return f"the disk of '{folder}' is full: " + (
            "delete recordings, or let 'record_keep_gb' delete the oldest ones" if keeps_all else
            'free some space: there is no older recording to delete')
    if error.errno == errno.EROFS:
        return (f"the disk of '{folder}' is read-only: mount it for writing (mount -o remount,rw);"
                ' if it was writable before, it is failing: replace it')
    if error.errno in (errno.EACCES, errno.EPERM):
        return (f"no permission to write to '{folder}': give this account that folder (chown), or "
                "set 'record_folder' to another one")
    if error.errno == errno.ENOENT:
        return (f"there is no folder '{folder}', and it cannot be created: plug its disk in, or "
                f"create '{folder.parent}'")
    if error.errno == errno.ENOTDIR:
        return f"'{folder}' is not a folder: set 'record_folder' to one"
    if error.errno == errno.EIO:
        return f"the disk of '{folder}' is failing ({error.strerror}): replace it"
    return f"cannot write to '{folder}': {error.strerror or error}"
