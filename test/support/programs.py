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

"""Several programs that work together, for long runs."""

from contextlib import suppress
import signal
import subprocess
import threading

from .driving_link import Child
from .processes import parameters

_DIES_S = 20.0  # until a program that is told to end is killed


class Programs:
    """What is started; a context manager that leaves nothing behind."""

    def __init__(self):
        self.children = {}
        self._lock = threading.Lock()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for child in self.children.values():  # all at once
            child.process.send_signal(signal.SIGCONT)
            child.process.terminate()
        for name in reversed(list(self.children)):
            self.end(name)

    def start(self, name, *arguments):
        """Start a module of Python."""
        with self._lock:
            self.children[name] = Child((), *arguments)
        return self.children[name]

    def bridge(self, name='bridge'):
        """Start a bridge; return its port."""
        child = self.start(name, 'pi_camera_stream', 'bridge', *parameters(
            address='127.0.0.1', port=0, max_viewers=500, max_viewers_per_address=500))
        child.wait_for(' at http')
        return int(child.output.partition(' at http://127.0.0.1:')[2].partition('/')[0])

    def consumer(self, topic):
        """Let a processor work on a topic, and somebody look at what it draws."""
        self.start('listener', 'benchmarks.programs.listener', 'image_processed/compressed')
        self.start('consumer', 'pi_camera_stream', 'consumer', *parameters(processor='edges'),
                   '-r', f'image_raw/compressed:={topic}').wait_for('running')

    def publish(self, *arguments, name='publishers'):
        """Publish on topics."""
        child = self.start(name, 'support.restless', *arguments)
        child.wait_for('ready')
        return child

    def end(self, name):
        """End one of them."""
        process = self.children[name].process
        process.send_signal(signal.SIGCONT)
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_DIES_S)
        process.kill()
        self.children[name].stop()

    def faults(self):
        """Return in sentences what is not as it should be."""
        return [f'{name} has ended with {child.process.returncode}'
                for name, child in self.children.items() if child.process.poll() is not None
                ] + [f'{name} has failed: {_last_line(child.output)}'
                     for name, child in self.children.items() if 'Traceback' in child.output]


def _last_line(output):
    """Return what a traceback ends with."""
    lines = output.partition('Traceback')[2].splitlines()
    return next((line for line in lines[1:] if line and not line.startswith(' ')), '')
