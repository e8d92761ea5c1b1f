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

"""Remedies that fit the system they are given on."""

from collections.abc import Callable
import os
from pathlib import Path
import pwd
import shlex

ROOT = Path('/')  # where the system is looked at, unless a function is told another place
# What libcamera opens: sensor and ISP, and the memory that pictures are written to.
_DEVICES = ('dev/media*', 'dev/video*', 'dev/dma_heap/*')
_RASPBERRY_PI_OS = 'Raspberry Pi OS'


def system_name(root: Path | None = None) -> str:
    """Return what `/etc/os-release` calls the system: `Ubuntu`, `Debian`, `Raspberry Pi OS`."""
    root = root or ROOT
    if (root / 'etc/rpi-issue').exists():  # its os-release is Debian's
        return _RASPBERRY_PI_OS
    for path in ('etc/os-release', 'usr/lib/os-release'):
        fields = _fields(root / path)
        if fields.get('ID') == 'raspbian':
            return _RASPBERRY_PI_OS
        if fields:
            return fields.get('NAME', fields.get('ID', '')).removesuffix(' GNU/Linux')
    return ''


def how_to_get(package: str, root: Path | None = None) -> str:
    """Return how to install a package of Raspberry Pi OS, as an imperative, for this system."""
    root = root or ROOT
    system = system_name(root)
    if system in ('', _RASPBERRY_PI_OS):
        return f'install it with `sudo apt install {package}`'
    if system != 'Ubuntu' and in_container(root):
        return ("add Raspberry Pi's own archive, archive.raspberrypi.com, to the container's apt "
                f'sources, then `apt install {package}`')
    return (f"{system} has no package {package}: install Raspberry Pi OS; or build Raspberry Pi's "
            'libcamera and rpicam-apps from source, until `rpicam-hello --list-cameras` finds the '
            "camera, and set the parameter 'source' to rpicam")


def in_container(root: Path | None = None) -> bool:
    root = root or ROOT
    return (root / '.dockerenv').exists() or (root / 'run/.containerenv').exists()


def no_camera(root: Path | None = None, may: Callable[[Path], bool] | None = None) -> str:
    """Return why libcamera may find no camera, and what to do, the likeliest first."""
    root, may = root or ROOT, may or _may
    devices = [path for pattern in _DEVICES for path in sorted(root.glob(pattern))]
    closed = [path for path in devices if not may(path)]
    container = in_container(root)
    if closed:
        names = ', '.join(f'/{path.relative_to(root)}' for path in closed[:3])
        more = f' and {len(closed) - 3} more' if len(closed) > 3 else ''
        groups = 'video,render' if (root / 'dev/dma_heap').exists() else 'video'
        remedy = ('give them to the container (`--device`, and `--group-add` with the numbers of '
                  'their groups), or run it with `--privileged`' if container else
                  f'`sudo usermod -aG {groups} {shlex.quote(_user())}`, then log in again')
        return f'no camera found: this user may not open {names}{more}: {remedy}'
    if not any(path.name.startswith('media') for path in devices):
        if container:
            return ('no camera found: there is no /dev/media* in this container: start it with '
                    '`--privileged -v /dev:/dev -v /run/udev:/run/udev:ro`')
        return ('no camera found: the kernel has no /dev/media*: check that '
                '`camera_auto_detect=1` is in /boot/firmware/config.txt, switch the power off, '
                'push the ribbon cable in again at both ends, and start again')
    if not (root / 'run/udev/control').exists() and container:
        return ('no camera found: libcamera needs the /run/udev of the host: start the container '
                'with `-v /run/udev:/run/udev:ro`')
    return ('no camera found: switch the power off, push its ribbon cable in again at both ends, '
            'and see whether `rpicam-hello --list-cameras` finds it')


def _may(path: Path) -> bool:
    return path.is_dir() or os.access(path, os.R_OK | os.W_OK, effective_ids=True)


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container need not know its user
        return str(os.getuid())


def _fields(path: Path) -> dict[str, str]:
    """Return the values of a file like os-release(5); none when it cannot be read."""
    try:
        lines = path.read_text(errors='replace').splitlines()
    except OSError:
        return {}
    fields = {}
    for line in lines:
        name, sign, value = line.partition('=')
        if sign and not name.startswith('#'):
            fields[name.strip()] = value.strip().strip('"\'')
    return fields
