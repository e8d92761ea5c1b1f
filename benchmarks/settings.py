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
How long frames stay away when a parameter of a Raspberry Pi camera is changed while it runs.

Run it with: .venv/bin/python -m benchmarks settings [--rounds 10] [--real]
The camera node runs at 30 frames/s on the fake picamera2 of test/support, in a real worker
process. One parameter after the other is set, and the longest gap between two frames that arrive
is printed. With --real, picamera2 and the camera of this machine are used.
"""

from collections.abc import Sequence
import itertools
import os
import statistics
import subprocess
import sys
import threading
import time
from typing import Any

from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.core.with_parent import with_parent

from .common import command

TOPIC, NODE = '/camera/image_raw/compressed', '/camera/camera'
# Parameters that are set at once, their values by turns, and the frame intervals or seconds that
# the gap may last.
CHANGES: tuple[tuple[dict[str, tuple[Any, Any]], float], ...] = (
    ({'fps': (25.0, 30.0)}, 3 / 25),
    ({'jpeg_quality': (60, 80)}, 3 / 30),
    ({'crop': ('0,0,640,480', '')}, 3 / 30),
    ({'noise_reduction': ('off', 'auto')}, 3 / 30),
    ({'width': (640, 1280), 'height': (480, 720)}, 0.3),
    ({'hflip': (True, False)}, 0.3),
    ({'rotation': (180, 0)}, 0.3),
)
_SETTLED_S = 1.5  # the change has been seen by then
_PATIENCE_S = 30.0


class Owner:
    """Know when pictures came, and set parameters."""

    def __init__(self) -> None:
        from rcl_interfaces.srv import SetParametersAtomically
        import rclpy
        from rclpy.qos import QoSProfile, ReliabilityPolicy
        from sensor_msgs.msg import CompressedImage
        rclpy.init()
        self.came_s: list[float] = []
        self._node = rclpy.create_node('owner')
        self._node.create_subscription(CompressedImage, TOPIC, self._on_message, QoSProfile(
            depth=1, reliability=ReliabilityPolicy.BEST_EFFORT))
        self._client: Any = self._node.create_client(
            SetParametersAtomically, f'{NODE}/set_parameters_atomically')
        threading.Thread(target=rclpy.spin, args=(self._node,), daemon=True).start()

    def _on_message(self, _message: object) -> None:
        self.came_s.append(time.monotonic())

    def wait_for_pictures(self) -> None:
        """Return when there are some, or PermanentError."""
        end_s = time.monotonic() + _PATIENCE_S
        while len(self.came_s) < 30:
            if time.monotonic() > end_s:
                raise PermanentError(f'{len(self.came_s)} frames came within {_PATIENCE_S:.0f} s: '
                                     'see what the camera node prints')
            time.sleep(0.01)

    def set(self, values: dict[str, Any]) -> float:
        """Set parameters; return the longest gap in s between pictures from then on."""
        from rcl_interfaces.srv import SetParametersAtomically
        from rclpy.parameter import Parameter
        begin = max(len(self.came_s) - 1, 0)
        self._client.wait_for_service(_PATIENCE_S)
        future = self._client.call_async(SetParametersAtomically.Request(parameters=[
            Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]))
        end_s = time.monotonic() + _SETTLED_S
        while not future.done() or time.monotonic() < end_s:
            time.sleep(0.005)
        answer = future.result()
        if answer is None or not answer.result.successful:
            raise PermanentError(f'{values} was refused: '
                                 f'{answer.result.reason if answer else "no answer"}')
        came_s = [*self.came_s[begin:], time.monotonic()]
        return max(later - sooner for sooner, later in itertools.pairwise(came_s))


def main(arguments: Sequence[str]) -> int:
    """Measure, print a line each, and return 1 when a gap is longer than it may be."""
    parser = command.parser('settings', __doc__)
    parser.add_argument('--rounds', type=int, default=10, help='of each parameter (default: 10)')
    parser.add_argument('--real', action='store_true', help="use this machine's camera")
    options = parser.parse_args(arguments)
    command.stay_on_this_machine()
    environment = dict(os.environ)
    if not options.real:
        fake = str(command.ROOT / 'test' / 'support' / 'fake_picamera2')
        environment['PYTHONPATH'] = os.pathsep.join(
            [fake, *filter(None, [os.environ.get('PYTHONPATH')])])
    node = subprocess.Popen(
        with_parent([sys.executable, '-m', 'pi_camera_stream', 'camera', '--ros-args', '-p',
                     'source:=picamera2', '-p', 'fps:=30', '-p', 'width:=1280', '-p',
                     'height:=720']), env=environment, stderr=None if options.real
        else subprocess.DEVNULL)
    late = 0
    try:
        owner = Owner()
        owner.wait_for_pictures()
        for values, most_s in CHANGES:
            gaps_s = [owner.set({name: turns[number % 2] for name, turns in values.items()})
                      for number in range(options.rounds)]
            late += statistics.median(gaps_s) > most_s
            print(f'{" and ".join(values):18} longest gap {1000 * statistics.median(gaps_s):.0f} '
                  f'ms (median), at most {1000 * max(gaps_s):.0f} ms, {options.rounds} times; '
                  f'goal {1000 * most_s:.0f} ms', flush=True)
    finally:
        node.kill()
    return int(late > 0)
