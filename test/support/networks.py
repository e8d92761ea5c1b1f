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

"""Two network namespaces, which act as two computers with a cable between them."""

from contextlib import contextmanager, ExitStack
import itertools
import os
import shutil
import subprocess
import time

ADDRESSES = ('10.98.0.1', '10.98.0.2')
_numbers = itertools.count()


def possible():
    """Return whether they can be made here."""
    return os.geteuid() == 0 and shutil.which('ip') is not None


@contextmanager
def two_hosts():
    """Return, for each, what to put before a command so that it runs there."""
    number = next(_numbers)
    names = [f'test-{os.getpid()}-{number}-{side}' for side in 'ab']
    with ExitStack() as stack:
        for name in names:
            _ip('netns', 'add', name)
            stack.callback(_ip, 'netns', 'del', name)
        _ip('link', 'add', 'cable', 'netns', names[0], 'type', 'veth',
            'peer', 'name', 'cable', 'netns', names[1])
        for name, address in zip(names, ADDRESSES, strict=True):
            _ip('-n', name, 'addr', 'add', f'{address}/24', 'dev', 'cable')
            _ip('-n', name, 'link', 'set', 'cable', 'up')
            _ip('-n', name, 'link', 'set', 'lo', 'up')
            _ip('-n', name, 'route', 'add', '224.0.0.0/4', 'dev', 'cable')
        for name in names:
            _wait_for_carrier(name)
        yield [('ip', 'netns', 'exec', name) for name in names]


def _wait_for_carrier(name):
    # It takes the kernel up to a second; until then, programs take it for no network.
    state = ['ip', 'netns', 'exec', name, 'cat', '/sys/class/net/cable/operstate']
    while subprocess.run(state, check=True, capture_output=True, text=True).stdout != 'up\n':
        time.sleep(0.05)


def _ip(*arguments):
    subprocess.run(['ip', *arguments], check=True)
