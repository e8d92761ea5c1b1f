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



"""What the processors found, in standard messages, as far as these are installed."""

from collections.abc import Iterable
from typing import Any

from ...vision.pipeline import Outcome
from ...vision.processor import Detection, Pose

try:
    from vision_msgs import msg as vision_msgs
except ImportError:
    vision_msgs = None
try:
    from visualization_msgs import msg as visualization_msgs
except ImportError:
    visualization_msgs = None

Detection2DArray = getattr(vision_msgs, 'Detection2DArray', None)
MarkerArray = getattr(visualization_msgs, 'MarkerArray', None)
_SURE = 1.0  # the score of what was found by a processor that does not say how sure it is
_LIFETIME_NS = 500_000_000  # of a marker in rviz2 after it was seen
_SMALL_M = 0.05  # the size at which something is shown whose size is not known
_THIN = 0.05  # how thick a marker is shown, as a part of its size
_SHADE = (1.0, 0.8, 0.0, 0.8)  # red, green, blue, opacity


def detection_array(header: Any, outcomes: Iterable[Outcome], messages: Any = vision_msgs) -> Any:
    """
    Return all detections as vision_msgs/Detection2DArray.

    Parameters
    ----------
    header
        That of the picture (std_msgs/Header).
    outcomes
        What was found.
    messages
        The module vision_msgs.msg.

    """
    array = messages.Detection2DArray()
    array.header = header
    array.detections = [_detection(header, detection, messages) for outcome in outcomes
                        for detection in outcome.findings.detections]
    return array


def _detection(header: Any, found: Detection, messages: Any) -> Any:
    hypothesis = messages.ObjectHypothesisWithPose()
    hypothesis.hypothesis.class_id = _text(found.label)
    hypothesis.hypothesis.score = float(_SURE if found.score is None else found.score)
    if found.pose is not None:
        _fill(hypothesis.pose.pose, found.pose)
    detection = messages.Detection2D()
    detection.header = header
    detection.id = _text(found.id)
    detection.results = [hypothesis]
    detection.bbox.center.position.x = found.x + found.width / 2
    detection.bbox.center.position.y = found.y + found.height / 2
    detection.bbox.size_x, detection.bbox.size_y = float(found.width), float(found.height)
    return detection


def marker_array(header: Any, outcomes: Iterable[Outcome]) -> Any:
    """Return what has a pose as visualization_msgs/MarkerArray, one plate each."""
    array = visualization_msgs.MarkerArray()
    for outcome in outcomes:
        for index, found in enumerate(outcome.findings.detections):
            if found.pose is not None:
                array.markers.append(_marker(header, outcome.processor, index, found, found.pose))
    return array


def _marker(header: Any, processor: str, index: int, found: Detection, pose: Pose) -> Any:
    marker = visualization_msgs.Marker()
    marker.header = header
    marker.ns = processor
    marker.id = int(found.id) if found.id.isdecimal() and len(found.id) < 10 else index
    marker.type, marker.action = marker.CUBE, marker.ADD
    _fill(marker.pose, pose)
    size_m = float(found.size_m or _SMALL_M)
    marker.scale.x, marker.scale.y, marker.scale.z = size_m, size_m, size_m * _THIN
    marker.color.r, marker.color.g, marker.color.b, marker.color.a = _SHADE
    marker.lifetime.nanosec = _LIFETIME_NS
    marker.text = _text(found.label)
    return marker


def _fill(message: Any, pose: Pose) -> None:
    """Write a pose into a geometry_msgs/Pose."""
    place, turn = message.position, message.orientation
    place.x, place.y, place.z = map(float, pose.position)
    turn.x, turn.y, turn.z, turn.w = map(float, pose.orientation)


def _text(text: str) -> str:
    """Return a text that DDS can carry, whatever a code in front of the camera says."""
    return str(text).replace('\0', ' ').encode('utf-8', 'replace').decode('utf-8')
