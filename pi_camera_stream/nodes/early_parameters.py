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

"""Parameters as the command line and its files say them, before there is a node to ask."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import yaml  # type: ignore[import-untyped]

_VALUES = 'ros__parameters'


def said(words: Sequence[str], name: str) -> list[Any]:
    """
    Return all values that are said for a parameter, of whatever node, in any order.

    Which one holds, only ROS knows; what cannot be read is for ROS to complain of.
    """
    return [value for own, value in _all(words) if own == name]


def _all(words: Sequence[str]) -> Iterator[tuple[str, Any]]:
    for option, argument in pairwise(words):
        try:
            if option in ('-p', '--param'):
                name, _, value = argument.partition(':=')
                yield name.rpartition(':')[2], yaml.safe_load(value)
            elif option == '--params-file':
                with open(argument, encoding='utf-8') as file:
                    yield from _values(yaml.safe_load(file))
        except (OSError, ValueError, yaml.YAMLError):
            continue


def _values(content: Any, prefix: str = '', inside: bool = False) -> Iterator[tuple[str, Any]]:
    """Walk through namespaces and nodes to their parameters, and through what these are in."""
    if not isinstance(content, dict):
        return
    for key, value in content.items():
        if not inside:
            yield from _values(value, '', key == _VALUES)
        elif isinstance(value, dict):
            yield from _values(value, f'{prefix}{key}.', True)
        else:
            yield f'{prefix}{key}', value
