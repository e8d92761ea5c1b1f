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


"""Several processors in a row, none of which can stop the others."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
import time
from typing import Any

import numpy as np

from . import registry
from .processor import Findings, FrameInfo, Processor
from .results import outcome_document
from ..core.errors import PermanentError
from ..core.frame import Image
from ..core.parameters import Value

Values = Mapping[str, Value]
_REPORT_EVERY_S = 1.0


@dataclass(frozen=True)
class Outcome:
    processor: str
    findings: Findings
    document: Mapping[str, Any]  # the findings for JSON


class ValuesRefusedError(Exception):
    """A processor did not take new values of its parameters, and goes on with those before."""

    def __init__(self, refused: Values, present: Values, reason: Exception) -> None:
        super().__init__(str(reason) if isinstance(reason, PermanentError) else repr(reason))
        self.refused, self.present = refused, present


class Stage:
    """One processor of a pipeline; the working thread runs it, any thread may `reconfigure` it."""

    def __init__(self, name: str, processor: Processor, values: Values) -> None:
        self.name = name
        self.processor = processor
        self.failures = 0  # how often it raised
        # What it raised for the last picture; None when it worked.
        self.error: Exception | None = None
        self.reported_s = -_REPORT_EVERY_S
        self._values = values
        self._configured = False  # whether it has taken them
        self._changes: deque[Values] = deque()  # that it has not taken yet

    def reconfigure(self, values: Values) -> None:
        """Let it have these values, which may be some of all, from the next picture on."""
        self._changes.append(values)

    def take_values(self) -> list[ValuesRefusedError]:
        """Let the processor have what has changed; return what of it it refused."""
        changes = [self._changes.popleft() for _ in range(len(self._changes))]
        if not self._configured:
            changes = self._begin(changes)
        try:
            self._try(*changes)
            return []
        except Exception as error:  # whatever a class of somebody else raises
            return self._try_each(changes, error)

    def process(self, image: Image, info: FrameInfo) -> Outcome:
        if not self.processor.USES_CALIBRATION:
            info = replace(info, calibration=None)
        findings = self.processor.process(image, info)
        return Outcome(self.name, findings, outcome_document(self.name, findings))

    def _begin(self, changes: list[Values]) -> list[Values]:
        """Let it have its first values; return the changes that it does not have by that."""
        try:
            self.processor.configure(self._values)
        except Exception:  # which is to be seen, as there is nothing that works
            if not changes:
                raise
            for change in changes:
                self._values = {**self._values, **change}
            self.processor.configure(self._values)
            changes = []
        self._configured = True
        return changes

    def _try(self, *changes: Values) -> None:
        if changes:
            values = dict(self._values)
            for change in changes:
                values.update(change)
            self.processor.configure(values)
            self._values = values

    def _try_each(self, changes: Sequence[Values], error: Exception) -> list[ValuesRefusedError]:
        """Find out which of several changes it was, so that the others count."""
        refused = [(changes[0], error)] if len(changes) == 1 else []
        for change in changes if len(changes) > 1 else ():
            try:
                self._try(change)
            except Exception as reason:  # as above
                refused.append((change, reason))
        self._configured = False
        self.processor.configure(self._values)
        self._configured = True
        return [ValuesRefusedError(change, self._values, reason) for change, reason in refused]


class Pipeline:
    """
    Give each picture to all processors, and draw what they found, one on top of the other.

    A processor that raises has no outcome for that picture. It is reported at once, and then once
    a second at most. One thread calls `process` and `annotate`.
    """

    def __init__(self, values: Mapping[str, Values],
                 report: Callable[[str, Exception], None],
                 clock: Callable[[], float] = time.monotonic) -> None:
        """
        Make the processors in the order of `values`, which has their parameters by name.

        `report` is called by the working thread with the name of a processor and what it raised,
        or a ValuesRefusedError for each change of values that it did not take.
        Raises PermanentError when one of them cannot be made.
        """
        self._report = report
        self._clock = clock
        self.stages = [Stage(name, _create(name, own), own) for name, own in values.items()]

    @property
    def name(self) -> str:
        return ','.join(stage.name for stage in self.stages)

    @property
    def uses_calibration(self) -> bool:
        return any(stage.processor.USES_CALIBRATION for stage in self.stages)

    @property
    def needs_subscriber(self) -> bool:
        """Whether all of them may rest while nobody subscribes to their results."""
        return all(vars(type(stage.processor)).get('NEEDS_SUBSCRIBER', False)
                   for stage in self.stages)

    def configure(self) -> None:
        """
        Let the processors have their first values at once, before anything is processed.

        Raises PermanentError when one of them does not take them.
        """
        for stage in self.stages:
            try:
                stage.take_values()
            except PermanentError:
                raise
            except Exception as error:  # whatever a class of somebody else raises
                raise PermanentError(_unusable(stage.name, error)) from error

    def reconfigure(self, values: Mapping[str, Values]) -> None:
        """Let the processors of these names have these values; any thread may call it."""
        for stage in self.stages:
            if stage.name in values:
                stage.reconfigure(values[stage.name])

    def process(self, image: Image, info: FrameInfo) -> list[Outcome]:
        original = image.view()
        original.flags.writeable = False
        outcomes = []
        for stage in self.stages:
            try:
                for refused in stage.take_values():
                    self._report(stage.name, refused)
                outcomes.append(stage.process(original, info))
                stage.error = None
            except Exception as error:  # of one processor, which the others do not pay for
                self._fail(stage, error)
        return outcomes

    def annotate(self, image: Image, outcomes: Sequence[Outcome]) -> Image:
        """Return the picture with what was found drawn in; `image` may be changed."""
        found = {outcome.processor: outcome.findings for outcome in outcomes}
        for stage in self.stages:
            if stage.name in found:
                try:
                    image = _in_colour(stage.processor.annotate(image, found[stage.name]))
                except Exception as error:  # as above
                    self._fail(stage, error)
        return image

    def _fail(self, stage: Stage, error: Exception) -> None:
        stage.failures += 1
        stage.error = error
        now_s = self._clock()
        if now_s - stage.reported_s >= _REPORT_EVERY_S:
            stage.reported_s = now_s
            self._report(stage.name, error)


def check(name: str, values: Values) -> None:
    """Look at values that are to be used together; PermanentError when they cannot be."""
    processor = registry.find(name)
    try:
        processor.check(values)
    except PermanentError:
        raise
    except Exception as error:  # whatever a class of somebody else raises
        raise PermanentError(_unusable(name, error)) from error


def _create(name: str, values: Values) -> Processor:
    check(name, values)
    processor = registry.find(name)
    try:
        return processor()
    except PermanentError:
        raise
    except Exception as error:  # as above
        raise PermanentError(_unusable(name, error)) from error


def _unusable(name: str, error: Exception) -> str:
    return (f"processor '{name}' cannot be used: {error!r}: remove it from the parameter "
            "'processor', or fix it")


def _in_colour(image: Image) -> Image:
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 \
            or (image.ndim != 2 and image.shape[2:] != (3,)):
        raise TypeError('annotate must return a picture, H x W x 3 or H x W, uint8')
    return np.repeat(image[:, :, np.newaxis], 3, axis=2) if image.ndim == 2 else image
