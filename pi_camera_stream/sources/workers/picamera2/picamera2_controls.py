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

"""The controls of a picamera2 camera: what can be set, and setting it without harm."""

from __future__ import annotations

import math
from typing import Any

# Of these, libcamera tells the range of one element only; how many there are is in its manual.
_LENGTHS = {'ColourGains': 2, 'FrameDurationLimits': 2, 'ColourCorrectionMatrix': 9,
            'ScalerCrop': 4}
_RECTANGLE_LISTS = ('AfWindows', 'ScalerCrops')
_AUTOMATIC = ('ExposureTime', 'AnalogueGain')  # picamera2 takes 0 for: find it yourself again


class Controls:
    """
    What a camera's controls are, and how they are set.

    A value that libcamera cannot convert raises where picamera2 hands it on, in its event loop,
    and ends that. So nothing gets there that has not been looked at here.
    """

    def __init__(self, picam2: Any) -> None:
        self._picam2 = picam2
        # For each name its kind, minimum, maximum, value and choices, as the hello has them.
        self.described: dict[str, dict[str, Any]] = {}
        for name, limits in picam2.camera_controls.items():
            description = _describe(name, *limits)
            if description is not None:
                self.described[name] = description

    def fps(self, wanted: float) -> float:
        limits = self.described.get('FrameDurationLimits')
        if limits is None:
            return 0.0
        longest_us, shortest_us = limits['maximum'], max(1, limits['minimum'])
        return float(round(1e6 / min(max(1e6 / wanted, shortest_us), longest_us), 2))

    def set(self, values: dict[str, Any]) -> str:
        """Set all that can be, in the same frame; return why the others cannot, or nothing."""
        wanted, refused = {}, []
        for name, value in values.items():
            try:
                wanted[name] = self._checked(name, value)
            except ValueError as error:
                refused.append(f'{name}: {error}')
        try:
            # With this lock, picamera2 takes what has been set since the last frame, and forgets
            # it. What is set between the two steps would be lost.
            with self._picam2.request_lock:
                self._picam2.set_controls(wanted)
        except Exception as error:
            refused.append(str(error))
        return '; '.join(refused)

    def _checked(self, name: str, value: Any) -> Any:
        control = self.described.get(name)
        if control is None:
            raise ValueError('this camera has no such control')
        for number, choice in control.get('choices', {}).items():
            if value == choice:
                value = int(number)
        kind = control['kind']
        if not kind.endswith('[]'):
            return _element(name, value, kind, control)
        if not isinstance(value, (list, tuple)):
            raise ValueError(f'{value!r} is not a list')
        elements = [_element(name, element, kind[:-2], control) for element in value]
        length = 4 if name in _RECTANGLE_LISTS else control['length']
        if not elements or len(elements) % length or (
                len(elements) != length and name not in _RECTANGLE_LISTS):
            raise ValueError(f'{len(elements)} numbers are not {length}')
        if name in _RECTANGLE_LISTS:
            return [tuple(elements[i:i + 4]) for i in range(0, len(elements), 4)]
        return tuple(elements)


def _describe(name: str, minimum: Any, maximum: Any, value: Any) -> dict[str, Any] | None:
    low, high, values = _numbers(minimum), _numbers(maximum), _numbers(value)
    if not low or not high:  # neither numbers nor lists of them
        return None
    kind = ('bool' if isinstance(low[0], bool) else
            'int' if all(isinstance(limit, int) for limit in low + high + values) else 'float')
    described: dict[str, Any] = {'kind': kind, 'minimum': min(low), 'maximum': max(high)}
    if name in _LENGTHS or any(isinstance(item, (list, tuple)) for item in (minimum, value)):
        described.update(kind=kind + '[]', value=values or None,
                         length=_LENGTHS.get(name, max(len(low), len(values))))
    else:
        described['value'] = values[0] if values else None
    choices = _choices(name, low[0], high[0]) if kind == 'int' else {}
    if choices:
        described['choices'] = choices
    return described


def _numbers(value: Any) -> list[Any]:
    """Return all numbers in a number, a list or a list of lists; none when others are in it."""
    if isinstance(value, (list, tuple)):
        return [number for item in value for number in _numbers(item)]
    return [value] if isinstance(value, (bool, int, float)) and math.isfinite(value) else []


def _choices(name: str, low: int, high: int) -> dict[str, str]:
    from libcamera import controls

    for room in (controls, getattr(controls, 'draft', None), getattr(controls, 'rpi', None)):
        members = getattr(getattr(room, f'{name}Enum', None), '__members__', {})
        if members:
            return {str(int(member)): key for key, member in members.items()
                    if low <= int(member) <= high}
    return {}


def _element(name: str, value: Any, kind: str, control: dict[str, Any]) -> Any:
    if kind == 'bool':
        if not isinstance(value, bool):
            raise ValueError(f'{value!r} is neither true nor false')
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f'{value!r} is not a number')
    if kind == 'int' and value != int(value):
        raise ValueError(f'{value!r} is not a whole number')
    low, high = control['minimum'], control['maximum']
    if low == high == 0:  # nothing is known of it, but libcamera converts no number over 32 bits
        low, high = -2**31, 2**31 - 1
    if not low <= value <= high and not (value == 0 and name in _AUTOMATIC):
        raise ValueError(f'{value} is not from {low} to {high}')
    return int(value) if kind == 'int' else float(value)
