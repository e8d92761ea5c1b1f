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

"""Whether somebody is in another ROS domain while nobody is in ours."""

from collections.abc import Iterator
import os

from . import Finding, Options
from .announcements import Participant
from .environment import middleware, our_domain
from .multicast_sockets import is_ours
from .surroundings import Seen, Surroundings


def check_domains(surroundings: Surroundings, options: Options) -> Iterator[Finding]:
    domain = our_domain(os.environ)
    if domain is None:
        return  # that it is senseless was said
    seen = surroundings.observe(options.seconds)
    if seen.deaf:
        yield Finding('note', f'cannot listen for other ROS domains ({seen.deaf})',
                      'stop other programs that listen there: `sudo ss -lunp`')
    yield from compare(seen, domain, middleware(os.environ))


def compare(seen: Seen, domain: int, maker: str) -> Iterator[Finding]:
    """Compare where others are with where we are, and what they use with what we use."""
    away = {number: [each for each in sorted(found, key=lambda one: one.address)
                     if not is_ours(each.address)] for number, found in seen.announced.items()}
    ours = [*away.get(domain, []), *seen.topics, *([seen.local[domain]]
                                                   if domain in seen.local else [])]
    others = {number: text for number in sorted({*away, *seen.local} - {domain})
              if (text := _who(seen, number, away.get(number, [])))}
    if others and not ours:
        where = '; '.join(f'in domain {number} {text}' for number, text in others.items())
        # Who keeps to this machine in a domain of its own, as a demo does, may want it so.
        reachable = [number for number in others
                     if away.get(number) or seen.local[number].open]
        number = (reachable or list(others))[0]
        yield Finding('broken' if reachable else 'note',
                      f'no node is in ROS domain {domain}, but {where}',
                      f'export ROS_DOMAIN_ID={number} here, or ROS_DOMAIN_ID={domain} there')
    elif others:
        yield Finding('ok', f'ROS domain {domain} is in use, as are others: '
                            f'{", ".join(map(str, others))}')
    elif ours:
        yield Finding('ok', f'ROS domain {domain} is in use, and it is the only one')
    else:
        yield Finding('note', f'no node is in ROS domain {domain}, nor in any other',
                      'start the camera node; if one runs on another machine, multicast does not '
                      'get through (docs/dds.md)')
    yield from _makers(away.get(domain, []), maker)


def _who(seen: Seen, number: int, away: list[Participant]) -> str:
    texts = []
    if number in seen.local:
        texts.append(f'{seen.local[number].participants} on this machine')
    for address in dict.fromkeys(each.address for each in away):
        texts.append(f'{sum(each.address == address for each in away)} at {address}')
    return ', '.join(texts)


def _makers(away: list[Participant], maker: str) -> Iterator[Finding]:
    for each in {each.address: each for each in away if each.maker != maker}.values():
        yield Finding('note', f'{each.address} uses {each.maker}, and this machine {maker}: ROS '
                              'does not guarantee that they can communicate',
                      'set RMW_IMPLEMENTATION to the same on all machines')
