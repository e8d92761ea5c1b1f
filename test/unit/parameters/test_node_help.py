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

"""What `--help` says of the nodes, which must be readable where ROS is not installed."""

import subprocess
import sys

from pi_camera_stream import __main__ as command_line
from pi_camera_stream.parameters.tables import TABLES
from pi_camera_stream.vision.registry import built_in_parameters
import pytest

WITHOUT_ROS = """
import sys
sys.modules['rclpy'] = None
from pi_camera_stream import __main__
__main__.run(sys.argv[1:])
"""


@pytest.mark.parametrize(('command', 'nodes'), [
    ('camera', ['camera']), ('bridge', ['http_bridge']), ('consumer', ['opencv_consumer']),
    ('all', ['camera', 'http_bridge', 'opencv_consumer'])])
def test_help_lists_every_parameter_of_the_nodes(command, nodes, capsys):
    assert command_line.main([command, '--help']) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = [row.name for node in nodes for row in TABLES[node]]
    if 'opencv_consumer' in nodes:
        rows += [row.name for row in built_in_parameters()]
    assert [line[2:] for line in lines if line.startswith('  ') and line[2] not in ' -'] == rows
    assert f'python3 -m pi_camera_stream {command} ' in lines[0]
    assert (command == 'all') == any('--no-consumer' in line for line in lines)


@pytest.mark.parametrize('words', [['--help'], ['-h'], ['--ros-args', '--help']])
def test_asking_for_help_starts_no_node(words):
    answer = subprocess.run([sys.executable, '-c', WITHOUT_ROS, 'camera', *words],
                            capture_output=True, text=True)
    assert (answer.returncode, answer.stderr) == (0, '')
    assert 'parameters of camera:' in answer.stdout


def test_the_examples_are_values_that_their_parameters_take(capsys):
    for command, nodes in command_line.NODES.items():
        command_line.main([command, '--help'])
        example = capsys.readouterr().out.partition('example: ')[2].splitlines()[0]
        name, _, value = example.rpartition(' ')[2].partition(':=')
        row, = (row for row in TABLES[nodes[0]] if row.name == name)
        row.check(type(row.default)(value))
