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

"""The examples for a robot say what our code says; their launch file needs a whole ROS to run."""

import ast
import math
from pathlib import Path
import re

import numpy as np
from pi_camera_stream.parameters.tables import TABLES
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / 'examples' / 'robot'
NODES = ROOT / 'pi_camera_stream' / 'nodes'


@pytest.fixture(scope='module')
def launch_file():
    """Return the values that the launch file gives names to, and its launch arguments."""
    tree = ast.parse((FOLDER / 'robot.launch.py').read_text())
    names = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            exec(compile(ast.Module([node], []), 'robot.launch.py', 'exec'), {'math': math}, names)
    given, = (node.value.func.value for node in ast.walk(tree) if isinstance(node, ast.keyword)
              and node.arg == 'launch_arguments')
    return names, [key.value for key in given.keys]


def test_its_arguments_are_those_of_the_included_launch_file(launch_file):
    description = (NODES / 'launch_description.py').read_text()
    _, arguments = launch_file
    assert 'namespace' in arguments
    for argument in arguments:
        assert f"'{argument}'" in description


def axes(roll, pitch, yaw):
    """Return the axes of a frame as columns, in its parent: as tf2's setRPY turns it."""
    def turn(angle, first, second):
        matrix = np.eye(3)
        matrix[first, first] = matrix[second, second] = math.cos(angle)
        matrix[second, first], matrix[first, second] = math.sin(angle), -math.sin(angle)
        return matrix
    return turn(yaw, 0, 1) @ turn(pitch, 2, 0) @ turn(roll, 1, 2)


def test_the_optical_frame_is_turned_as_rep_103_wants_it(launch_file):
    names, _ = launch_file
    right, down, forward = axes(**names['TURNS']).T
    assert forward == pytest.approx([1, 0, 0])
    assert right == pytest.approx([0, -1, 0])
    assert down == pytest.approx([0, 0, -1])
    tilted = {**names['TURNS'], 'roll': names['TURNS']['roll'] + math.radians(-20)}
    assert axes(**tilted).T[2] == pytest.approx(
        [math.cos(math.radians(20)), 0, -math.sin(math.radians(20))])


def test_the_aggregator_expects_what_our_nodes_are_called():
    analyzer = yaml.safe_load((FOLDER / 'diagnostics.yaml').read_text())[
        'analyzers']['ros__parameters']['camera']
    named = set(re.findall(r"Diagnostics\((?:self|node), '(\w+)'", '\n'.join(
        path.read_text() for path in NODES.rglob('*.py'))))
    for name in analyzer['expected']:
        assert name.startswith(tuple(analyzer['startswith']))
        node, _, what = name.removeprefix('/camera/').partition(': ')
        assert node in TABLES
        assert what in named


def test_photos_are_taken_of_a_topic_that_we_publish():
    follower = yaml.safe_load((FOLDER / 'nav2.yaml').read_text())[
        'waypoint_follower']['ros__parameters']
    plugin = follower[follower['waypoint_task_executor_plugin']]
    assert plugin['image_topic'] == '/camera/image_raw'


def test_the_document_names_files_that_exist():
    text = (ROOT / 'docs' / 'robot.md').read_text()
    targets = re.findall(r'\]\((?!http|#)([^)#]+)[^)]*\)', text)
    assert len(targets) > 5
    for target in targets:
        assert (ROOT / 'docs' / target).exists(), target
    for path in re.findall(r'\b(?:config|script|examples)/[\w./]+\w', text):
        assert (ROOT / path).exists(), path
