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

from pi_camera_stream.tools.doctor import environment
import pytest


def levels(**variables):
    return [finding.level for finding in environment.findings(variables)]


@pytest.mark.parametrize(('variables', 'expected'), [
    ({}, ['ok', 'ok']),
    ({'ROS_DOMAIN_ID': ''}, ['ok', 'ok']),
    ({'ROS_DOMAIN_ID': '101'}, ['ok', 'ok']),
    ({'ROS_DOMAIN_ID': '102'}, ['broken', 'ok']),
    ({'ROS_DOMAIN_ID': '-1'}, ['broken', 'ok']),
    ({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}, ['ok', 'note']),
    ({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'OFF'}, ['ok', 'broken']),
    ({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'localhost'}, ['ok', 'broken']),
    ({'ROS_LOCALHOST_ONLY': '1'}, ['ok', 'note']),
    ({'CYCLONEDDS_URI': 'file:///nowhere.xml', 'RMW_IMPLEMENTATION': 'rmw_cyclonedds_cpp'},
     ['ok', 'ok', 'broken']),
    ({'CYCLONEDDS_URI': 'file:///nowhere.xml'}, ['ok', 'ok']),  # which Fast DDS does not read
    ({'FASTDDS_DEFAULT_PROFILES_FILE': '/nowhere.xml', 'ROS_DISTRO': 'jazzy',
      'RMW_IMPLEMENTATION': 'rmw_cyclonedds_cpp'}, ['ok', 'ok']),
    ({'FASTDDS_DEFAULT_PROFILES_FILE': '/nowhere.xml', 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'OFF',
      'RMW_IMPLEMENTATION': 'rmw_zenoh_cpp'}, ['ok', 'note']),  # which reads neither
    ({'FASTRTPS_DEFAULT_PROFILES_FILE': __file__}, ['ok', 'ok', 'ok']),
    ({'FASTDDS_DEFAULT_PROFILES_FILE': __file__}, ['ok', 'ok', 'ok']),
    ({'FASTDDS_DEFAULT_PROFILES_FILE': __file__, 'ROS_DISTRO': 'jazzy'},
     ['ok', 'ok', 'broken', 'ok']),
])
def test_variables_are_judged(variables, expected):
    assert levels(**variables) == expected


@pytest.mark.parametrize(('variables', 'needed'), [
    ({}, True),
    ({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SUBNET'}, True),
    ({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}, False),
    ({'ROS_LOCALHOST_ONLY': '1'}, False),
    ({'ROS_STATIC_PEERS': '192.0.2.7'}, False),
])
def test_multicast_is_needed_where_no_address_is_named(variables, needed):
    assert environment.needs_multicast(variables) == needed
