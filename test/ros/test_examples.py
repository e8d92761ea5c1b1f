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

"""The examples go on, whatever is published."""

from pathlib import Path
import subprocess
import sys
import threading

import pytest
from support import bombs, pictures
from support.guest import Camera
from support.processes import peak_mib, wait_until

FOLDER = Path(__file__).parents[2] / 'examples'
BAD = (b'', b'nonsense', b'\xff\xd8\xff\xd9', pictures.jpeg()[:300], bombs.jpeg(), bombs.gif(),
       bombs.png(), bombs.webp())


@pytest.mark.parametrize('name', ['subscribe.py', 'newest.py'])
def test_what_cannot_be_decoded_ends_no_example(guest, name):
    camera, lines = Camera(guest), []
    with subprocess.Popen([sys.executable, '-u', str(FOLDER / name)], stdout=subprocess.PIPE,
                          text=True) as program:
        reader = threading.Thread(target=lambda: lines.extend(program.stdout))
        reader.start()
        try:
            camera.send_until(pictures.jpeg(), lambda: lines)
            before = peak_mib(program.pid)
            for data in BAD:
                for _ in range(3):
                    camera.send(data)
                seen = len(lines)
                camera.send_until(pictures.jpeg(), lambda seen=seen: len(lines) > seen + 1)
            assert peak_mib(program.pid) - before < 100
            assert wait_until(lambda: program.poll() is None)
        finally:
            program.kill()
            reader.join()
