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

"""What travels of sound, and how it is handed to all who listen."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
import threading
from typing import Protocol

OPUS = 'opus'
RATE = 48_000  # samples a second
CHANNELS = 1
SAMPLE_BYTES = 2  # of PCM
PACKET_NS = 10_000_000
PACKET_SAMPLES = 480


@dataclass(frozen=True, eq=False)
class SoundPacket:
    """
    Ten milliseconds of sound, by themselves decodable: 48 kHz, one channel.

    Attributes
    ----------
    data
        One packet of Opus (RFC 6716), or the samples themselves (PCM: signed, 16 bits, little
        endian), as the feed has it; one string, shared by all who read it.
    stamp_ns
        When the first sample in it, of Opus the first that a decoder makes of it, was taken, on
        the clock of the pictures' stamps.
    sequence
        Counts tens of milliseconds from 1: as many packets are missing as it leaves out.
    duration_ns
        How much sound it is.

    """

    data: bytes
    stamp_ns: int
    sequence: int
    duration_ns: int = PACKET_NS

    def age_s(self, now_ns: int) -> float:
        """Return the seconds since its first sample; `now_ns` is read from the stamps' clock."""
        return (now_ns - self.stamp_ns) / 1e9


Hear = Callable[[SoundPacket], None]
"""Takes each packet in the thread that encodes; must return at once."""


class SoundFeed:
    """Hand each packet to all who listen. Any thread may call any method."""

    def __init__(self, on_demand: Callable[[bool], None]) -> None:
        """`on_demand` hears whether anybody listens; it must return at once, and not call back."""
        self._on_demand = on_demand
        self._lock = threading.Lock()
        self._listeners: tuple[Hear, ...] = ()  # replaced, never changed

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    def listen(self, hear: Hear) -> Callable[[], None]:
        """Let `hear` have all packets from now on; return what ends that."""
        def own(packet: SoundPacket) -> None:
            hear(packet)

        with self._lock:
            self._change((*self._listeners, own))

        def leave() -> None:
            with self._lock:
                self._change(tuple(one for one in self._listeners if one is not own))

        return leave

    def hand_out(self, packet: SoundPacket) -> None:
        for hear in self._listeners:
            hear(packet)

    def _change(self, listeners: tuple[Hear, ...]) -> None:
        changed, self._listeners = bool(listeners) != bool(self._listeners), listeners
        if changed:
            self._on_demand(bool(listeners))


class SoundSource(Protocol):
    """Where sound comes from, as those know it who hand it on."""

    @property
    def feed(self) -> SoundFeed: ...

    @property
    def reason(self) -> str:
        """Why there is no sound, and what helps; empty where there is, or nobody listens."""

    def state(self) -> Mapping[str, object]:
        """Return what `/state` says of it."""


class SoundBuffer:
    """
    The newest packets that one listener has not taken yet. One thread puts and takes.

    Late sound is worth nothing: what does not fit pushes out the oldest, counted in `dropped`.
    """

    def __init__(self, most: int) -> None:
        self._packets: deque[SoundPacket] = deque(maxlen=most)
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._packets)

    def put(self, packet: SoundPacket) -> None:
        self.dropped += len(self._packets) == self._packets.maxlen
        self._packets.append(packet)

    def take(self) -> SoundPacket | None:
        return self._packets.popleft() if self._packets else None
