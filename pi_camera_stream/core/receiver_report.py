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


"""What a receiver of a topic tells its publisher: how many pictures arrive, and how late."""

from dataclasses import asdict, dataclass
import json
import statistics
import threading

from .json_object import integer, name, natural, read_fields

_SCHEMA = {'receiver': name, 'network': name, 'last_stamp_ns': natural, 'frames': natural,
           'size_bytes': natural, 'delay_ns': integer}


@dataclass(frozen=True)
class ReceiverReport:
    """
    What arrived since the last report.

    Clocks need not agree: the publisher knows when it sent what, and looks at changes of the delay
    only.

    Attributes
    ----------
    receiver
        Name of the receiver, different from all others.
    network
        Name of the machine's network stack: pictures do not leave the machine on their way to a
        receiver with the publisher's own.
    last_stamp_ns
        Stamp of the picture that arrived last; 0 before the first one.
    frames
        How many arrived.
    size_bytes
        How large they were together.
    delay_ns
        Median of arrival (by the receiver's clock) minus stamp; 0 when none arrived.

    """

    receiver: str
    network: str
    last_stamp_ns: int
    frames: int
    size_bytes: int
    delay_ns: int

    def to_json(self) -> str:
        """Return it as one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> 'ReceiverReport':
        """
        Read one.

        Raises
        ------
        ValueError
            It is none.

        """
        return cls(**read_fields(text, _SCHEMA))


class ReportBuilder:
    """
    Count what arrives between two reports.

    One thread adds, any other may ask for the report.
    """

    def __init__(self, receiver: str, network: str) -> None:
        self._receiver, self._network = receiver, network
        self._lock = threading.Lock()
        self._last_stamp_ns = 0
        self._size_bytes = 0
        self._delays_ns: list[int] = []  # bounded: a report takes them

    def add(self, stamp_ns: int, arrived_ns: int, size_bytes: int) -> None:
        """Note a picture."""
        with self._lock:
            self._last_stamp_ns = stamp_ns
            self._size_bytes += size_bytes
            self._delays_ns.append(arrived_ns - stamp_ns)

    def report(self) -> ReceiverReport:
        """Return what came since the last call."""
        with self._lock:
            delays_ns, self._delays_ns = self._delays_ns, []
            size_bytes, self._size_bytes = self._size_bytes, 0
            return ReceiverReport(
                self._receiver, self._network, self._last_stamp_ns, len(delays_ns), size_bytes,
                round(statistics.median(delays_ns)) if delays_ns else 0)
