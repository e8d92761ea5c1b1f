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

"""What Linux tells of a process and of the machine, by proc(5)."""

from collections.abc import Mapping
from dataclasses import dataclass
import os
from pathlib import Path
import platform
import time

_TCP = Path('/proc/sys/net/ipv4')
_TICKS = os.sysconf('SC_CLK_TCK')  # a second


@dataclass(frozen=True)
class Snapshot:
    """
    A process at one moment.

    Attributes
    ----------
    rss_mb, peak_mb
        Resident memory now (VmRSS), and the most there ever was (VmHWM), in MB of 2**20 bytes.

    """

    sockets: int
    threads: int
    rss_mb: float
    peak_mb: float


def snapshot(pid: int) -> Snapshot:
    """Return what a process has at present."""
    status = dict(line.split(':', 1) for line in
                  Path(f'/proc/{pid}/status').read_text().splitlines() if ':' in line)
    return Snapshot(_sockets(pid), int(status['Threads']), _mb(status['VmRSS']),
                    _mb(status['VmHWM']))


def cpu_s(pid: int) -> float:
    """Return the CPU seconds that all threads of a process have used."""
    fields = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def thread_cpu_s(pid: int) -> dict[int, tuple[str, float]]:
    """Return the names of the threads that a process has, by their numbers, and their CPU s."""
    used = {}
    for folder in Path(f'/proc/{pid}/task').iterdir():
        try:
            front, _, behind = (folder / 'stat').read_text().rpartition(')')
        except (FileNotFoundError, ProcessLookupError):  # it has ended in the meantime
            continue
        fields = behind.split()
        used[int(folder.name)] = (front.partition('(')[2],
                                  (int(fields[11]) + int(fields[12])) / _TICKS)
    return used


def with_children(pids: Mapping[str, int]) -> dict[str, int]:
    """Return processes with their children, and those of these; by name."""
    found = dict(pids)
    for name, pid in pids.items():
        for task in Path(f'/proc/{pid}/task').iterdir():
            children = {f'{name}/{child}': int(child)
                        for child in (task / 'children').read_text().split()}
            found |= with_children(children)
    return found


def machine_cpu_s() -> tuple[float, float]:
    """Return the seconds that all cores together were busy, and those that there were."""
    line = Path('/proc/stat').read_text().splitlines()[0]
    user, nice, system, idle, iowait, *rest = (int(field) for field in line.split()[1:9])
    busy = user + nice + system + sum(rest)
    return busy / _TICKS, (busy + idle + iowait) / _TICKS


class CpuClock:
    """Who uses how much CPU time from now on, this process included."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._pids = pids
        self._began_s = self._read()
        self._machine_began_s = machine_cpu_s()

    def used_s(self) -> dict[str, float]:
        """Return the CPU seconds by name; `viewers` is this process."""
        return {name: now_s - self._began_s[name] for name, now_s in self._read().items()}

    def busy(self) -> float:
        """Return how busy all cores together were, 0 to 1."""
        busy_s, all_s = (now - began for now, began in zip(machine_cpu_s(), self._machine_began_s,
                                                           strict=True))
        return busy_s / all_s if all_s else 0.0

    def _read(self) -> dict[str, float]:
        return {**{name: cpu_s(pid) for name, pid in self._pids.items()},
                'viewers': time.process_time()}


def machine() -> dict[str, object]:
    """Describe the machine that is measured on."""
    return {
        'cpu': _cpu_model(),
        'cores': len(os.sched_getaffinity(0)),
        'kernel': platform.release(),
        'python': platform.python_version(),
        'load_1_min': round(os.getloadavg()[0], 2),
    }


def congestion_control() -> str:
    """Return how new TCP connections react to congestion, here and in new namespaces."""
    return (_TCP / 'tcp_congestion_control').read_text().strip()


def congestion_controls() -> list[str]:
    """Return what else there is."""
    return (_TCP / 'tcp_available_congestion_control').read_text().split()


def _sockets(pid: int) -> int:
    count = 0
    for entry in os.scandir(f'/proc/{pid}/fd'):
        try:
            count += os.readlink(entry.path).startswith('socket:')
        except FileNotFoundError:  # closed in the meantime
            pass
    return count


def _mb(text: str) -> float:
    return int(text.split()[0]) / 1024


def _cpu_model() -> str:
    for line in Path('/proc/cpuinfo').read_text().splitlines():
        name, _, value = line.partition(':')
        if name.strip() in ('model name', 'Model'):  # PC, Raspberry Pi
            return value.strip()
    return platform.machine()
