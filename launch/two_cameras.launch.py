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

"""Start two camera nodes, left and right, with a parameter file each, and the HTTP bridge."""

from pi_camera_stream.nodes.launch_description import describe_pair


def generate_launch_description():
    """Return the arguments and the nodes."""
    return describe_pair('left', 'right')
