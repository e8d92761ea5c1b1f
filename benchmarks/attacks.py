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
Whether HTTP clients can exhaust the bridge, or slow it down for those who watch and drive.

Run it with: .venv/bin/python -m benchmarks attacks crowd|flood

crowd   one client opens 1000 connections to the HTTPS port that say nothing, and 300 that read
        nothing of what they request, and reconnects whenever one is closed, for `--seconds`:
        how soon a new viewer gets a frame, and how much memory is not freed again
flood   one viewer sends messages on /ws as fast as it can while somebody drives: the round trip
        of a command to the bridge, with the flood and without, `--seconds` each

The exit code is 1 if a frame takes longer than 2 s, if more than 30 MB are not freed, or if the
round trip takes more than three times as long (p95). Everything runs on this machine only.
"""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
import http.client
import os
import ssl
import statistics
import subprocess
from tempfile import TemporaryDirectory
import time

from pi_camera_stream.core.errors import PermanentError
from support.driver import Driver
from support.processes import parameters, Program, running

from .common import command, proc
from .programs.attacker import attack, SOURCE

SECONDS = 30.0
PICTURE_S, STAYS_MB, TIMES = 2.0, 30.0, 3.0
SETTLE_S, BACK_S = 5.0, 15.0  # until memory is as it is, before and after
FLOOR_MS = 2.0  # a round trip that is not worth comparing


def say(text: str) -> None:
    """Print a line with how busy the machine is."""
    print(f'{text}; load {os.getloadavg()[0]:.1f}', flush=True)


def certificate(folder: str) -> list[str]:
    """Make a certificate; return the options of a server that uses it."""
    try:
        subprocess.run(
            ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
             'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'key', '-out', 'crt',
             '-subj', '/CN=localhost'], cwd=folder, check=True, capture_output=True)
    except FileNotFoundError as error:
        raise PermanentError('the command openssl is missing: install the package openssl'
                             ) from error
    return ['--certfile', f'{folder}/crt', '--keyfile', f'{folder}/key']


def picture_s(port: int) -> float:
    """Return how long it takes a new viewer to get a picture, from before the connection on."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    begun_s = time.monotonic()
    connection = http.client.HTTPSConnection('127.0.0.1', port, timeout=30, context=context)
    try:
        connection.request('GET', '/stream.mjpg')
        answer = connection.getresponse()
        if answer.status != 200 or len(answer.read(10_000)) < 10_000:
            return float('inf')
        return time.monotonic() - begun_s
    except (OSError, http.client.HTTPException):
        return float('inf')
    finally:
        connection.close()


def measure_crowd(seconds: float) -> bool:
    """Let one stranger come with very many connections."""
    with TemporaryDirectory() as folder, running(
            'serve', '--source', 'pattern', '--size', '1280x720', '--address', '127.0.0.1',
            '--port', 0, '--trusted-proxies', SOURCE, *certificate(folder)) as program:
        port, pid = int(program.wait_for(r'Open https://\S+:(\d+)/').group(1)), program.process.pid
        picture_s(port)
        time.sleep(SETTLE_S)
        before, took_s, most_mb = proc.snapshot(pid), [], 0.0
        with attack('silent', port), attack('stuck', port, tls=True):
            until_s = time.monotonic() + seconds
            while time.monotonic() < until_s:
                took_s.append(picture_s(port))
                most_mb = max(most_mb, proc.snapshot(pid).rss_mb)
                time.sleep(0.5)
        time.sleep(BACK_S)
        after = proc.snapshot(pid)
    say(f'crowd: a frame after {statistics.median(took_s):.2f} s (median of {len(took_s)}), '
        f'at most {max(took_s):.2f}, goal {PICTURE_S:.0f}; {before.rss_mb:.0f} MB before, '
        f'at most {most_mb:.0f}, {after.rss_mb:.0f} afterwards; {before.sockets} sockets '
        f'before, {after.sockets} afterwards')
    return max(took_s) <= PICTURE_S and after.rss_mb <= before.rss_mb + STAYS_MB \
        and after.sockets <= before.sockets


def round_trips_ms(driver: Driver, seconds: float) -> list[float]:
    """Return how long the commands of the next seconds take to the bridge and back."""
    begun_s = time.time()
    time.sleep(seconds)
    return [(heard_s - driver.given[number]) * 1e3
            for number, heard_s in driver.heard.copy().items()
            if driver.given.get(number, 0.0) >= begun_s]


def measure_flood(seconds: float) -> bool:
    """Let one viewer send messages as fast as it can."""
    command.stay_on_this_machine(95)
    with ExitStack() as stack:
        stack.enter_context(running('camera', *parameters(
            source='pattern', width=1280, height=720, fps=30.0)))
        bridge: Program = stack.enter_context(running('bridge', *parameters(
            port=0, address='127.0.0.1', teleop__enabled='true', teleop__insecure='true',
            trusted_proxies=SOURCE)))
        match = bridge.wait_for(r'at (http://\S+:(\d+)/)')
        driver = stack.enter_context(Driver(match.group(1)))
        driver.sit_down()
        driver.hold()
        spent_s = [proc.cpu_s(bridge.process.pid)]
        quiet_ms = round_trips_ms(driver, seconds)
        spent_s.append(proc.cpu_s(bridge.process.pid))
        pictures = len(driver.pictures)
        with attack('flood', int(match.group(2))):
            flooded_ms = round_trips_ms(driver, seconds)
            pictures = len(driver.pictures) - pictures
            spent_s.append(proc.cpu_s(bridge.process.pid))
    quiet, flooded = (statistics.quantiles(values, n=20)[-1] if len(values) > 1 else float('inf')
                      for values in (quiet_ms, flooded_ms))
    say(f'flood: {quiet:.1f} ms p95 of {len(quiet_ms)} commands without, {flooded:.1f} of '
        f'{len(flooded_ms)} with it, goal {TIMES:.0f} times as long; {pictures / seconds:.1f} '
        f'frames/s at the driver meanwhile; the bridge has used {spent_s[1] - spent_s[0]:.1f} s '
        f'of CPU without, {spent_s[2] - spent_s[1]:.1f} with it')
    return flooded <= TIMES * max(quiet, FLOOR_MS)


def main(arguments: Sequence[str]) -> int:
    """Measure, and print a line a figure."""
    parser = command.parser('attacks', __doc__)
    parser.add_argument('what', choices=('crowd', 'flood'))
    parser.add_argument('--seconds', type=float, default=SECONDS,
                        help=f'default: {SECONDS:g}')
    options: argparse.Namespace = parser.parse_args(arguments)
    well = {'crowd': measure_crowd, 'flood': measure_flood}[options.what](options.seconds)
    return 0 if well else 1
