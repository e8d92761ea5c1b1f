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

"""What a parameter's description and value say of a control of a camera."""

from collections.abc import Callable, Mapping
import math
import re
from typing import Any

from rcl_interfaces.msg import Parameter, ParameterDescriptor, ParameterType, ParameterValue

from ..camera.camera_controls import WITHOUT_EFFECT
from ...web.controls.cameras import Control, known_kind, known_length, Value

# As `nodes.camera.camera_controls.allowed` writes it.
_CHOICE = re.compile(r'(-?\d{1,10}) \((.{1,80}?)\)(?:, | or |$)')
_RANGE = re.compile(r'(-?[\d.]{1,20}(?:e[+-]\d{1,3})?) to (-?[\d.]{1,20}(?:e[+-]\d{1,3})?)')
_MOST_CHOICES = 64
_MOST = 1e15  # beyond it, JavaScript has no whole numbers any more
_TURNS = ((0, '0°'), (90, '90°'), (180, '180°'), (270, '270°'))
_MOST_ELEMENTS = 16
_FIELDS: Mapping[int, tuple[str, str]] = {
    ParameterType.PARAMETER_BOOL: ('bool', 'bool_value'),
    ParameterType.PARAMETER_INTEGER: ('int', 'integer_value'),
    ParameterType.PARAMETER_DOUBLE: ('float', 'double_value'),
    ParameterType.PARAMETER_STRING: ('str', 'string_value'),
    ParameterType.PARAMETER_INTEGER_ARRAY: ('int[]', 'integer_array_value'),
    ParameterType.PARAMETER_DOUBLE_ARRAY: ('float[]', 'double_array_value'),
}
_TYPES = {kind: (number, field) for number, (kind, field) in _FIELDS.items()}
_CONVERT: Mapping[str, Callable[[Any], Any]] = {'int': int, 'float': float}


def read_control(name: str, descriptor: ParameterDescriptor, value: ParameterValue
                 ) -> Control | None:
    """Return what a page can show; None of what it cannot, whatever a foreign node sends."""
    kind, present = _present(name, descriptor, value)
    choices = _choices(name, kind, descriptor.additional_constraints)
    if not kind or (kind == 'str' and not choices):
        return None
    length = len(present) if isinstance(present, list) else known_length(name)
    if kind.endswith('[]') and not 0 < length <= _MOST_ELEMENTS:
        return None
    minimum, maximum, step = _range(descriptor)
    return Control(
        name, kind, present, minimum, maximum, step, length if kind.endswith('[]') else 0, choices,
        bool(descriptor.read_only), descriptor.description.endswith(WITHOUT_EFFECT))


def to_parameter(name: str, kind: str, value: Value) -> Parameter:
    """Return the message that sets a value which `Control.check` has returned."""
    number, field = _TYPES[kind]
    return Parameter(name=name, value=ParameterValue(type=number, **{field: value}))


def _present(name: str, descriptor: ParameterDescriptor, value: ParameterValue
             ) -> tuple[str, Value | None]:
    """Return kind and value; empty and None where they are not known."""
    kind, field = _FIELDS.get(value.type, ('', ''))
    by_range = 'float' if descriptor.floating_point_range else \
        'int' if descriptor.integer_range else ''
    if not kind:
        return by_range or known_kind(name), None
    present = getattr(value, field)
    if kind.endswith('[]'):
        present = list(present)
    if kind in _CONVERT and by_range:  # a whole number, where a node takes both
        kind, present = by_range, _convert(by_range, present)
    elements = present if isinstance(present, list) else [present]
    sound = all(not isinstance(element, float) or math.isfinite(element) for element in elements)
    if isinstance(present, str):
        sound = len(present) <= 200 and present.isprintable()
    return kind, present if sound else None


def _convert(kind: str, value: float) -> float:
    return _CONVERT[kind](value) if math.isfinite(value) else math.nan


def _choices(name: str, kind: str, text: str) -> tuple[tuple[int | str, str], ...]:
    if kind not in ('int', 'str'):
        return ()
    found: list[tuple[int | str, str]] = []
    position = 0
    while (match := _CHOICE.match(text, position)) and len(found) < _MOST_CHOICES:
        found.append((int(match[1]) if kind == 'int' else match[2], match[2]))
        position = match.end()
    if position < len(text):  # it says something else
        found = []
    if not found and (name, kind) == ('rotation', 'int'):  # whose range says less
        return _TURNS
    return tuple(found)


def _range(descriptor: ParameterDescriptor) -> tuple[float | None, float | None, float]:
    """Return the ends and the step; None, None and 0 for no range that can be shown."""
    ranges = [*descriptor.floating_point_range, *descriptor.integer_range]
    if ranges:
        least, most, step = ranges[0].from_value, ranges[0].to_value, ranges[0].step
    elif match := _RANGE.fullmatch(descriptor.additional_constraints):
        try:
            least, most, step = float(match[1]), float(match[2]), 0.0
        except ValueError:
            return None, None, 0.0
    else:
        return None, None, 0.0
    if not -_MOST < least < most < _MOST or not math.isfinite(step):
        return None, None, 0.0
    return least, most, max(0.0, step)
