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

"""What is driven without ROS: a class of the user's, found by its name."""

from collections.abc import Callable
from importlib import import_module
import inspect
import os
import re
import sys
from typing import Any

from ..core.driving.guarded_actuator import Motors
from ..core.errors import PermanentError
from ..core.parameters import nearest
from ..core.plug_ins import load, offers

GROUP = 'pi_camera_stream.vehicles'  # of Python entry points: name = module:class
FORM = 'MODULE:CLASS'
_PLACE = re.compile(r'([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*)', re.ASCII)
_METHODS = {'drive': 'drive(linear, angular)', 'stop': 'stop()'}


def create_motors(text: str) -> Motors:
    """
    Make the vehicle that is named, as module:class or as an installed package calls it.

    Modules are looked for in the current directory, too. Raises PermanentError where there is no
    such vehicle, or it cannot be driven.
    """
    kind = _find(text)
    if not isinstance(kind, type):
        raise PermanentError(f"the vehicle '{text}' is not a class: it must be one with "
                             'drive(linear, angular) and stop()')
    for name, form in _METHODS.items():
        method = getattr(kind, name, None)
        if not callable(method):
            raise PermanentError(f"the vehicle '{text}' has no method {form}: add it to the class")
        if inspect.iscoroutinefunction(method):
            raise PermanentError(f"the {name}() of the vehicle '{text}' is async: write it as a "
                                 'plain method, which is called by a thread of its own')
    try:
        motors: Any = kind()
    except (Exception, SystemExit) as error:  # whatever somebody else's class raises
        raise PermanentError(f"the vehicle '{text}' cannot be created: {error!r}: fix its "
                             '__init__, which gets no arguments, or what it needs') from error
    _check_arguments(text, 'drive', motors.drive, 0.0, 0.0)
    _check_arguments(text, 'stop', motors.stop)
    made: Motors = motors
    return made


def _find(text: str) -> Any:
    place = _PLACE.fullmatch(text)
    if place is not None:
        return _import(text, *place.groups())
    found = offers(GROUP)
    if text in found:
        return load('vehicle', text, found[text])
    known = f"; those of installed packages are {', '.join(sorted(found))}" if found else ''
    raise PermanentError(f"there is no vehicle '{text}': name it as {FORM}, as in 'my_car:Car' "
                         f'for the class Car of my_car.py{known}')


def _import(text: str, module_name: str, class_name: str) -> Any:
    if not {'', os.getcwd()} & {*sys.path}:
        sys.path.append(os.getcwd())
    try:
        module = import_module(module_name)
    except (Exception, SystemExit) as error:  # whatever a module of somebody else raises
        if isinstance(error, ModuleNotFoundError) and error.name in _parents(module_name):
            raise PermanentError(
                f"there is no Python module '{error.name}' for the vehicle '{text}': start this "
                f'in the folder of {module_name.partition(".")[0]}.py, or install its package'
            ) from error
        raise PermanentError(f"the vehicle '{text}' cannot be imported: {error!r}: fix its "
                             'module, or install what it needs') from error
    if not hasattr(module, class_name):
        classes = [name for name, value in vars(module).items()
                   if isinstance(value, type) and value.__module__ == module.__name__]
        meant = nearest(class_name, classes)
        raise PermanentError(f"the module '{module_name}' has no class '{class_name}': " + (
            f"did you mean '{module_name}:{meant}'?" if meant else
            f'it has {", ".join(classes)}' if classes else 'it has none'))
    return getattr(module, class_name)


def _parents(module_name: str) -> set[str]:
    """Return `a.b.c`, `a.b` and `a`."""
    parts = module_name.split('.')
    return {'.'.join(parts[:length]) for length in range(1, len(parts) + 1)}


def _check_arguments(text: str, name: str, method: Callable[..., object], *values: float) -> None:
    try:
        inspect.signature(method).bind(*values)
    except ValueError:  # of what is not written in Python, nothing is known
        return
    except TypeError as error:
        raise PermanentError(f"the {name}() of the vehicle '{text}' takes other arguments: write "
                             f'it as {_METHODS[name]}') from error
