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


"""What all tables of parameters have in common."""

from pi_camera_stream.core.parameters import clash
from pi_camera_stream.parameters.tables import TABLES
from pi_camera_stream.vision.registry import built_in_parameters
import pytest

ALL = {**TABLES, 'opencv_consumer': (*TABLES['opencv_consumer'], *built_in_parameters())}
OF_ROS = ('use_sim_time', 'start_type_description_service', 'qos_overrides./x.publisher.depth')


@pytest.mark.parametrize('node', ALL)
def test_a_yaml_file_can_hold_them_all(node):
    """`ros2 param dump` nests what has a dot: nothing can be a value and a group."""
    names = [row.name for row in ALL[node]]
    assert len(names) == len(set(names))
    assert clash([*names, *OF_ROS]) is None


@pytest.mark.parametrize('node', ALL)
def test_defaults_are_in_their_ranges_and_what_may_be_a_secret_is_known(node):
    for row in ALL[node]:
        assert row.check(row.default) == row.default
        assert row.secret == (row.name in ('access_token', 'driver_token', 'path')), row.name


def test_of_the_bridge_limits_of_driving_and_recording_are_live():
    live = {row.name for row in TABLES['http_bridge'] if row.unit and 'teleop' in row.name}
    assert len(live) == 7
    live |= {'teleop.reverse', 'record'}
    for row in TABLES['http_bridge']:
        assert row.live == (row.name in live), row.name
