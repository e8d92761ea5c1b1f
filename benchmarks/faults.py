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
Whether the nodes survive what viewers, publishers and images can do to them.

Run it with: .venv/bin/python -m benchmarks faults visits|topics|bombs

visits  viewers come, get frames and leave, `--times` in all; around each end, and around the
        moment when the bridge then unsubscribes, its process is stopped for 0.6 s
topics  the publishers of 60 topics, all of them watched, change their type and QoS every 0.2 s
        for `--seconds`; this `--times` times
bombs   JPEGs of some hundred bytes claim to have 32000x32000 pixels, 10 a second for `--seconds`,
        all of them watched: what they cost in memory, and what they do to the age of another topic

The exit code is 1 if something has not survived, or has grown by more than 50 MB. Everything runs
on this machine only, in a ROS domain of its own.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, ExitStack
import os
import random
import signal
import statistics
import threading
import time
from typing import Any

from pi_camera_stream.web.stream.stream import _LINGER_S
from support import restless
from support.driving_link import Child
from support.processes import wait_until
from support.programs import Programs
from support.watching import Watcher

from .common import command, proc

TIMES = {'visits': 200, 'topics': 10, 'bombs': 1}
SECONDS = {'visits': 0.0, 'topics': 120.0, 'bombs': 60.0}
STALL_S = 0.6
SETTLE_S = 5.0  # in which a program gets all that it needs
LANES, TOGETHER = 3, 4  # bridges at a time, and viewers who leave one together
TOPICS, READERS = 60, 3
BOMBS, OTHER = '/bombs', restless.name(0)
MOST_GROWTH_MB, TOO_MUCH_MB = 50, 8000


def say(text: str) -> None:
    """Print a line with how busy the machine is."""
    print(f'{text}; load {os.getloadavg()[0]:.1f}', flush=True)


def tell(faults: list[str]) -> None:
    """Print them below a figure."""
    for fault in faults:
        print(f'  {fault}', flush=True)


class Visits:
    """One bridge and its visitors."""

    def __init__(self, programs: Programs, number: int) -> None:
        self._programs = programs
        self._name = f'bridge {number}'
        self._topics = [restless.name(TOGETHER * number + one) for one in range(TOGETHER)]
        self._random = random.Random(number)  # noqa: S311 - no secret
        self.visits = self.survived = 0
        self.faults: list[str] = []

    def go_on(self, visits: int) -> None:
        """Let so many come and go."""
        port = self._programs.bridge(self._name)
        while self.visits < visits:
            count = min(TOGETHER, visits - self.visits)
            self.visits += count
            try:
                self._visit(port, count)
            except (AssertionError, ProcessLookupError) as error:
                self.faults.append(f'{self._name}: {str(error)[-200:]}')
            faults = self._programs.faults()
            if not any(fault.startswith(self._name) for fault in faults):
                self.survived += count
                continue
            self.faults += [fault for fault in faults if fault.startswith(self._name)]
            self._programs.end(self._name)
            port = self._programs.bridge(self._name)

    def _visit(self, port: int, count: int) -> None:
        process = self._programs.children[self._name].process
        with ExitStack() as stack:
            viewers = [stack.enter_context(Watcher(port, f'?topic={topic}'))
                       for topic in self._topics[:count]]
            for viewer in viewers:
                viewer.wait_for_pictures(3, len(restless.picture()))
            process.send_signal(signal.SIGSTOP)
        time.sleep(STALL_S)
        process.send_signal(signal.SIGCONT)
        time.sleep(_LINGER_S - self._random.uniform(0.0, STALL_S))
        process.send_signal(signal.SIGSTOP)
        time.sleep(STALL_S)
        process.send_signal(signal.SIGCONT)
        time.sleep(STALL_S)


