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

"""A scenario: one server, its pictures and its viewers; all end with it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
import json
from pathlib import Path
import sys
import threading
from typing import Any

from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.tools.children import Children

from .client_pool import ClientConfig
from ..common.networks import cable, free_port, loopback, Route

Programs = dict[str, list[str]]  # by name
_POLL_S = 0.05
_ROOM = 20  # viewers more than there are, for those who leave and have not gone yet


@dataclass(frozen=True)
class Scenario:
    """
    What all servers are measured with.

    Attributes
    ----------
    folder
        With the pictures, and room for results.
    link_bps, congestion
        None for the loopback device, and for what the system has.
    query
        What is asked for behind our servers' address.

    """

    folder: Path
    fps: float
    viewers: int
    stuck: int
    churn: bool
    warm_up_s: float
    seconds: float
    link_bps: int | None
    congestion: str | None
    rtt_ms: float
    query: str


def bridge_programs(scenario: Scenario, address: str, port: int) -> Programs:
    """Return what shows the stream by the bridge."""
    ros = ['--ros-args', '--log-level', 'warn']
    most = scenario.viewers + scenario.stuck + _ROOM
    return {
        'bridge': [sys.executable, '-m', 'pi_camera_stream', 'bridge', *ros,
                   '-p', f'address:={address}', '-p', f'port:={port}',
                   '-p', f'max_viewers:={most}', '-p', f'max_viewers_per_address:={most}'],
        'stream': [*_program('programs.stamped_stream'), *_source(scenario), *ros],
    }


def serve_programs(scenario: Scenario, address: str, port: int) -> Programs:
    """Return what shows the same pictures, from a pipe, without ROS."""
    most = str(scenario.viewers + scenario.stuck + _ROOM)
    return {'serve': [
        *_program('programs.piped'), *_source(scenario),
        sys.executable, '-m', 'pi_camera_stream', 'serve', '--source', 'stdin',
        '--address', address, '--port', str(port), '--fps', str(scenario.fps),
        '--max-viewers', most, '--max-viewers-per-address', most]}


def other_programs(server: str) -> Callable[[Scenario, str, int], Programs]:
    """Return how to show the same by a program of ours that is there to be compared with."""
    def programs(scenario: Scenario, address: str, port: int) -> Programs:
        return {server: [*_program(f'load.{server}_server'), *_source(scenario),
                         '--address', address, '--port', str(port)]}
    return programs


SERVERS: dict[str, Callable[[Scenario, str, int], Programs]] = {
    'bridge': bridge_programs, 'serve': serve_programs, 'bare': other_programs('bare'),
    'reference': other_programs('reference')}
_OURS = 'bridge', 'serve'


def run_scenario(server: str, scenario: Scenario, stopping: threading.Event) -> dict[str, Any]:
    """
    Run one server and its viewers; return what the viewers' process tells, and the route.

    Raises
    ------
    PermanentError
        Something does not run.
    KeyboardInterrupt
        `stopping` was set.

    """
    result = scenario.folder / f'{server}.json'
    with _route(scenario) as route, running(stopping) as programs:
        port = free_port()
        for name, command in SERVERS[server](scenario, route.address, port).items():
            programs.start(name, [*route.server, *command])
        path = '/stream.mjpg'
        if server in _OURS and scenario.query:
            path += f'?{scenario.query}'
        pids = programs.pids()
        config = ClientConfig(
            route.address, port, path, scenario.viewers, scenario.stuck, scenario.warm_up_s,
            scenario.seconds, scenario.churn, pids.pop(server), pids, str(result))
        programs.start('viewers', [*route.viewers, *_program('load.client_main'),
                                   json.dumps(asdict(config))])
        programs.wait_for('viewers')
    told: dict[str, Any] = json.loads(result.read_text())
    return {'server': server, **told, 'congestion_control': route.congestion}


class Running(Children):
    """Children of which one is waited for, while the others must not end."""

    def __init__(self, stopping: threading.Event) -> None:
        super().__init__()
        self._stopping = stopping

    def start(self, name: str, command: Sequence[str], keep_stdin: bool = False) -> None:
        """Start a program."""
        if self._stopping.is_set():
            raise KeyboardInterrupt
        super().start(name, command, keep_stdin)

    def pids(self) -> dict[str, int]:
        """Return the process ids by name."""
        return {name: process.pid for name, process in self._processes.items()}

    def wait_for(self, awaited: str) -> None:
        """Return when it has ended well."""
        while (ended := self.ended()) is None:
            if self._stopping.wait(_POLL_S):
                raise KeyboardInterrupt
        if ended != (awaited, 0):
            raise PermanentError(f'the process of the {ended[0]} has ended by itself with exit '
                                 f'code {ended[1]}: see its output above')


@contextmanager
def running(stopping: threading.Event) -> Iterator[Running]:
    """Give children that end with the context."""
    programs = Running(stopping)
    try:
        yield programs
    finally:
        programs.stop()


def _route(scenario: Scenario) -> AbstractContextManager[Route]:
    if scenario.link_bps is None and not scenario.rtt_ms:
        return loopback()
    return cable(scenario.link_bps, scenario.rtt_ms, scenario.congestion)


def _program(module: str) -> list[str]:
    return [sys.executable, '-m', f'benchmarks.{module}']


def _source(scenario: Scenario) -> list[str]:
    return ['--folder', str(scenario.folder), '--fps', str(scenario.fps)]
