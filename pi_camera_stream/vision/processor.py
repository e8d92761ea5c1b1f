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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ..core.calibration import Calibration
from ..core.frame import Image
from ..core.parameters import Parameter, Value


@dataclass(frozen=True)
class FrameInfo:
    """
    What is known about a picture.

    Attributes
    ----------
    stamp_ns
        Capture time in ns of ROS time.
    frame_id
        TF frame of the camera, an optical one (REP 103).
    sequence
        Counts the pictures that arrived, from 1; the gaps are those that were dropped.
    width, height
        Size in pixels.
    calibration
        The camera's, for pictures of this size; None while it has none, and for a processor that
        does not say `USES_CALIBRATION`.

    """

    stamp_ns: int
    frame_id: str
    sequence: int
    width: int
    height: int
    calibration: Calibration | None = None


@dataclass(frozen=True)
class Pose:
    """
    Where something is: metres and a quaternion (x, y, z, w), in the camera's optical frame.

    There x is to the right, y down and z away from the camera (REP 103).
    """

    position: tuple[float, float, float]
    orientation: tuple[float, float, float, float]


@dataclass(frozen=True)
class Detection:
    """
    Something found in a picture.

    Attributes
    ----------
    label
        What it is.
    x, y, width, height
        Its box in pixels: the upper left corner, x to the right, y down, and the size.
    id
        Which one it is; empty when it is not known.
    score
        How sure the processor is, 0 to 1; None when it does not say.
    corners
        Its outline in pixels, where there is more to tell than the box.
    pose
        Where it is, if that is known.
    size_m
        Length of its longest side in metres, if that is known.

    """

    label: str
    x: int
    y: int
    width: int
    height: int
    id: str = ''
    score: float | None = None
    corners: Sequence[tuple[float, float]] = ()
    pose: Pose | None = None
    size_m: float | None = None


@dataclass(frozen=True)
class Findings:
    """What a processor found in one picture."""

    detections: Sequence[Detection] = field(default_factory=list)
    # Numbers about the whole picture, by name.
    values: Mapping[str, float] = field(default_factory=dict)
    workings: Any = None  # for the processor's own `annotate`; nobody else looks into it


class Processor(ABC):
    """
    Work on pictures, one after the other; may remember the earlier ones.

    One thread calls all methods but the constructor, which has no arguments, `check`, and the
    first `configure`. What raises is reported, and costs the others nothing.
    """

    # Its parameters. The node has `threshold` of the processor `mine` as `mine.threshold`.
    PARAMETERS: ClassVar[tuple[Parameter, ...]] = ()
    # Whether it looks at `FrameInfo.calibration`.
    USES_CALIBRATION: ClassVar[bool] = False
    # Whether it may rest while nobody subscribes to the node's topics. A class says it for itself:
    # one derived from it may do more with a picture than to tell what it found.
    NEEDS_SUBSCRIBER: ClassVar[bool] = False

    @classmethod  # noqa: B027 - may be left out
    def check(cls, values: Mapping[str, Value]) -> None:
        """
        Look at values that are to be used together; each lies in its range. Any thread calls it.

        Raises PermanentError, one sentence with the remedy, when they cannot be used, or the
        processor cannot work here.
        """

    def configure(self, values: Mapping[str, Value]) -> None:  # noqa: B027 - may be left out
        """
        Use these values of all parameters, before the next (or first) picture.

        What it raises refuses them: those before are used again, and shown.
        """

    @abstractmethod
    def process(self, image: Image, info: FrameInfo) -> Findings:
        """Return what is in `image` (H x W x 3, BGR, uint8), which must not be changed."""

    @abstractmethod
    def annotate(self, image: Image, findings: Findings) -> Image:
        """
        Return a picture for people that shows the findings, called only when somebody watches.

        May draw into `image`, where other processors may have drawn already.
        """
