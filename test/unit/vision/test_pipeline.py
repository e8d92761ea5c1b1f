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



import numpy as np
from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.core.parameters import Parameter
from pi_camera_stream.vision import pipeline as pipelines
from pi_camera_stream.vision import registry
from pi_camera_stream.vision.edges import EdgesProcessor
from pi_camera_stream.vision.processor import Detection, Findings, Processor
import pytest
from support.vision import camera, info, pipeline

IMAGE = np.full((48, 64, 3), 100, np.uint8)


class Mean(Processor):
    """Say how bright it is, and mark the upper left corner."""

    PARAMETERS = (Parameter('factor', 1.0, 'Factor'),)

    def configure(self, values):
        self.factor = values['factor']

    def process(self, image, info):
        return Findings(values={'mean': image.mean() * self.factor})

    def annotate(self, image, findings):
        image[0, 0] = 7
        return image


class Faulty(Mean):
    """Fail where it is told to."""

    where = ''
    made = 0

    def __init__(self):
        self.fail_in('make')
        Faulty.made += 1

    @classmethod
    def fail_in(cls, where):
        if cls.where == where:
            raise ZeroDivisionError(where)

    @classmethod
    def check(cls, values):
        cls.fail_in('check')

    def configure(self, values):
        self.fail_in('configure')

    def process(self, image, info):
        self.fail_in('process')
        if self.where == 'draw while it looks':
            image[:] = 0
        return {'nothing': 'None'}.get(self.where, Findings(
            [Detection('x', 1, 2, 3, float('nan') if self.where == 'no number' else 4)]))

    def annotate(self, image, findings):
        self.fail_in('annotate')
        return {'no picture': None, 'floats': image / 2, 'four channels': image[..., [0, 1, 2, 0]],
                'grey': image[..., 0]}.get(self.where, image)


@pytest.fixture
def processors(monkeypatch):
    """Offer some of our own."""
    classes = {'mean': Mean, 'faulty': Faulty, 'other': Mean}
    find = registry.find
    monkeypatch.setattr(registry, 'find', lambda name: classes.get(name) or find(name))
    monkeypatch.setattr(Faulty, 'where', '')
    return classes


def test_all_get_the_original_and_draw_on_the_same_picture(processors):
    row = pipeline('edges', 'mean')
    assert row.name == 'edges,mean'
    outcomes = row.process(IMAGE, info(IMAGE))
    assert [outcome.processor for outcome in outcomes] == ['edges', 'mean']
    assert outcomes[1].document == {'processor': 'mean', 'detections': [],
                                    'values': {'mean': 100.0}}
    shown = row.annotate(IMAGE.copy(), outcomes)
    assert tuple(shown[0, 0]) == (7, 7, 7)
    assert (shown[1:] == 50).all()  # `edges` darkens


@pytest.mark.parametrize('where', [
    'configure', 'process', 'nothing', 'no number', 'draw while it looks'])
def test_one_that_fails_costs_the_others_nothing(processors, monkeypatch, where):
    failures = []
    row = pipeline('mean', 'faulty', 'other', failures=failures)
    monkeypatch.setattr(Faulty, 'where', where)
    image = IMAGE.copy()
    outcomes = row.process(image, info(image))
    assert [outcome.processor for outcome in outcomes] == ['mean', 'other']
    assert (image == IMAGE).all()
    assert row.annotate(image, outcomes).shape == IMAGE.shape
    (name, _), = failures
    assert name == 'faulty'
    assert [stage.failures for stage in row.stages] == [0, 1, 0]
    assert row.stages[1].error is failures[0][1]
    monkeypatch.setattr(Faulty, 'where', '')
    assert len(row.process(image, info(image))) == 3  # it may recover
    assert row.stages[1].error is None


@pytest.mark.parametrize('where', ['annotate', 'no picture', 'floats', 'four channels'])
def test_one_that_fails_to_draw_leaves_the_picture_to_the_others(processors, monkeypatch, where):
    failures = []
    row = pipeline('faulty', 'mean', failures=failures)
    outcomes = row.process(IMAGE, info(IMAGE))
    monkeypatch.setattr(Faulty, 'where', where)
    shown = row.annotate(IMAGE.copy(), outcomes)
    assert tuple(shown[0, 0]) == (7, 7, 7)
    assert shown.shape == IMAGE.shape
    assert [name for name, _ in failures] == ['faulty']


