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

"""H.264 beside JPEG on bad links: shared by many, narrow, narrowing, and losing packets."""

from collections.abc import Sequence
from dataclasses import replace
import statistics

from .attempt import (
    Attempt,
    attempt,
    H264,
    JPEG,
    NARROW,
    Outcome,
    program_of,
    QUERIES,
    Study,
    tell,
    WEBRTC,
    WIDE,
    with_one_that_decodes,
)
from .looks import of_folder, SOME
from .page import Watch
from .pictures import Figures, middle, soonest_ms
from .server import Server
from .sharpness import look, Sharpness, Source
from ..common import networks

_VIEWERS, _CROWD_BPS = 20, 50e6
_ONE_BPS = 5e6, 2e6
_BEFORE_BPS, _AFTER_BPS = 20e6, 1.5e6
_LOSSY_BPS, _LOSS, _RTT_MS = 50e6, 0.01, 20.0
_ADAPTING_S = 1.0  # so long may it take until there are no gaps any more


def crowd(study: Study) -> bool:
    """20 viewers on one link of 50 Mbit/s."""
    outcomes: dict[str, list[Outcome]] = {kind: [] for kind in study.kinds}
    for _ in range(study.rounds):
        for kind in study.kinds:
            outcomes[kind].append(_crowd(study, kind))
    well: list[bool] = []
    if {JPEG, H264} <= outcomes.keys():
        shares = [video.used.percent(video.used.without_encoder) / pictures.used.percent()
                  for video, pictures in zip(outcomes[H264], outcomes[JPEG], strict=True)]
        well += [*_rate_and_age(outcomes[H264], 29.5, 25.0),
                 tell('CPU without the encoder, of that of the JPEG tiers',
                      statistics.median(shares), 0.15, '', digits=2)]
    if WEBRTC in outcomes:
        costs_ms = [1e3 * one.used.without_encoder / max(1, one.figures().count)
                    for one in outcomes[WEBRTC]]
        print(f'  {WEBRTC}:')
        well += [*_rate_and_age(outcomes[WEBRTC], 29.5, 30.0),
                 tell('CPU without the encoder, a viewer-frame', statistics.median(costs_ms),
                      0.4, ' ms', digits=2)]
    return all(well)


def _crowd(study: Study, kind: str) -> Outcome:
    outcome = attempt(study, Attempt(
        f'{_VIEWERS} viewers on {_CROWD_BPS / 1e6:g} Mbit/s, {kind}',
        _pages(study, kind, _VIEWERS), _CROWD_BPS, WIDE, program=program_of(kind, _VIEWERS)))
    _tell_sharpness(study, kind, outcome)
    soonest = soonest_ms(outcome.pictures, outcome.since_ns, outcome.until_ns)
    print(f'    the first of them has a frame at {soonest.median:.1f} / {soonest.p95:.1f} ms; '
          f'encoder: {outcome.used.percent(outcome.used.encoding):.0f} % of a core', flush=True)
    return outcome


def narrow(study: Study) -> bool:
    """One viewer on 5 and on 2 Mbit/s."""
    well: list[bool] = []
    for link_bps in _ONE_BPS:
        for kind in study.kinds:
            outcomes = [attempt(study, Attempt(
                f'one viewer on {link_bps / 1e6:g} Mbit/s, {kind}', _pages(study, kind, 1),
                link_bps, program=program_of(kind))) for _ in range(study.rounds)]
            _tell_sharpness(study, kind, outcomes[-1])
            if kind == H264:
                well += _rate_and_age(outcomes, 29.0, 40.0)
    return all(well)


def lossy(study: Study) -> bool:
    """One viewer on a link that loses one packet of a hundred, and takes 20 ms there and back."""
    well: list[bool] = []
    for kind in study.kinds:
        outcomes = [attempt(study, Attempt(
            f'{_LOSS:.0%} loss and {_RTT_MS:g} ms round trip, {kind}', _pages(study, kind, 1),
            _LOSSY_BPS, program=program_of(kind), rtt_ms=_RTT_MS, loss=_LOSS))
            for _ in range(study.rounds)]
        if kind == WEBRTC:
            well += _rate_and_age(outcomes, 29.0, 45.0)
    return all(well)


def narrowing(study: Study) -> bool:
    """From 20 to 1.5 Mbit/s while one watches."""
    def then(server: Server) -> None:
        networks.narrow(server.route.server, _AFTER_BPS, shape=NARROW)

    well: list[bool] = []
    for kind in study.kinds:
        outcomes = [attempt(study, Attempt(
            f'{_BEFORE_BPS / 1e6:g} to {_AFTER_BPS / 1e6:g} Mbit/s, {kind}',
            _pages(study, kind, 1), _BEFORE_BPS, then=then, program=program_of(kind)))
            for _ in range(study.rounds)]
        rounds = [outcome.figures(after_s=_ADAPTING_S) for outcome in outcomes]
        for one in rounds:
            print(f'  {kind} after the first second: {one}')
        _tell_sharpness(study, kind, outcomes[-1])
        if kind != JPEG:
            well += [tell('pictures/s', middle([outcome.figures() for outcome in outcomes],
                                               lambda one: one.per_s), 28.0, '', at_least=True),
                     tell('longest gap after the first second', middle(
                         rounds, lambda one: one.gap_ms), 150.0, ' ms', digits=0)]
    return all(well)


def _pages(study: Study, kind: str, count: int) -> tuple[tuple[Watch, ...], ...]:
    """Return groups of so many who see the same; what the first one gets is kept."""
    if kind == WEBRTC:
        return ((Watch(QUERIES[kind]),) * count,)
    (first,), *others = with_one_that_decodes(Watch(QUERIES[kind]), count)
    return (replace(first, keep=str(study.folder / 'kept')),), *others


def _tell_sharpness(study: Study, kind: str, outcome: Outcome) -> None:
    """Print how sharp it was what the first one has got, if that was kept."""
    if kind == WEBRTC:
        return
    shown = look(study.folder / 'kept', Source(of_folder(study.pictures)), outcome.since_ns, SOME)
    print(f'    seen: {Sharpness.of(shown)}', flush=True)


def _rate_and_age(outcomes: Sequence[Outcome], least_per_s: float, most_ms: float
                  ) -> tuple[bool, ...]:
    rounds = [outcome.figures() for outcome in outcomes]
    return (
        tell('pictures/s', middle(rounds, lambda one: one.per_s), least_per_s, '', at_least=True),
        tell('of them whole size', middle(rounds, _whole), 0.99, '', at_least=True, digits=3),
        tell('age p95 at the last byte', middle(rounds, lambda one: one.came_ms.p95), most_ms,
             ' ms'))


def _whole(one: Figures) -> float:
    """Return the share of pictures that have their source's size."""
    return sum(one.tiers.get(name, 0.0) for name in ('full', 'h264'))
