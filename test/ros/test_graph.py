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

from types import SimpleNamespace

from pi_camera_stream.client.graph import full_name, NAMELESS
import pytest


@pytest.mark.parametrize(('namespace', 'name', 'expected'), [
    ('/', 'camera', '/camera'),
    ('/robot', 'camera', '/robot/camera'),
    ('_NODE_NAMESPACE_UNKNOWN_', '_NODE_NAME_UNKNOWN_', NAMELESS),  # as rmw_fastrtps has it
])
def test_the_node_of_an_end(namespace, name, expected):
    # The module of rclpy's own class has another name from Lyrical on.
    assert full_name(SimpleNamespace(node_name=name, node_namespace=namespace)) == expected
