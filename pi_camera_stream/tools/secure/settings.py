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

"""The parameter file with the tokens, which nobody else may read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import json
import os
from pathlib import Path
import secrets

from ...core.errors import PermanentError
from ...core.parameters import Value
from ...parameters.files import matches, read_sections

_NODE = '/**/http_bridge'
_HEAD = """\
# Made by `python3 -m pi_camera_stream secure`. The tokens in it are secret: only you may read this
# file. New ones log everybody out.
"""
_OWN, _OTHERS = 0o600, 0o644


@dataclass(frozen=True)
class Tokens:
    """Who knows them may watch, and drive."""

    access: str
    driver: str


def make_tokens() -> Tokens:
    return Tokens(secrets.token_urlsafe(16), secrets.token_urlsafe(16))


def parameter_file(values: Mapping[str, Value]) -> str:
    """Return the text; JSON's strings, numbers and booleans are YAML's, too."""
    lines = [f'    {name}: {json.dumps(value, ensure_ascii=False)}'
             for name, value in values.items()]
    return '\n'.join([_HEAD + f'{_NODE}:', '  ros__parameters:', *lines]) + '\n'


def read_parameters(path: Path, option: str) -> Mapping[str, Value]:
    """Return what such a file says; PermanentError when there is none, as `option` needs it."""
    if not path.exists():
        raise PermanentError(f"there is no '{path}' yet: leave out {option}, and it is made")
    values: dict[str, Value] = {}
    for section, parameters in read_sections(path):
        if matches(section, '/camera/http_bridge'):
            values.update(parameters)
    return values


def check_free(paths: Sequence[Path], remedy: str) -> None:
    """Raise PermanentError when one of the files is there."""
    there = [path for path in paths if path.exists() or path.is_symlink()]
    if there:
        raise PermanentError(f"'{there[0]}' is there already, and stays as it is: {remedy}")


def write(path: Path, content: bytes, secret: bool) -> None:
    """Write a file, in place of one that is there; nobody ever sees a part of it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f'.{path.name}.{os.getpid()}')
    mode = _OWN if secret else _OTHERS
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, 'wb') as file:
            os.fchmod(descriptor, mode)  # whatever the umask is
            file.write(content)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
