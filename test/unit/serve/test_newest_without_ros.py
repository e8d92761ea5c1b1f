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

"""The example for a machine without ROS, at a real `serve`."""

from contextlib import contextmanager
from pathlib import Path
import subprocess
import sys
import threading

from support.processes import running, wait_until

EXAMPLE = Path(__file__).parents[3] / 'examples/newest_without_ros.py'
PATTERN = ('--source', 'pattern', '--size', '320x180', '--fps', '30', '--address', '127.0.0.1')
# Instead of its own work: for as long as it takes for some frames to come.
SLOW_WORK = """
def work(image):
    print(read(image).number, flush=True)
    time.sleep(0.3)
"""


@contextmanager
def example(path, url):
    """Run it, and return what it prints, which grows."""
    lines = []
    with subprocess.Popen([sys.executable, str(path), url + 'stream.mjpg'], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as program:
        reader = threading.Thread(target=lambda: lines.extend(program.stdout))
        reader.start()
        try:
            yield lines
            assert program.poll() is None
        finally:
            program.kill()
            reader.join()


def test_it_works_on_pictures_again_when_the_robot_is_back():
    with running('serve', *PATTERN, '--port', '0') as serve:
        url = serve.wait_for(r'Open (http://\S+/)').group(1)
        with example(EXAMPLE, url) as lines:
            wait_until(lambda: len(lines) > 3)
            assert float(lines[0]) > 0
            serve.stop()
            before = len(lines) + 1  # the one that it works on may come
            port = url.rstrip('/').rpartition(':')[2]
            with running('serve', *PATTERN, '--port', port):
                wait_until(lambda: len(lines) > before)


def test_it_leaves_out_the_pictures_that_come_while_it_works(tmp_path):
    source = EXAMPLE.read_text()
    before, after = source.index('def work'), source.index('with Thread')
    path = tmp_path / 'example.py'
    path.write_text('from pi_camera_stream.core.block_code import read\n'
                    + source[:before] + SLOW_WORK + source[after:])
    with running('serve', *PATTERN, '--port', '0') as serve:
        url = serve.wait_for(r'Open (http://\S+/)').group(1)
        with example(path, url) as lines:
            wait_until(lambda: len(lines) > 5)
            numbers = [int(line) for line in lines]
            assert numbers[-1] - numbers[0] > 1.5 * (len(numbers) - 1)
