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



import json
from pathlib import Path

import fastjsonschema
import numpy as np
from pi_camera_stream.vision.processor import Detection, Findings, Pose
from pi_camera_stream.vision.results import outcome_document, results_text
import pytest
from support.vision import camera, facing, info, marker, photograph, pipeline, READS_CODES

SCHEMA = json.loads((Path(__file__).parents[3] / 'docs/results.schema.json').read_text())
validate = fastjsonschema.compile(SCHEMA)


def test_what_the_processors_find_is_as_the_schema_says():
    image = photograph(marker(3), 0.05, facing(0, 0, 0.3, 0.3), camera())
    about = info(image, camera())
    names = ['edges', 'motion', 'color', 'aruco', *(['qr'] if READS_CODES else [])]
    outcomes = pipeline(*names).process(image, about)
    message = json.loads(results_text(about, [outcome.document for outcome in outcomes], 12.3456,
                                      7))
    validate(message)
    assert message['stamp'] == {'sec': 1_700_000_000, 'nanosec': 123_456_789}
    assert (message['frame_id'], message['width'], message['height']) == ('lens', 640, 480)
    assert (message['age_ms'], message['processing_ms']) == (12.35, 7)
    found = {result['processor']: result for result in message['results']}
    assert list(found) == names
    found_marker, = found['aruco']['detections']
    assert set(found_marker) == {'label', 'x', 'y', 'width', 'height', 'id', 'corners', 'pose',
                                 'size_m'}
    assert found_marker['pose']['position']['z'] == pytest.approx(0.3, abs=0.01)


def test_everything_that_a_processor_may_say_is_as_the_schema_says():
    pose = Pose(tuple(np.float32([0, 1, 2])), tuple(np.float64([0, 0, 0, 1])))
    document = outcome_document('mine', Findings(
        [Detection('cat', np.int64(1), 2.0, np.int32(3), 4, id='7', score=np.float32(0.5),
                   corners=np.float32([[0, 1], [2, 3]]), pose=pose, size_m=np.float64(0.1))],
        {'steering': np.float32(-0.5), 'count': 3}))
    image = np.zeros((1, 1, 3), np.uint8)
    validate(json.loads(results_text(info(image), [document], -3.0, 0)))
    assert document['detections'][0]['corners'] == [[0, 1], [2, 3]]
    assert document['values'] == {'steering': -0.5, 'count': 3}


def test_what_is_not_known_is_left_out():
    document = outcome_document('mine', Findings([Detection('cat', 1, 2, 3, 4)]))
    assert document['detections'] == [{'label': 'cat', 'x': 1, 'y': 2, 'width': 3, 'height': 4}]


@pytest.mark.parametrize('findings', [
    None, {'detections': []}, Findings([Detection('x', 1, 2, 3, None)]),
    Findings(values={'steering': float('nan')}), Findings(values={'steering': 'left'}),
    Findings(['x']), Findings([Detection('x', 1, 2, 3, 4, corners=[1, 2])])])
def test_what_is_no_result_is_refused(findings):
    with pytest.raises((TypeError, ValueError, AttributeError)):
        outcome_document('mine', findings)


@pytest.mark.parametrize('change', [
    {'age_ms': '3'}, {'results': [{'processor': 'x', 'detections': []}]}, {'more': 1},
    {'results': [{'processor': 'x', 'values': {}, 'detections': [{'label': 'x'}]}]}])
def test_the_schema_refuses_what_it_does_not_describe(change):
    message = json.loads(results_text(info(np.zeros((1, 1, 3), np.uint8)), [], 1, 1))
    validate(message)
    with pytest.raises(fastjsonschema.JsonSchemaException):
        validate({**message, **change})
