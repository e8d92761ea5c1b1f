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

The tables themselves stand beside their users, in `parameters/tables.py`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from .errors import PermanentError

Value = bool | int | float | str
# Words of which YAML makes booleans; a reader cannot tell any more which one it was.
_FALSE = 'off', 'no', 'false', 'n'
_TRUE = 'on', 'yes', 'true', 'y'


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
    secret: bool = False  # whether it may hold what nobody but the user may read
    may_be_empty: bool = False  # of a string whose default is not empty

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

    @property
    def summary(self) -> str:
        """What a help text says of it: the description, with range and default."""
        default = str(self.default).lower() if isinstance(self.default, bool) else self.default
        return (f'{self.description} ({self.range_text() or self.type_name}; '
                f'default {"empty" if default == "" else default})')

    def check(self, value: Any) -> Value:
        """
        Return `value` in the parameter's own type; ValueError has one sentence for the user.

        A whole number is accepted where a double is wanted (`fps:=30`), and for a string whatever
        YAML has made of one: a number (`camera:=1`), or a boolean (`noise_reduction:=off`).
        """
        wanted = type(self.default)
        if wanted is float and type(value) is int:
            value = float(value)
        elif wanted is str and isinstance(value, bool):
            value = self._word(value)
        elif wanted is str and (type(value) is int or (
                type(value) is float and not self.secret)):  # of which the spelling is lost
            value = str(value)
        if type(value) is not wanted:
            raise ValueError(f"parameter '{self.name}' must be of type {self.type_name}"
                             + (': put its value in quotes' if self.secret else
                                f', not {value!r}: set it to, for example, {self.default!r}'))
        if not self._admits(value):
            raise ValueError(f"parameter '{self.name}' must be {self.range_text()}, not {value!r}")
        checked: Value = value
        return checked

    def _word(self, value: bool) -> str:
        """Return the word of which YAML has made a boolean, or raise as `check`."""
        for word in _TRUE if value else _FALSE:
            if word in self.choices or word == self.default:
                return word
        if not value and not self.secret and (self.default == '' or self.may_be_empty):
            return ''
        raise ValueError(f"parameter '{self.name}' must be of type string, and YAML turns words "
                         'such as on, off, yes and no into booleans: put it in quotes, as in '
                         f'{self.name}: "off"')

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


def nearest(name: str, names: Iterable[str]) -> str:
    """Return the one that somebody may have meant who wrote `name`; empty when none is like it."""
    plain = {_plainly(known): known for known in names}
    found = get_close_matches(_plainly(name), plain, 1)
    return plain[found[0]] if found else ''


def clash(names: Iterable[str]) -> tuple[str, str] | None:
    """Return a name and one below it (`a`, `a.b`), which no YAML file can hold both; or None."""
    known = set(names)
    for name in sorted(known):
        parts = name.split('.')
        for length in range(1, len(parts)):
            group = '.'.join(parts[:length])
            if group in known:
                return group, name
    return None


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


def _plainly(name: str) -> str:
    return name.lower().replace('-', '_')


def _plain(number: float) -> str:
    return f'{number:.0f}' if number == int(number) else f'{number:g}'


def yaml_value(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value)
