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

"""What H.264 costs and takes: for each viewer, at the beginning, and where nobody wants it."""

from pathlib import Path
import statistics
import time

from .attempt import (
    Attempt,
    attempt,
    FULL,
    H264,
    JPEG,
    Outcome,
    program_of,
    QUERIES,
    Study,
    tell,
    VIDEO,
    WEBRTC,
    with_one_that_decodes,
)
from .looks import BITRATE_BPS
from .page import Watch
from .pictures import first, largest_share, longest_gap_ms, Picture, seen_ns
from .pictures import H264 as H264_CODEC
from .server import Cpu, Server, serving, watching
from ..common import networks, proc

_VIEWERS = 20
_OPENINGS, _EVERY_S, _EVERY_SLOW_S = 10, 1.0, 2.0
_FIRST_MS = 500.0  # until WebRTC shows something; JPEG is shown meanwhile
_SWITCH_S, _BACK_S, _STAY_S = 3.0, 6.0, 9.0
_WIDEST_INTERVALS = 2.0
_WANTING_S = 5.0
_LEAVING_S = 8.0  # the encoder rests by then
_CODEC_LIBRARY = 'libavcodec'


def fanout(study: Study) -> bool:
    """20 viewers on loopback: what each picture costs each of them."""
    costs: dict[str, list[float]] = {JPEG: [], H264: []}
    for _ in range(study.rounds):
        for kind, query in ((JPEG, FULL), (H264, VIDEO)):
            outcome = attempt(study, Attempt(
                f'{_VIEWERS} viewers on loopback, {kind}',
                with_one_that_decodes(Watch(query), _VIEWERS)))
            cost_ms, sending_ms = _cost_ms(outcome)
            costs[kind].append(sending_ms)
            print(f'    without the encoder {cost_ms:.3f} ms CPU a viewer-frame, of them the '
                  f'web thread {sending_ms:.3f}')
    print(f'  JPEG: {statistics.median(costs[JPEG]):.3f} ms')
    return tell('CPU of the web thread a viewer-frame', statistics.median(costs[H264]), 0.05,
                ' ms', digits=3)


def _cost_ms(outcome: Outcome) -> tuple[float, float]:
    """Return what one picture for one viewer costs, without the encoder, and in the web thread."""
    count = outcome.figures().count
    return (1e3 * outcome.used.without_encoder / count,
            1e3 * outcome.used.threads.get('web', 0.0) / count)


def opening(study: Study) -> bool:
    """How soon the first picture is there, and how smooth changes between JPEG and H.264 are."""
    waits_ms = {}
    with networks.loopback() as route, serving(
            route, study.pictures, study.fps, *study.server_options, log=study.log) as server:
        for kind in study.kinds:
            waits_ms[kind] = _openings(study, server, kind)
            print(f'first frame after opening, {kind}: median '
                  f'{statistics.median(waits_ms[kind]):.1f} ms, most {max(waits_ms[kind]):.1f}',
                  flush=True)
        switches = [_switch(study, server) for _ in range(study.rounds)] \
            if H264 in waits_ms else []
    interval_ms = 1e3 / study.fps
    well = [tell('first picture after asking by WebRTC', statistics.median(waits_ms[WEBRTC]),
                 _FIRST_MS, ' ms')] if WEBRTC in waits_ms else []
    if not {JPEG, H264} <= waits_ms.keys():
        return all(well)
    return all((
        *well,
        tell('first picture, later than with JPEG', statistics.median(waits_ms[H264])
             - statistics.median(waits_ms[JPEG]), interval_ms / 2, ' ms'),
        tell('widest interval at a switch', statistics.median(gap for gap, _ in switches)
             / interval_ms, _WIDEST_INTERVALS, ' frame intervals'),
        tell('first H.264 after asking', statistics.median(late for _, late in switches)
             / interval_ms, _WIDEST_INTERVALS, ' frame intervals')))


def _openings(study: Study, server: Server, kind: str) -> list[float]:
    """Return how long each of some pages waits for its first picture, without the first page."""
    every_s = _EVERY_S if kind != WEBRTC else _EVERY_SLOW_S
    watches = [Watch(QUERIES[kind], begin_s=number * every_s, end_s=(number + 0.5) * every_s)
               for number in range(_OPENINGS)]
    with watching(server, watches, study.folder / 'opening', program_of(kind)) as visit:
        visit.sleep_until(_OPENINGS * every_s)
        told = visit.told()
    return [(seen_ns(one) - asked_ns) / 1e6 for page, asked_ns in enumerate(told.asked_ns)
            if (one := first(told.pictures, page, 0)) is not None][1:]


