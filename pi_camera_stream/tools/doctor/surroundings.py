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

"""What is seen of the network and of ROS while we watch; several checks look at it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
import os
from pathlib import Path
import time
from typing import TYPE_CHECKING

from .announcements import Listener, Local, local_domains, Participant
from .environment import leaves_machine
from .modules import rclpy_failure
from ...core.clock_offset import Offset

if TYPE_CHECKING:
    from ...nodes.ros_session import ImageTopic

_UDP, _SNMP = Path('/proc/net/udp'), Path('/proc/net/snmp')


@dataclass
class Seen:
    """
    What was seen.

    Attributes
    ----------
    local
        ROS domains in use on this machine, before we came.
    announced
        Which participants announced themselves in which domain.
    deaf
        Why announcements cannot be heard; empty when they can.
    topics
        The picture topics in our domain.
    clocks
        How far the clocks of cameras are ahead of ours, by node.
    failure
        Why ROS does not start; empty when it does.
    counters_before, counters_after
        The kernel's, by protocol and name.

    """

    local: Mapping[int, Local] = field(default_factory=dict)
    announced: Mapping[int, set[Participant]] = field(default_factory=dict)
    deaf: str = ''
    topics: 'list[ImageTopic]' = field(default_factory=list)
    clocks: Mapping[str, Offset] = field(default_factory=dict)
    failure: str = ''
    counters_before: Mapping[tuple[str, str], int] = field(default_factory=dict)
    counters_after: Mapping[tuple[str, str], int] = field(default_factory=dict)


class Surroundings:
    """Watches once, when the first check asks for it, and tells all of them the same."""

    def __init__(self) -> None:
        self._seen: Seen | None = None

    def observe(self, seconds: float) -> Seen:
        """Return what is seen in that time."""
        if self._seen is None:
            self._seen = _observe(seconds)
        return self._seen


def _observe(seconds: float) -> Seen:
    seen, listener = Seen(), Listener()
    seen.local = local_domains(_read(_UDP))
    seen.counters_before = counters(_read(_SNMP))
    until_s = time.monotonic() + seconds
    if leaves_machine(os.environ):  # or else nothing may go to the network
        listener.start()
    try:
        # Without the middleware that it wants, rclpy ends the process that imports it.
        seen.failure = rclpy_failure()
        if not seen.failure:
            try:
                from ...nodes.ros_session import discover
                seen.topics, seen.clocks = discover(seconds)
            except Exception as error:
                seen.failure = str(error) or type(error).__name__
        time.sleep(max(0.0, until_s - time.monotonic()))
    finally:
        listener.stop()
    seen.announced, seen.deaf = listener.found, listener.failure
    seen.counters_after = counters(_read(_SNMP))
    return seen


def counters(table: str) -> dict[tuple[str, str], int]:
    """Return the numbers of /proc/net/snmp by protocol and name."""
    found = {}
    lines = table.splitlines()
    for names, values in zip(lines[::2], lines[1::2], strict=False):
        protocol, *columns = names.split()
        for column, value in zip(columns, values.split()[1:], strict=False):
            found[protocol.rstrip(':'), column] = int(value)
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ''
