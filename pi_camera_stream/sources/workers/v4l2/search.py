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

"""Which of the devices in /dev are cameras."""

from collections.abc import Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import re

from . import api
from .modes import can_read, read_modes
from .permission import refusal
from ....core.errors import TemporaryError

# Devices of a Raspberry Pi that have pictures to give only when a program has set up the rest of
# the way: codecs, image processors, and what receives the data of a ribbon cable.
PARTS = ('bcm2835-codec', 'bcm2835-isp', 'pispbe', 'rp1-cfe', 'unicam', 'rpi-hevc-dec', 'rpivid')


def find_cameras(folder: str) -> list[str]:
    """
    Return the cameras in a folder, those on a USB bus first; others are left out.

    Raises TemporaryError when there is none, PermanentError when this user may not know.
    """
    found: list[tuple[bool, int, str]] = []
    refused: PermissionError | None = None
    others = []
    for path in Path(folder).glob('video*'):
        if not (number := re.fullmatch(r'video(\d+)', path.name)):
            continue
        try:
            name, on_usb, is_camera = _look_at(str(path))
        except PermissionError as error:
            refused = error
            continue
        except OSError:  # it has just gone, or is of another kind
            continue
        if is_camera:
            found.append((not on_usb, int(number[1]), str(path)))
        else:
            others.append(f'{path} is {name}')
    if found:
        return [path for _, _, path in sorted(found)]
    if refused is not None:
        raise refusal(str(refused.filename))
    told = f' ({", ".join(sorted(others))}: no cameras)' if others else ''
    raise TemporaryError(f'found no camera in {folder}{told}: plug one in, or set the parameter '
                         "'source' to picamera2 for a Raspberry Pi camera")


def capabilities(fd: int) -> tuple[api.Capability, int]:
    """Return what the driver says, and the capabilities of this very device."""
    capability = api.Capability()
    api.call(fd, api.QUERYCAP, capability)
    return capability, (capability.device_caps if capability.capabilities & api.HAS_DEVICE_CAPS
                        else capability.capabilities)


def text(field: bytes) -> str:
    return field.decode(errors='replace')


def _look_at(path: str) -> tuple[str, bool, bool]:
    """Return its name, whether it is on a USB bus, and whether it is a camera."""
    with _opened(path) as fd:
        capability, can = capabilities(fd)
        name = text(capability.card)
        on_usb = text(capability.bus_info).startswith('usb-')
        part = text(capability.driver).startswith(PARTS) or name.startswith(PARTS)
        captures = can & api.CAN_CAPTURE and can & api.CAN_STREAM
        if part or not captures or can & (api.CAN_CONVERT | api.NEEDS_MEDIA_CONTROLLER):
            return name, on_usb, False
        return name, on_usb, any(can_read(mode) for mode in read_modes(fd))


@contextmanager
def _opened(path: str) -> Iterator[int]:
    fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)
