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
A network on one machine: two namespaces, joined by a cable that is narrow, or long, or both.

`ip netns` makes the namespaces, and a veth pair is the cable, or two TUN devices where packets are
to take their time. The qdisc tbf at the server's end narrows it: it lets RATE through, and has
room for what would wait 50 ms; the rest is lost, as in a router. Needs root and iproute2, and
touches nothing outside its two namespaces.
"""

from collections.abc import Iterator
from contextlib import contextmanager, ExitStack
from dataclasses import dataclass
import os
from pathlib import Path
import re
import shutil
import socket
import subprocess

from . import proc
from .long_cable import long_cable
from ...core.errors import PermanentError

_NAMESPACES = Path('/run/netns')  # where ip-netns(8) keeps them
_NETWORK = '10.99.0.0/24'
_ADDRESSES = ('10.99.0.1', '10.99.0.2')  # of the server and the viewers
_DEVICES = ('cable0', 'cable1')
_SHAPE = ('burst', '64kb', 'latency', '50ms')


@dataclass(frozen=True)
class Route:
    """
    Where the server runs and how viewers reach it.

    Attributes
    ----------
    server_prefix, viewers_prefix
        What to put before a command so that it runs at this end.
    address
        The server's, as the viewers see it.
    congestion
        The TCP congestion control at the server's end.

    """

    server_prefix: tuple[str, ...]
    viewers_prefix: tuple[str, ...]
    address: str
    congestion: str


def check_link() -> None:
    """
    See whether a narrow link can be made.

    Raises
    ------
    PermanentError
        Root or a program is missing.

    """
    if os.geteuid() != 0:
        raise PermanentError('--link and --rtt-ms need root, to make network namespaces: run it '
                             'with sudo, or leave them out')
    for program in ('ip', 'tc'):
        if shutil.which(program) is None:
            raise PermanentError(f'--link and --rtt-ms need the program {program}: sudo apt '
                                 'install iproute2')


@contextmanager
def loopback() -> Iterator[Route]:
    """Let the server and its viewers meet at 127.0.0.1."""
    yield Route((), (), '127.0.0.1', proc.congestion_control())


@contextmanager
def cable(rate_bps: int | None, rtt_ms: float, congestion: str | None) -> Iterator[Route]:
    """
    Let them meet by a cable, which goes away with the context.

    Parameters
    ----------
    rate_bps
        Bits a second to the viewers; None for as many as go.
    rtt_ms
        Round trip; 0 for none worth mentioning.
    congestion
        The TCP congestion control of the server; None for the machine's.

    Raises
    ------
    PermanentError
        The system refuses.

    """
    _sweep()
    server, viewers = f'bench-{os.getpid()}-server', f'bench-{os.getpid()}-viewers'
    with ExitStack() as stack:
        for namespace in (server, viewers):
            stack.callback(_delete, namespace)
            _run('ip', 'netns', 'add', namespace)
            _run('ip', '-n', namespace, 'link', 'set', 'lo', 'up')
        if rtt_ms:
            names = f'tun{os.getpid()}a', f'tun{os.getpid()}b'
            stack.enter_context(long_cable(names, rtt_ms / 2e3))
            for name, namespace, device in zip(names, (server, viewers), _DEVICES, strict=True):
                _run('ip', 'link', 'set', name, 'netns', namespace, 'name', device)
        else:
            _run('ip', 'link', 'add', _DEVICES[0], 'netns', server, 'type', 'veth',
                 'peer', 'name', _DEVICES[1], 'netns', viewers)
        for namespace, device, address in zip((server, viewers), _DEVICES, _ADDRESSES,
                                              strict=True):
            _run('ip', '-n', namespace, 'addr', 'add', f'{address}/24', 'dev', device)
            _run('ip', '-n', namespace, 'link', 'set', device, 'up')
        if rate_bps is not None:
            _run('tc', '-n', server, 'qdisc', 'add', 'dev', _DEVICES[0], 'root',
                 'tbf', 'rate', f'{rate_bps}bit', *_SHAPE)
        if congestion is not None:
            _set_congestion(server, congestion)
        yield Route(('ip', 'netns', 'exec', server), ('ip', 'netns', 'exec', viewers),
                    _ADDRESSES[0], congestion or proc.congestion_control())


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that is free at present; in a new namespace all are."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port: int = probe.getsockname()[1]
        return port


def _set_congestion(namespace: str, congestion: str) -> None:
    """
    Let TCP connections to the viewers use it, by their route.

    Not by the sysctl: there, a namespace may only choose what the whole machine allows to all
    (tcp_allowed_congestion_control).
    """
    try:
        _run('ip', '-n', namespace, 'route', 'replace', _NETWORK, 'dev', _DEVICES[0], 'src',
             _ADDRESSES[0], 'proto', 'kernel', 'scope', 'link', 'congctl', congestion)
    except PermanentError as error:
        raise PermanentError(
            f"this kernel has no congestion control '{congestion}': choose one of "
            + ', '.join(proc.congestion_controls())) from error


def _sweep() -> None:
    """Remove what a measurement that was killed has left behind."""
    if _NAMESPACES.is_dir():
        for entry in _NAMESPACES.iterdir():
            match = re.fullmatch(r'bench-(\d+)-(server|viewers)', entry.name)
            if match and not Path(f'/proc/{match[1]}').exists():
                _delete(entry.name)


def _delete(namespace: str) -> None:
    subprocess.run(('ip', 'netns', 'del', namespace), check=False, capture_output=True,
                   start_new_session=True)


def _run(*command: str) -> None:
    """Run a program out of reach of Ctrl-C."""
    done = subprocess.run(command, check=False, capture_output=True, text=True,
                          start_new_session=True)
    if done.returncode:
        raise PermanentError(f'`{" ".join(command)}` fails ({done.stderr.strip()}): run it where '
                             'network namespaces can be made, or leave --link and --rtt-ms out')
