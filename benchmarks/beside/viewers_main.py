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

"""
The process of all viewers of JPEGs of one program. Its argument is a Watching as JSON.

It writes what `load.client_main` tells of steady viewers, and some of the pictures, as they came.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
import json
from pathlib import Path
import sys
import time

from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.core.shutdown_signals import end_at_once

from .camera import FPS
from .parser import MarkedParser
from ..common import proc
from ..load.client_main import steady_load
from ..load.client_pool import ClientConfig, ClientPool

KEPT = 24  # pictures that are looked at afterwards
_FIRST_S, _POLL_S = 20.0, 0.05
_BETWEEN_S = 0.01  # two who come


@dataclass(frozen=True)
class Watching:
    """
    What the viewers do.

    Attributes
    ----------
    stream, single
        As a Program has them.

    """

    client: ClientConfig
    stream: str
    single: bool

    def words(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> 'Watching':
        told = json.loads(text)
        return cls(**{**told, 'client': ClientConfig(**told['client'])})


class Keeper:
    """Every so many-th picture, now of the one viewer, now of the other."""

    def __init__(self, viewers: int, seconds: float) -> None:
        self.pictures: list[bytes] = []
        self.begun = False
        self._every = int(viewers * seconds * FPS / KEPT) | 1  # odd, so that all have their turn
        self._came = 0

    def ask(self) -> Callable[[bytes], None] | None:
        """Be told that a picture begins; return what is to be done with it, if it is kept."""
        self._came += self.begun
        return None if not self.begun or self._came % self._every else self.pictures.append


def watch(told: Watching) -> None:
    """Watch, and write what was measured, before anybody leaves."""
    config = told.client
    keeper = Keeper(config.viewers, config.seconds)
    pool = ClientPool(
        (config.address, config.port), config.path,
        lambda _: MarkedParser(told.stream == 'stamped', told.stream != 'tcp', keeper.ask))
    viewers: list[int] = []
    if told.single:
        _wait_for_the_one(pool)
        viewers = list(pool.connected)
    else:
        pool.wait_for_picture()
        viewers = _come(pool, config.viewers)
    keeper.begun = True
    result = steady_load(pool, config, viewers)
    for number, picture in enumerate(keeper.pictures[-KEPT:]):
        Path(f'{config.result}.{number}.jpg').write_bytes(picture)
    pids = proc.with_children({'server': config.server_pid, **config.helper_pids})
    result['memory_mb'] = sum(proc.snapshot(pid).rss_mb for pid in pids.values())
    Path(config.result).write_text(json.dumps(result))


def _come(pool: ClientPool, viewers: int) -> list[int]:
    """Let them come one after the other: some programs let but few wait to be let in."""
    numbers = []
    for _ in range(viewers):
        numbers.append(pool.connect().number)
        pool.run_until(time.monotonic() + _BETWEEN_S)
    return numbers


def _wait_for_the_one(pool: ClientPool) -> None:
    """Return when the only viewer whom the program lets in has got a picture."""
    until_s = time.monotonic() + _FIRST_S
    while not pool.record.frames:
        if time.monotonic() > until_s:
            raise PermanentError('no picture came from the server')
        if not pool.connected:
            pool.connect()
        pool.run_until(time.monotonic() + _POLL_S)
    pool.lost.clear()


def main() -> int:
    """Do what is told; return 1 with one sentence when it cannot be done."""
    end_at_once()
    told = Watching.read(sys.argv[1])
    try:
        watch(told)
    except (PermanentError, OSError) as error:  # the latter: the server's process has gone
        print(f'viewers: error: {error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
