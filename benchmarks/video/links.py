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

"""H.264 beside JPEG on narrow links: many viewers on one, one on a narrow one, and a narrowing."""

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
    QUERIES,
    Study,
    tell,
    WIDE,
    with_one_that_decodes,
)
from .looks import of_folder, SOME
from .page import Watch
from .pictures import Figures, middle, soonest_ms
from .server import Server
from .sharpness import look, Sharpness, Source
from ..common import networks

KINDS = JPEG, H264
_VIEWERS, _CROWD_BPS = 20, 50e6
_ONE_BPS = 5e6, 2e6
_BEFORE_BPS, _AFTER_BPS = 20e6, 1.5e6
_ADAPTING_S = 1.0  # so long may it take until there are no gaps any more


def crowd(study: Study) -> bool:
    """20 viewers on one link of 50 Mbit/s."""
    outcomes: dict[str, list[Outcome]] = {kind: [] for kind in KINDS}
    for _ in range(study.rounds):
        for kind in KINDS:
            outcomes[kind].append(attempt(study, Attempt(
                f'{_VIEWERS} viewers on {_CROWD_BPS / 1e6:g} Mbit/s, {kind}',
                _pages(study, kind, _VIEWERS), _CROWD_BPS, WIDE)))
            _tell_sharpness(study, outcomes[kind][-1])
            soonest = soonest_ms(outcomes[kind][-1].pictures, outcomes[kind][-1].since_ns,
                                 outcomes[kind][-1].until_ns)
            print(f'    the first of them has a picture at {soonest.median:.1f} / '
                  f'{soonest.p95:.1f} ms', flush=True)
    shares = [video.used.percent(video.used.without_encoder) / pictures.used.percent()
              for video, pictures in zip(outcomes[H264], outcomes[JPEG], strict=True)]
    encoding = [video.used.percent(video.used.encoding) for video in outcomes[H264]]
    print(f'  encoder: {statistics.median(encoding):.0f} % of a core')
    return all((
        *_rate_and_age(outcomes[H264], 29.5, 25.0),
        tell('CPU without the encoder, of that of the JPEG tiers', statistics.median(shares),
             0.15, '', digits=2)))


def narrow(study: Study) -> bool:
    """One viewer on 5 and on 2 Mbit/s."""
    well: list[bool] = []
    for link_bps in _ONE_BPS:
        for kind in KINDS:
            outcomes = [attempt(study, Attempt(
                f'one viewer on {link_bps / 1e6:g} Mbit/s, {kind}', _pages(study, kind, 1),
                link_bps)) for _ in range(study.rounds)]
            _tell_sharpness(study, outcomes[-1])
        well += _rate_and_age(outcomes, 29.0, 40.0)
    return all(well)


def narrowing(study: Study) -> bool:
    """From 20 to 1.5 Mbit/s while one watches."""
    def then(server: Server) -> None:
        networks.narrow(server.route.server, _AFTER_BPS, shape=NARROW)

    for kind in KINDS:
        outcomes = [attempt(study, Attempt(
            f'{_BEFORE_BPS / 1e6:g} to {_AFTER_BPS / 1e6:g} Mbit/s, {kind}',
            _pages(study, kind, 1), _BEFORE_BPS, then=then))
            for _ in range(study.rounds)]
        for outcome in outcomes:
            print(f'  {kind} after the first second: {outcome.figures(after_s=_ADAPTING_S)}')
        _tell_sharpness(study, outcomes[-1])
    rounds = [outcome.figures(after_s=_ADAPTING_S) for outcome in outcomes]
    return all((
        tell('pictures/s', middle([outcome.figures() for outcome in outcomes],
                                  lambda one: one.per_s), 28.0, '', at_least=True),
        tell('longest gap after the first second', middle(rounds, lambda one: one.gap_ms), 150.0,
             ' ms', digits=0)))


def _pages(study: Study, kind: str, count: int) -> tuple[tuple[Watch, ...], ...]:
    """Return groups of so many who see the same; what the first one gets is kept."""
    (first,), *others = with_one_that_decodes(Watch(QUERIES[kind]), count)
    return (replace(first, keep=str(study.folder / 'kept')),), *others


def _tell_sharpness(study: Study, outcome: Outcome) -> None:
    """Print how sharp it was what the first one has got."""
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
