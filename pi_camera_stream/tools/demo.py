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
Run camera node, HTTP bridge and consumer, and show how they do.

Without ROS 2, `serve` shows the same in one process.
"""

import argparse
from collections.abc import Sequence
from importlib.util import find_spec
import json
import math
import os
from pathlib import Path
import sys
import threading
import time
from typing import NoReturn, TYPE_CHECKING

from .children import Children
from ..core.shutdown_signals import end_by_signals, hold_sigint
from ..parameters.tables import OPENCV_CONSUMER
from ..sources.registry import NAMES

if TYPE_CHECKING:
    from ..nodes.ros_session import RosSession  # imported where there is a ROS

_STATUS_PERIOD_S = 1.0
_POLL_S = 0.1
_DOMAINS = 100
_RESULTS = '/camera/results'


def main(args: Sequence[str] | None = None) -> int:
    options = _parse(args)
    if options.no_ros or find_spec('rclpy') is None:
        _serve(options)
    from ..nodes.ros_session import RosSession

    # Pictures of a demo stay on this machine unless somebody asks for more.
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    # Nor do they mix with those of another demo, or of a robot that runs on this machine.
    os.environ.setdefault('ROS_DOMAIN_ID', str(1 + os.getpid() % _DOMAINS))
    stopping, children = threading.Event(), Children()
    finish = end_by_signals(stopping.set)
    try:
        _start(children, options)
        with RosSession('pi_camera_stream_demo') as session:
            if not options.no_consumer:
                session.read_results(_RESULTS)
            code = _watch(children, session, stopping, options.seconds)
            finish()
            children.stop()
            return code
    finally:
        finish()
        children.stop()


def _parse(args: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='script/demo', description=__doc__,
        epilog='Example: ffmpeg -re -i video.mp4 -c:v mjpeg -f mjpeg - | script/demo --source '
               'stdin')
    parser.add_argument('--source', default='auto', metavar='SOURCE',
                        help=f'{", ".join(NAMES)}; or a video, or a folder of images '
                             '(default: auto)')
    parser.add_argument('--path', default='', help='file or pipe that the sources file and stdin '
                                                   'read')
    parser.add_argument('--port', type=int, default=8080,
                        help='port of the viewer page (default: 8080)')
    parser.add_argument('--size', type=_size, default=(0, 0), metavar='WIDTHxHEIGHT',
                        help="size of the image (default: the source's own)")
    parser.add_argument('--fps', type=float, default=0.0,
                        help="maximum frame rate (default: the source's own)")
    parser.add_argument('--seconds', type=float, default=0.0,
                        help='stop after this many seconds (default: at Ctrl-C)')
    parser.add_argument('--no-consumer', action='store_true', help='do not start the OpenCV '
                                                                   'consumer')
    parser.add_argument('--no-ros', action='store_true',
                        help='run without ROS 2 (default: if it is not installed)')
    options = parser.parse_args(args)
    if options.source not in NAMES and (Path(options.source).exists() or '.' in options.source
                                        or '/' in options.source):
        path = Path(options.source)
        options.source, options.path = 'stdin' if path.is_fifo() else 'file', options.source
    return options


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition('x')
    try:
        return int(width), int(height)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a size: write it as 1280x720") from None


def _serve(options: argparse.Namespace) -> NoReturn:
    """Become the program that does the same without ROS."""
    print('Without ROS 2: this is `python3 -m pi_camera_stream serve`.', flush=True)
    width, height = options.size
    values: dict[str, object] = {
        'source': options.source, 'path': options.path, 'width': width, 'height': height,
        'fps': options.fps, 'port': options.port, 'seconds': options.seconds}
    if not options.no_consumer:
        values['processor'] = next(
            row.default for row in OPENCV_CONSUMER if row.name == 'processor')
    with hold_sigint():  # which it lets through again
        os.execv(sys.executable, [  # noqa: S606 - it needs no shell
            sys.executable, '-m', 'pi_camera_stream', 'serve',
            *(f'--{name}={value}' for name, value in values.items() if value != '')])


def _start(children: Children, options: argparse.Namespace) -> None:
    width, height = options.size
    camera = {'source': options.source, 'path': options.path, 'width': width, 'height': height,
              'fps': options.fps}
    children.start('camera', _command('camera', camera),
                   keep_stdin=options.source == 'stdin' and not options.path)
    children.start('bridge', _command('bridge', {'port': options.port}))
    if not options.no_consumer:
        children.start('consumer', _command('consumer', {}))


def _command(node: str, parameters: dict[str, object]) -> list[str]:
    command = [sys.executable, '-m', 'pi_camera_stream', node, '--ros-args', '--log-level', 'warn']
    for name, value in parameters.items():
        command += ['-p', f'{name}:={json.dumps(value)}']  # JSON is YAML, which ROS reads here
    return command


def _watch(children: Children, session: 'RosSession', stopping: threading.Event,
           seconds: float) -> int:
    """Show the state until the end; return the exit code."""
    status = StatusLine(session)
    started_s = last_s = time.monotonic()
    while not stopping.wait(_POLL_S):
        ended = children.ended()
        if ended is not None:
            name, code = ended
            status.finish(f'the {name} has ended' if code == 0 else
                          f'the {name} has failed, see above')
            return 0 if code == 0 else 1
        now_s = time.monotonic()
        if now_s - last_s >= _STATUS_PERIOD_S:
            last_s = now_s
            status.show()
        if seconds and now_s - started_s >= seconds:
            break
    if seconds and not status.seen_pictures and not stopping.is_set():
        status.finish('no picture arrived: `python3 -m pi_camera_stream doctor` looks for the '
                      'reason')
        return 1
    status.finish('')
    return 0


class StatusLine:
    """One line that is written anew each second on a terminal, and line by line elsewhere."""

    def __init__(self, session: 'RosSession') -> None:
        self._session = session
        self._announced = False
        self.seen_pictures = False

    def show(self) -> None:
        bridge = self._session.diagnostics('http_bridge: bridge')
        if bridge and not self._announced:
            self._announced = True
            print(f'\nOpen {bridge.get("address", "the bridge")} in a browser. '
                  'Ctrl-C ends the demo.\n'
                  f'Its topics are in ROS_DOMAIN_ID={os.environ["ROS_DOMAIN_ID"]}, on this '
                  'machine only.\n', flush=True)
        self._print(self.text(bridge))

    def text(self, bridge: dict[str, str]) -> str:
        camera = self._session.diagnostics('camera: stream')
        consumer = self._session.diagnostics('opencv_consumer: processing')
        if not camera:
            return 'starting …'
        rate = _number(camera.get('frames/s'))
        self.seen_pictures |= rate > 0
        age_ms = _number(consumer.get('age of the result [ms]',
                                      camera.get('age when published [ms]')))
        age = '    -' if math.isnan(age_ms) else f'{age_ms:5.1f}'  # nobody receives: none to tell
        parts = [f'{rate:5.1f} frames/s', f'age {age} ms', f'{bridge.get("viewers", 0)} viewers']
        if consumer:
            parts.append(f'{consumer.get("detections", "?")} detections')
        return '  |  '.join(parts)

    def finish(self, text: str) -> None:
        """Leave the line, and print the last word."""
        if sys.stdout.isatty():
            print()
        if text:
            print(text, flush=True)

    def _print(self, text: str) -> None:
        if sys.stdout.isatty():
            print(f'\r{text:<76}', end='', flush=True)
        else:
            print(text, flush=True)


def _number(text: str | None) -> float:
    """Return what a node has told, which may be one of somebody else's; NaN for no number."""
    try:
        return float(text or 'nan')
    except ValueError:
        return math.nan
