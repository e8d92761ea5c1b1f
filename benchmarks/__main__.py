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

"""`python3 -m benchmarks COMMAND`, in a clone: measurements that anybody can repeat."""

from collections.abc import Sequence
from importlib import import_module
import os
import signal
import sys
import time
import traceback
from types import FrameType

from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.core.shutdown_signals import leave

from .common.command import ROOT

# command, a module with a `main(arguments)` -> what it measures
COMMANDS = {
    'viewers': 'what many viewers of the bridge get, compared with a threaded server',
    'others': 'what viewers of other programs get, compared with viewers of ours',
    'browser': 'how old frames are when a browser paints them',
    'start': 'how long it takes until a browser shows the first frame',
    'narrow': 'whether the page finds the quality that a narrow link carries, on each visit',
    'pipeline': 'what a frame costs, from the pipe to the array',
    'lean': 'what the three nodes cost together, as three processes and as one',
    'subscriber': 'what FrameSubscriber costs, compared with a bare rclpy subscription',
    'raw_subscriber': 'what a subscriber to image_raw costs those of the JPEGs',
    'large': 'how many large images arrive at another program on the same machine',
    'slow_processor': 'how old results are when a processor needs 200 ms per frame',
    'worker': 'what it costs to run a camera driver in a process of its own',
    'url_latency': 'how old frames from the network are',
    'sender': 'how correct the stamps of frames over HTTP are, from a clock 10 s ahead',
    'adaptive': 'what of a topic arrives over a narrow link, with adaptation and without',
    'dds_profiles': 'what the DDS profiles and the kernel settings do to frames',
    'driving': 'how soon the vehicle does what its driver wants, and how soon it stops',
    'recovery': 'how soon frames come again after a capture worker was killed, or hangs',
    'settings': 'how long frames stay away when a parameter of the camera is changed',
    'faults': 'whether the nodes survive what viewers, publishers and images can do to them',
    'kills': 'whether viewers and drivers come back after a program was killed',
    'small': 'what serve takes on a machine with 512 MB, and how soon it shows a frame',
    'attacks': 'whether HTTP clients can exhaust the bridge, or slow it down',
    'record': 'what is left of a recording that ends without warning',
    'ends': 'how programs end when they are told to at a random moment',
    'sound': 'how old sound is when a browser plays it, and whether it comes with its frame',
    'codec': 'what H.264 gives and costs, compared with JPEG',
    'outlets': 'what other players get: by RTSP, by raw TCP, and from what is sent to them',
    'webrtc_soak': 'whether viewers by WebRTC leave anything behind, also half-open ones',
    'soak': 'whether anything grows when everything happens at once for a long time',
}
_OURS = {'benchmarks', 'pi_camera_stream', 'support'}
_INTERRUPTED = 130  # as shells have it: 128 and the number of the signal
_CLEANING_S = 5.0  # until another signal counts


def main(arguments: Sequence[str]) -> int:
    """Run one command; return its exit code."""
    words = list(arguments)
    if not words or words[0] in ('-h', '--help'):
        print(usage())
        return 0
    name = words[0]
    if name not in COMMANDS:
        print(f"benchmarks: error: there is no command '{name}': choose one of "
              + ', '.join(COMMANDS), file=sys.stderr)
        return 2
    _find_ours()
    try:
        code: int = import_module(f'.{name}', __package__).main(words[1:])
        return code
    except PermanentError as error:
        print(f'benchmarks {name}: error: {error}', file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split('.')[0] in _OURS:
            raise
        print(f"benchmarks {name}: error: the Python module '{error.name}' is missing: use the "
              'virtual environment that `script/setup --test` makes', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f'benchmarks {name}: interrupted', file=sys.stderr)
        return _INTERRUPTED


def usage() -> str:
    """Return the list of commands."""
    lines = ['usage: python3 -m benchmarks COMMAND [ARGUMENT ...]', '']
    lines += [f'  {name:16}{what}' for name, what in COMMANDS.items()]
    return '\n'.join([*lines, '', 'Each explains itself with --help.'])


def _find_ours() -> None:
    """Let this process and those that it starts find this clone, and what supports its tests."""
    ours = [str(ROOT), str(ROOT / 'test')]
    sys.path[:0] = [path for path in ours if path not in sys.path]
    os.environ['PYTHONPATH'] = os.pathsep.join(
        filter(None, [*ours, os.environ.get('PYTHONPATH')]))


def _end_by_interrupt() -> None:
    """Let SIGINT and SIGTERM raise KeyboardInterrupt, so that all contexts clean up."""
    heard_s = -_CLEANING_S

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        nonlocal heard_s
        if time.monotonic() - heard_s >= _CLEANING_S:  # one more would cut the cleaning up short
            heard_s = time.monotonic()
            raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)


if __name__ == '__main__':
    try:
        _end_by_interrupt()
        result = main(sys.argv[1:])
    except KeyboardInterrupt:
        result = _INTERRUPTED
    except Exception:
        traceback.print_exc()
        result = 1
    leave(result)
