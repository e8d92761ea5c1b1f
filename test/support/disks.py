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

"""Disks that are small, slow or read-only, for tests."""

from contextlib import contextmanager
import subprocess


@contextmanager
def small_disk(folder, size_bytes, missing):
    """Let a folder be a disk of that size; yield a function that makes it read-only, or not."""
    folder.mkdir()
    mounted = subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={size_bytes}', 'none', folder],
                             capture_output=True, text=True)
    if mounted.returncode:
        missing(f'a small disk cannot be made ({mounted.stderr.strip()})')

    def set_writable(writable):
        subprocess.run(['mount', '-o', f'remount,{"rw" if writable else "ro"}', folder],
                       check=True)

    try:
        yield set_writable
    finally:
        subprocess.run(['umount', '--lazy', folder], check=True)