def test_a_grey_picture_is_as_good(processors, monkeypatch):
    monkeypatch.setattr(Faulty, 'where', 'grey')
    row = pipeline('faulty', 'mean')
    assert row.annotate(IMAGE.copy(), row.process(IMAGE, info(IMAGE))).shape == IMAGE.shape


def test_failures_are_reported_at_once_and_then_once_a_second(processors, monkeypatch):
    failures, now_s = [], 0.0
    row = pipeline('faulty', failures=failures, clock=lambda: now_s)
    monkeypatch.setattr(Faulty, 'where', 'process')
    for step in range(31):
        now_s = 5 + step / 10
        row.process(IMAGE, info(IMAGE))
    assert len(failures) == 4  # after 0, 1, 2 and 3 s
    assert row.stages[0].failures == 31


@pytest.mark.parametrize('where', ['check', 'make'])
def test_one_that_cannot_be_made_is_refused(processors, monkeypatch, where):
    monkeypatch.setattr(Faulty, 'where', where)
    with pytest.raises(PermanentError, match=f"'faulty' cannot be used: .*{where}.*'processor'"):
        pipeline('faulty')


def test_new_values_come_before_the_next_picture(processors):
    row = pipeline('mean')
    pipelines.check('mean', {'factor': 2.0})
    row.reconfigure({'mean': {'factor': 2.0}, 'unknown': {}})
    assert row.process(IMAGE, info(IMAGE))[0].findings.values == {'mean': 200}


class Picky(Mean):
    """Take no factor above 3, and no 13 as the offset."""

    PARAMETERS = (Parameter('factor', 1.0, 'Factor'), Parameter('offset', 0, 'Offset'))

    def configure(self, values):
        super().configure(values)
        if values['factor'] > 3:
            raise PermanentError('too large')
        if values['offset'] == 13:
            raise KeyError('unlucky')


def test_values_that_are_refused_do_not_take_others_down_with_them(processors):
    processors['mean'] = Picky
    said = []
    row = pipeline('mean', failures=said)
    for values in ({'factor': 2.0}, {'factor': 5.0}, {'offset': 4}, {'offset': 13}):
        row.reconfigure({'mean': values})
    outcome, = row.process(IMAGE, info(IMAGE))
    assert outcome.findings.values == {'mean': 200}
    assert [name for name, _ in said] == ['mean', 'mean']
    assert [(error.refused, str(error)) for _, error in said] == [
        ({'factor': 5.0}, 'too large'), ({'offset': 13}, "KeyError('unlucky')")]
    assert [error.present for _, error in said] == [{'factor': 2.0, 'offset': 4}] * 2
    assert (row.stages[0].failures, row.stages[0].error) == (0, None)


def test_first_values_can_be_tried_at_once(processors, monkeypatch):
    row = pipeline('mean', 'faulty')
    monkeypatch.setattr(Faulty, 'where', 'configure')
    with pytest.raises(PermanentError, match=r"'faulty' cannot be used: .*configure"):
        row.configure()
    monkeypatch.setattr(Faulty, 'where', '')
    row.configure()
    assert len(row.process(IMAGE, info(IMAGE))) == 2


def test_only_who_wants_it_gets_the_calibration(processors, monkeypatch):
    seen = []
    monkeypatch.setattr(Mean, 'process',
                        lambda self, image, info: seen.append(info.calibration) or Findings())
    row = pipeline('mean')
    assert not row.uses_calibration
    row.process(IMAGE, info(IMAGE, camera()))
    monkeypatch.setattr(Mean, 'USES_CALIBRATION', True)
    assert row.uses_calibration
    row.process(IMAGE, info(IMAGE, camera()))
    assert seen == [None, camera()]


def test_it_rests_when_each_class_says_so_itself(processors):
    class Resting(Mean):
        NEEDS_SUBSCRIBER = True

    class Steering(EdgesProcessor):
        """It may do more with a picture than what it is derived from."""

    processors.update(resting=Resting, steering=Steering)
    assert pipeline('edges', 'motion', 'color', 'aruco', 'resting').needs_subscriber
    assert not pipeline('edges', 'mean').needs_subscriber
    assert not pipeline('steering').needs_subscriber
