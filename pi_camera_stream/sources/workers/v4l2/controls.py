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

"""The controls of a V4L2 camera, by the names that v4l2-ctl gives them."""

from collections.abc import Iterator, Mapping
import ctypes
import errno
import re
from typing import Any

from . import api

_PREFIX = 'v4l2.'
_MOST, _MOST_ENTRIES = 500, 256  # a broken driver never ends
_KINDS = {api.INTEGER: 'int', api.BOOLEAN: 'bool', api.MENU: 'menu', api.BUTTON: 'bool',
          api.INTEGER64: 'int', api.BITMASK: 'int', api.INTEGER_MENU: 'menu'}
# What has to be switched, by its names in newer and older kernels, and how, before a control is in
# use: no driver tells it.
_SWITCHES = {
    'exposure_time_absolute': (('auto_exposure', 'exposure_auto'), 'Manual Mode'),
    'exposure_absolute': (('auto_exposure', 'exposure_auto'), 'Manual Mode'),
    'white_balance_temperature': (
        ('white_balance_automatic', 'white_balance_temperature_auto'), 'false'),
    'red_balance': (('white_balance_automatic',), 'false'),
    'blue_balance': (('white_balance_automatic',), 'false'),
    'focus_absolute': (('focus_automatic_continuous', 'focus_auto'), 'false'),
    'gain': (('gain_automatic', 'autogain'), 'false'),
    'hue': (('hue_automatic', 'hue_auto'), 'false'),
}


def parameter_name(name: str) -> str:
    """
    Return what a control is called among the parameters; nothing for one without a name.

    The rule is v4l2-ctl's: letters, all small, and digits of ASCII; one underscore for whatever
    stands between them.
    """
    words = re.findall('[A-Za-z0-9]+', name)
    return _PREFIX + '_'.join(words).lower() if words else ''


