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

"""By which name a V4L2 camera is found again, whatever number it has when it returns."""

from pathlib import Path

DEVICES = Path('/sys/class/video4linux')  # where the kernel lists what has to do with video


def lasting_path(path: str, devices: Path | None = None) -> str:
    """
    Return what leads to the camera `path` when it has been plugged in again.

    That is udev's link with its model and serial number; or, where another camera has the same
    two, that of the port it is plugged into: its link would lead to the other one, then. A link
    that somebody has chosen is kept, and so is a device without one.
    """
    device = Path(path).resolve()
    twin = _has_twin(device.name, devices or DEVICES)
    if Path(path).is_symlink() and not (twin and Path(path).parent.name == 'by-id'):
        return path
    for kind in ('by-path',) if twin else ('by-id', 'by-path'):
        for link in sorted((device.parent / 'v4l' / kind).glob('*')):
            if link.resolve() == device:
                return str(link)
    return path


def read_line(path: Path) -> str:
    """Return what the kernel says there; nothing where there is no such file."""
    try:
        return path.read_text().strip()
    except OSError:
        return ''


def _has_twin(name: str, devices: Path) -> bool:
    own = _identity(devices / name)
    return any(own) and any(own == _identity(other) for other in devices.glob('video*')
                            if other.name != name)


def _identity(device: Path) -> tuple[str, ...]:
    interface = (device / 'device').resolve()
    if not (interface.parent / 'idVendor').exists():  # it is none on a USB bus
        return ()
    usb = interface.parent
    return (read_line(usb / 'idVendor'), read_line(usb / 'idProduct'), read_line(usb / 'serial'),
            read_line(interface / 'bInterfaceNumber'), read_line(device / 'index'))
