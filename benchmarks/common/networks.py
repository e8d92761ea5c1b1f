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
Networks on one machine: namespaces which act as computers, and cables between them.

`ip netns` makes the namespaces, and a veth pair is a cable, or two TUN devices where packets are
to take their time. The qdisc tbf narrows one: it lets a rate through, and has room for what would
wait 50 ms; the rest is lost, as in a router. All of it needs root and iproute2, touches nothing
outside its namespaces, and goes away with its context; what a killed program has left behind goes
with the next one. Benchmarks and tests use it.
"""

from collections.abc import Iterator
from contextlib import contextmanager, ExitStack
from dataclasses import dataclass
import itertools
import os
from pathlib import Path
import re
import shutil
import socket
import subprocess
import time

from pi_camera_stream.core.errors import PermanentError

from . import proc
from .long_cable import long_cable

# What to put before a command so that it runs in a namespace, whose name is the last word.
Prefix = tuple[str, ...]

ADDRESSES = ('10.98.0.1', '10.98.0.2')  # of two hosts
DEVICE = 'cable'  # at both
_NETWORK = '10.98.0.0/24'
_NAMESPACES = Path('/run/netns')  # where ip-netns(8) keeps them
_NAME = re.compile(r'pi-camera-(\d+)-.*')  # with the process that has made it
_SHAPE = ('burst', '64kb', 'latency', '50ms')
_PACKAGES = {'ip': 'iproute2', 'tc': 'iproute2', 'nft': 'nftables', 'sysctl': 'procps'}
_numbers = itertools.count()


@dataclass(frozen=True)
class Route:
    """
    Where the server runs and how viewers reach it.

    Attributes
    ----------
    server, viewers
        What to put before a command so that it runs at this end.
    address
        The server's, as the viewers see it.
    congestion
        The TCP congestion control at the server's end.

    """

    server: Prefix
    viewers: Prefix
    address: str
    congestion: str


def unavailable(*programs: str) -> str:
    """Return what is missing for networks, in one sentence; nothing when they can be made."""
    if os.geteuid() != 0:
        return 'network namespaces need root: run it with sudo'
    for program in ('ip', 'tc', *programs):
        if shutil.which(program) is None:
            return (f'network namespaces need the program {program}: sudo apt install '
                    f'{_PACKAGES[program]}')
    probe = _name('probe')
    try:
        _run('ip', 'netns', 'add', probe)
    except PermanentError as error:
        return str(error)
    finally:
        _delete(probe)
    return ''


def check(*programs: str) -> None:
    """
    See whether networks can be made.

    Raises
    ------
    PermanentError
        Root or one of the programs is missing, or the system refuses.

    """
    if reason := unavailable(*programs):
        raise PermanentError(reason)


@contextmanager
def hosts(*names: str) -> Iterator[list[Prefix]]:
    """
    Return hosts of these names, with nothing but a loopback device.

    Raises
    ------
    PermanentError
        Root or a program is missing, or the system refuses.

    """
    check()
    _sweep()
    with ExitStack() as stack:
        prefixes: list[Prefix] = [('ip', 'netns', 'exec', _name(name)) for name in names]
        for *_, namespace in prefixes:
            stack.callback(_delete, namespace)
            _run('ip', 'netns', 'add', namespace)
            ip(('netns', namespace), 'link', 'set', 'lo', 'up')
        yield prefixes


@contextmanager
def two_hosts(rtt_ms: float = 0.0) -> Iterator[tuple[Prefix, Prefix]]:
    """
    Return two hosts with a cable between them, and with ADDRESSES; multicast passes, too.

    Parameters
    ----------
    rtt_ms
        Round trip; 0 for none worth mentioning.

    Raises
    ------
    PermanentError
        Something is missing, or the system refuses.

    """
    with hosts('one', 'other') as (one, other), ExitStack() as stack:
        if rtt_ms:
            names = f'tun{os.getpid()}a', f'tun{os.getpid()}b'
            stack.enter_context(long_cable(names, rtt_ms / 2e3))
            for name, host in zip(names, (one, other), strict=True):
                _run('ip', 'link', 'set', name, 'netns', host[-1], 'name', DEVICE)
        else:
            join((one, DEVICE), (other, DEVICE))
        for host, address in zip((one, other), ADDRESSES, strict=True):
            ip(host, 'addr', 'add', f'{address}/24', 'dev', DEVICE)
            ip(host, 'link', 'set', DEVICE, 'up')
            ip(host, 'route', 'add', '224.0.0.0/4', 'dev', DEVICE)
        for host in (one, other):
            wait_for_carrier(host, DEVICE)
        yield one, other


@contextmanager
def cable(rate_bps: int | None = None, rtt_ms: float = 0.0, congestion: str | None = None
          ) -> Iterator[Route]:
    """
    Let a server and its viewers meet by a cable.

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
        Something is missing, or the system refuses.

    """
    with two_hosts(rtt_ms) as (server, viewers):
        if rate_bps is not None:
            narrow(server, rate_bps)
        if congestion is not None:
            _set_congestion(server, congestion)
        yield Route(server, viewers, ADDRESSES[0], congestion or proc.congestion_control())


@contextmanager
def loopback() -> Iterator[Route]:
    """Let a server and its viewers meet at 127.0.0.1."""
    yield Route((), (), '127.0.0.1', proc.congestion_control())


def ip(host: Prefix, *arguments: str) -> None:
    """Run `ip` for a host."""
    _run('ip', '-n', host[-1], *arguments)


def join(one: tuple[Prefix, str], other: tuple[Prefix, str]) -> None:
    """Plug a cable into two hosts, as devices of these names."""
    (here, device), (there, peer) = one, other
    _run('ip', 'link', 'add', device, 'netns', here[-1], 'type', 'veth',
         'peer', 'name', peer, 'netns', there[-1])


def narrow(host: Prefix, rate_bps: float, device: str = DEVICE,
           shape: tuple[str, ...] = _SHAPE) -> None:
    """
    Let so many bits a second leave a host by a device; it can be said again.

    `shape` is what tbf has to be told beside the rate.
    """
    _run('tc', '-n', host[-1], 'qdisc', 'replace', 'dev', device, 'root',
         'tbf', 'rate', f'{round(rate_bps)}bit', *shape)


def lose(host: Prefix, share: float, device: str = DEVICE) -> None:
    """Lose this share, 0 to 1, of the packets that arrive at a host."""
    _run(*host, 'nft', f'table netdev loss {{ chain loss {{ type filter hook ingress device '
         f'{device} priority 0; numgen random mod 1000 < {round(share * 1000)} drop; }}; }}')


def wait_for_carrier(host: Prefix, device: str) -> None:
    """Return when a cable works; it takes up to a second, in which DDS takes it for no network."""
    state = [*host, 'cat', f'/sys/class/net/{device}/operstate']
    while subprocess.run(state, check=True, capture_output=True, text=True, start_new_session=True
                         ).stdout.strip() not in ('up', 'unknown'):  # a TUN device tells nothing
        time.sleep(0.05)


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that is free at present; in a new namespace all are."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port: int = probe.getsockname()[1]
        return port


def _set_congestion(server: Prefix, congestion: str) -> None:
    """
    Let TCP connections to the viewers use it, by their route.

    Not by the sysctl: there, a namespace may only choose what the whole machine allows to all
    (tcp_allowed_congestion_control).
    """
    try:
        ip(server, 'route', 'replace', _NETWORK, 'dev', DEVICE, 'src', ADDRESSES[0],
           'proto', 'kernel', 'scope', 'link', 'congctl', congestion)
    except PermanentError as error:
        raise PermanentError(
            f"this kernel has no congestion control '{congestion}': choose one of "
            + ', '.join(proc.congestion_controls())) from error


def _name(role: str) -> str:
    return f'pi-camera-{os.getpid()}-{next(_numbers)}-{role}'


def _sweep() -> None:
    """Remove what a program that was killed has left behind."""
    if _NAMESPACES.is_dir():
        for entry in _NAMESPACES.iterdir():
            match = _NAME.fullmatch(entry.name)
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
                             'network namespaces can be made')
