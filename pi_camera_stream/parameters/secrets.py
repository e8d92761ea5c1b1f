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

"""Files with something secret in them that everyone can read."""

from collections.abc import Iterable, Iterator
from pathlib import Path
import stat

from .files import flat, read_sections, TOKENS
from ..core.errors import PermanentError

_WITH_PASSWORDS = ('outlets', 'ice_servers')  # addresses, which may have one


def exposed(parameter_files: Iterable[Path], keyfile: str) -> Iterator[str]:
    """Yield a sentence for each file with a secret, and for the key, that everyone can read."""
    if keyfile and _open_to_all(Path(keyfile)):
        yield _sentence('private key', keyfile)
    for path in dict.fromkeys(parameter_files):
        if _open_to_all(path) and (what := _secret(path)):
            yield _sentence(what, path)


def _sentence(what: str, path: str | Path) -> str:
    return (f"everyone on this machine can read the {what} in '{path}': `chmod 600 {path}` keeps "
            'it to its owner')


def _open_to_all(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:  # which whoever reads it says
        return False


def _secret(path: Path) -> str:
    """Return what secret is in a file; empty where there is none."""
    try:
        values = [(name.rpartition('.')[2], value) for _, parameters in read_sections(path)
                  for name, value in flat(parameters).items()]
    except PermanentError:
        return ''
    if any(value and name in TOKENS for name, value in values):
        return 'access token'
    if any('@' in str(value) and name in _WITH_PASSWORDS for name, value in values):
        return 'password'
    return ''
