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

"""The controls of cameras as the web application sees them, and which of them pages may have."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
import re
from typing import Any, Protocol

from ...core.json_object import integer, number

Value = bool | int | float | str | list[Any]

# What a page may see and set, in the order in which it stands there, and the kind of each where
# the camera does not tell: a node's other parameters, such as the path of its device, are no
# page's business. The names are libcamera's, and ours.
_GROUPS: Mapping[str, Mapping[str, str]] = {
    'Exposure': {
        'AeEnable': 'bool', 'ExposureTimeMode': 'int', 'ExposureTime': 'int',
        'AnalogueGainMode': 'int', 'AnalogueGain': 'float', 'ExposureValue': 'float',
        'AeMeteringMode': 'int', 'AeExposureMode': 'int', 'AeConstraintMode': 'int',
        'AeFlickerMode': 'int', 'AeFlickerPeriod': 'int', 'HdrMode': 'int'},
    'White balance': {
        'AwbEnable': 'bool', 'AwbMode': 'int', 'ColourGains': 'float[]',
        'ColourTemperature': 'int'},
    'Focus': {'AfMode': 'int', 'AfRange': 'int', 'AfSpeed': 'int', 'LensPosition': 'float'},
    'Picture': {
        'Brightness': 'float', 'Contrast': 'float', 'Saturation': 'float', 'Sharpness': 'float',
        'hflip': 'bool', 'vflip': 'bool', 'rotation': 'int'},
}
_KINDS = {name: kind for names in _GROUPS.values() for name, kind in names.items()}
_OF_USB = re.compile(r'v4l2\.[a-z0-9_]{1,60}', re.ASCII)
_USB_GROUP = 'USB camera'
_LENGTHS = {'ColourGains': 2}
_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    'int': integer, 'float': lambda value: float(number(value))}


def may_be_set(name: str) -> bool:
    """Return whether a page may see and set the parameter of that name."""
    return name in _KINDS or _OF_USB.fullmatch(name) is not None


def known_kind(name: str) -> str:
    """Return the kind of a control that has no value, as far as the name says it."""
    return _KINDS.get(name, '')


def known_length(name: str) -> int:
    """Return how many elements a control has that is a list without a value; 0 unknown."""
    return _LENGTHS.get(name, 0)


def place(name: str) -> int:
    """Return where a control stands among the others; those of USB cameras come last."""
    return list(_KINDS).index(name) if name in _KINDS else len(_KINDS)


@dataclass(frozen=True)
class Control:
    """A control of a camera: a parameter of the node that publishes its pictures."""

    name: str
    kind: str  # bool, int, float, str, or int[], float[]
    value: Value | None = None  # None unknown
    minimum: float | None = None  # both, or none of them
    maximum: float | None = None
    step: float = 0.0  # 0 for any value
    length: int = 0  # of a list
    choices: tuple[tuple[int | str, str], ...] = ()  # values, and their names for people
    read_only: bool = False
    inactive: bool = False  # without effect at present, because something else sets it

    def check(self, value: Any) -> Value:
        """
        Return a value in the control's own type, or raise ValueError.

        Ranges are for the camera to see to: its refusal says what may be, and why.
        """
        if self.kind.endswith('[]'):
            if not isinstance(value, list) or len(value) != self.length:
                raise ValueError(f"'{self.name}' is a list of {self.length} numbers")
            return [_CHECKS[self.kind.removesuffix('[]')](element) for element in value]
        if self.kind == 'bool':
            if not isinstance(value, bool):
                raise ValueError(f"'{self.name}' is true or false")
            return value
        if self.kind == 'str':
            if value not in [choice for choice, _ in self.choices]:
                raise ValueError(f"'{self.name}' has no such choice")
            return str(value)
        checked: Value = _CHECKS[self.kind](value)
        return checked

    def for_page(self) -> dict[str, Any]:
        group = next((group for group, names in _GROUPS.items() if self.name in names), _USB_GROUP)
        return {
            'name': self.name, 'group': group, 'kind': self.kind, 'value': self.value,
            'minimum': self.minimum, 'maximum': self.maximum, 'step': self.step,
            'length': self.length, 'read_only': self.read_only, 'inactive': self.inactive,
            'choices': [{'value': value, 'name': name} for value, name in self.choices]}


class Cameras(Protocol):
    """
    The cameras behind the topics. Any thread may call its methods.

    Who waits no more for an answer cancels its future. Its exception is a TemporaryError.
    """

    def read(self, topic: str) -> 'Future[list[Control]]':
        """Return the controls of the camera that publishes a topic, in order."""

    def set(self, topic: str, name: str, value: Any) -> 'Future[str]':
        """Set one that `may_be_set`; return why the camera refuses it, empty when it does not."""
