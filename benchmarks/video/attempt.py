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

"""One server and its pages for a while, and what came of it."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
import json
import os
from pathlib import Path
import time

from .page import Watch
from .pictures import Figures, figures, Picture
from .server import Cpu, Server, serving, Told, Used, Visitors, watching
from ..common import networks

KINDS = JPEG, H264, WEBRTC = 'JPEG', 'H.264', 'WebRTC'
FULL, VIDEO = 'tier=full', 'codecs=jpeg,h264&tier=h264'
QUERIES = {JPEG: 'tier=auto', H264: 'codecs=jpeg,h264&tier=auto', WEBRTC: 'tier=auto'}
# What tbf is told: a queue for viewers who share a link, and a short one that hides nothing of a
# narrow one.
WIDE, NARROW = ('burst', '64kb', 'latency', '50ms'), ('burst', '4kb', 'latency', '100ms')


@dataclass(frozen=True)
class Study:
    """
    What all attempts have in common.

    Attributes
    ----------
    folder
        With a folder `pictures`, for what comes, and for room.
    log
        Whether what servers say is shown.
    trace
        A file for all pictures of all attempts, one line of JSON each; None for none.
    kinds
        Of KINDS, those that are measured.

    """

    folder: Path
    fps: float
    warm_up_s: float
    seconds: float
    rounds: int
    server_options: tuple[str, ...]
    log: bool = False
    trace: Path | None = None
    kinds: tuple[str, ...] = KINDS

    @property
    def pictures(self) -> Path:
        return self.folder / 'pictures'


@dataclass(frozen=True)
class Attempt:
    """
    What is tried.

    Attributes
    ----------
    groups
        The pages, those of a process each; what a page decodes delays others of its process.
    link_bps
        None for the loopback device.
    then
        What is done when the warm-up is over; ages and the processor's time count from then on.
    rtt_ms, loss
        Of the link: its round trip, and which share of what is sent to the pages is lost.
    program
        The module whose processes the pages are.

    """

    name: str
    groups: tuple[tuple[Watch, ...], ...]
    link_bps: float | None = None
    shape: tuple[str, ...] = NARROW
    options: tuple[str, ...] = ()
    clone: Path | None = None
    then: Callable[[Server], None] = lambda _: None
    source: Path | None = None  # instead of the study's pictures
    only_first: bool = False  # whether the line tells of the first page alone
    rtt_ms: float = 0.0
    loss: float = 0.0
    program: str = 'pages'


@dataclass(frozen=True)
class Outcome:
    """
    What came of it.

    Attributes
    ----------
    since_ns, until_ns
        The span of time that was measured.
    pages
        The numbers of all pages, in the order of the groups.

    """

    pictures: list[Picture]
    told: list[Told]
    used: Used
    since_ns: int
    until_ns: int
    pages: range

    def figures(self, pages: Sequence[int] | None = None, after_s: float = 0.0) -> Figures:
        """Return what they got from `after_s` on."""
        return figures(self.pictures, self.pages if pages is None else pages,
                       self.since_ns + round(after_s * 1e9), self.until_ns)

    def faults(self) -> list[str]:
        return [fault for told in self.told for fault in told.faults()]

    def notes(self) -> list[str]:
        return [note for told in self.told for note in told.notes]


def attempt(study: Study, wanted: Attempt) -> Outcome:
    """Try it, and print a line."""
    with ExitStack() as stack:
        if wanted.link_bps is None:
            route = stack.enter_context(networks.loopback())
        else:
            route = stack.enter_context(networks.cable(rtt_ms=wanted.rtt_ms))
            networks.narrow(route.server, wanted.link_bps, shape=wanted.shape)
            if wanted.loss:
                networks.lose(route.viewers, wanted.loss)
        server = stack.enter_context(serving(
            route, wanted.source or study.pictures, study.fps, *study.server_options,
            *wanted.options, clone=wanted.clone, log=study.log))
        visitors = [stack.enter_context(watching(
            server, group, study.folder / f'group{number}.json', wanted.program))
            for number, group in enumerate(wanted.groups)]
        outcome = _measure(study, wanted, server, visitors)
    _write(study, wanted.name, outcome.pictures)
    print(f'{wanted.name}: {outcome.figures([0] if wanted.only_first else None)}\n'
          f'    {outcome.used}; load {os.getloadavg()[0]:.1f}', flush=True)
    for line in (*outcome.faults(), *outcome.notes()):
        print(f'    {line}', flush=True)
    return outcome


def _measure(study: Study, wanted: Attempt, server: Server, visitors: Sequence[Visitors]
             ) -> Outcome:
    visitors[-1].sleep_until(study.warm_up_s)
    wanted.then(server)
    since_ns, cpu = time.time_ns(), Cpu(server.pid)
    time.sleep(study.seconds)
    used, until_ns = cpu.used(), time.time_ns()
    told = [one.told() for one in visitors]
    pictures, first = [], 0
    for group, one in zip(wanted.groups, told, strict=True):
        pictures += [replace_page(picture, first) for picture in one.pictures]
        first += len(group)
    return Outcome(pictures, told, used, since_ns, until_ns, range(first))


def replace_page(picture: Picture, first: int) -> Picture:
    """Return it with its page counted from `first` on."""
    return picture._replace(page=picture.page + first)


def program_of(kind: str, count: int = 1) -> str:
    """Return whose processes so many pages are: one of WebRTC is a browser's, twenty are not."""
    return 'pages' if kind != WEBRTC else 'browser_pages' if count == 1 else 'rtp_pages'


def with_one_that_decodes(watch: Watch, count: int) -> tuple[tuple[Watch, ...], ...]:
    """Return groups of so many pages that do the same, of which the first decodes."""
    rest = (watch,) * (count - 1)
    return ((replace(watch, decodes=True),), *((rest,) if rest else ()))


def _write(study: Study, name: str, pictures: Sequence[Picture]) -> None:
    if study.trace is not None:
        with study.trace.open('a') as file:
            file.write(json.dumps({'name': name, 'pictures': pictures}) + '\n')


def tell(what: str, value: float, goal: float, unit: str, at_least: bool = False,
         digits: int = 1) -> bool:
    """Print a figure beside its goal; return whether it is reached."""
    reached = value >= goal if at_least else value <= goal
    print(f'  {what}: {value:.{digits}f}{unit}, goal {"at least" if at_least else "at most"} '
          f'{goal:g}{unit}{"" if reached else "  <- MISSED"}', flush=True)
    return reached
