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

"""Many players at once: what each gets, and what it costs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, ExitStack
from dataclasses import dataclass, field
import itertools
import json
import os
import statistics
import subprocess
import sys
import time

from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.core.with_parent import with_parent

from .latency import Ports, site
from .rtsp_client import MULTICAST, TCP, UDP
from ..common import networks
from ..video.attempt import Study, tell, WIDE
from ..video.server import Cpu, Server, Used

CROWD, _GROUP = 20, 5
_ON_LINK, _LINK_BPS = (5, CROWD, 40, 60), 50e6
_USUAL = '--h264-bitrate', '6000000', '--max-viewers-per-address', '100'
NEARLY = 0.99  # of the camera's rate


@dataclass(frozen=True)
class Got:
    """
    What players have got.

    Attributes
    ----------
    ended
        What has ended one before its time.
    decoded
        Numbers and times of the pictures that one of them has decoded, if one does.

    """

    frames_ns: list[list[int]]
    missing: int
    ended: list[str]
    since_ns: int
    until_ns: int
    decoded: Sequence[tuple[int, int]] = ()

    def count(self) -> int:
        return sum(map(len, self._within()))

    def least_per_s(self) -> float:
        return min(map(len, self._within())) * 1e9 / (self.until_ns - self.since_ns)

    def most(self) -> int:
        """Return how many frames the one has that has most of them."""
        return max(map(len, self._within()))

    def per_s(self) -> float:
        return self.count() / len(self.frames_ns) * 1e9 / (self.until_ns - self.since_ns)

    def longest_gap_ms(self) -> float:
        return max(after - before for times in self._within() for before, after in
                   itertools.pairwise([self.since_ns, *times, self.until_ns])) / 1e6

    def __str__(self) -> str:
        return (f'least {self.least_per_s():.1f}/s, longest gap {self.longest_gap_ms():.0f} ms, '
                + ', '.join([f'{self.missing} packets missing', *sorted(set(self.ended))]))

    def _within(self) -> list[list[int]]:
        return [[at_ns for at_ns in times if self.since_ns <= at_ns < self.until_ns]
                for times in self.frames_ns]


@dataclass
class Players:
    """Some that play, in a process of their own."""

    _process: subprocess.Popen[str] = field(repr=False)

    def got(self, since_ns: int = 0, until_ns: int = 0) -> Got:
        """Return what they have got, in a span of time where one counts, after all have gone."""
        told, _ = self._process.communicate()
        if self._process.returncode:
            raise PermanentError('the process of the players has failed: see its output above')
        all_told = json.loads(told)
        frames, missing = zip(*all_told['players'], strict=True)
        return Got(list(frames), sum(missing), all_told['ended'], since_ns, until_ns,
                   all_told.get('decoded', []))


@contextmanager
def players(route: networks.Route, port: int, count: int, way: str = TCP, stuck: int = 0
            ) -> Iterator[Players]:
    """Let so many play; the context begins when all do."""
    local = networks.ADDRESSES[1] if route.viewers else route.address
    with running(route.viewers, 'rtsp_viewers', '--address', route.address, '--port', str(port),
                 '--count', str(count), '--way', way, '--stuck', str(stuck), '--local', local
                 ) as some:
        yield some


@contextmanager
def running(host: networks.Prefix, program: str, *arguments: str) -> Iterator[Players]:
    """Run a program that says when all play, and in the end what has come."""
    words = [*host, sys.executable, '-m', f'benchmarks.programs.{program}', *arguments]
    with subprocess.Popen(with_parent(words), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ''
            if not line:
                raise PermanentError('no player plays: --log shows what the server prints')
            yield Players(process)
        finally:
            process.kill()


def crowd(study: Study) -> bool:
    """Let 20 players watch by TCP and by UDP, and one more who is stuck."""
    least, costs = {}, {}
    for name, way, stuck in (('by TCP', TCP, 0), ('by TCP, and one more who is stuck', TCP, 1),
                             ('by UDP', UDP, 0)):
        rounds = [_crowd(study, name, way, stuck) for _ in range(study.rounds)]
        least[name], costs[name] = map(statistics.median, zip(*rounds, strict=True))
    well = [tell(f'frames/s of the one with the fewest, {name}', value, NEARLY * study.fps, '/s',
                 at_least=True) for name, value in least.items()]
    well += [tell(f'CPU of the web thread a client-frame, {name}', value, 0.04, ' ms', digits=3)
             for name, value in costs.items()]
    return all(well)


def _crowd(study: Study, name: str, way: str, stuck: int) -> tuple[float, float]:
    """Return frames/s of the one with the fewest, and ms CPU a client-frame."""
    ports = Ports(*(networks.free_port() for _ in range(3)))
    with networks.loopback() as route, site(study, route, ports) as server, \
            players(route, ports.rtsp, CROWD, way, stuck) as some:
        got, used = _watch(study, server, some)
    cost_ms = 1e3 * used.threads.get('web', 0.0) / got.count()
    print(f'{CROWD} players {name}: {got}; {cost_ms:.3f} ms CPU a client-frame\n    {used}; load '
          f'{os.getloadavg()[0]:.1f}', flush=True)
    return got.least_per_s(), cost_ms


def _watch(study: Study, server: Server, some: Players) -> tuple[Got, Used]:
    time.sleep(study.warm_up_s)
    cpu, since_ns = Cpu(server.pid), time.time_ns()
    time.sleep(study.seconds)
    used, until_ns = cpu.used(), time.time_ns()
    return some.got(since_ns, until_ns), used


def link(study: Study) -> bool:
    """Let ever more players watch by TCP over a link, at the rate that H.264 finds for them."""
    networks.check()
    least = {}
    for count in _ON_LINK:
        ports = Ports(8554, 5001, 0)
        with ExitStack() as stack:
            route = stack.enter_context(networks.cable())
            networks.narrow(route.server, _LINK_BPS, shape=WIDE)
            stack.enter_context(site(study, route, ports, (), *_USUAL))
            some = stack.enter_context(players(route, ports.rtsp, count))
            time.sleep(study.warm_up_s)
            sent, since_ns = sent_bytes(route), time.time_ns()
            time.sleep(study.seconds)
            sent, until_ns = sent_bytes(route) - sent, time.time_ns()
            got = some.got(since_ns, until_ns)
        least[count] = got.least_per_s()
        rate_mbps = sent * 8e3 / (until_ns - since_ns)
        print(f'{count} players on {_LINK_BPS / 1e6:g} Mbit/s: {got.per_s():.1f}/s each, {got}; '
              f'{rate_mbps:.1f} Mbit/s, {rate_mbps / count:.2f} each; load '
              f'{os.getloadavg()[0]:.1f}', flush=True)
    return tell(f'frames/s of the one with the fewest of {CROWD}', least[CROWD],
                NEARLY * study.fps, '/s', at_least=True)


def multicast(study: Study) -> bool:
    """Let one and five receivers play what is sent to a group, over a link."""
    networks.check()
    sizes, least = {}, 0.0
    for count in (1, _GROUP):
        ports = Ports(8554, 5001, 0)
        with ExitStack() as stack:
            route = stack.enter_context(networks.cable())
            stack.enter_context(site(study, route, ports, (), '--rtsp-multicast', 'true'))
            some = stack.enter_context(players(route, ports.rtsp, count, MULTICAST))
            time.sleep(study.warm_up_s)
            sent, since_ns = sent_bytes(route), time.time_ns()
            time.sleep(study.seconds)
            sent, until_ns = sent_bytes(route) - sent, time.time_ns()
            got = some.got(since_ns, until_ns)
        sizes[count], least = sent / got.most(), got.least_per_s()
        print(f'{count} receivers: {got}; {sent * 8e3 / (until_ns - since_ns):.2f} Mbit/s on the '
              f'link, {sizes[count] / 1e3:.1f} kB a frame; load {os.getloadavg()[0]:.1f}',
              flush=True)
    return all([
        tell('bytes on the link a frame, of those for one', sizes[_GROUP] / sizes[1], 1.05, '',
             digits=2),
        tell('frames/s of the receiver with the fewest', least, NEARLY * study.fps, '/s',
             at_least=True)])


def sent_bytes(route: networks.Route) -> int:
    """Return what the server has put on the link until now."""
    path = f'/sys/class/net/{networks.DEVICE}/statistics/tx_bytes'
    return int(subprocess.run([*route.server, 'cat', path], check=True, capture_output=True,
                              text=True).stdout)

