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
The process of all viewers of one server: they take in what comes, and note its age.

Its argument is a ClientConfig as JSON, its result a file of JSON. By the steady load, they come
all at once and stay; by the churn load, they come and go.
"""

from collections.abc import Sequence
from dataclasses import asdict
import heapq
import json
from pathlib import Path
from random import Random
import sys
import time

from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.core.shutdown_signals import end_at_once

from .client_pool import ClientConfig, ClientPool
from .record import Record
from ..common import proc
from ..common.viewer import Viewer

_SETTLE_S = 8.0  # after the last one has left: the bridge unsubscribes after 5 s
_STAY_S = (0.2, 2.0)
_ABRUPTLY = 0.3  # the share of those who leave without a word
_SEED = 1
_ROUND_S = 0.05


def steady_load(pool: ClientPool, config: ClientConfig, viewers: Sequence[int] = ()
                ) -> dict[str, object]:
    """
    Watch for the time that is told; return what was measured after the warm-up.

    `viewers` are those who watch already, instead of newcomers.

    Raises
    ------
    PermanentError
        Nobody has got a picture.

    """
    viewers = viewers or [pool.connect().number for _ in range(config.viewers)]
    for _ in range(config.stuck):
        pool.connect(stuck=True)
    pool.run_until(time.monotonic() + config.warm_up_s)
    pool.record = Record()
    clock = proc.CpuClock(proc.with_children(
        {'server': config.server_pid, **config.helper_pids}))
    started_s = time.monotonic()
    pool.run_until(started_s + config.seconds)
    cpu_s, busy, span_s = clock.used_s(), clock.busy(), time.monotonic() - started_s
    figures = pool.record.figures(viewers, span_s)
    if not figures.frames:
        reason = next(iter(pool.lost), 'the server sends none')
        raise PermanentError(f'no viewer has received a frame: {reason}')
    return {**asdict(figures), 'cpu_ms_per_frame': cpu_s['server'] * 1e3 / figures.frames,
            'cpu_percent': cpu_s['server'] * 100 / span_s,
            **asdict(proc.snapshot(config.server_pid)), 'span_s': span_s, 'cpu_s': cpu_s,
            'machine_busy': busy, 'lost': dict(pool.lost)}


def churn_load(pool: ClientPool, config: ClientConfig) -> dict[str, object]:
    """
    Keep the number of viewers while they come and go; return what it did to the server.

    It is looked at before (so long after its first viewer has left, that everything which is made
    once is there and everything else has gone), in the middle, and after the last has left.
    """
    pool.run_until(time.monotonic() + _SETTLE_S)
    before = proc.snapshot(config.server_pid)
    pool.record = Record()
    for _ in range(config.stuck):
        pool.connect(stuck=True)
    started_s = time.monotonic()
    departures = _Departures(pool, config.viewers)
    departures.keep_going(started_s + config.seconds / 2)
    middle = proc.snapshot(config.server_pid)
    departures.keep_going(started_s + config.seconds)
    pool.disconnect_all()
    span_s = time.monotonic() - started_s
    pool.run_until(time.monotonic() + _SETTLE_S)
    after = proc.snapshot(config.server_pid)
    # Viewers have no figures of their own here: none stays for long. The ages count.
    figures = pool.record.figures(range(config.viewers), span_s)
    return {'connections': pool.connections, 'lost': dict(pool.lost),
            'frames': figures.frames, 'age_median_ms': figures.age_median_ms,
            'age_p95_ms': figures.age_p95_ms, 'age_max_ms': figures.age_max_ms, 'span_s': span_s,
            'before': asdict(before), 'middle': asdict(middle), 'after': asdict(after),
            'sockets_came_back': after.sockets <= before.sockets}


class _Departures:
    """Who leaves when, by a fixed seed, and the newcomers in their place."""

    def __init__(self, pool: ClientPool, viewers: int) -> None:
        self._pool = pool
        self._viewers = viewers
        self._random = Random(_SEED)  # noqa: S311 - no secret
        self._next: list[tuple[float, int, Viewer]] = []

    def keep_going(self, until_s: float) -> None:
        """Let viewers come and go until then (time.monotonic)."""
        while (now_s := time.monotonic()) < until_s:
            for _ in range(self._viewers - len(self._pool.connected)):
                viewer = self._pool.connect()
                stay_s = self._random.uniform(*_STAY_S)
                heapq.heappush(self._next, (now_s + stay_s, viewer.number, viewer))
            self._pool.run_until(min(until_s, now_s + _ROUND_S, self._next[0][0]))
            while self._next and self._next[0][0] <= time.monotonic():
                _, number, viewer = heapq.heappop(self._next)
                if number in self._pool.connected:  # not one that the server has turned away
                    self._pool.disconnect(viewer, self._random.random() < _ABRUPTLY)


def main() -> int:
    """Do what is told; return 1 with one sentence when it cannot be done."""
    end_at_once()
    config = ClientConfig(**json.loads(sys.argv[1]))
    pool = ClientPool((config.address, config.port), config.path)
    load = churn_load if config.churn else steady_load
    try:
        pool.wait_for_picture()
        result = load(pool, config)
    except (PermanentError, OSError) as error:  # the latter: the server's process has gone
        print(f'viewers: error: {error}', file=sys.stderr)
        return 1
    Path(config.result).write_text(json.dumps(result))
    return 0


if __name__ == '__main__':
    sys.exit(main())
