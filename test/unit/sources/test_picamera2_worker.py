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

"""The parts of the worker that the camera's own behaviour seldom shows."""

from importlib import import_module
from pathlib import Path
import sys
import threading

from pi_camera_stream.sources import workers
import pytest

MODULES = ('worker', 'picamera2_controls', 'picamera2_bitrate', 'picamera2_video', 'worker_pipe')


@pytest.fixture
def worker(monkeypatch):
    """Return the worker's module, found as its interpreter finds it."""
    folder = Path(workers.__file__).parent
    monkeypatch.syspath_prepend(str(folder / 'runtime'))
    monkeypatch.syspath_prepend(str(folder / 'picamera2'))
    yield import_module('worker')
    for name in MODULES:
        sys.modules.pop(name, None)


class Frame:
    def __init__(self, **data):
        self.data = data

    def get_metadata(self):
        return self.data


@pytest.mark.parametrize(('frames', 'numbers'), [
    ([(100, 33), (133, 33), (166, 33)], [1, 2, 3]),
    ([(100, 33), (200, 33), (266, 33)], [1, 4, 6]),  # the camera had no buffer for some
    ([(100, 33), (133, 66), (199, 66), (265, 33), (298, 33)], [1, 2, 3, 4, 5]),  # it grew dark
    ([(100, 0), (200, 0)], [1, 2]),  # a camera that does not tell how long its frames last
])
def test_frames_that_the_sensor_took_in_vain_are_counted(worker, frames, numbers):
    stamps, found = worker.Stamps(), []
    for sensor_ms, duration_ms in frames:
        stamps.note(Frame(SensorTimestamp=sensor_ms * 10**6, FrameDuration=duration_ms * 1000,
                          ExposureTime=5000))
        stamp_ns, number, exposure_us, _ = stamps.find(sensor_ms * 1000)
        assert (stamp_ns, exposure_us) == ((sensor_ms - 5) * 10**6, 5000)
        found.append(number)
    assert found == numbers


def test_frames_that_are_never_encoded_do_not_pile_up(worker):
    stamps = worker.Stamps()
    for number in range(1000):
        stamps.note(Frame(SensorTimestamp=number * 10**6))
    assert len(stamps._frames) <= 32
    assert stamps.find(999_000)[:2] == (999 * 10**6, 1000)
    assert stamps.find(1_000)[:3] == (10**6, 1000, 0)  # the encoder's stamp is all that is known


@pytest.mark.parametrize('data', [{}, {'SensorTimestamp': None}])
def test_odd_metadata_do_not_reach_the_event_loop(worker, data):
    worker.Stamps().note(Frame(**data))
    worker.Stamps().note(None)


def test_an_error_tells_its_causes(worker):
    try:
        try:
            raise OSError('no memory for buffers')
        except OSError as error:
            raise RuntimeError('Configuration failed') from error
    except RuntimeError as error:
        failure = worker.explain(error)
    assert 'could not be started (Configuration failed: no memory for buffers)' in str(failure)
    assert not failure.permanent


def test_controls_are_set_while_picamera2_does_not_take_them(worker):
    class Camera:
        camera_controls = {'Brightness': (-1.0, 1.0, 0.0)}  # noqa: RUF012
        request_lock = threading.Lock()
        found = ()

        def set_controls(self, controls):
            self.found = (controls, self.request_lock.locked())

    camera = Camera()
    assert worker.Controls(camera).set({'Brightness': 1}) == ''
    assert camera.found == ({'Brightness': 1.0}, True)
    assert not camera.request_lock.locked()


def test_behind_an_access_unit_that_was_left_out_one_key_frame_is_asked_for(worker):
    class Everything:
        """The encoder, and the pipe, which has no room."""

        asked, sent = 0, ()

        def force_key_frame(self):
            self.asked += 1

        def send_unit(self, data, stamp_ns, number, key):
            self.sent = (*self.sent, (data, stamp_ns, number, key))
            return key

    one = Everything()
    video = worker.Video(None, one, worker.Stamps())
    video._encoder = one
    asked = []
    for number, key in enumerate((True, False, False, False, True, False, False), 1):
        video._deliver(one, b'unit', number, key)
        asked.append(one.asked)
    assert asked == [0, 1, 1, 1, 1, 2, 2]
    assert one.sent[-1] == (b'unit', 7000, 7, False)
    video._deliver(Everything(), b'unit', 8, True)  # from an encoder that is being stopped
    assert len(one.sent) == 7


def test_of_the_metadata_numbers_are_told_as_json_has_them(worker):
    plain = sys.modules[worker.Stamps.__module__].plain
    assert plain({'Lux': 12.5, 'AeLocked': True, 'ScalerCrop': (1, 2, 3, 4),
                  'ScalerCrops': [(1, 2, 3, 4)], 'ColourGains': [1.0, 2.0],
                  'FocusFoM': float('nan'), 'Gain': float('inf'), 'Empty': [], 'Text': 'x',
                  'Statistics': b'x' * 1000, 'Histogram': [1] * 1000}) == {
        'Lux': 12.5, 'AeLocked': True, 'ScalerCrop': (1, 2, 3, 4), 'ScalerCrops': [(1, 2, 3, 4)],
        'ColourGains': [1.0, 2.0]}
