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

import signal
import subprocess
import sys

from pi_camera_stream.core.exit_codes import FAULT, MISTAKE, USAGE, worth_restarting
import pytest

CRASH = """
from pi_camera_stream import __main__
__main__.COMMANDS['camera'] = 'core.errors', ''  # a module without a `main`
__main__.run(['camera'])
"""


@pytest.mark.parametrize(('code', 'worth'), [
    (0, False), (MISTAKE, False), (USAGE, False), (-signal.SIGTERM, False),
    (-signal.SIGINT, False), (FAULT, True), (-signal.SIGKILL, True), (-signal.SIGSEGV, True),
    (-signal.SIGABRT, True), (-signal.SIGALRM, True), (134, True)])
def test_what_died_is_worth_restarting(code, worth):
    assert worth_restarting(code) is worth


def test_an_error_of_ours_is_told_from_a_mistake_of_the_user():
    crashed = subprocess.run([sys.executable, '-c', CRASH],
                             capture_output=True, text=True)
    assert "has no attribute 'main'" in crashed.stderr
    assert worth_restarting(crashed.returncode)
    mistaken = subprocess.run([sys.executable, '-m', 'pi_camera_stream', 'kamera'],
                              capture_output=True, text=True)
    assert "there is no command 'kamera'" in mistaken.stderr
    assert not worth_restarting(mistaken.returncode)
