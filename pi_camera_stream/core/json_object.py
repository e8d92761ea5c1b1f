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
"""JSON that others have written: whatever they send, all that is raised is ValueError."""

from collections.abc import Callable, Mapping
import json
from typing import Any

MOST_CHARACTERS = 4096  # of a text that has a few fields
_INT64 = 1 << 63
_MOST = 1e15  # of any other number; ms since the epoch are 1.8e12

Check = Callable[[Any], Any]
"""Returns the value of a field, or raises ValueError."""


def parse_object(text: str | bytes, most_characters: int = MOST_CHARACTERS) -> dict[str, Any]:
    """Return the fields of a JSON object, of whatever kinds they are."""
    if len(text) > most_characters:
        raise ValueError(f'{len(text)} characters exceed the limit of {most_characters}')
    try:
        value = _DECODER.decode(text if isinstance(text, str) else text.decode())
    except RecursionError as error:
        raise ValueError('it is nested too deeply') from error
    if not isinstance(value, dict):
        raise ValueError(f'it is not a JSON object: {text[:80]!r}')
    return value


def read_fields(text: str, schema: Mapping[str, Check], others: Check | None = None
                ) -> dict[str, Any]:
    """
    Return the fields that the schema names, which must all be there, checked.

    `others` is what all other fields must be; without it they are left out, since versions mix.
    """
    fields = parse_object(text)
    missing = schema.keys() - fields.keys()
    if missing:
        raise ValueError(f'it has no field {min(missing)!r}')
    checks = {**dict.fromkeys(fields, others), **schema}
    return {name: check(fields[name]) for name, check in checks.items() if check is not None}


def number(value: Any) -> float:
    """Check a number of moderate size, whole or not."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _MOST:
        raise ValueError(f'{_shortened(value)} is not an allowed number')
    return value


def integer(value: Any) -> int:
    """Check a whole number of 64 bits, as ns since the epoch are."""
    if type(value) is not int or not -_INT64 <= value < _INT64:
        raise ValueError(f'{_shortened(value)} is not a 64-bit integer')
    return value


def natural(value: Any) -> int:
    if integer(value) < 0:
        raise ValueError(f'{value} is negative')
    return int(value)


def name(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 200 or not value.isprintable():
        raise ValueError(f'{_shortened(value)} is not a name')
    return value


def _shortened(value: Any) -> str:
    # A whole number of 4300 digits and more cannot even be printed.
    return 'a number' if isinstance(value, int) else repr(value)[:40]


def _refuse(constant: str) -> Any:
    raise ValueError(f'{constant} is not a JSON number')


_DECODER = json.JSONDecoder(parse_constant=_refuse)  # `json.loads` would make one for each text