def measure_visits(options: argparse.Namespace) -> bool:
    """Let viewers leave while the bridge is held up."""
    with Programs() as programs:
        programs.publish('steady', '--topics', LANES * TOGETHER, '--fps', 30)
        lanes = [Visits(programs, number) for number in range(LANES)]
        each = -(-options.times // LANES)
        counts = [min(each, options.times - number * each) for number in range(LANES)]
        threads = [threading.Thread(target=lane.go_on, args=(count,), daemon=True)
                   for lane, count in zip(lanes, counts, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        survived = sum(lane.survived for lane in lanes)
    say(f'visits with a stall of {STALL_S} s around each end: {survived} of {options.times} '
        'survived')
    tell([fault for lane in lanes for fault in lane.faults])
    return survived == options.times


def measure_topics(options: argparse.Namespace) -> bool:
    """Let topics change their type and quality of service."""
    survived = 0
    for _ in range(options.times):
        with Programs() as programs, ExitStack() as stack:
            port = programs.bridge()
            programs.consumer(restless.name(0))
            programs.start('subscribers', 'support.watching',
                           *(restless.name(number) for number in range(READERS)))
            publishers = programs.publish('change', '--topics', TOPICS, '--seconds',
                                          options.seconds, '--period', 0.2)
            viewers = [stack.enter_context(Watcher(port, f'?topic={restless.name(number)}'))
                       for number in range(TOPICS)]
            faults = watch(programs, options.seconds)
            if not faults:
                faults = see_them_rest(programs, publishers, viewers)
            changes = publishers.told[-1]['changes'] if publishers.told else 0
            pictures = sum(len(viewer.pictures) for viewer in viewers)
        survived += not faults
        say(f'{TOPICS} topics that change: {changes} changes in {options.seconds:.0f} s, '
            f"{pictures} pictures at viewers, {'survived' if not faults else 'not survived'}")
        tell(faults)
    say(f'{TOPICS} topics that change: {survived} of {options.times} runs survived')
    return survived == options.times


def watch(programs: Programs, seconds: float) -> list[str]:
    """Return what has gone wrong, when the time is over or all at once."""
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        if faults := programs.faults():
            return faults
        time.sleep(0.5)
    return []


def see_them_rest(programs: Programs, publishers: Child, viewers: list[Watcher]) -> list[str]:
    """Return who gets no pictures though nothing changes any more."""
    publishers.wait_for('rests')
    faults = []
    for number, viewer in enumerate(viewers):
        try:
            viewer.wait_for_pictures(3, len(restless.picture()))
        except AssertionError:
            faults.append(f'no picture comes from {restless.name(number)} any more')
    seen = dict(programs.children['subscribers'].told[-1])
    try:
        wait_until(lambda: all(count > seen[topic] for topic, count in
                               programs.children['subscribers'].told[-1].items()))
    except AssertionError:
        faults.append('a FrameSubscriber gets no picture any more')
    return faults + programs.faults()


class Memory(threading.Thread):
    """How much memory processes have at the most, while it runs."""

    def __init__(self, children: dict[str, Child]) -> None:
        super().__init__(daemon=True)
        self._pids = {name: child.process.pid for name, child in children.items()}
        self.before_mb = self._now_mb()
        self.most_mb = dict(self.before_mb)
        self.too_much = self._ending = False

    def run(self) -> None:
        """Look again and again; it is too much before the machine suffers from it."""
        while not self._ending:
            now_mb = self._now_mb()
            self.most_mb = {name: max(most, now_mb[name]) for name, most in self.most_mb.items()}
            self.too_much |= sum(now_mb.values()) > TOO_MUCH_MB
            time.sleep(0.05)

    def finish(self) -> dict[str, float]:
        """Return by how much each has grown at the most, in MB."""
        self._ending = True
        self.join()
        return {name: most - self.before_mb[name] for name, most in self.most_mb.items()}

    def _now_mb(self) -> dict[str, float]:
        found = {}
        for name, pid in self._pids.items():
            try:
                found[name] = proc.snapshot(pid).rss_mb
            except (OSError, KeyError):  # it has ended
                found[name] = 0.0
        return found


@contextmanager
def victims(programs: Programs, port: int) -> Iterator[dict[str, Child]]:
    """Watch the topic of the bombs in all ways that there are; give the processes that do."""
    programs.consumer(BOMBS)
    programs.start('subscriber', 'support.watching', BOMBS)
    wait_until(lambda: programs.children['subscriber'].told)
    with Watcher(port, f'?topic={BOMBS}&tier=low'), \
         Watcher(port, f'?topic={BOMBS}&tier=low', ('websocket',)):
        yield {name: programs.children[name] for name in ('bridge', 'consumer', 'subscriber')}


def measure_bombs(options: argparse.Namespace) -> bool:
    """Let pictures claim to be enormous."""
    with Programs() as programs, ExitStack() as stack:
        port = programs.bridge()
        programs.publish('steady', '--fps', 30)
        other = stack.enter_context(Watcher(port, f'?topic={OTHER}'))
        children = stack.enter_context(victims(programs, port))
        other.wait_for_pictures(3)
        time.sleep(SETTLE_S)
        watch(programs, min(options.seconds, 15.0))
        other_topic('without bombs', other, min(options.seconds, 15.0))
        memory = Memory(children)
        memory.start()
        programs.publish('bomb', '--fps', 10, name='bombs')
        began_s = time.time()
        faults: list[str] = []
        while time.time() < began_s + options.seconds and not faults and not memory.too_much:
            faults = watch(programs, 0.5)
        grown_mb = memory.finish()
        other_topic('with bombs', other, time.time() - began_s)
    for name, growth_mb in grown_mb.items():
        say(f'{name}: at most {growth_mb:+.0f} MB with bombs of '
            f"{', '.join(str(len(bomb)) for bomb in restless.bombs())} bytes; "
            f'goal at most +{MOST_GROWTH_MB} MB')
    if memory.too_much:
        faults.append(f'stopped early: together they had more than {TOO_MUCH_MB} MB')
    tell(faults)
    return not faults and max(grown_mb.values()) <= MOST_GROWTH_MB


def other_topic(when: str, viewer: Watcher, seconds: float) -> None:
    """Print how a viewer's pictures came in these last seconds."""
    ages: list[Any] = sorted(viewer.ages_s(time.time() - seconds))
    if len(ages) < 2:
        say(f'another topic {when}: no frames')
        return
    say(f'another topic {when}: {len(ages) / seconds:.1f} frames/s, age '
        f'{statistics.median(ages) * 1e3:.1f} ms median, {ages[int(0.95 * len(ages))] * 1e3:.1f} '
        'p95')


def _defaults(values: Mapping[str, float]) -> str:
    return ', '.join(f'{value:g} ({what})' for what, value in values.items() if value)


def main(arguments: Sequence[str]) -> int:
    """Measure, and print a line a figure."""
    parser = command.parser('faults', __doc__)
    parser.add_argument('what', choices=TIMES)
    parser.add_argument('--times', type=int, help=f'default: {_defaults(TIMES)}')
    parser.add_argument('--seconds', type=float, help=f'default: {_defaults(SECONDS)}')
    options = parser.parse_args(arguments)
    options.times = options.times or TIMES[options.what]
    options.seconds = options.seconds or SECONDS[options.what]
    command.stay_on_this_machine(96)
    well = {'visits': measure_visits, 'topics': measure_topics,
            'bombs': measure_bombs}[options.what](options)
    return 0 if well else 1
