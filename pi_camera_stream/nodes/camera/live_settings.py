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

"""The values that the source has, or is to have, while some of them may turn out not to work."""

from collections.abc import Mapping

from ...core.parameters import Value

Values = Mapping[str, Value]


class LiveSettings:
    """
    Tell values that work from those that are on trial, and find out which of several does not.

    Those that are set together are accepted together or refused together. When a source refuses
    several that were set one after the other, they are tried one after the other, so that a bad
    one does not take good ones down with it. All methods belong to the executor's thread.
    """

    def __init__(self, values: Values) -> None:
        self._working = dict(values)
        self._on_trial: list[Values] = []  # what the present source was started for
        self._waiting: list[Values] = []  # for their turn, one at a time

    @property
    def trying(self) -> dict[str, Value]:
        """Return what the source is to have now."""
        return _merged(self._working, *self._on_trial)

    @property
    def wanted(self) -> dict[str, Value]:
        """Return what the source is to have once everything has been tried."""
        return _merged(self._working, *self._on_trial, *self._waiting)

    def use(self, values: Values) -> None:
        """Take in values that need no trial: they are in use already."""
        self._working.update(values)
        for queue in (self._on_trial, self._waiting):
            queue[:] = [{name: value for name, value in changed.items() if name not in values}
                        for changed in queue]

    def add(self, values: Values) -> bool:
        """Take in values for which the source starts; True when it is to do so now."""
        for queue in (self._on_trial, self._waiting):  # what is set again need not be tried
            queue[:] = [changed for changed in queue if not changed.keys() <= values.keys()]
        if self._waiting:
            self._waiting.append(values)
            return False
        self._on_trial.append(values)
        return True

    def accept(self) -> bool:
        """Note that the source works; True when it is to start for what waits."""
        self._working, self._on_trial = self.trying, []
        return self._next()

    def refuse(self) -> tuple[dict[str, Value], bool]:
        """
        Note that the source does not work.

        Return the values that parameters are to have again, and whether the source is to start
        for something else; else it is the one before.
        """
        if len(self._on_trial) > 1:
            self._waiting[:0] = self._on_trial
            self._on_trial = []
            return {}, self._next()
        refused = self._on_trial.pop() if self._on_trial else {}
        later = _merged(*self._waiting)
        back = {name: self._working[name] for name in refused if name not in later}
        return back, self._next()

    def _next(self) -> bool:
        if self._waiting:
            self._on_trial.append(self._waiting.pop(0))
            return True
        return False


def _merged(*values: Values) -> dict[str, Value]:
    merged: dict[str, Value] = {}
    for some in values:
        merged.update(some)
    return merged
