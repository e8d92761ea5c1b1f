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

"""Which nodes read a parameter file, told before they are started."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
import re
from typing import Any

import yaml  # type: ignore[import-untyped]

from .tables import HTTP_BRIDGE
from ..core.errors import PermanentError

_PARAMETERS = 'ros__parameters'
TOKENS = tuple(row.name for row in HTTP_BRIDGE if row.secret)

Section = tuple[str, Mapping[Any, Any]]
"""The name of the nodes that it is for, such as `/**/camera`, and their parameters."""


def named_files(words: Iterable[str]) -> list[Path]:
    """Return the parameter files that a command line names."""
    return [Path(argument) for option, argument in pairwise(words) if option == '--params-file']


def check_parameter_file(path: Path, nodes: Sequence[str], ours: Sequence[str]) -> list[str]:
    """
    Return what is odd about a parameter file that these nodes (full names) are to read.

    Sections for nodes of other packages are not, nor are those for nodes of `ours` (names) that
    are not started. Raises PermanentError when the file cannot be read, when none of the nodes
    reads any of it, or none its tokens: without them, everybody may watch, and drive.
    """
    sections = read_sections(path)
    names = ', '.join(nodes)
    unread = [section for section in sections if not any(
        matches(section[0], node) for node in nodes)]
    if len(unread) == len(sections):
        found = f'its sections are {_listed(sections)}' if sections else \
            f"it has no section with '{_PARAMETERS}:'"
        raise PermanentError(
            f"the parameter file '{path}' is for none of the nodes {names}: {found}; begin one "
            f"with '/**/{_name(nodes[0])}:', or with '/**:' for all nodes")
    for section, parameters in unread:
        for secret in filter(parameters.get, TOKENS):
            raise PermanentError(
                f"the {secret} in the parameter file '{path}' would protect nothing, because its "
                f"section '{section}' is for none of the nodes {names}: correct the section's "
                "name ('/**/http_bridge:'), or name the file for the node that it is for, too")
    there = [f'{node.rpartition("/")[0]}/{name}' for node in nodes for name in ours]
    return [f"the section '{section}' of the parameter file '{path}' is for none of the nodes "
            f"{names}: if one of these is meant, begin it with '/**/{meant[0]}:'"
            for section, _ in unread
            if not any(matches(section, node) for node in there)
            and (meant := get_close_matches(_name(section), ours, 1))]


def matches(section: str, node: str) -> bool:
    """
    Return whether the node of this full name reads a section, as rclpy sees it.

    `*` is one part of a name, `**` are any number of them, and all else stands for itself.
    """
    pattern = f'/{section.removeprefix("/")}'.replace('/*', r'(/\w+)')
    try:
        return re.fullmatch(pattern, node, re.ASCII) is not None
    except re.error:  # no name, which the node itself says
        return False


def read_sections(path: Path) -> list[Section]:
    """Return the sections of a parameter file; PermanentError when it cannot be read."""
    try:
        content = yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise PermanentError(
            f"the parameter file '{path}' cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # Not in the words of the error, which shows the lines, and so a secret that is in them.
        mark = getattr(error, 'problem_mark', None)
        where = f': see its line {mark.line + 1}, column {mark.column + 1}' if mark else ''
        raise PermanentError(f"the parameter file '{path}' is not valid YAML{where}") from error
    return list(_sections(content, ''))


def flat(parameters: Mapping[Any, Any], prefix: str = '') -> dict[str, Any]:
    """Return parameters by their full names, `teleop.enabled`, which a file may nest."""
    found: dict[str, Any] = {}
    for key, value in parameters.items():
        if isinstance(value, Mapping):
            found.update(flat(value, f'{prefix}{key}.'))
        else:
            found[f'{prefix}{key}'] = value
    return found


def _sections(content: Any, begin: str) -> Iterator[Section]:
    """Find the sections, whose names may be nested as rcl allows it."""
    if not isinstance(content, Mapping):
        return
    for key, value in content.items():
        if key != _PARAMETERS:
            name = f'{begin}{"" if not begin or begin.endswith("/") else "/"}{key}'
            yield from _sections(value, name)
        elif begin:
            yield begin, value if isinstance(value, Mapping) else {}


def _name(full: str) -> str:
    return full.rpartition('/')[2]


def _listed(sections: Sequence[Section]) -> str:
    return ', '.join(f"'{section}'" for section, _ in sections)
