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

"""The camera's own controls as parameters of the node."""

from collections.abc import Mapping
import math
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import InvalidParameterValueException
from rclpy.node import Node

from ...core.errors import PermanentError

Controls = Mapping[str, Mapping[str, Any]]
_TYPES: dict[str, tuple[type, ...]] = {'bool': (bool,), 'int': (int,), 'float': (float, int)}


class CameraControls:
    """
    Declare a parameter for each control that a camera tells of, and check its values.

    All methods belong to the executor's thread. A parameter has the control's name of libcamera; a
    control that does not say its present value has one once it is set.

    Attributes
    ----------
    chosen
        The values that somebody has set, as opposed to the camera's own.
    declaring
        Whether `declare` is at work, so that new values come from there.

    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._controls: Controls = {}
        self.chosen: dict[str, Any] = {}
        self.declaring = False

    @property
    def names(self) -> set[str]:
        """Return the names of the controls."""
        return set(self._controls)

    def declare(self, controls: Controls) -> None:
        """
        Take in what the camera tells, which may be another one than before.

        Values that were given when the node was started are among the chosen ones then.
        """
        for name in self._controls.keys() - controls.keys():
            if self._node.has_parameter(name):
                self._node.undeclare_parameter(name)
            self.chosen.pop(name, None)
        self._controls = controls
        for name, control in controls.items():
            present = _plain(control.get('value'))
            self.declaring = True
            try:
                if self._node.has_parameter(name):  # of which the range may have changed
                    self._node.set_descriptor(name, _describe(control))
                    continue
                value = self._node.declare_parameter(name, present, _describe(control)).value
                if value != present:
                    self.chosen.setdefault(name, self.check(name, value))
            except (PermanentError, InvalidParameterValueException) as error:
                self._node.get_logger().error(f'{error}: the camera goes on without it')
            finally:
                self.declaring = False

    def check(self, name: str, value: Any) -> Any:
        """
        Return the value as the camera wants it.

        Raises
        ------
        PermanentError
            It has another type, or lies outside of what the camera allows; the text says what
            is allowed.

        """
        control = self._controls[name]
        kind = str(control.get('kind', ''))
        elements = list(value) if kind.endswith('[]') and not isinstance(value, str) else [value]
        types = _TYPES.get(kind.removesuffix('[]'), ())
        if not elements or not all(type(element) in types for element in elements):
            raise PermanentError(f"parameter '{name}' must be of type {kind}, not {value!r}")
        length = control.get('length')
        if kind.endswith('[]') and length and len(elements) != length:
            raise PermanentError(f"parameter '{name}' must have {length} elements, not {value!r}")
        least, most = control.get('minimum'), control.get('maximum')
        if not all(_within(element, least, most) for element in elements):
            raise PermanentError(f"parameter '{name}' must be {allowed(control)}, not {value!r}")
        checked = [float(element) if kind.startswith('float') else element
                   for element in elements]
        return checked if kind.endswith('[]') else checked[0]


def allowed(control: Mapping[str, Any]) -> str:
    """Return what a control may be: `0 to 8`, or `0 (Auto), 1 (Tungsten) or 2 (Fluorescent)`."""
    choices = [f'{number} ({name})' for number, name in dict(control.get('choices') or {}).items()]
    if len(choices) > 1:
        return ', '.join(choices[:-1]) + f' or {choices[-1]}'
    return f'{control.get("minimum")} to {control.get("maximum")}'


def _within(value: Any, least: Any, most: Any) -> bool:
    # A camera that tells a range of nothing (0 to 0), or none, does not bound it.
    if isinstance(value, bool) or least == most == 0:
        return bool(value == value)
    low = least if isinstance(least, int | float) else -math.inf
    high = most if isinstance(most, int | float) else math.inf
    return bool(low <= value <= high)  # false for NaN, too


def _plain(value: Any) -> Any:
    """Return a value that a ROS parameter can hold; None for none."""
    if isinstance(value, list):
        return value or None
    return value if isinstance(value, bool | int | float | str) else None


def _describe(control: Mapping[str, Any]) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(
        description=f'Control of the camera, {control.get("kind")}, {allowed(control)}',
        additional_constraints=allowed(control), dynamic_typing=True)
    least, most = control.get('minimum'), control.get('maximum')
    if control.get('kind') == 'int' and isinstance(least, int) and isinstance(most, int) \
            and least < most:
        descriptor.integer_range = [IntegerRange(from_value=least, to_value=most)]
    elif control.get('kind') == 'float' and isinstance(least, int | float) \
            and isinstance(most, int | float) and least < most:
        descriptor.floating_point_range = [FloatingPointRange(
            from_value=float(least), to_value=float(most))]
    return descriptor
