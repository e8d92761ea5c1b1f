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



from dataclasses import dataclass, field, fields
from types import SimpleNamespace

from pi_camera_stream.nodes.consumer.detection_messages import detection_array
from pi_camera_stream.vision.pipeline import Outcome
from pi_camera_stream.vision.processor import Detection, Findings, Pose
import pytest

# Stands in for vision_msgs (ROS 2 Humble and later), which has no wheels: the same fields, and
# like rosidl's classes it takes no others, and nothing of another type. Headers are any object.


def message(cls):
    def checked_setattr(self, name, value):
        wanted = {one.name: one.type for one in fields(self)}[name]
        assert wanted is object or isinstance(value, wanted), f'{name} is {value!r}'
        object.__setattr__(self, name, value)

    cls.__setattr__ = checked_setattr
    return dataclass(cls)


@message
class Point:
    x: float = 0.0
    y: float = 0.0
    z: float = 0.0


@message
class Quaternion:
    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    w: float = 1.0


@message
class GeometryPose:
    position: Point = field(default_factory=Point)
    orientation: Quaternion = field(default_factory=Quaternion)


@message
class PoseWithCovariance:
    pose: GeometryPose = field(default_factory=GeometryPose)
    covariance: list = field(default_factory=lambda: [0.0] * 36)


@message
class Point2D:
    x: float = 0.0
    y: float = 0.0


@message
class Pose2D:
    position: Point2D = field(default_factory=Point2D)
    theta: float = 0.0


@message
class BoundingBox2D:
    center: Pose2D = field(default_factory=Pose2D)
    size_x: float = 0.0
    size_y: float = 0.0


@message
class ObjectHypothesis:
    class_id: str = ''
    score: float = 0.0


@message
class ObjectHypothesisWithPose:
    hypothesis: ObjectHypothesis = field(default_factory=ObjectHypothesis)
    pose: PoseWithCovariance = field(default_factory=PoseWithCovariance)


@message
class Detection2D:
    header: object = None
    results: list = field(default_factory=list)
    bbox: BoundingBox2D = field(default_factory=BoundingBox2D)
    id: str = ''


@message
class Detection2DArray:
    header: object = None
    detections: list = field(default_factory=list)


MESSAGES = SimpleNamespace(
    Detection2DArray=Detection2DArray, Detection2D=Detection2D,
    ObjectHypothesisWithPose=ObjectHypothesisWithPose)


def outcome(*detections, name='mine'):
    return Outcome(name, Findings(detections), {})


def test_the_stand_in_is_as_strict_as_the_original():
    for name, value in (('size_x', 3), ('size_z', 3.0)):
        with pytest.raises((AssertionError, KeyError)):
            setattr(BoundingBox2D(), name, value)


def test_all_that_is_known_is_in_the_message():
    header = object()
    marker = Detection('marker', 10, 20, 30, 41, id='7', score=0.5, size_m=0.1,
                       pose=Pose((0.1, 0.2, 1), (1, 0, 0, 0)))
    array = detection_array(header, [outcome(), outcome(marker)], MESSAGES)
    detection, = array.detections
    assert array.header is detection.header is header
    assert detection.id == '7'
    assert detection.bbox == BoundingBox2D(Pose2D(Point2D(25.0, 40.5), 0.0), 30.0, 41.0)
    result, = detection.results
    assert result.hypothesis == ObjectHypothesis('marker', 0.5)
    assert result.pose.pose == GeometryPose(Point(0.1, 0.2, 1.0), Quaternion(1.0, 0.0, 0.0, 0.0))


def test_what_is_not_known_is_as_in_a_new_message():
    detection, = detection_array(None, [outcome(Detection('cat', 1, 2, 3, 4))],
                                 MESSAGES).detections
    assert detection.id == ''
    result, = detection.results
    assert result.hypothesis == ObjectHypothesis('cat', 1.0)
    assert result.pose == PoseWithCovariance()


def test_the_detections_of_all_processors_come_in_their_order():
    outcomes = [outcome(Detection('a', 1, 2, 3, 4), Detection('b', 1, 2, 3, 4)),
                outcome(name='none'), outcome(Detection('c', 1, 2, 3, 4))]
    array = detection_array(None, outcomes, MESSAGES)
    assert [d.results[0].hypothesis.class_id for d in array.detections] == ['a', 'b', 'c']


def test_no_text_in_front_of_the_camera_breaks_the_message():
    array = detection_array(None, [outcome(Detection('a\0b\udc80ü', 1, 2, 3, 4))], MESSAGES)
    assert array.detections[0].results[0].hypothesis.class_id == 'a b?ü'
