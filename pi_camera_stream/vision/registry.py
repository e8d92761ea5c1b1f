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


"""The processors by name, ours and those of other packages, each imported when it is wanted."""

from dataclasses import replace
from importlib import import_module
from importlib.metadata import EntryPoint

from .processor import Processor
from ..core.errors import PermanentError
from ..core.parameters import Parameter
from ..core.plug_ins import load, offers, package

GROUP = 'pi_camera_stream.processors'  # of Python entry points: name = module:class

# name -> module of this package and class
BUILT_IN = {
    'edges': ('edges', 'EdgesProcessor'),
    'motion': ('motion', 'MotionProcessor'),
    'color': ('color', 'ColorProcessor'),
    'aruco': ('aruco', 'ArucoProcessor'),
    'face': ('face', 'FaceProcessor'),
    'qr': ('qr', 'QrProcessor'),
}
NAMES = tuple(BUILT_IN)


def parse_names(text: str) -> tuple[str, ...]:
    """
    Return the names in a text such as `motion, aruco`.

    Raises PermanentError when it names none, or one twice, or one that there is not.
    """
    names = tuple(name.strip() for name in text.split(',') if name.strip())
    if not names:
        raise PermanentError(f"parameter 'processor' names no processor: {_choose()}")
    for name in names:
        if name not in BUILT_IN and name not in _plug_ins():
            raise PermanentError(f"there is no processor '{name}': {_choose()}")
        if names.count(name) > 1:
            raise PermanentError(f"parameter 'processor' names '{name}' twice: once is enough")
    return names


def all_names() -> tuple[str, ...]:
    """Return the names of all processors, ours first, without importing them."""
    return (*NAMES, *sorted(_plug_ins()))


def find(name: str) -> type[Processor]:
    """Return a processor's class; PermanentError names the package that cannot be used."""
    if name in BUILT_IN:
        module, class_name = BUILT_IN[name]
        found: type[Processor] = getattr(import_module(f'.{module}', __package__), class_name)
        return found
    found_in = _plug_ins()[name]
    loaded = load('processor', name, found_in)
    if not isinstance(loaded, type) or not issubclass(loaded, Processor):
        raise PermanentError(
            f"processor '{name}' of the package {package(found_in[0])} is not a processor: its "
            f'entry point {found_in[0].value} must be a class derived from '
            f'{Processor.__module__}.Processor')
    return loaded


def parameters(name: str) -> tuple[Parameter, ...]:
    """
    Return the parameters of a processor as the node has them, `color.hue_min`.

    May raise as `find`.
    """
    return tuple(replace(parameter, name=f'{name}.{parameter.name}')
                 for parameter in find(name).PARAMETERS)


def built_in_parameters() -> tuple[Parameter, ...]:
    return tuple(parameter for name in NAMES for parameter in parameters(name))


def _plug_ins() -> dict[str, list[EntryPoint]]:
    """Return what other packages offer, by name; one of our names stands for ours."""
    return {name: found for name, found in offers(GROUP).items() if name not in BUILT_IN}


def _choose() -> str:
    return (f"choose one or more of {', '.join(all_names())}, "
            'separated by commas')
