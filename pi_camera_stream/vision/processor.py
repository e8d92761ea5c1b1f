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

"""The interface behind which every picture processor stands."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

from ..core.frame import Image


@dataclass(frozen=True)
class Detection:
    """Something found in a picture: its label and its box, in pixels, x to the right, y down."""

    label: str
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Findings:
    """
    What a processor found in one picture.

    Attributes
    ----------
    detections
        The things it found.
    values
        Numbers about the whole picture, by name.
    workings
        For the processor's own `annotate`; nobody else looks into it.

    """

    detections: list[Detection] = field(default_factory=list)
    values: dict[str, float] = field(default_factory=dict)
    workings: Any = None


class Processor(ABC):
    """
    Work on pictures, one after the other; may remember the earlier ones.

    One thread calls all methods.
    """

    @abstractmethod
    def process(self, image: Image) -> Findings:
        """Return what is in `image` (H x W x 3, BGR, uint8), without changing it."""

    @abstractmethod
    def annotate(self, image: Image, findings: Findings) -> Image:
        """
        Return a picture for people that shows the findings; may draw into `image`.

        Called only when somebody watches the result.
        """
