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

"""`python3 -m pi_camera_stream bench COMMAND`: measurements that anybody can repeat."""

import argparse
from collections.abc import Sequence
from importlib import import_module
import shlex
import sys
import threading

from .half import Interrupted
from ...core.errors import PermanentError
from ...core.shutdown_signals import end_by_signals

# command -> (module with `add_arguments(parser)` and `run(options, command, stopping)`, what it
# measures)
COMMANDS = {
    'viewers': ('viewers', 'what many viewers of the bridge get, beside a threaded server'),
}
_INTERRUPTED = 130  # as shells have it: 128 and the number of the signal


def main(arguments: Sequence[str]) -> int:
    """Run one measurement; return its exit code."""
    parser = argparse.ArgumentParser(prog='python3 -m pi_camera_stream bench', description=__doc__)
    commands = parser.add_subparsers(dest='command', metavar='COMMAND', required=True)
    modules = {}
    for name, (module_name, summary) in COMMANDS.items():
        modules[name] = import_module(f'.{module_name}', __package__)
        modules[name].add_arguments(commands.add_parser(
            name, help=summary, description=modules[name].__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter))
    options = parser.parse_args(arguments)
    stopping = threading.Event()
    end_by_signals(stopping.set)
    command = shlex.join(['python3', '-m', 'pi_camera_stream', 'bench', *arguments])
    try:
        code: int = modules[options.command].run(options, command, stopping)
        return code
    except PermanentError as error:
        print(f'bench {options.command}: error: {error}', file=sys.stderr)
        return 1
    except Interrupted:
        print(f'bench {options.command}: interrupted', file=sys.stderr)
        return _INTERRUPTED
