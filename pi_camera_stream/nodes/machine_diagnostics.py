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

"""Whether the machine that a node runs on is well, on `/diagnostics`."""

from rclpy.node import Node

from . import diagnostics
from ..core.machine_health import MachineHealth, read_health


class MachineDiagnostics:
    """Look at the machine once a second. Any thread may ask for its `state`."""

    def __init__(self, node: Node) -> None:
        self._health = MachineHealth()
        diagnostics.Diagnostics(node, 'machine', self._look)

    def state(self) -> dict[str, object]:
        return self._health.state()

    def _look(self) -> diagnostics.Health:
        self._health = read_health()
        problems = self._health.problems()
        return diagnostics.Health(diagnostics.WARN if problems else diagnostics.OK,
                                  '; '.join(problems) or 'well', self._health.values())
