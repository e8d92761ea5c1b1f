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

"""What parameter files and the command line give a node, before it declares anything."""

from collections.abc import Iterable, Mapping
import re
from typing import Any

from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter

from ..core.parameters import nearest, Parameter
from ..parameters.aliases import ALIASES, find, take
from ..parameters.tables import TABLES
from ..vision import registry

# libcamera's are declared when the camera tells of them, a USB camera's likewise.
_CONTROL = re.compile(r'[A-Z][A-Za-z0-9]*|v4l2\..+')
_OF_ROS = re.compile(r'use_sim_time|start_type_description_service|qos_overrides\..+')


class GivenParameters:
    """
    The values that a node is to begin with, by our names.

    Those of other programs that mean the same are taken, and that is said in the log.
    """

    def __init__(self, node: Node, kind: str, table: Mapping[str, Parameter]) -> None:
        """Read them for a `kind` of node; PermanentError when one cannot be what it stands for."""
        self._node, self._kind = node, kind
        # There is no public way to read what has not been declared.
        overrides: dict[str, Any] = node._parameter_overrides
        self._values = {name: parameter.value for name, parameter in overrides.items()}
        taken = take(self._values, table, ALIASES.get(kind, ()))
        self._values.update(taken.values)
        # Some are declared by others, such as the controls of a camera.
        overrides.update({name: RosParameter(name, value=value)
                          for name, value in taken.values.items()})
        log = node.get_logger()
        if taken.used:
            log.info(f"other programs' parameters are taken: {', '.join(taken.used)}")
        if taken.unused:
            log.warning(f"parameters of others have no effect here: {', '.join(taken.unused)}")
        if taken.renamed:
            log.warning(f"parameters have been renamed: {', '.join(taken.renamed)}")

    def get(self, name: str, default: Any) -> Any:
        return self._values.get(name, default)

    def name_unknown(self, table: Iterable[str], expected: Iterable[str]) -> None:
        """
        Warn of what nobody will look at, with the nearest of the names in the table.

        Names that begin with one of `expected` and a dot may still come to be known.
        """
        groups, aliases = set(expected), ALIASES.get(self._kind, ())
        names = {*table, *(alias.name for alias in aliases if alias.convert)}
        for name in sorted(self._values):
            if not (name in names or self._node.has_parameter(name) or _OF_ROS.fullmatch(name)
                    or _CONTROL.fullmatch(name) or find(name, aliases)
                    or name.partition('.')[0] in groups or self._is_of_another(name)):
                self._warn(f"parameter '{name}' is unknown and ignored", name, names)

    def name_missing_controls(self, controls: Iterable[str]) -> None:
        """Warn of controls that are given, and that the camera with these does not have."""
        names = set(controls)
        for name in sorted(self._values):
            if _CONTROL.fullmatch(name) and not self._node.has_parameter(name) \
                    and not find(name, ALIASES.get(self._kind, ())):
                self._warn(f"the camera has no control '{name}', so this parameter is ignored",
                           name, names)

    def _warn(self, sentence: str, name: str, names: Iterable[str]) -> None:
        meant = nearest(name, names)
        self._node.get_logger().warning(f'{sentence}: ' + (
            f"did you mean '{meant}'?" if meant else
            f'`ros2 param list {self._node.get_fully_qualified_name()}` shows those there are'))

    def _is_of_another(self, name: str) -> bool:
        """Tell what another kind of node has: a file may give it to all (`/**`)."""
        others = [kind for kind in TABLES if kind != self._kind]
        return any(name == row.name for kind in others for row in TABLES[kind]) \
            or any(find(name, ALIASES[kind]) for kind in others) \
            or ('opencv_consumer' in others and name.partition('.')[0] in registry.all_names())
