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

"""Find out what is wrong with this machine and the ROS graph around it, and say what helps."""

import argparse
from collections.abc import Sequence
from functools import partial
import os
import sys

from . import Check, Finding, Options
from .answer import answer
from .camera import check_camera
from .clocks import check_clocks
from .domains import check_domains
from .environment import check_environment, middleware, ZENOH
from .interpreter import check_interpreter
from .kernel import check_buffers, check_losses
from .modules import check_modules
from .multicast import check_multicast
from .port import check_port
from .surroundings import Surroundings
from .topics import check_topics
from ..arguments import seconds
from ...core.shutdown_signals import interrupt_by_signals

_MARKS = {'ok': 'ok     ', 'note': 'note   ', 'broken': 'BROKEN '}
_MOST_SECONDS = 3600.0
_INTERRUPTED = 130  # as shells have it: 128 and the number of the signal


def main(args: Sequence[str] | None = None) -> int:
    """Print all findings; return 1 when something is broken."""
    arguments = _parser().parse_args(args)
    interrupted = 0 if arguments.answer else _INTERRUPTED
    interrupt_by_signals(interrupted)
    options = Options(arguments.port, arguments.seconds, arguments.peer)
    try:
        if arguments.answer:
            answer()
            return 0
        return _report(options)
    except OSError as error:
        print(f'doctor: error: no access to the network ({error.strerror}): `ip address` shows '
              'whether there is one', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return interrupted


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='python3 -m pi_camera_stream doctor',
                                     description=__doc__)
    parser.add_argument('--port', type=_port, default=Options.port,
                        help='port of the HTTP bridge (default: 8080)')
    parser.add_argument('--seconds', type=seconds(_MOST_SECONDS), default=Options.seconds,
                        help='how long to look for topics and ROS domains (default: 4; machines '
                             'announce themselves every 3 s or less often)')
    both = parser.add_mutually_exclusive_group()
    both.add_argument('--answer', action='store_true',
                      help='let the doctor of another machine see whether multicast gets here and '
                           'back; until Ctrl-C')
    both.add_argument('--peer', default='', metavar='HOST',
                      help='the machine on which `doctor --answer` runs')
    return parser


def _report(options: Options) -> int:
    surroundings = Surroundings()
    of_dds: list[Check] = [  # which sends datagrams, and finds others by multicast
        check_buffers, check_multicast, partial(check_domains, surroundings),
        partial(check_losses, surroundings)]
    checks: list[Check] = [
        check_interpreter, check_modules, check_environment, check_port, check_camera,
        *([] if middleware(os.environ) == ZENOH else of_dds),
        partial(check_topics, surroundings), partial(check_clocks, surroundings),
    ]
    broken = 0
    for check in checks:
        for finding in check(options):
            broken += finding.level == 'broken'
            _print(finding)
    print(f'\n{broken} things are broken.' if broken != 1 else '\n1 thing is broken.')
    return 1 if broken else 0


def _print(finding: Finding) -> None:
    print(_MARKS[finding.level] + finding.text, flush=True)
    if finding.remedy:
        print(f'         -> {finding.remedy}', flush=True)


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"'{text}' is not a port: choose one from 1 to 65535")
    return int(text)


