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

"""How long after it was sent a player of others has decoded a picture."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
import os
import statistics
import time

from . import receivers
from .marked import Ages, ages
from .receivers import Player, playing
from .tap import Tap
from ..common import networks
from ..video.attempt import Study, tell
from ..video.pictures import Spread
from ..video.server import Server, serving

_RTP = 'application/x-rtp,media=video,clock-rate=90000,encoding-name=H264,payload=96'
BITRATE = ('--h264-bitrate', '2000000')


@dataclass(frozen=True)
class Ports:
    """Where the server has what."""

    rtsp: int
    raw: int
    sent: int  # to which a sender sends

    @property
    def url(self) -> str:
        return f'rtsp://127.0.0.1:{self.rtsp}/camera'


@dataclass(frozen=True)
class Way:
    """
    One way to one player.

    Attributes
    ----------
    goal_intervals, goal_ms
        The goal is their sum.
    outlets
        What there is besides the tap's.

    """

    name: str
    player: Callable[[Ports], Player]
    goal_ms: float
    goal_intervals: float = 0.0
    outlets: Callable[[Ports], Sequence[str]] = lambda _: ()


def rtsp(study: Study) -> bool:
    """By RTSP, over TCP and UDP, to each player."""
    return _measure_all(study, [way for transport in ('tcp', 'udp') for way in (
        Way(f'RTSP by {transport.upper()} -> GStreamer', _rtspsrc(transport), 8.0),
        Way(f'RTSP by {transport.upper()} -> ffmpeg', _ffmpeg(transport), 10.0, 1.0),
        Way(f'RTSP by {transport.upper()} -> OpenCV', _opencv(transport), 10.0, 1.0),
        Way(f'RTSP by {transport.upper()} -> OpenCV with one thread', _opencv(transport, '1'),
            10.0, 1.0))])


def raw(study: Study) -> bool:
    """By what says nothing: raw TCP, MPEG-TS and RTP."""
    return _measure_all(study, [
        Way('raw TCP -> ffmpeg', lambda ports: receivers.ffmpeg(
            '-probesize', '32768', '-f', 'h264', '-i', f'tcp://127.0.0.1:{ports.raw}'), 40.0),
        Way('raw TCP that calls -> ffmpeg', lambda ports: receivers.ffmpeg(
            '-probesize', '32768', '-f', 'h264', '-i', f'tcp://127.0.0.1:{ports.sent}?listen'),
            40.0, outlets=_sent('tcp')),
        Way('MPEG-TS -> ffmpeg', lambda ports: receivers.ffmpeg(
            '-analyzeduration', '500000', '-f', 'mpegts', '-i', f'udp://127.0.0.1:{ports.sent}'),
            40.0, outlets=_sent('udp')),
        Way('RTP -> GStreamer', lambda ports: receivers.gstreamer(
            f'udpsrc port={ports.sent} caps={_RTP} ! rtph264depay'), 6.0, outlets=_sent('rtp'))])


def _sent(scheme: str) -> Callable[[Ports], Sequence[str]]:
    return lambda ports: [f'{scheme}://127.0.0.1:{ports.sent}']


def _rtspsrc(way: str) -> Callable[[Ports], Player]:
    return lambda ports: receivers.rtspsrc(ports.url, way)


def _ffmpeg(way: str) -> Callable[[Ports], Player]:
    return lambda ports: receivers.ffmpeg('-rtsp_transport', way, '-i', ports.url)


def _opencv(way: str, *threads: str) -> Callable[[Ports], Player]:
    return lambda ports: receivers.opencv(ports.url, way, *threads)


def _measure_all(study: Study, ways: Sequence[Way]) -> bool:
    well = [_measure(study, way) for way in ways]
    return all(well)


def _measure(study: Study, way: Way) -> bool:
    medians = []
    for _ in range(study.rounds):
        found = attempt(study, way)
        spread = Spread.of(found.ms)
        medians.append(spread.median)
        print(f'{way.name}: median {spread.median:.1f}, p95 {spread.p95:.1f}, most '
              f'{spread.most:.1f} ms after it was sent, {found.per_s:.1f}/s; load '
              f'{os.getloadavg()[0]:.1f}', flush=True)
    return tell(way.name, statistics.median(medians),
                round(way.goal_ms + way.goal_intervals * 1e3 / study.fps, 1), ' ms')


def attempt(study: Study, way: Way) -> Ages:
    """Let it play, and return how late pictures were."""
    ports = Ports(*(networks.free_port() for _ in range(3)))
    outlets = [f'tcp://:{ports.raw}', *way.outlets(ports)]
    with ExitStack() as stack:
        route = stack.enter_context(networks.loopback())
        stack.enter_context(site(study, route, ports, outlets))
        tap = Tap(route.address, ports.raw)
        with tap.open(), playing(way.player(ports)) as screen:
            time.sleep(study.warm_up_s)
            since_ns = time.time_ns()
            time.sleep(study.seconds)
            until_ns = time.time_ns()
            if screen.ended:
                print(f'{way.name}: the player has ended too soon, as where this machine is too '
                      'busy to encode')
    return ages(tap.sent(), screen.seen, since_ns, until_ns)


def site(study: Study, route: networks.Route, ports: Ports, outlets: Sequence[str] = (),
         *options: str) -> AbstractContextManager[Server]:
    """Run a server with RTSP and these outlets."""
    return serving(route, study.pictures, study.fps, '--rtsp-port', str(ports.rtsp),
                   *(('--outlets', ','.join(outlets)) if outlets else ()), *BITRATE, *options,
                   *study.server_options, log=study.log)
