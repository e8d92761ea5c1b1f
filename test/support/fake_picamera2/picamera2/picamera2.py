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

"""The camera."""

# The signatures are those of the real one.
# ruff: noqa: B006, B008

from collections import deque
import fcntl
import json
import logging
import os
import queue
import tempfile
import threading

import libcamera
from libcamera import controls as ids

from . import sensor
from .controls import Controls
from .platform import get_platform, Platform
from .request import CompletedRequest, Request

_log = logging.getLogger(__name__)
_FULL = libcamera.Rectangle(0, 0, 4608, 2592)
_INFO = [  # what libcamera tells: control, minimum, maximum, default
    (ids.ExposureTime, 1, 66666, 5000), (ids.AnalogueGain, 1.0, 16.0, 1.0),
    (ids.AeEnable, False, True, True), (ids.AwbEnable, False, True, None),
    (ids.AwbMode, 0, 7, 0), (ids.ColourGains, 0.0, 32.0, None),
    (ids.Brightness, -1.0, 1.0, 0.0), (ids.FrameDurationLimits, 8333, 120000, (33333, 33333)),
    (ids.ScalerCrop, (0, 0, 64, 64), _FULL.to_tuple(), _FULL.to_tuple()),
    (ids.draft.NoiseReductionMode, 0, 4, 0)]
_LENS_INFO = [  # of a camera that can focus
    (ids.AfMode, 0, 2, 0), (ids.LensPosition, 0.0, 32.0, 1.0),
    (ids.AfWindows, (0, 0, 0, 0), (65535, 65535, 65535, 65535), [(0, 0, 0, 0)])]
_PISP_INFO = [(ids.rpi.ScalerCrops, (0, 0, 0, 0), (65535, 65535, 65535, 65535), (0, 0, 0, 0))]


