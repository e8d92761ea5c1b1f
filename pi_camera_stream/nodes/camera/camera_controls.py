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

from collections.abc import Iterable, Iterator, Mapping
import math
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

from ...core.errors import PermanentError
from ...sources.controls import Controls, settle

# What takes over from what: a control that was set keeps the others from being set again when the
# camera is started again. Of the first ones that is so while they leave it to the camera.
_AUTOMATIC = {'AeEnable': ('ExposureTime', 'AnalogueGain'),
              'AwbEnable': ('ColourGains', 'ColourTemperature'), 'AfMode': ('LensPosition',)}
_EXCLUSIVE = ({'ColourGains', 'ColourTemperature'},)
# Parameters of ours that are such a control, too.
_PARAMETERS = {'fps': ('FrameDurationLimits',), 'crop': ('ScalerCrop', 'ScalerCrops'),
               'noise_reduction': ('NoiseReductionMode',)}
WITHOUT_EFFECT = ', without effect at present'  # as bridges of any version read it
_TYPES: dict[str, tuple[type, ...]] = {'bool': (bool,), 'int': (int,), 'float': (float, int)}


class CameraControls:
    """
    Declare a parameter for each control that a camera tells of, and check its values.

    All methods belong to the executor's thread. A parameter has the control's name of libcamera,
    or `v4l2.` and its name of v4l2-ctl; a control that does not say its present value has one once
    it is set.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._controls: Controls = {}
        self.chosen: dict[str, Any] = {}  # what somebody has set, as opposed to the camera's own
        self._preferred: dict[str, Any] = {}  # what counts while nobody has chosen
        self.declaring = False  # whether `declare` is at work, so that new values come from there

    @property
    def names(self) -> set[str]:
        return set(self._controls)

    @property
    def wanted(self) -> dict[str, Any]:
        """Return all that a camera is to be told when it is started."""
        return {**self._preferred, **self.chosen}

    def declare(self, controls: Controls) -> None:
        """
        Take in what the camera tells, which may be another one than before.

        Values that were given when the node was started are among the chosen ones then.
        """
        for name in self._controls.keys() - controls.keys():
            if self._node.has_parameter(name):
                self._unlock(name)
                self._node.undeclare_parameter(name)
            self.chosen.pop(name, None)
            self._preferred.pop(name, None)
        self._controls = controls
        given: dict[str, Any] = {}
        for name, control in controls.items():
            present = _plain(control.get('value'))
            self.declaring = True
            try:
                if self._node.has_parameter(name):  # of which the range may have changed
                    self._show(name, control, name not in self.wanted)
                    continue
                value = self._node.declare_parameter(name, None, _describe(control)).value
                if value is not None:  # from the command line or a file
                    given[name] = self.check(name, value)
                elif present is not None:
                    self._unlock(name)
                    self._node.undeclare_parameter(name)
                    self._node.declare_parameter(name, present, _describe(control))
            except (PermanentError, InvalidParameterValueException) as error:
                self._node.get_logger().error(f'{error}: the camera goes on without it')
                self._declare_present(name, control)
            finally:
                self.declaring = False
        # What is given by number counts more than that the camera may find it itself.
        for name in sorted(given, key=lambda name: name not in _AUTOMATIC):
            if name not in self.chosen:
                self.choose({name: given[name]})

    def choose(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Take in checked values; return what the camera is to be told."""
        told = dict(values)
        if 'LensPosition' in values and 'AfMode' in self._controls:
            told = {'AfMode': 0, **values}  # in any other mode, the lens would not be moved
        for name, value in told.items():
            for other in _opposites(name, value):
                if other not in told and (self.chosen.get(other) or other not in _AUTOMATIC):
                    self.chosen.pop(other, None)
            self.chosen[name] = value
        return told

    def prefer(self, name: str, value: Any) -> None:
        """Set a control, and show it, unless somebody has chosen or chooses another value."""
        changed = self._preferred.get(name) != value
        self._preferred[name] = value
        if changed and name not in self.chosen:
            self.declaring = True
            try:
                self._node.set_parameters([Parameter(name, value=value)])
            finally:
                self.declaring = False

    def forget(self, parameters: Iterable[str]) -> None:
        """Choose no longer what these parameters of the node have replaced."""
        for parameter in parameters:
            for name in _PARAMETERS.get(parameter, ()):
                self.chosen.pop(name, None)

    def refresh(self, controls: Controls) -> None:
        """Take in what the camera has made of all that was set, and let the parameters say it."""
        settle(self.chosen, controls)
        self._controls = {**self._controls, **controls}
        self.declaring = True
        try:
            for name, control in controls.items():
                if self._node.has_parameter(name):
                    self._show(name, control, True)
        finally:
            self.declaring = False

    def _declare_present(self, name: str, control: Mapping[str, Any]) -> None:
        if self._node.has_parameter(name):
            self._unlock(name)
            self._node.undeclare_parameter(name)
        self._node.declare_parameter(name, _plain(control.get('value')), _describe(control),
                                     ignore_override=True)

    def _show(self, name: str, control: Mapping[str, Any], with_value: bool) -> None:
        self._unlock(name)
        present = _plain(control.get('value'))
        wanted = _describe(control)
        wanted.read_only = False
        self._node.set_descriptor(name, wanted, None if present is None else Parameter(
            name, value=present).get_parameter_value())
        shown = self._node.get_parameter(name).value
        if with_value and present is not None and (
                type(present), present) != (type(shown), shown):
            self._node.set_parameters([Parameter(name, value=present)])
        self._node.describe_parameter(name).read_only = bool(control.get('read_only'))

    def _unlock(self, name: str) -> None:
        # rclpy lets nobody change or undeclare what is read-only, not even the node that declared
        # it; but it returns the descriptor itself.
        self._node.describe_parameter(name).read_only = False

    def check(self, name: str, value: Any) -> Any:
        """Return the value as the camera wants it; PermanentError says what is allowed."""
        control = self._controls[name]
        kind = str(control.get('kind', ''))
        if control.get('read_only'):
            raise PermanentError(f"parameter '{name}' can only be read: the camera sets it")
        if kind == 'menu':
            return _entry(name, value, control)
        if kind == 'bool' and type(value) is int and value in (0, 1):  # as v4l2-ctl has it
            value = bool(value)
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
        if not _on_step(value, control):
            raise PermanentError(f"parameter '{name}' must be {allowed(control)}, not {value!r}")
        checked = [float(element) if kind.startswith('float') else element
                   for element in elements]
        return checked if kind.endswith('[]') else checked[0]


