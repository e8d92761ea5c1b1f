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

"""The program without ROS as a sender of pictures, whose clock is another one than ours."""

from contextlib import contextmanager
import json
import re
import subprocess
import sys
import threading
import time
import urllib.request

from pi_camera_stream.core.clock import to_clock

from .processes import WAIT_S
from .web import parts

RUN = """
import sys, threading, time
true_ns, shift_s = time.time_ns, [float(sys.argv.pop(1))]
time.time_ns = lambda: true_ns() + int(shift_s[0] * 1e9)

def set_clock():
    for line in sys.stdin:
        shift_s[0] = float(line)

threading.Thread(target=set_clock, daemon=True).start()
from pi_camera_stream.serve import command
sys.exit(command.main(sys.argv[1:]))
"""


class SendingProgram:
    """
    Runs it on this machine only, with a test pattern, and a clock `shift_s` ahead.

    Later ones of `words` override what it is started with.
    """

    def __init__(self, shift_s, *words, port=0, prefix=()):
        self.process = subprocess.Popen(
            [*prefix, sys.executable, '-c', RUN, str(shift_s), '--source', 'pattern',
             '--size', '160x120', '--fps', '20', '--address', '127.0.0.1', '--port', str(port),
             *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline()  # says where it is open
        self.port = int(re.search(r':(\d+)/', line)[1])
        self.shift_s = shift_s
        self.stamps = {}  # of the pictures, by their bytes, in ns of its clock; once `listen`

    def url(self, path='/stream.mjpg', login=''):
        return f'http://{login}127.0.0.1:{self.port}{path}'

    def set_clock(self, shift_s):
        self.shift_s = shift_s
        self.process.stdin.write(f'{shift_s}\n')
        self.process.stdin.flush()

    def listen(self):
        """Note which stamp each picture has, from now on."""
        response = urllib.request.urlopen(self.url(), timeout=WAIT_S)

        def note():
            try:
                for headers, jpeg in parts(response):
                    seconds, fraction = headers['X-Timestamp'].split('.')
                    self.stamps[jpeg] = int(seconds) * 10**9 + int(fraction)
            except (AssertionError, OSError, ValueError):
                pass  # it has ended
        threading.Thread(target=note, daemon=True).start()

    def taken_ns(self, jpeg):
        """Return when a picture was taken, by our clock, in ns; None for one not noted yet."""
        stamp_ns = self.stamps.get(jpeg)
        return None if stamp_ns is None else stamp_ns - int(self.shift_s * 1e9)

    def json(self, path):
        return json.load(urllib.request.urlopen(self.url(path), timeout=WAIT_S))

    def close(self):
        self.process.kill()
        self.process.communicate()


@contextmanager
def sending(shift_s=0.0, *words, port=0, prefix=()):
    program = SendingProgram(shift_s, *words, port=port, prefix=prefix)
    try:
        yield program
    finally:
        program.close()


def wall_ns(monotonic_ns):
    """Return a moment of CLOCK_MONOTONIC by our clock since the epoch."""
    return to_clock(monotonic_ns, time.time_ns)
