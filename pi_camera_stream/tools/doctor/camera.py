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

"""Which camera there is, as the source `auto` looks for it."""

from collections.abc import Iterator
import os
from pathlib import Path
import shutil
import sys

from . import Finding, Options

_HELLO = ('rpicam-hello', 'libcamera-hello')


def check_camera(_: Options) -> Iterator[Finding]:
    yield from find_cameras()


def find_cameras(devices: Path | None = None, folder: Path = Path('/dev')) -> Iterator[Finding]:
    """Look for cameras where the kernel lists them, and for their files in `folder`."""
    try:
        from ...core.errors import PermanentError
        from ...sources.auto import find_camera
        from ...sources.base import SourceSettings
        from ...sources.picamera2 import find_python
    except ImportError as error:
        yield Finding('broken', f'cannot look for cameras ({error})',
                      'install what is BROKEN above')
        return
    try:
        settings = find_camera(SourceSettings(), devices, folder)
    except PermanentError as error:
        sentence, _, remedy = str(error).partition('. ')
        yield Finding('broken', f'found a Raspberry Pi camera, but {sentence}', remedy)
        return
    if settings is None:
        yield from _none(folder)
    elif settings.source == 'v4l2':
        yield from _usb(Path(settings.path))
    else:
        python = find_python('') if settings.source == 'picamera2' else sys.executable
        under = '' if python == sys.executable else f', whose driver runs under {python}'
        yield Finding('ok', f'found a Raspberry Pi camera: source:={settings.source}{under}')
        yield from _permission(next(iter(sorted(folder.glob('media*'))), None))


def _usb(path: Path) -> Iterator[Finding]:
    device = path.resolve()
    stays = '' if path == device else f', which is {device} now; this name stays the same'
    yield Finding('ok', f'found a USB camera: source:=v4l2 path:={path}{stays}')
    yield from _permission(device)


def _none(folder: Path) -> Iterator[Finding]:
    devices = sorted(folder.glob('video[0-9]*'))
    hello = next(filter(None, map(shutil.which, _HELLO)), 'rpicam-hello')
    yield Finding('note', 'found neither a Raspberry Pi camera nor a USB camera: source:=auto '
                          'shows the test pattern, NO CAMERA',
                  'switch the power off and push the ribbon cable in at both ends, or plug the '
                  f'USB camera in; `{Path(hello).name} --list-cameras` or `ls /dev/v4l/by-id` '
                  'should show it')
    yield from _permission(devices[0] if devices else None)


def _permission(device: Path | None) -> Iterator[Finding]:
    if device is not None and not os.access(device, os.R_OK | os.W_OK):
        yield Finding('broken', f'this user may not use {device}',
                      'sudo usermod -aG video $USER, then log out and in again')
