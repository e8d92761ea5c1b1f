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

"""A media server for many viewers: what the robot sends, what they get, and what it costs."""

from contextlib import ExitStack
import os
import time

from pi_camera_stream.core.errors import PermanentError

from . import janus
from .crowds import CROWD, NEARLY, running, sent_bytes
from .latency import Ports, site
from ..common import networks, proc
from ..video.attempt import Study, tell
from ..video.server import Cpu

_PORTS = Ports(8554, 5001, 0)


def many(study: Study) -> bool:
    """Let Janus ask for the stream by RTSP, or get it by RTP, and one and 20 watch there."""
    networks.check()
    if reason := janus.missing():
        raise PermanentError(f'{reason}: install it, or choose other rows')
    robot, server = networks.ADDRESSES[:2]
    ways = {'RTSP': (janus.by_rtsp(f'rtsp://{robot}:{_PORTS.rtsp}/camera'), ()),
            'RTP': (janus.by_rtp(), (f'rtp://{server}:{janus.RTP_PORT}',))}
    well = []
    for name, (mount_point, outlets) in ways.items():
        sizes, least = {}, 0.0
        for count in (1, CROWD):
            with ExitStack() as stack:
                route = stack.enter_context(networks.cable())
                stack.enter_context(site(study, route, _PORTS, outlets))
                sizes[count], least = _watch(study, route, stack, name, mount_point, count)
        well += [
            tell(f'bytes a frame that the robot sends for 20, of those for one, by {name}',
                 sizes[CROWD] / sizes[1], 1.05, '', digits=2),
            tell(f'frames/s of the viewer with the fewest, by {name}', least, NEARLY * study.fps,
                 '/s', at_least=True)]
    return all(well)


def _watch(study: Study, route: networks.Route, stack: ExitStack, name: str, mount_point: str,
           count: int) -> tuple[float, float]:
    """Return the bytes on the link a frame, and frames/s of the viewer with the fewest."""
    address = networks.ADDRESSES[1]
    server = stack.enter_context(janus.janus(
        route.viewers, address, study.folder / 'janus', mount_point))
    some = stack.enter_context(running(
        route.viewers, 'janus_viewers', '--url', f'http://{address}:{janus.PORT}/janus', '--count',
        str(count)))
    time.sleep(study.warm_up_s)
    cpu, sent, since_ns = Cpu(server.pid), sent_bytes(route), time.time_ns()
    time.sleep(study.seconds)
    used, sent, until_ns = cpu.used(), sent_bytes(route) - sent, time.time_ns()
    memory_mb = proc.snapshot(server.pid).rss_mb
    got = some.got(since_ns, until_ns)
    rate_mbps = sent * 8e3 / (until_ns - since_ns)
    print(f'{count} viewers of Janus, which gets {name}: {got}\n    {rate_mbps:.2f} Mbit/s from '
          f'the robot; Janus {1e3 * used.whole / got.count():.3f} ms CPU a viewer-frame, '
          f'{used.percent():.1f} % of a core, {memory_mb:.0f} MB; load {os.getloadavg()[0]:.1f}',
          flush=True)
    return sent / got.most(), got.least_per_s()
