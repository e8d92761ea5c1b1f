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

"""What our nodes have in common: checked parameters, and an end that any thread can ask for."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter

from .given_parameters import GivenParameters
from ..client.clock_service import ClockService
from ..client.entities import failures_of, Periodic, run_soon
from ..core.errors import PermanentError, StreamError
from ..core.exchange import Exchange
from ..core.parameters import clash, Parameter, Value

NAMESPACE = 'camera'  # unless the command line or a launch file says another one
_CLOCK_LOOK_S = 1.0
_NO_CLOCK = ("parameter 'use_sim_time' is true, but nobody publishes /clock, so that stamps are "
             '0: start the simulator or `ros2 bag play --clock`, or set it to false')
_CLOCK_LOOKS = 3  # in vain, before it is said that there is no /clock


class BaseNode(Node):
    """
    A node with a parameter table.

    In the main thread, `nodes.run` starts, spins and stops it.
    """

    # By which nodes hand frames over to each other, where there are several in the process.
    exchange: ClassVar[Exchange | None] = None

    def __init__(self, name: str, table: Sequence[Parameter]) -> None:
        super().__init__(name, namespace=NAMESPACE)
        self._table = {parameter.name: parameter for parameter in table}
        self._started = self._writing_back = False
        self.segment_bytes = 0  # of shared memory for pictures; 0 where it is not ours to say
        self.ended: Exception | None = None  # why the node is to end, once it is
        self.given = GivenParameters(self, name, self._table)
        self.add_on_set_parameters_callback(self._on_set_parameters)
        for parameter in table:
            self._declare(parameter)
        ClockService(self)
        self._clock_missed = 0  # looks in a row
        Periodic(self, _CLOCK_LOOK_S, self._watch_clock)

    def start(self) -> None:
        self._started = True
        self.given.name_unknown(self._table, self.expected_groups())

    def expected_groups(self) -> Iterable[str]:
        """Return what names may begin with, before a dot, that are not declared yet."""
        return ()

    @property
    def missing_clock(self) -> str:
        """Return why the node's clock stands at 0, once that is known; empty when it does not."""
        return _NO_CLOCK if self._clock_missed >= _CLOCK_LOOKS else ''

    def before_shutdown(self) -> None:
        """Publish what is to be the last; called once, by any thread, while topics are there."""

    def stop(self) -> None:
        """End all threads of the node."""

    def value(self, name: str) -> Any:
        return self._table[name].check(self.get_parameter(name).value)

    def take_parameters(self, changed: Mapping[str, Value],
                        others: Mapping[str, Any],  # noqa: ARG002 - for those who have others
                        live: bool) -> None:
        """
        Use values that are set together, or refuse them all by a PermanentError.

        Those of the table (`changed`) are checked one by one before, `others` are not. Before the
        node is at work (`live`), they are only to be looked at.
        """
        if live:
            for name, value in changed.items():
                self.on_parameter(name, value)

    def on_parameter(self, name: str, value: Value) -> None:
        """Take in a new value of a live parameter; called by the executor's thread."""

    def take_back(self, values: Mapping[str, Value], reason: str) -> None:
        """
        Let parameters show again what is in use, and say why; the executor's thread.

        This is for values that were accepted, and then refused by who was to use them.
        """
        if values:
            self._write(values)
            names = ' and '.join(f"'{name}'" for name in values)
            self.get_logger().warning(f'{names} cannot be set so, and show the values in use '
                                      f'again: {reason}')

    def _write(self, values: Mapping[str, Value]) -> None:
        """Let parameters have values that are in use already."""
        self._writing_back = True
        try:
            self.set_parameters([RosParameter(name, value=value)
                                 for name, value in values.items()])
        finally:
            self._writing_back = False

    def end(self, reason: Exception) -> None:
        """Let the node end, because of an error or of `EndOfStream`. Any thread may call it."""
        self.ended = reason
        self.run_soon(lambda: None)  # wakes the executor, which then sees `ended`

    def run_soon(self, function: Callable[[], None]) -> None:
        """Run `function` in the executor's thread. Any thread may call it."""
        run_soon(self, function)

    def _watch_clock(self) -> None:
        if self.get_clock().now().nanoseconds:
            self._clock_missed = 0
            return
        self._clock_missed += 1
        if self._clock_missed == _CLOCK_LOOKS:
            self.get_logger().warning(_NO_CLOCK)

    def declare_row(self, parameter: Parameter) -> None:
        """Declare one more parameter of the table; PermanentError when that cannot be."""
        if (clashing := clash({*self._table, parameter.name})) is not None:
            raise PermanentError("parameters '{}' and '{}' cannot both exist, since no YAML file "
                                 'can hold both: rename one of them'.format(*clashing))
        self._table[parameter.name] = parameter
        try:
            self._declare(parameter)
        except PermanentError:
            del self._table[parameter.name]
            raise

    def _declare(self, parameter: Parameter) -> None:
        descriptor = ParameterDescriptor(
            description=_describe(parameter), read_only=not parameter.live,
            additional_constraints=parameter.range_text() if parameter.choices else '',
            # A whole number is welcome where a double is wanted, so the type is checked by us.
            dynamic_typing=True)
        if parameter.minimum is not None and parameter.maximum is not None:
            if isinstance(parameter.default, int):
                descriptor.integer_range = [IntegerRange(
                    from_value=int(parameter.minimum), to_value=int(parameter.maximum))]
            else:
                descriptor.floating_point_range = [FloatingPointRange(
                    from_value=float(parameter.minimum), to_value=float(parameter.maximum))]
        try:
            value = parameter.check(self.given.get(parameter.name, parameter.default))
            self.declare_parameter(parameter.name, value, descriptor, ignore_override=True)
        except ValueError as error:
            raise PermanentError(str(error)) from error

    def _on_set_parameters(self, changed: Sequence[Any]) -> SetParametersResult:
        if self._writing_back:
            return SetParametersResult(successful=True)
        accepted: dict[str, Value] = {}
        others: dict[str, Any] = {}  # such as those that rclpy itself declares
        for parameter in changed:
            try:
                if parameter.name in self._table:
                    accepted[parameter.name] = self._table[parameter.name].check(parameter.value)
                else:
                    others[parameter.name] = parameter.value
            except ValueError as error:
                return SetParametersResult(successful=False, reason=str(error))
        try:
            self.take_parameters(accepted, others, self._started)
        except StreamError as error:
            return SetParametersResult(successful=False, reason=str(error))
        except Exception as error:  # or who wants to set it would wait for ever
            failures_of(self).add(error)
            return SetParametersResult(successful=False, reason=f'an internal error: {error!r}')
        meant = {parameter.name: (parameter.value, accepted[parameter.name])
                 for parameter in changed if parameter.name in accepted
                 and type(parameter.value) is not type(accepted[parameter.name])}
        if meant and self._started:
            self.run_soon(lambda: self._show_meant(meant))  # it is not stored yet
        return SetParametersResult(successful=True)

    def _show_meant(self, meant: Mapping[str, tuple[Any, Value]]) -> None:
        """Let parameters show `'off'` where YAML made `False` of it."""
        self._write({name: value for name, (given, value) in meant.items()
                         if self.get_parameter(name).value is given})


def _describe(parameter: Parameter) -> str:
    return f'{parameter.description} [{parameter.unit}]' if parameter.unit else \
        parameter.description
