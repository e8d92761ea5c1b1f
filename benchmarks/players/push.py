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

"""A media server that is pushed to, goes away, and comes back."""

from collections.abc import Iterator
from contextlib import contextmanager, ExitStack
import os
import socket
import subprocess
import threading
import time
from typing import cast, IO

import av
from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.core.with_parent import with_parent

from .latency import Ports, site
from .marked import number_of, Seen
from .study import OutletStudy
from .tap import Tap
from ..common import networks
from ..common.command import ROOT
from ..video.attempt import tell

_PYTHON = '/usr/bin/python3'  # whose packages those of Debian are
_PROGRAM = ROOT / 'test' / 'support' / 'media_server.py'
_USER, _SECRET = 'robot', 'correct-horse'
_READ_BYTES = 65536
_LOOK_S, _PATIENCE_S, _STAY_S = 0.01, 20.0, 3.0


class _Recorded:
    """What the media server has been given."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.seen: list[Seen] = []
        self._stream = cast(IO[bytes], process.stdout)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        decoder = av.CodecContext.create('h264', 'r')
        while data := os.read(self._stream.fileno(), _READ_BYTES):
            for packet in decoder.parse(data):
                for picture in decoder.decode(packet):
                    number = number_of(picture.to_ndarray(format='gray'))
                    if number is not None:
                        self.seen.append(Seen(number, time.time_ns()))


@contextmanager
def _media_server(port: int) -> Iterator[tuple[int, _Recorded]]:
    """Run one; the context begins with the time at which it listens, in ns."""
    with subprocess.Popen(with_parent([_PYTHON, str(_PROGRAM), str(port), _USER, _SECRET]),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        recorded = _Recorded(process)
        try:
            _wait_for(port, process)
            yield time.time_ns(), recorded
        finally:
            process.kill()
            recorded.thread.join()


def push(study: OutletStudy) -> bool:
    """Let the server go away, and see how soon it has pictures again, and which."""
    ports = Ports(*(networks.free_port() for _ in range(3)))
    outlets = [f'tcp://:{ports.raw}', f'rtsp://{_USER}:{_SECRET}@127.0.0.1:{ports.sent}/live']
    backs_ns: list[tuple[int, Seen]] = []
    with ExitStack() as stack:
        route = stack.enter_context(networks.loopback())
        stack.enter_context(site(study, route, ports, outlets))
        tap = Tap(route.address, ports.raw)
        stack.enter_context(tap.open())
        for number in range(1 + study.rounds):
            with _media_server(ports.sent) as (back_ns, recorded):
                backs_ns.append((back_ns, _first(recorded)))
                time.sleep(_STAY_S)
                print(f'{len(recorded.seen)} frames recorded; load {os.getloadavg()[0]:.1f}',
                      flush=True)
            if number < study.rounds:
                time.sleep(study.away_s)
    waits_s, late_s = zip(*(_judge(tap.sent(), back_ns, first)
                            for back_ns, first in backs_ns[1:]), strict=True)
    return all([
        tell(f'first picture after {study.away_s:g} s away, from when it listens', max(waits_s),
             2.0, ' s'),
        tell('how old that was', max(late_s), 0.5, ' s', digits=2)])


def _first(recorded: _Recorded) -> Seen:
    until_s = time.monotonic() + _PATIENCE_S
    while not recorded.seen:
        if time.monotonic() > until_s:
            raise PermanentError('the media server has received no frame: --log shows why')
        time.sleep(_LOOK_S)
    return recorded.seen[0]


def _judge(sent: list[Seen], back_ns: int, first: Seen) -> tuple[float, float]:
    """Return after how many seconds the first picture came, and how old it was."""
    when_ns = max(one.at_ns for one in sent
                  if one.number == first.number and one.at_ns <= first.at_ns)
    wait_s, late_s = (first.at_ns - back_ns) / 1e9, (first.at_ns - when_ns) / 1e9
    print(f'back: the first frame {wait_s:.2f} s after it listens, {late_s:.2f} s after it was '
          'sent')
    return wait_s, late_s


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until_s = time.monotonic() + _PATIENCE_S
    while process.poll() is None and time.monotonic() < until_s:
        with socket.socket() as probe:
            if probe.connect_ex(('127.0.0.1', port)) == 0:
                return
        time.sleep(_LOOK_S)
    raise PermanentError('the media server is the Debian packages gir1.2-gst-rtsp-server-1.0 and '
                         'python3-gi: install them, or choose other rows')
