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
from contextlib import suppress
from itertools import pairwise
from typing import Any

import yaml  # type: ignore[import-untyped]

from ..core.errors import PermanentError
from ..parameters.files import flat, named_files, read_sections


def said(words: Sequence[str], name: str) -> list[Any]:
    """
    Return all values that are said for a parameter, of whatever node, in any order.

    Which one holds, only ROS knows; what cannot be read is for ROS to complain of.
    """
    return [value for own, value in _all(words) if own == name]


def _all(words: Sequence[str]) -> Iterator[tuple[str, Any]]:
    for option, argument in pairwise(words):
        if option in ('-p', '--param'):
            name, _, value = argument.partition(':=')
            with suppress(ValueError, yaml.YAMLError):
                yield name.rpartition(':')[2], yaml.safe_load(value)
    for path in named_files(words):
        with suppress(PermanentError):
            for _, parameters in read_sections(path):
                yield from flat(parameters).items()