class V4l2Controls:
    """
    Read and set the controls of an open device.

    Lists of numbers, texts and other structures are left out: USB cameras have none.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._queries: dict[str, api.ControlQuery] = {}
        self._menus: dict[str, dict[str, str]] = {}
        # For each name what `sources.records` says of a hello's controls.
        self.described: dict[str, dict[str, Any]] = {}
        self.read()

    def read(self) -> None:
        """Look at them all again: one that is set may switch others off, or change them."""
        self._queries = {name: query for query in self._query_all()
                         if (name := parameter_name(_text(query.name)))}
        self.described = {name: self._describe(name, query)
                          for name, query in self._queries.items()}

    def set(self, values: Mapping[str, Any]) -> str:
        """Set all that can be; return why the others cannot, or nothing."""
        # Switches first: what they switch can be set then.
        names = sorted(values, key=lambda name: self._kind(name) not in ('bool', 'menu'))
        refused = {name: sentence for name in names
                   if (sentence := self._set(name, values[name]))}
        self.read()
        for name, value in values.items():
            if name not in refused and self._differs(name, value):
                refused[name] = (f'is {_yaml(self.described[name]["value"])}, though {value} was '
                                 f'asked for; it can be {_range(self.described[name])}')
        return '; '.join(f'{name} {sentence}' for name, sentence in refused.items())

    def _kind(self, name: str) -> str:
        return str(self.described.get(name, {}).get('kind', ''))

    def _differs(self, name: str, value: Any) -> bool:
        control = self.described.get(name, {})
        present = control.get('value')
        return (self._queries[name].type != api.BUTTON and not control.get('inactive')
                and present is not None and present != value)

    def _set(self, name: str, value: Any) -> str:
        """Set a control; return why it cannot be, or nothing."""
        query = self._queries.get(name)
        if query is None:
            return 'is not a control of this camera'
        control = self.described[name]
        if query.type == api.BUTTON and not value:
            return ''  # only pressing it does something
        if control.get('read_only'):
            return 'can only be read'
        number = value
        if control['kind'] == 'int' and value != control['value'] and not (
                control['minimum'] <= value <= control['maximum']):
            return f'can be {_range(control)}, not {value}'
        if control['kind'] == 'menu':
            numbers = {entry: number for number, entry in control['choices'].items()}
            if value not in numbers:
                return f'can be {_range(control)}, not {value!r}'
            number = int(numbers[value])
        try:
            self._call(api.S_EXT_CTRLS, query, int(number))
        except OSError as error:
            return '' if value == control['value'] else self._explain(name, value, error)
        return ''

    def _explain(self, name: str, value: Any, error: OSError) -> str:
        self.read()
        control = self.described.get(name, {})
        switches, position = _SWITCHES.get(name.removeprefix(_PREFIX), ((), ''))
        for switch in (_PREFIX + switch for switch in switches):
            present = _yaml(self.described.get(switch, {}).get('value'))
            if error.errno in (errno.EACCES, errno.EIO) and present not in ('None', position):
                return (f'is not in use while {switch} is {present}: set that to {position} '
                        'first')
        if control.get('inactive'):
            return 'is not in use at present: switch off first what sets it automatically'
        if error.errno == errno.EBUSY:
            return 'cannot be changed while the camera delivers'
        return (f'cannot be {value} ({error.strerror}), and stays {control.get("value")}; it can '
                f'be {_range(control)}')

    def _describe(self, name: str, query: api.ControlQuery) -> dict[str, Any]:
        kind = _KINDS[query.type]
        described: dict[str, Any] = {
            'kind': kind, 'minimum': query.minimum, 'maximum': query.maximum, 'value': None}
        if kind == 'bool':
            described.update(minimum=False, maximum=True)
        elif kind == 'menu':
            described['choices'] = self._menu(name, query)
        elif query.type == api.BITMASK:
            described.update(minimum=0, maximum=query.maximum & 0xffffffff)
        elif query.step > 1:
            described['step'] = query.step
        if query.flags & api.READ_ONLY:
            described['read_only'] = True
        if query.flags & api.INACTIVE:
            described['inactive'] = True
        described['value'] = self._value(query, described)
        return described

    def _menu(self, name: str, query: api.ControlQuery) -> dict[str, str]:
        if name not in self._menus:
            entries: dict[str, str] = {}
            last = min(query.maximum, query.minimum + _MOST_ENTRIES)
            for index in range(max(0, query.minimum), last + 1):
                entry = api.MenuQuery(id=query.id, index=index)
                try:
                    api.call(self._fd, api.QUERYMENU, entry)
                except OSError:  # there are gaps
                    continue
                text = (str(entry.entry.value) if query.type == api.INTEGER_MENU
                        else _text(entry.entry.name))
                # One of two entries with the same name would not be found.
                entries[str(index)] = f'{text} {index}' if text in entries.values() else text
            self._menus[name] = entries
        return self._menus[name]

    def _value(self, query: api.ControlQuery, described: Mapping[str, Any]) -> Any:
        if query.type == api.BUTTON:
            return False
        if query.flags & api.WRITE_ONLY:
            return None
        try:
            number = self._call(api.G_EXT_CTRLS, query, 0)
        except OSError:  # some answer only in certain states
            return None
        if described['kind'] == 'menu':
            return described['choices'].get(str(number))
        return bool(number) if described['kind'] == 'bool' else number

    def _call(self, request: int, query: api.ControlQuery, number: int) -> int:
        control = api.Control(id=query.id)
        wide = query.type == api.INTEGER64
        if wide:
            control.u.value64 = number
        else:
            control.u.value = number  # of a bitmask, too, which has 32 bits
        api.call(self._fd, request, api.ControlList(count=1, controls=ctypes.pointer(control)))
        if wide:
            return int(control.u.value64)
        value = int(control.u.value)
        return value & 0xffffffff if query.type == api.BITMASK else value

    def _query_all(self) -> Iterator[api.ControlQuery]:
        last = 0
        for _ in range(_MOST):
            query = api.ControlQuery(id=last | api.NEXT_CTRL)
            try:
                api.call(self._fd, api.QUERY_EXT_CTRL, query)
            except OSError as error:
                if error.errno == errno.ENODEV:
                    raise
                return  # no more, or none at all; one that is broken hides the others
            if query.id <= last:
                return
            last = query.id
            if query.type in _KINDS and not query.flags & api.DISABLED and not query.nr_of_dims:
                yield query


def _text(name: bytes) -> str:
    return name.decode(errors='replace').strip()


def _yaml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _range(control: Mapping[str, Any]) -> str:
    if control.get('kind') == 'bool':
        return 'true or false'
    if control.get('kind') == 'menu':
        return ', '.join(control['choices'].values())
    steps = f' in steps of {control["step"]}' if 'step' in control else ''
    return f'{control.get("minimum")} to {control.get("maximum")}{steps}'
