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


"""What the processors found, as JSON; docs/results.schema.json describes it."""

from collections.abc import Iterable, Mapping
import json
import math
from typing import Any

from .processor import Detection, Findings, FrameInfo, Pose


def results_text(info: FrameInfo, outcomes: Iterable[Mapping[str, Any]], age_ms: float,
                 processing_ms: float) -> str:
    """Return the JSON for one picture of this age, of what `outcome_document` returned."""
    return json.dumps({
        'stamp': {'sec': info.stamp_ns // 10**9, 'nanosec': info.stamp_ns % 10**9},
        'frame_id': info.frame_id,
        'width': info.width,
        'height': info.height,
        'age_ms': round(age_ms, 2),
        'processing_ms': round(processing_ms, 2),
        'results': list(outcomes),
    }, allow_nan=False)


def outcome_document(processor: str, findings: Findings) -> dict[str, Any]:
    """
    Return what a processor found, for JSON.

    Raises TypeError or ValueError when the findings are not what they should be.
    """
    if not isinstance(findings, Findings):
        raise TypeError(f'process must return Findings, not {findings!r}')
    return {'processor': processor,
            'detections': [_detection(detection) for detection in findings.detections],
            'values': {str(name): _number(value) for name, value in findings.values.items()}}


def _detection(detection: Detection) -> dict[str, Any]:
    """Return a detection; what is not known is left out."""
    document: dict[str, Any] = {
        'label': str(detection.label), 'x': int(detection.x), 'y': int(detection.y),
        'width': int(detection.width), 'height': int(detection.height)}
    if detection.id:
        document['id'] = str(detection.id)
    if detection.score is not None:
        document['score'] = _number(detection.score)
    if len(detection.corners):
        document['corners'] = [[round(_number(x), 2), round(_number(y), 2)]
                               for x, y in detection.corners]
    if detection.pose is not None:
        document['pose'] = _pose(detection.pose)
    if detection.size_m is not None:
        document['size_m'] = _number(detection.size_m)
    return document


def _pose(pose: Pose) -> dict[str, Any]:
    x, y, z = map(_number, pose.position)
    qx, qy, qz, qw = map(_number, pose.orientation)
    return {'position': {'x': x, 'y': y, 'z': z},
            'orientation': {'x': qx, 'y': qy, 'z': qz, 'w': qw}}


def _number(value: float) -> float:
    """Return a number of Python's; NumPy's may come."""
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f'{number} is not a number that JSON has: leave it out')
    return number
