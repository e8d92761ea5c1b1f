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
Measure what many viewers of one stream get, and what they cost the server.

One server after the other shows the same stamped frames: the bridge, `serve` without ROS, a bare
event loop, and a reference of the usual design (one thread per viewer, one Condition). Everything
runs on this machine, in processes of its own. ROS stays in a domain of its own; the viewers are
on loopback or, with --link or --rtt-ms, in a network namespace behind a narrow or long cable.
"""

import argparse
from collections.abc import Sequence
import json
import os
from pathlib import Path
import resource
import shlex
import sys
import tempfile
import threading
from typing import Any

from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.core.shutdown_signals import end_by_signals

from .common import command, networks, proc
from .common.pictures import make_pictures
from .load import units
from .load.report import churn_report, steady_report
from .load.scenario import run_scenario, Scenario, SERVERS

_SIZE = (1280, 720)
_SIZE_BYTES = 148_000  # of a picture of that size; others in proportion
_DOMAINS = 100


def _parser() -> argparse.ArgumentParser:
    parser = command.parser('viewers', __doc__)
    add = parser.add_argument
    add('--viewers', type=units.at_least_one, default=20, metavar='N', help='default: 20')
    add('--seconds', type=units.positive, default=15.0, metavar='S',
        help='how long is measured (default: 15)')
    add('--warm-up', type=units.not_negative, default=5.0, metavar='S',
        help='how long the viewers watch before that (default: 5)')
    add('--size', type=units.size_bytes, metavar='BYTES',
        help='of a frame, like 148k (default: 148k at 1280x720, others in proportion)')
    add('--width', type=units.at_least_one, default=_SIZE[0], help='of a frame (default: 1280)')
    add('--height', type=units.at_least_one, default=_SIZE[1], help='of a frame (default: 720)')
    add('--fps', type=units.positive, default=30.0, help='frames per second (default: 30)')
    add('--link', type=units.rate_bps, metavar='RATE',
        help='bit rate of the link to all viewers together, like 50mbit; needs root')
    add('--congestion', metavar='NAME',
        help='TCP congestion control of the server, cubic or bbr; needs --link or --rtt-ms')
    add('--rtt-ms', type=units.not_negative, default=0.0, metavar='MS',
        help='round trip to the viewers; needs root')
    add('--stuck', type=units.count, default=0, metavar='N',
        help='more viewers, who connect and read nothing')
    add('--churn', action='store_true',
        help='viewers come and go; exit code 1 if the bridge keeps sockets of theirs')
    add('--query', default='', metavar='QUERY',
        help="what to request from our servers, like 'tier=full'")
    add('--servers', type=_servers, default=['bridge', 'reference'], metavar='NAMES',
        help=f'some of {", ".join(SERVERS)}; the last one is what others are compared with '
             '(default: bridge,reference)')
    add('--json', type=Path, metavar='FILE', help='also write all figures to that file')
    return parser


def _servers(text: str) -> list[str]:
    names = text.split(',')
    for name in names:
        if name not in SERVERS:
            raise argparse.ArgumentTypeError(
                f"'{name}' is not one of {', '.join(SERVERS)}: name some of them, with commas")
    return names


def main(arguments: Sequence[str]) -> int:
    """Measure and report; return the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    away = options.link is not None or options.rtt_ms
    if options.congestion is not None and not away:
        parser.error('--congestion needs --link or --rtt-ms: it is set for that link only')
    if away and (reason := networks.unavailable()):
        raise PermanentError(f'{reason}, or leave --link and --rtt-ms out')
    if options.json is not None and not options.json.absolute().parent.is_dir():
        parser.error(f"there is no folder '{options.json.parent}' for --json: make it first")
    stopping = threading.Event()
    end_by_signals(stopping.set)
    prepare()
    typed = shlex.join(['python3', '-m', 'benchmarks', 'viewers', *arguments])
    result = {'command': typed, **_measure(options, stopping)}
    print(churn_report(result) if options.churn else steady_report(result), flush=True)
    if options.json is not None:
        _write(options.json, result)
    return 1 if options.churn and not result['rows'][0]['sockets_came_back'] else 0


def _measure(options: argparse.Namespace, stopping: threading.Event) -> dict[str, Any]:
    """Return the figures; KeyboardInterrupt when `stopping` is set."""
    machine = proc.machine()  # with the load that others make
    with tempfile.TemporaryDirectory(prefix='pi_camera_stream_benchmark_') as folder:
        size_bytes = options.size or round(
            _SIZE_BYTES * options.width * options.height / (_SIZE[0] * _SIZE[1]))

        def check() -> None:
            if stopping.is_set():
                raise KeyboardInterrupt

        mean_bytes = make_pictures(Path(folder), options.width, options.height, size_bytes, check)
        scenario = Scenario(
            Path(folder), options.fps, options.viewers, options.stuck, options.churn,
            options.warm_up, options.seconds, options.link, options.congestion, options.rtt_ms,
            options.query)
        rows = []
        for server in options.servers:
            print(f'measuring the {server} …', file=sys.stderr, flush=True)
            rows.append(run_scenario(server, scenario, stopping))
    return {
        'machine': machine,
        'stream': {'width': options.width, 'height': options.height, 'fps': options.fps,
                   'mean_bytes': mean_bytes},
        'viewers': options.viewers, 'stuck': options.stuck, 'churn': options.churn,
        'seconds': options.seconds, 'warm_up_s': options.warm_up, 'link_bps': options.link,
        'congestion_control': rows[0]['congestion_control'], 'rtt_ms': options.rtt_ms,
        'rows': rows}


def prepare() -> None:
    """Set what all processes inherit."""
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    # A domain that no robot uses whose variables were sourced here: the topic has the usual name.
    domain = 1 + os.getpid() % _DOMAINS
    if str(domain) == os.environ.get('ROS_DOMAIN_ID'):
        domain = 1 + domain % _DOMAINS
    os.environ['ROS_DOMAIN_ID'] = str(domain)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _write(path: Path, result: dict[str, Any]) -> None:
    try:
        path.write_text(json.dumps(result, indent=2) + '\n')
    except OSError as error:
        raise PermanentError(
            f"cannot write '{path}' ({error.strerror}): choose another file") from error
