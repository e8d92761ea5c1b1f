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

"""`python3 -m pi_camera_stream COMMAND`, for wherever there is no ROS command line."""

from collections.abc import Sequence
from importlib import import_module
import sys
import traceback
from typing import NoReturn

from .core.exit_codes import FAULT, MISTAKE, USAGE
from .core.shutdown_signals import end_at_once, leave

# command -> (module with a `main(args)`, what it does)
COMMANDS = {
    'camera': ('nodes.camera.camera_node', 'publish the frames of a camera, a video or a pipe'),
    'bridge': ('nodes.bridge.http_bridge_node', 'show an image topic to browsers'),
    'consumer': ('nodes.consumer.opencv_consumer_node', 'process an image topic with OpenCV'),
    'all': ('nodes.all_nodes', 'run camera, bridge and consumer in one process'),
    'serve': ('serve.command', 'show a camera to browsers, in one process, without ROS'),
    'demo': ('tools.demo', 'run all three and show how they do; without ROS, run serve'),
    'secure': ('tools.secure.command', 'make tokens and a certificate, and show the address'),
    'export': ('tools.export.command', 'make a video of a ROS bag; without ROS'),
    'latency': ('tools.latency.command', 'measure how old frames are, hop by hop'),
    'watch': ('tools.watch.command', 'receive a stream or a topic, and show how it arrives'),
    'doctor': ('tools.doctor.command', 'find out what is wrong'),
}
# command -> the nodes that it runs
NODES = {
    'camera': ('camera',),
    'bridge': ('http_bridge',),
    'consumer': ('opencv_consumer',),
    'all': ('camera', 'http_bridge', 'opencv_consumer'),
}
MOVED = {
    'bench': 'the measurements are no longer installed: in a clone of the sources, run `python3 '
             '-m benchmarks viewers`',
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ('-h', '--help'):
        print(usage())
        return 0
    if words[0] in MOVED:
        print(f'pi_camera_stream: error: {MOVED[words[0]]}', file=sys.stderr)
        return USAGE
    if words[0] not in COMMANDS:
        print(f"pi_camera_stream: error: there is no command '{words[0]}': choose one of "
              + ', '.join(COMMANDS), file=sys.stderr)
        return USAGE
    module_name, does = COMMANDS[words[0]]
    if words[0] in NODES and not {'-h', '--help'}.isdisjoint(words):
        from .parameters.node_help import node_help
        print(node_help(words[0], does, NODES[words[0]]))
        return 0
    try:
        module = import_module(f'.{module_name}', __package__)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith(str(__package__)):
            raise
        print(f"pi_camera_stream: error: the Python module '{error.name}' is missing: source a "
              'ROS 2 installation (`source /opt/ros/*/setup.bash`) and install what package.xml '
              'names (`rosdep install`), or use the virtual environment that script/setup makes; '
              'serve, demo and watch need no ROS', file=sys.stderr)
        return MISTAKE
    code: int = module.main(words[1:])
    return code


def usage() -> str:
    lines = ['usage: python3 -m pi_camera_stream COMMAND [ARGUMENT ...]', '']
    lines += [f'  {name:10}{what}' for name, (_, what) in COMMANDS.items()]
    lines += ['', 'camera, bridge, consumer and all are ROS 2 nodes and take --ros-args.',
              'Each command explains itself with --help.']
    return '\n'.join(lines)


def run(arguments: Sequence[str] | None = None) -> NoReturn:
    """Be a process that runs one command, and ends without a traceback at any moment."""
    end_at_once()  # Ctrl-C, while modules are being imported; each command then does as it needs
    try:
        code = main(arguments)
    except Exception:
        traceback.print_exc()
        code = FAULT
    leave(code)


# What `ros2 run` starts.

def camera_node() -> NoReturn:
    run(['camera', *sys.argv[1:]])


def http_bridge_node() -> NoReturn:
    run(['bridge', *sys.argv[1:]])


def opencv_consumer_node() -> NoReturn:
    run(['consumer', *sys.argv[1:]])


def all_nodes() -> NoReturn:
    run(['all', *sys.argv[1:]])


if __name__ == '__main__':
    run()
