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

"""What the commands share: their options, their second processes, and their place in ROS."""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
import os
from pathlib import Path
import subprocess
import sys

from pi_camera_stream.core.with_parent import with_parent

ROOT = Path(__file__).resolve().parents[2]


def parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser for the arguments of a command."""
    return argparse.ArgumentParser(prog=f'python3 -m benchmarks {name}', description=description,
                                   formatter_class=argparse.RawDescriptionHelpFormatter)


def server_options(description: str | None) -> argparse.Namespace:
    """Return what a server that is measured is told: its pictures, and where to listen."""
    told = argparse.ArgumentParser(description=description)
    told.add_argument('--folder', type=Path, required=True)
    told.add_argument('--fps', type=float, required=True)
    told.add_argument('--address', required=True)
    told.add_argument('--port', type=int, required=True)
    return told.parse_args()


def itself(name: str, *arguments: str) -> list[str]:
    """Return what runs a command as another process."""
    return [sys.executable, '-m', 'benchmarks', name, *arguments]


def stay_on_this_machine(domain: int = 97) -> None:
    """Keep ROS to this machine, in a domain of our own unless one is chosen."""
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    os.environ.setdefault('ROS_DOMAIN_ID', str(domain))


@contextmanager
def beside(commands: Sequence[Sequence[str]]) -> Iterator[None]:
    """Run programs that are killed at the end."""
    processes = [subprocess.Popen(with_parent(words)) for words in commands]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
