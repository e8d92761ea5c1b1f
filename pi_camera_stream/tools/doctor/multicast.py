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

"""Whether multicast, by which ROS nodes find each other, gets out, in, and to a peer."""

from collections.abc import Iterator
from dataclasses import dataclass, field
import os
import secrets
import selectors
import socket
import time

from . import Finding, Level, Options
from .answer import message, parse, port_for
from .environment import leaves_machine, needs_multicast, our_domain
from .multicast_sockets import GROUP, Interface, interfaces, is_ours, receive, receiver, sender

_WAIT_S = 1.5  # Wi-Fi holds multicast back for stations that sleep, up to 0.3 s
_EVERY_S = 0.2  # nobody acknowledges it: one may get lost
_FIREWALL = (f'allow UDP to {GROUP} in the firewall, which `sudo nft list ruleset` or `sudo '
             'iptables -S` shows (ufw: `sudo ufw allow in proto udp to 239.0.0.0/8`)')
_STATIC = ('an access point may hold back multicast (IGMP snooping, client isolation); without '
           'multicast, name the other machine on both: ROS_STATIC_PEERS=<address> (docs/dds.md)')


@dataclass
class Trial:
    """What came of our multicasts on one interface, and who answered."""

    interface: Interface
    failure: str = ''
    came_back: bool = False
    heard_by: set[str] = field(default_factory=set)
    answered_by: set[str] = field(default_factory=set)


def check_multicast(options: Options) -> Iterator[Finding]:
    """Send multicasts of our own and see who hears them: we, and the doctors who answer."""
    if not leaves_machine(os.environ):
        return  # that it does not was said
    level: Level = 'broken' if needs_multicast(os.environ) else 'note'
    all_interfaces = interfaces()
    usable = [interface for interface in all_interfaces if interface.can_multicast]
    for interface in all_interfaces:
        if not interface.can_multicast:
            yield Finding('note' if usable else level, f'{interface.name} has multicast switched '
                                                       'off',
                          f'sudo ip link set {interface.name} multicast on')
    if not all_interfaces:
        yield Finding('note', 'there is no network interface but the loopback', 'connect it')
    if not usable:
        return
    trials, peer = _try(usable, port_for(our_domain(os.environ)), options.peer)
    for trial in trials:
        yield _receiver_stats(trial, level)
    yield from _judge_peers(trials, options.peer, peer, level)


def _receiver_stats(trial: Trial, level: Level) -> Finding:
    name = f'{trial.interface.name} ({trial.interface.address})'
    if trial.failure:
        return Finding(level, f'multicast cannot be sent on {name}: {trial.failure}',
                       _FIREWALL)
    if not trial.came_back:
        return Finding(level, f'no multicast is received on {name}: nodes here find nobody',
                       _FIREWALL)
    return Finding('ok', f'multicast is sent and received on {name}')


def _judge_peers(trials: list[Trial], host: str, peer: str, level: Level) -> Iterator[Finding]:
    there = 'run `python3 -m pi_camera_stream doctor --answer` there, with the same ROS_DOMAIN_ID'
    heard = set().union(*(trial.heard_by for trial in trials))
    back = set().union(*(trial.answered_by for trial in trials))
    if host and not peer:
        yield Finding('broken', f'there is no address for {host}', 'give its IP address')
    elif host and peer not in heard and not any('call' in trial.heard_by for trial in trials):
        yield Finding('broken', f'{host} does not answer at all',
                      f'{there}; allow UDP in the firewalls of both')
    elif host and peer not in heard:
        yield Finding(level, f'{host} can be reached, but our multicast does not arrive there',
                      _STATIC)
    for address in sorted(heard - {'call'}):
        yield Finding('ok', f'our multicast reaches {address}')
    for address in sorted((heard | {peer} if host and peer else heard) - back - {'call'}):
        if address in heard:
            yield Finding(level, f'multicast from {address} does not arrive here', _STATIC)
    if not heard and not host:
        yield Finding('note', 'it is not known whether multicast reaches other machines',
                      f'{there}, then this one again')


def _try(usable: list[Interface], port: int, host: str) -> tuple[list[Trial], str]:
    """Send and listen for a while; return what came of it, and the address of `host`."""
    try:
        peer = socket.gethostbyname(host) if host else ''
    except OSError:
        peer = ''
    nonce, trials = secrets.token_hex(8), [Trial(interface) for interface in usable]
    with selectors.DefaultSelector() as selector:
        pairs = [(trial, sender(trial.interface), receiver(port, [trial.interface]))
                 for trial in trials]
        for trial, *both in pairs:
            for each in both:
                selector.register(each, selectors.EVENT_READ, trial)
        start_s = last_s = time.monotonic()
        while (now_s := time.monotonic()) < start_s + _WAIT_S:
            if now_s >= last_s:
                last_s += _EVERY_S
                _send(pairs, port, nonce, peer)
            for key, _ in selector.select(max(0.0, last_s - time.monotonic())):
                _receive(key.data, receive(key.fileobj), nonce)  # type: ignore[arg-type]
        for _, *both in pairs:
            for each in both:
                each.close()
    return trials, peer


def _send(pairs: list[tuple[Trial, socket.socket, socket.socket]], port: int, nonce: str,
          peer: str) -> None:
    for trial, out, _ in pairs:
        try:
            out.sendto(message('ask', nonce), (GROUP, port))
        except OSError as error:
            trial.failure = error.strerror or str(error)
        if peer:
            try:
                out.sendto(message('call', nonce), (peer, port))
            except OSError:  # no answer comes then
                pass


def _receive(trial: Trial, datagram: tuple[bytes, tuple[str, int]], nonce: str) -> None:
    data, (address, _) = datagram
    word, theirs = parse(data)
    if theirs != nonce:
        return
    if word == 'ask':
        trial.came_back = trial.came_back or is_ours(address)
    elif word == 'heard':
        trial.heard_by.add(address)
    elif word == 'here':
        trial.heard_by.add('call')
    elif word == 'back':
        trial.answered_by.add(address)