def _switch(study: Study, server: Server) -> tuple[float, float]:
    """Return the widest interval at two switches, and how late H.264 came, in ms."""
    says = [(_SWITCH_S, {'type': 'tier', 'tier': 'h264'}),
            (_BACK_S, {'type': 'tier', 'tier': 'jpeg'})]
    watch = Watch('codecs=jpeg,h264&tier=jpeg', decodes=True, says=says)
    with watching(server, [watch], study.folder / 'switch') as visit:
        visit.sleep_until(_STAY_S)
        began_ns, told = visit.began_ns, visit.told()
    asked_ns, back_ns = (began_ns + round(after_s * 1e9) for after_s in (_SWITCH_S, _BACK_S))
    gap_ms = max(longest_gap_ms(told.pictures, 0, at_ns - 200_000_000, at_ns + 1_000_000_000)
                 for at_ns in (asked_ns, back_ns))
    came = first(told.pictures, 0, asked_ns, _is_h264)
    late_ms = (came.came_ns - asked_ns) / 1e6 if came else float('inf')
    print(f'switch: H.264 {late_ms:.0f} ms after asking, widest interval {gap_ms:.0f} ms, '
          f'{sum(told.stale)} frames not newer than others', *told.faults(), flush=True)
    return gap_ms, late_ms


def _is_h264(picture: Picture) -> bool:
    return picture.codec == H264_CODEC


def largest(study: Study) -> bool:
    """How much larger the largest access unit is than the mean of a fixed rate allows."""
    outcome = attempt(study, Attempt(
        'fixed rate, H.264', ((Watch(VIDEO, decodes=True),), (Watch(VIDEO, begin_s=1.0), *(
            Watch(VIDEO, begin_s=study.warm_up_s + number) for number in range(1, 6)))),
        options=('--h264-bitrate', str(BITRATE_BPS)), only_first=True))
    units = [one for one in outcome.pictures if one.page == 0 and one.came_ns > outcome.since_ns]
    keys = sum(one.key for one in units)
    print(f'  {len(units)} access units, {keys} key frames')
    return tell('largest access unit, of rate / fps',
                largest_share(units, BITRATE_BPS, study.fps), 2.1, '', digits=2)


def unwanted(study: Study, clone: Path | None) -> bool:
    """See what there is of H.264 where nobody wants it, before somebody did, and after."""
    figures = {}
    for name, code in (('before H.264', clone), ('here', None)):
        if code is None and name != 'here':
            continue
        with networks.loopback() as route, serving(
                route, study.pictures, study.fps, *study.server_options, clone=code,
                log=study.log) as server:
            figures[name] = _rest(study, server, f'{name}, one viewer of JPEGs')
            if name == 'here':
                with watching(server, [Watch(VIDEO)], study.folder / 'wanting') as visit:
                    visit.sleep_until(_WANTING_S)
                    visit.told()
                time.sleep(_LEAVING_S)
                figures['after'] = _rest(study, server, 'after a viewer of H.264')
    well = [tell('CPU after it, more than before', figures['after'][0] - figures['here'][0], 0.5,
                 ' % of a core')]
    if clone is not None:  # the source `file` has codec libraries of its own
        well += [tell('codec libraries, more than before H.264', figures['here'][2]
                      - figures['before H.264'][2], 0, '', digits=0),
                 tell('CPU, more than before H.264', figures['here'][0]
                      - figures['before H.264'][0], 0.5, ' % of a core'),
                 tell('memory, more than before H.264', figures['here'][1]
                      - figures['before H.264'][1], 1.0, ' MB')]
    return all(well)


def _rest(study: Study, server: Server, name: str) -> tuple[float, float, int]:
    """Return CPU in percent, memory in MB and mapped codec libraries, while one sees JPEGs."""
    with watching(server, [Watch(FULL)], study.folder / 'rest') as visit:
        visit.sleep_until(study.warm_up_s)
        cpu = Cpu(server.pid)
        visit.sleep_until(study.warm_up_s + study.seconds)
        used, state = cpu.used(), proc.snapshot(server.pid)
        visit.told()
    maps = Path(f'/proc/{server.pid}/maps').read_text().splitlines()
    libraries = len({line.split()[-1] for line in maps if _CODEC_LIBRARY in line})
    print(f'{name}: {used}, {state.threads} threads, {state.rss_mb:.1f} MB, '
          f'{libraries} codec libraries', flush=True)
    return used.percent(), state.rss_mb, libraries
