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

"""What ails this machine: power, heat, Wi-Fi and load, as far as its kernel tells of them."""

from collections.abc import Mapping
from dataclasses import dataclass
import os
from pathlib import Path
import re

_ROOT = Path('/')
# Bits of the firmware's `get_throttled`; those 16 places higher say so of the time since it was
# switched on.
_UNDER_VOLTAGE, _CAPPED, _THROTTLED, _SOFT_LIMIT = 1, 2, 4, 8
_CPU = re.compile(r'cpu|soc|x86_pkg', re.IGNORECASE)
_HOT_C = 80.0  # from which on a Raspberry Pi becomes slower
_WEAK_DBM = -75


@dataclass(frozen=True)
class MachineHealth:
    """What could be read; None where the system does not tell."""

    under_voltage: bool | None = None  # now
    under_voltage_before: bool | None = None  # since it was switched on
    throttled: bool | None = None  # whether the firmware keeps it slow, for whatever reason
    temperature_c: float | None = None  # of the CPU
    wifi_dbm: int | None = None  # of the worst connection
    load: float | None = None  # of the last minute, for each core

    def problems(self) -> list[str]:
        """Return a sentence for each thing that is wrong, with the remedy, the worst first."""
        found = []
        if self.under_voltage:
            found.append('the power supply is too weak (under-voltage): use the official one, and '
                         'a short, thick cable')
        if self.throttled and not self.under_voltage:
            found.append('the processor is throttled: cool it, or use a better power supply')
        if self.temperature_c is not None and self.temperature_c >= _HOT_C:
            found.append(f'the processor is at {self.temperature_c:.0f} °C and slows down: add a '
                         'fan or a heat sink')
        if self.wifi_dbm is not None and self.wifi_dbm <= _WEAK_DBM:
            found.append(f'the Wi-Fi signal is weak ({self.wifi_dbm} dBm): move the robot or the '
                         'access point')
        return found

    def values(self) -> dict[str, object]:
        """Return what is known, by name, for the diagnostics."""
        known = {'under-voltage': _yes(self.under_voltage),
                 'under-voltage since it was switched on': _yes(self.under_voltage_before),
                 'throttled': _yes(self.throttled), 'CPU temperature [degC]': self.temperature_c,
                 'Wi-Fi signal [dBm]': self.wifi_dbm, 'load of each core': self.load}
        return {name: value for name, value in known.items() if value is not None}

    def state(self) -> dict[str, object]:
        """Return what is known, for programs, and the problems."""
        known: Mapping[str, object] = {
            'under_voltage': self.under_voltage, 'throttled': self.throttled,
            'temperature_c': self.temperature_c, 'wifi_dbm': self.wifi_dbm, 'load': self.load}
        return {**{name: value for name, value in known.items() if value is not None},
                'problems': self.problems()}


def read_health(root: Path = _ROOT) -> MachineHealth:
    """Look at this machine, or at a copy of its `sys` and `proc` below `root`."""
    bits, alarm = throttled_bits(root), voltage_alarm(root)
    under_voltage = alarm if bits is None else bool(bits & _UNDER_VOLTAGE) or bool(alarm)
    return MachineHealth(
        under_voltage,
        None if bits is None else bool(bits >> 16 & _UNDER_VOLTAGE),
        None if bits is None else bool(bits & (_CAPPED | _THROTTLED | _SOFT_LIMIT)),
        cpu_temperature_c(root), wifi_dbm(root), load(root))


def throttled_bits(root: Path) -> int | None:
    """Return what a Raspberry Pi's firmware says, on kernels that pass it on."""
    for path in sorted(root.glob('sys/devices/platform/soc*/*firmware/get_throttled')):
        try:
            return int(_read(path), 16)
        except ValueError:
            continue
    return None


def voltage_alarm(root: Path) -> bool | None:
    """Return whether the Raspberry Pi's own supply is too low, as hwmon has it."""
    for folder in sorted(root.glob('sys/class/hwmon/hwmon*')):
        if _read(folder / 'name') == 'rpi_volt':
            text = _read(folder / 'in0_lcrit_alarm')
            return None if text not in ('0', '1') else text == '1'
    return None


def cpu_temperature_c(root: Path) -> float | None:
    """Return the temperature of the warmest zone of the CPU."""
    found = [_integer(zone / 'temp') for zone in root.glob('sys/class/thermal/thermal_zone*')
             if _CPU.search(_read(zone / 'type'))]
    return max((milli / 1000 for milli in found if milli is not None), default=None)


def wifi_dbm(root: Path) -> int | None:
    """Return the level of the weakest connection; None without Wi-Fi, or not connected."""
    levels = []
    for line in _read(root / 'proc/net/wireless').splitlines()[2:]:
        words = line.split()
        if len(words) > 3 and words[0].endswith(':'):
            try:
                level = round(float(words[3]))
            except ValueError:
                continue
            if -120 < level < 0:  # others are not in dBm, or there is no connection
                levels.append(level)
    return min(levels, default=None)


def load(root: Path) -> float | None:
    words = _read(root / 'proc/loadavg').split()
    try:
        return round(float(words[0]) / (os.cpu_count() or 1), 2)
    except (ValueError, IndexError):
        return None


def _yes(value: bool | None) -> str | None:
    return None if value is None else 'yes' if value else 'no'


def _integer(path: Path) -> int | None:
    try:
        return int(_read(path))
    except ValueError:
        return None


def _read(path: Path) -> str:
    try:
        return path.read_text(errors='replace').strip()
    except OSError:
        return ''
