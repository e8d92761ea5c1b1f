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

"""What other packages add to ours by Python entry points, each imported when it is wanted."""

from collections.abc import Iterable
from importlib.metadata import entry_points, EntryPoint
from typing import Any

from .errors import PermanentError


def offers(group: str) -> dict[str, list[EntryPoint]]:
    """Return what is offered in a group, by name; several packages may have the same name."""
    found: dict[str, list[EntryPoint]] = {}
    for offer in _first_of_each(entry_points(group=group)):
        found.setdefault(offer.name, []).append(offer)
    return found


def load(kind: str, name: str, found: list[EntryPoint]) -> Any:
    """Import what has that name; PermanentError names the package that cannot be used."""
    packages = ' and '.join(sorted({package(offer) for offer in found}))
    if len(found) > 1:
        raise PermanentError(f"the packages {packages} both have a {kind} '{name}': "
                             'remove one of them')
    try:
        return found[0].load()
    except Exception as error:  # whatever a module of somebody else raises
        raise PermanentError(f"{kind} '{name}' of the package {packages} cannot be imported: "
                             f'{error!r}: fix or remove that package') from error


def package(offer: EntryPoint) -> str:
    return offer.dist.name if offer.dist is not None else offer.value.partition(':')[0]


def _first_of_each(found: Iterable[EntryPoint]) -> Iterable[EntryPoint]:
    """Leave out what the same package offers again, from another folder of the path."""
    return {(package(offer), offer.name): offer for offer in reversed([*found])}.values()