class Picamera2:
    platform = get_platform()

    @staticmethod
    def load_tuning_file(tuning_file, dir=None):  # noqa: A002
        path = os.path.join(dir or '/usr/share/libcamera/ipa/rpi/vc4', tuning_file)
        if not os.path.isfile(path):
            raise RuntimeError('Tuning file not found')
        with open(path) as file:
            return json.load(file)

    @staticmethod
    def global_camera_info():
        sensor.make_noise()
        return [{'Model': model, 'Location': 2, 'Rotation': 180, 'Num': number,
                 'Id': f'/base/soc/i2c0mux/i2c@{number}/{model}@1a'}
                for number, model in enumerate(sensor.option('CAMERAS', 'imx708').split())]

    def __init__(self, camera_num=0, verbose_console=None, tuning=None, allocator=None):
        self.tuning = tuning
        if tuning is not None:
            with tempfile.NamedTemporaryFile('w') as file:
                json.dump(tuning, file)
        if camera_num >= len(self.global_camera_info()):
            raise RuntimeError(f'No camera number {camera_num} found')
        self.request_lock = threading.Lock()
        self.lock = threading.Lock()
        self.camera_config = {}
        self._model = self.global_camera_info()[camera_num]['Model']
        self.camera_properties_ = {}
        self.camera_ctrl_info = {control.name: (control, limits)
                                 for control, *limits in self._info()}
        self.controls = Controls(self)
        self.post_callback = None
        self.started = False
        self.stop_count = 0
        self._event_loop_running = False
        self._encoders = set()
        self._events = queue.Queue()
        self._free = deque()
        try:
            self._acquire()
        except Exception as error:
            _log.error('Camera __init__ sequence did not complete.')
            raise RuntimeError('Camera __init__ sequence did not complete.') from error

    def _info(self):
        lens = _LENS_INFO if self._model == 'imx708' else []
        return _INFO + lens + (_PISP_INFO if get_platform() == Platform.PISP else [])

    def _acquire(self):
        if sensor.option('OPEN') == 'hangs':
            sensor.hang()
        if sensor.option('OPEN') == 'fails':
            sensor.complain()
            raise RuntimeError('Failed to acquire camera')
        if sensor.option('LOCK'):
            self._lock_file = open(sensor.option('LOCK'), 'w')  # noqa: SIM115
            try:
                fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RuntimeError('Failed to acquire camera: Device or resource busy') from None

    @property
    def camera_controls(self):
        return {name: tuple(limits) for name, (_, limits) in self.camera_ctrl_info.items()}

    @property
    def camera_properties(self):
        return self.camera_properties_

    @property
    def encoders(self):
        return self._encoders

    @encoders.setter
    def encoders(self, value):
        self._encoders.add(value)

    @property
    def sensor_modes(self):
        return sensor.MODES

    def create_video_configuration(
            self, main={}, lores=None, raw={}, transform=libcamera.Transform(), colour_space=None,
            buffer_count=6, controls={}, display='main', encode='main', queue=True, sensor={},
            use_case='video'):
        main = {'format': 'XBGR8888', 'size': (1280, 720), **main}
        main['size'] = tuple(length - length % 2 for length in main['size'])
        return {'main': main, 'lores': lores, 'raw': raw, 'transform': transform,
                'colour_space': colour_space or libcamera.ColorSpace.Rec709(),
                'buffer_count': buffer_count, 'queue': queue, 'sensor': sensor,
                'encode': encode, 'controls': {
                    'NoiseReductionMode': ids.draft.NoiseReductionModeEnum.Fast,
                    'FrameDurationLimits': (33333, 33333), **controls}}

    def configure(self, camera_config=None):
        if self.started:
            raise RuntimeError('Camera must be stopped before configuring')
        config = dict(camera_config)
        if sensor.option('FORMAT'):
            config['main']['format'] = sensor.option('FORMAT')
        width, height = config['main']['size']
        config['main']['size'] = (min(width, 4608), min(height, 2592))
        config['main']['stride'] = width
        wanted = (config['sensor'] or {}).get('output_size', config['main']['size'])
        mode = min(sensor.MODES, key=lambda mode: abs(mode['size'][0] - wanted[0]))
        config['sensor'] = {'output_size': mode['size'], 'bit_depth': mode['bit_depth']}
        if sensor.option('NO_FLIP'):
            config['transform'] = libcamera.Transform()
        self.camera_properties_ = {
            'Model': self._model, 'PixelArraySize': (4608, 2592),
            'PixelArrayActiveAreas': [(16, 24, 4608, 2592)], 'ScalerCropMaximum': mode['crop']}
        self.camera_config = config
        self.controls = Controls(self, controls=config['controls'])
        if 'ScalerCrops' in self.camera_controls:
            self.set_controls({'ScalerCrops': [self.camera_controls['ScalerCrops'][0]]})

    def camera_configuration(self):
        return self.camera_config

    def set_controls(self, controls):
        self.controls.set_controls(controls)

    def start_encoder(self, encoder=None, output=None, pts=None, quality=None, name=None):
        if not self.camera_config:
            raise RuntimeError('Camera has not been configured')
        if output is not None:
            encoder.output = output
        encoder.start(quality=quality)
        with self.lock:
            self._encoders.add(encoder)

    def stop_encoder(self, encoders=None):
        encoders.stop()
        with self.lock:
            self._encoders.remove(encoders)

    def start(self, config=None, show_preview=False):
        values = {control: control.convert(value)
                  for control, value in self.controls.get_libcamera_controls().items()}
        self.controls = Controls(self)
        self._free = deque(Request() for _ in range(self.camera_config['buffer_count']))
        self.started = True
        threading.Thread(target=self._run_sensor, args=(values, self._free, self.stop_count),
                         daemon=True).start()
        if not self._event_loop_running:
            self._event_loop_running = True
            threading.Thread(target=self._run_events, daemon=True).start()

    def stop(self):
        if sensor.option('STOP') == 'hangs':
            sensor.hang()
        if self.started:
            done = threading.Event()
            self._events.put(done)
            done.wait()  # for ever, if the event loop has died

    def _run_sensor(self, values, free, run):
        """Take frames, as libcamera does; what finds no free request is lost."""
        clock = sensor.Clock()
        while self.stop_count == run:
            duration_us = values[ids.FrameDurationLimits][0]
            if duration_us < 8333:
                duration_us = 8333
            taken_ns = clock.wait(duration_us)
            if taken_ns is None:
                return
            if not free or self.stop_count != run:
                continue
            request = free.popleft()
            values.update(request.values)
            request.values = {}
            exposure_us = min(values.get(ids.ExposureTime, 5000), duration_us)
            request.metadata = {
                **values, ids.SensorTimestamp: taken_ns, ids.FrameDuration: duration_us,
                ids.ExposureTime: exposure_us, ids.Lux: 400.0, ids.ColourTemperature: 4500,
                ids.SensorTemperature: 41.0}
            sensor.make_noise()
            self._events.put(request)

    def _run_events(self):
        """Hand frames to encoders; an exception is logged and ends the thread."""
        while True:
            event = self._events.get()
            if isinstance(event, threading.Event):
                self.stop_count += 1
                self.started = False
                event.set()
                continue
            try:
                if self.started:  # those that came before the stop are flushed by it
                    self._process(CompletedRequest(event, self))
            except Exception:
                _log.exception('Exception during process_requests()')
                raise

    def _process(self, request):
        if self.post_callback:
            self.post_callback(request)
        with self.lock:
            for encoder in self._encoders:
                encoder.encode('main', request)
        request.release()