def _opposites(name: str, value: Any) -> Iterator[str]:
    """Yield the controls that do not count any more once this one is set."""
    for automatic, by_hand in _AUTOMATIC.items():
        if name == automatic and value:
            yield from by_hand
        elif name in by_hand and value:
            yield automatic
    for group in _EXCLUSIVE:
        if name in group:
            yield from group - {name}


def allowed(control: Mapping[str, Any]) -> str:
    """Return what a control may be: `0 to 8`, or `0 (Auto), 1 (Tungsten) or 2 (Fluorescent)`."""
    choices = [f'{number} ({name})' for number, name in dict(control.get('choices') or {}).items()]
    if len(choices) > 1:
        return ', '.join(choices[:-1]) + f' or {choices[-1]}'
    steps = f' in steps of {control["step"]}' if 'step' in control else ''
    return f'{control.get("minimum")} to {control.get("maximum")}{steps}'


def _entry(name: str, value: Any, control: Mapping[str, Any]) -> str:
    """Return the entry of a menu that is meant: by its name or, as for v4l2-ctl, its number."""
    choices = dict(control.get('choices') or {})
    words: tuple[str, ...] = (str(value).lower(),)
    if isinstance(value, bool):  # YAML has read one of these
        words = ('on', 'true', 'yes') if value else ('off', 'false', 'no')
    for entry in choices.values():
        if entry.lower() in words:
            return str(entry)
    if str(value) in choices:
        return str(choices[str(value)])
    raise PermanentError(f"parameter '{name}' must be {allowed(control)}, not {value!r}")


def _on_step(value: Any, control: Mapping[str, Any]) -> bool:
    if 'step' not in control or value == control['maximum']:
        return True
    return bool((value - control['minimum']) % control['step'] == 0)


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
        description=f'Control of the camera, {control.get("kind")}, {allowed(control)}'
                    + (WITHOUT_EFFECT if control.get('inactive') else ''),
        additional_constraints=allowed(control), dynamic_typing=True,
        read_only=bool(control.get('read_only')))
    least, most, present = control.get('minimum'), control.get('maximum'), control.get('value')
    if control.get('kind') == 'int' and isinstance(least, int) and isinstance(most, int) \
            and least < most:
        step = control.get('step', 0)
        if isinstance(present, int):  # some cameras are set to what they do not allow
            least, most = min(least, present), max(most, present)
            step = step if _on_step(present, control) and least == control['minimum'] else 0
        descriptor.integer_range = [IntegerRange(from_value=least, to_value=most, step=step)]
    elif control.get('kind') == 'float' and isinstance(least, int | float) \
            and isinstance(most, int | float) and least < most:
        descriptor.floating_point_range = [FloatingPointRange(
            from_value=float(least), to_value=float(most))]
    return descriptor
