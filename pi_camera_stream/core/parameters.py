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

"""
The description of a parameter, from which it is declared, checked and documented.

The tables themselves stand beside their users, in `nodes/parameter_tables.py`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import PermanentError

Value = bool | int | float | str


@dataclass(frozen=True)
class Parameter:
    """One row of a parameter table."""

    name: str
    default: Value  # its type is the parameter's type
    description: str  # one sentence, without the range and the unit
    unit: str = ''
    minimum: float | None = None  # both ends of the range are included
    maximum: float | None = None
    choices: tuple[str, ...] = ()  # of a string; empty when any will do
    live: bool = False  # whether a running node takes a new value
    setting: str = ''  # the field of `sources.base.SourceSettings` that it becomes
    restarts: bool = False  # whether a running source is started anew for it

    @property
    def type_name(self) -> str:
        return {bool: 'bool', int: 'integer', float: 'double', str: 'string'}[type(self.default)]

    def range_text(self) -> str:
        """Return the allowed values for a reader: `0 to 100 percent`, `a, b or c`, or nothing."""
        if self.choices:
            return ', '.join(self.choices[:-1]) + f' or {self.choices[-1]}'
        if self.minimum is None or self.maximum is None:
            return ''
        return f'{_plain(self.minimum)} to {_plain(self.maximum)} {self.unit}'.rstrip()

    def check(self, value: Any) -> Value:
        """
        Return `value` in the parameter's own type; ValueError has one sentence for the user.

        A whole number is accepted where a double (`fps:=30`) or a string (`camera:=1`) is wanted.
        """
        wanted = type(self.default)
        if wanted in (float, str) and type(value) is int:
            value = wanted(value)
        if type(value) is not wanted:
            raise ValueError(f"parameter '{self.name}' must be of type {self.type_name}, "
                             f'not {value!r}: set it to, for example, {self.default!r}')
        if not self._admits(value):
            raise ValueError(f"parameter '{self.name}' must be {self.range_text()}, not {value!r}")
        checked: Value = value
        return checked

    def _admits(self, value: Value) -> bool:
        if self.choices:
            return value in self.choices
        if self.minimum is None or self.maximum is None or isinstance(value, str):
            return True
        return self.minimum <= value <= self.maximum  # false for NaN, too


def require(table: Iterable[Parameter], values: Mapping[str, Any]) -> None:
    """See that values lie in the ranges of their rows; PermanentError, when one does not."""
    try:
        for row in table:
            row.check(values[row.name])
    except ValueError as error:
        raise PermanentError(str(error)) from error


def markdown_table(parameters: Iterable[Parameter]) -> str:
    rows = ['| parameter | type | default | range | live | what it is |',
            '|---|---|---|---|---|---|']
    for p in parameters:
        default = f'`{yaml_value(p.default)}`'
        rows.append(f'| `{p.name}` | {p.type_name} | {default} | {p.range_text()} | '
                    f'{"yes" if p.live else "no"} | {p.description} |')
    return '\n'.join(rows) + '\n'


def yaml_file(tables: Mapping[str, Iterable[Parameter]], heading: str) -> str:
    """Return a ROS parameter file with the defaults of all nodes, a comment a line."""
    lines = [f'# {line}' for line in heading.splitlines()]
    for node, parameters in tables.items():
        lines += ['', f'/**/{node}:', '  ros__parameters:']
        for p in parameters:
            note = f' ({p.range_text()})' if p.range_text() else ''
            lines.append(f'    {p.name}: {yaml_value(p.default)}  # {p.description}{note}')
    return '\n'.join(lines) + '\n'


def _plain(number: float) -> str:
    return f'{number:.0f}' if number == int(number) else f'{number:g}'


def yaml_value(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value)
