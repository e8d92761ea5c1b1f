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

"""A car that is driven over a cable between two network namespaces, which can be pulled out."""

from contextlib import contextmanager, ExitStack
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import threading
import time

from .processes import parameters, wait_until

MAX_LINEAR = 2.0
_TESTS = Path(__file__).resolve().parents[1]
_BRIDGE = {
    'port': 8080, 'teleop__enabled': 'true', 'teleop__insecure': 'true',
    'teleop__stamped': 'true', 'teleop__max_linear': MAX_LINEAR,
    'teleop__linear_acceleration': 50.0}
_CAMERA = {'source': 'pattern', 'width': 320, 'height': 180, 'fps': 30.0}
_FULL = 0.95 * MAX_LINEAR


class Child:
    """A module of Python as a process; the lines of JSON that it prints."""

    def __init__(self, prefix, *arguments):
        self.told, self.output = [], ''
        path = os.pathsep.join(filter(None, [
            str(_TESTS.parent), str(_TESTS), os.environ.get('PYTHONPATH')]))
        self.process = subprocess.Popen(
            [*prefix, sys.executable, '-u', '-m', *map(str, arguments)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=os.environ | {'PYTHONPATH': path})
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def stop(self):
        """End it."""
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        self.process.wait()
        self._thread.join()
        self.process.stdin.close()
        self.process.stdout.close()

    def wait_for(self, text):
        """Wait until it has printed that."""
        wait_until(lambda: text in self.output or self.process.poll() is not None)
        assert text in self.output, self.output

    def _read(self):
        for line in self.process.stdout:
            if line.startswith('{'):
                self.told.append(json.loads(line))
            else:
                self.output += line


class Drive:
    """Somebody drives at full speed, from one namespace to the other."""

    def __init__(self, desk, car, driver, camera):
        self._desk, self._car, self._driver = desk, car, driver
        self.camera = camera

    def wait_for_full_speed(self):
        """Wait until the car goes as fast as it may."""
        wait_until(lambda: self._car.told and self._car.told[-1]['linear'] > _FULL)

    def cut(self, seconds):
        """
        Pull the cable out, wait until the car is told to stand, and plug it in again.

        Returns the seconds from when the last command was given that the bridge has confirmed to
        the stamp of the first stop, and how much motion there was between that and the plugging.
        """
        self.wait_for_full_speed()
        began_s = time.time()
        self._set('down')
        cut_s = time.time()
        stop = wait_until(lambda: next(
            (heard for heard in list(self._car.told)
             if heard['stamp_s'] > began_s and not heard['linear'] and not heard['angular']),
            None))
        time.sleep(max(0.0, cut_s + seconds - time.time()))
        plugged_s = time.time()
        self._set('up')
        given_s = max(heard['given_s'] for heard in list(self._driver.told)
                      if 'given_s' in heard and heard['heard_s'] <= cut_s)
        moved = [heard for heard in list(self._car.told)
                 if stop['stamp_s'] < heard['stamp_s'] < plugged_s and heard['linear']]
        return stop['stamp_s'] - given_s, moved

    def heard(self):
        """Return what the car was told, since the beginning."""
        return list(self._car.told)

    def pictures(self):
        """Return what the driver has seen, since the beginning."""
        return [told for told in list(self._driver.told) if 'taken_s' in told]

    def _set(self, state):
        subprocess.run(['ip', '-n', self._desk[-1], 'link', 'set', 'cable', state], check=True)


def start_robot(prefix, address, **values):
    """Start a bridge that may be driven."""
    return Child(prefix, 'pi_camera_stream', 'bridge',
                 *parameters(address=address, **(_BRIDGE | values)))


@contextmanager
def driving_over(robot, desk, address, port=8080):
    """Run camera, bridge and car behind the prefix `robot`, and a driver behind `desk`."""
    with ExitStack() as stack:
        def keep(child):
            stack.callback(child.stop)
            return child

        camera = keep(Child(robot, 'pi_camera_stream', 'camera', *parameters(**_CAMERA)))
        bridge = keep(start_robot(robot, address, port=port))
        car = keep(Child(robot, 'support.car'))
        bridge.wait_for(' at http')
        car.wait_for('ready')
        driver = keep(Child(desk, 'support.driver', f'http://{address}:{port}/'))
        drive = Drive(desk, car, driver, camera)
        drive.wait_for_full_speed()
        yield drive
