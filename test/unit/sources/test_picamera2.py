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

from dataclasses import replace
import fcntl
import os
from pathlib import Path
import signal
import subprocess
import sys

from pi_camera_stream.codecs.jpeg import read_header
from pi_camera_stream.core.errors import PermanentError, TemporaryError
from pi_camera_stream.sources import advice, picamera2, worker_source
from pi_camera_stream.sources.base import SourceSettings
from pi_camera_stream.sources.picamera2 import environment_for, Picamera2Source
import pytest
from support.fake_camera import FAKE, read, told
from support.processes import alive, wait_until

WORKER = Path(picamera2.__file__).with_name('workers') / 'picamera2' / 'worker.py'


@pytest.fixture(autouse=True)
def fake(monkeypatch):
    """Let every Python find the fake."""
    monkeypatch.setenv('PYTHONPATH', str(FAKE))


@pytest.fixture
def start(monkeypatch):
    """Return a function that starts the source with settings, and the fake with options."""
    sources = []

    def run(options=None, **settings):
        for name, value in (options or {}).items():
            monkeypatch.setenv(f'FAKE_{name}', str(value))
        sources.append(Picamera2Source(SourceSettings(
            source='picamera2', **{'fps': 100.0, 'width': 640, 'height': 480, **settings})))
        sources[-1].start()
        return sources[-1]

    yield run
    for source in sources:
        source.stop()


@pytest.mark.parametrize('options', [{}, {'HARDWARE': 1}, {'PLATFORM': 'pisp'}])
def test_a_stamp_is_when_the_exposure_of_the_picture_began(start, options):
    captures = read(start(options), 20)
    for capture in captures:
        tells = told(capture)
        assert capture.monotonic_ns == tells['SensorTimestamp'] - 5_000_000
        assert tells['ExposureTime'] == 5000
    stamps = [capture.monotonic_ns for capture in captures]
    assert stamps == sorted(set(stamps))


def test_the_hello_says_what_the_camera_is_and_delivers(start):
    source = start(width=641, height=481, fps=1000.0)
    assert source.title == 'Raspberry Pi camera'
    read(source)
    hello = dict(source.hello)
    assert source.title == 'Raspberry Pi camera imx708 640x480'
    assert hello.pop('controls') == source.controls()
    assert hello == {'camera': 'imx708', 'width': 640, 'height': 480, 'fps': 120.0,
                     'detail': 'JPEG quality 80, encoded by the CPU', 'adapts': True, 'number': 0,
                     'sensor': {'mode': '1536x864:10', 'area': [4608, 2592],
                                'crop': [768, 432, 3072, 1728]}}
    assert source.nominal_fps == 120.0


def test_of_half_a_size_the_other_follows(start):
    source = start(width=0, height=360)
    read(source)
    assert (source.hello['width'], source.hello['height']) == (640, 360)


@pytest.mark.parametrize(('settings', 'sentence'), [
    ({'rotation': 90}, "set the parameter 'rotation' to 0 or 180"),
    ({'crop': (1, 2, 3)}, "set the parameter 'crop' to x, y, width"),
    ({'sensor_mode': '1080p'}, "set the parameter 'sensor_mode' to WIDTHx"),
])
def test_what_no_camera_can_is_known_without_one(settings, sentence):
    with pytest.raises(PermanentError, match=sentence):
        Picamera2Source(SourceSettings('picamera2', **settings)).check()


def test_controls_are_described_by_kind_range_and_choices(start):
    source = start()
    read(source)
    controls = source.controls()
    assert controls['AeEnable'] == {
        'kind': 'bool', 'minimum': False, 'maximum': True, 'value': True}
    assert controls['ExposureTime'] == {
        'kind': 'int', 'minimum': 1, 'maximum': 66666, 'value': 5000}
    assert controls['Brightness'] == {
        'kind': 'float', 'minimum': -1.0, 'maximum': 1.0, 'value': 0.0}
    assert controls['ColourGains'] == {
        'kind': 'float[]', 'minimum': 0.0, 'maximum': 32.0, 'value': None, 'length': 2}
    assert controls['FrameDurationLimits']['value'] == [33333, 33333]
    assert controls['ScalerCrop']['kind'] == 'int[]'
    assert controls['AwbMode']['choices']['4'] == 'Indoor'
    assert controls['NoiseReductionMode']['choices']['2'] == 'HighQuality'


def test_what_is_asked_for_reaches_the_camera(start):
    tells = told(read(start(
        quality=71, hflip=True, rotation=180, crop=(10, 20, 640, 480),
        noise_reduction='high_quality'))[0])
    assert (tells['q'], tells['flips'], tells['ScalerCrop'], tells['NoiseReductionMode']) == (
        71, [False, True], [10, 20, 640, 480], 2)
    assert (tells['format'], tells['FrameDurationLimits']) == ('YUV420', [10000, 10000])


def test_on_a_pi_5_each_stream_has_its_crop(start):
    tells = told(read(start({'PLATFORM': 'pisp'}, crop=(10, 20, 640, 480)))[0])
    assert tells['ScalerCrops'] == [[10, 20, 640, 480]]


@pytest.mark.parametrize('camera', ['1', 'imx219', '/base/soc/i2c0mux/i2c@1/imx219@1a'])
def test_a_camera_is_chosen_by_number_model_or_id(start, camera):
    source = start({'CAMERAS': 'imx708 imx219'}, camera=camera)
    read(source)
    assert source.hello['camera'] == 'imx219'


def test_the_hardware_encodes_where_there_is_some(start):
    source = start({'HARDWARE': 1}, quality=50)
    assert told(read(source)[0])['bitrate'] == 4_600_000  # 640 * 480 * 15, rounded by the driver
    assert source.hello['detail'] == 'JPEG hardware, 4.6 Mbit/s at 30 frames/s'


def test_the_hardware_is_not_given_what_it_cannot_take(start):
    source = start({'HARDWARE': 1}, width=2304, height=1296)
    assert 'bitrate' not in told(read(source)[0])


def test_an_old_picamera2_gets_the_format_it_can_encode(start, tmp_path, monkeypatch):
    (tmp_path / 'picamera2-0.3.26.dist-info').mkdir()
    (tmp_path / 'picamera2-0.3.26.dist-info' / 'METADATA').write_text(
        'Metadata-Version: 2.1\nName: picamera2\nVersion: 0.3.26\n')
    monkeypatch.setenv('PYTHONPATH', f'{tmp_path}:{FAKE}')
    assert told(read(start())[0])['format'] == 'RGB888'


def test_a_sensor_mode_can_be_asked_for(start):
    read(start(sensor_mode='2304x1296:10'))


@pytest.mark.parametrize(('error', 'options', 'settings', 'sentence'), [
    (TemporaryError, {'CAMERAS': ''}, {}, 'no camera found: .* push its ribbon cable in'),
    (TemporaryError, {'CAMERAS': ''}, {'camera': '0'}, 'no camera found'),
    (PermanentError, {'CAMERAS': 'imx708 imx219'}, {'camera': '2'},
     r"no camera '2': set the parameter 'camera' .*: 0 \(imx708, .*\), 1 \(imx219, .*\)"),
    (PermanentError, {'CAMERAS': 'imx708 imx708'}, {'camera': 'imx708'}, '2 cameras .*: 0 .*, 1'),
    (PermanentError, {}, {'rotation': 90}, "set the parameter 'rotation' to 0 or 180"),
    (PermanentError, {}, {'crop': (1, 2, 3)}, "set the parameter 'crop' to x, y, width"),
    (PermanentError, {}, {'sensor_mode': '1080p'}, "set the parameter 'sensor_mode' to WIDTHx"),
    (PermanentError, {}, {'sensor_mode': '2304x1296:12'},
     "set the parameter 'sensor_mode' to '' or to one of 1536x864:10, 2304x1296:10, 4608x2592:10"),
    (PermanentError, {}, {'tuning_file': 'mine.json'}, "tuning file 'mine.json' .*not found"),
    (PermanentError, {}, {'noise_reduction': 'much'}, "'noise_reduction' to auto"),
    (PermanentError, {'FORMAT': 'NV12'}, {}, "delivers only NV12: set the parameter 'source' to"),
    (PermanentError, {'NO_FLIP': 1}, {'vflip': True}, "set the parameters 'hflip' and 'vflip' to"),
])
def test_what_cannot_be_had_is_said_with_the_remedy(
        start, error, options, settings, sentence, monkeypatch, tmp_path):
    (tmp_path / 'dev').mkdir()
    (tmp_path / 'dev' / 'media0').touch()
    monkeypatch.setattr(advice, 'ROOT', tmp_path)
    source = start(options, **settings)
    with pytest.raises(error, match=sentence):
        read(source)


def test_a_camera_that_another_program_uses_may_become_free(start, tmp_path):
    lock = tmp_path / 'camera'
    with lock.open('w') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        source = start({'LOCK': lock})
        with pytest.raises(TemporaryError, match=r'another program uses .*busy\).*sudo fuser'):
            read(source)
        source.stop()
    source.start()
    read(source)


def test_what_libraries_print_does_no_harm(start, capfd):
    source = start({'NOISE': 1})
    for capture in read(source, 20):
        assert capture.content.data.endswith(b'\xff\xd9')
    source.stop()
    shown = capfd.readouterr()
    assert 'this comes from C++' in shown.err
    assert shown.out == ''


def test_what_libcamera_said_stands_in_the_sentence(start, capfd):
    source = start({'ERROR': 'V4L2 v4l2_device.cpp:390 /dev/media0: Permission denied',
                    'OPEN': 'fails'})
    with pytest.raises(TemporaryError, match=r'could not be started \(.*\(its log says: '
                                             r'V4L2: /dev/media0: Permission denied\)'):
        read(source)
    assert 'Permission denied' in capfd.readouterr().err


@pytest.mark.parametrize('options', [{}, {'HARDWARE': 1}])
def test_another_size_is_configured_in_the_living_worker(start, options):
    first = start(options, quality=71)
    read(first, 5)
    number = first.counters()
    child = first._child.pid
    for settings in ({'hflip': True}, {'width': 320, 'height': 240},
                     {'quality': 50, 'vflip': True}, {'sensor_mode': '4608x2592'}):
        second = Picamera2Source(replace(first.settings, **settings))
        assert second.take_over(first)
        assert first._child is None
        captures = read(second, 3)
        for capture in captures:  # none was taken with the settings before
            header, tells = read_header(capture.content.data), told(capture)
            assert (header.width, header.height) == second.settings.size_of(0, 0)
            assert tells['flips'] == [second.settings.hflip, second.settings.vflip]
            assert capture.monotonic_ns == tells['SensorTimestamp'] - 5_000_000
        assert second._child.pid == child
        first = second
    assert second.hello['sensor']['mode'] == '4608x2592:10'
    assert tells.get('q') == (None if options else 50)
    lost = second.counters()['left out by the worker'] - number['left out by the worker']
    assert lost <= 4  # the pause is no loss
    second.stop()


@pytest.mark.parametrize('options', [{}, {'HARDWARE': 1}, {'HARDWARE': 1, 'FIXED_RATE': 1}])
def test_another_quality_needs_no_other_process(start, options):
    first = start(options, quality=80)
    read(first, 3)
    second = Picamera2Source(replace(first.settings, quality=40))
    assert second.take_over(first)
    name, value = ('bitrate', 3_675_000) if options else ('q', 40)  # as the driver rounds
    wait_until(lambda: told(read(second)[0]).get(name) == value)
    assert second.hello['detail'] == ('JPEG hardware, 3.7 Mbit/s at 30 frames/s' if options else
                                      'JPEG quality 40, encoded by the CPU')
    second.stop()


@pytest.mark.parametrize(('settings', 'name', 'value'), [
    ({'fps': 20.0}, 'FrameDurationLimits', [50000, 50000]),
    ({'crop': (10, 20, 640, 480)}, 'ScalerCrop', [10, 20, 640, 480]),
    ({'noise_reduction': 'off'}, 'NoiseReductionMode', 0)])
def test_what_is_a_control_is_set_without_a_pause(start, settings, name, value):
    first = start()
    read(first, 3)
    second = Picamera2Source(replace(first.settings, **settings))
    assert second.take_over(first)
    stamps = []
    while True:
        capture = read(second)[0]
        stamps.append(capture.monotonic_ns)
        if told(capture).get(name) == value:
            break
    missed = second.counters()['left out by the worker'] + second.counters()['replaced by newer']
    assert len(stamps) + missed < 100
    wait_until(lambda: read(second) and second.hello['number'] == 1)
    second.stop()


@pytest.mark.parametrize('settings', [{'camera': 'imx708'}, {'max_pixels': 10_000_000}])
def test_what_takes_another_process_is_not_taken_over(start, settings):
    first = start()
    read(first)
    second = Picamera2Source(replace(first.settings, **settings))
    assert not second.take_over(first)
    read(first)


def test_a_worker_that_has_not_begun_is_not_taken_over(start):
    first = start()
    assert not Picamera2Source(replace(first.settings, hflip=True)).take_over(first)


def test_metadata_come_now_and_then_or_with_each_picture(start):
    source = start()
    captures = read(source, 20)
    assert sum(capture.metadata is not None for capture in captures) <= 2
    assert (source.metadata['Lux'], source.metadata['ColourTemperature']) == (400.0, 4500)
    source.want_metadata(True)
    wait_until(lambda: all(capture.metadata for capture in read(source, 3)))
    for capture in read(source, 10):
        assert capture.metadata['SensorTimestamp'] - 5_000_000 == capture.monotonic_ns
    source.want_metadata(False)
    wait_until(lambda: not any(capture.metadata for capture in read(source, 3)))


def test_controls_apply_in_the_same_frame_and_again_after_a_restart(start):
    source = start()
    read(source)
    wanted = {'ExposureTime': 2000, 'Brightness': 0.5, 'ColourGains': [1.5, 2], 'AwbMode': 3,
              'AfWindows': [1, 2, 3, 4]}
    source.set_controls(wanted)
    wanted['AfWindows'] = [[1, 2, 3, 4]]

    def applied(capture):
        tells = told(capture)
        found = {name for name, value in wanted.items() if tells.get(name) == value}
        assert found in (set(), set(wanted))
        return found

    wait_until(lambda: applied(read(source)[0]))
    assert source.refused == ''
    source.stop()
    source.start()
    wait_until(lambda: applied(read(source)[0]))


@pytest.mark.parametrize(('controls', 'sentence'), [
    ({'Zoom': 2}, 'Zoom: this camera has no such control'),
    ({'ExposureTime': 'long'}, "ExposureTime: 'long' is not a number"),
    ({'ExposureTime': 0.5}, 'ExposureTime: 0.5 is not a whole number'),
    ({'ExposureTime': 2**40}, 'ExposureTime: 1099511627776 is not from 1 to 66666'),
    ({'AeEnable': 1}, 'AeEnable: 1 is neither true nor false'),
    ({'ColourGains': [1.0]}, 'ColourGains: 1 numbers are not 2'),
    ({'ColourGains': 1.0}, 'ColourGains: 1.0 is not a list'),
    ({'AfWindows': []}, 'AfWindows: 0 numbers are not 4'),
    ({'AwbMode': None}, 'AwbMode: None is not a number'),
])
def test_a_refused_control_leaves_the_stream_and_the_others_alone(start, controls, sentence):
    source = start()
    read(source)
    source.set_controls({**controls, 'Brightness': 0.25})
    wait_until(lambda: told(read(source)[0]).get('Brightness') == 0.25)
    wait_until(lambda: read(source) and source.refused == sentence)
    read(source, 20)


def test_zero_and_names_are_taken_as_picamera2_and_libcamera_mean_them(start):
    source = start()
    read(source)
    source.set_controls({'AnalogueGain': 0, 'AwbMode': 'Cloudy'})
    wait_until(lambda: told(read(source)[0]).get('AwbMode') == 6)
    assert source.refused == ''


def test_frames_that_nobody_took_are_counted(start):
    source = start({'BYTES': 2 * 2**20})  # more than a pipe holds
    read(source)
    # wait_until pauses, and nobody reads then.
    wait_until(lambda: read(source) and source.counters()['left out by the worker'] > 0)


def test_without_picamera2_it_is_said_which_pythons_were_tried(monkeypatch, tmp_path):
    monkeypatch.setenv('PYTHONPATH', str(tmp_path))  # an environment of its own, not probed yet
    monkeypatch.setattr(picamera2, '_SYSTEM_PYTHON', '/nowhere/python3')
    monkeypatch.setattr(advice, 'ROOT', tmp_path)
    source = Picamera2Source(SourceSettings(source='picamera2'))
    with pytest.raises(PermanentError) as raised:
        source.start()
    source.stop()
    assert str(raised.value) == (
        f"no Python can import picamera2: {sys.executable} says: No module named 'picamera2', "
        '/nowhere/python3 says: no such program exists. Install it with `sudo apt install '
        "python3-picamera2`; or set the parameter 'picamera2.python' to an interpreter that has "
        'it')


def test_the_python_that_was_named_is_used(start, tmp_path):
    python = tmp_path / 'python-of-mine'
    python.write_text(f'#!/bin/sh\ntouch {tmp_path}/used\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    read(start(python=str(python)))
    assert (tmp_path / 'used').exists()


def test_a_python_that_hangs_is_not_waited_for(monkeypatch, tmp_path):
    monkeypatch.setattr(picamera2, '_PROBE_S', 0.05)
    python = tmp_path / 'python3'
    python.write_text('#!/bin/sh\nexec sleep 1000\n')
    python.chmod(0o755)
    with pytest.raises(PermanentError, match='python3 says: no answer within 0 s'):
        picamera2.find_python(str(python))


def test_another_python_does_not_get_what_belongs_to_ours(monkeypatch):
    monkeypatch.setenv('AMENT_PREFIX_PATH', '/opt/ros/jazzy:/home/me/ws')
    monkeypatch.setenv('LD_LIBRARY_PATH', f'/opt/ros/jazzy/lib:{sys.prefix}/lib:/opt/mine/lib')
    monkeypatch.setenv('PYTHONPATH', '/home/me/ws/lib/python3.12/site-packages')
    monkeypatch.setenv('_ROS_WHEELS_BOOTSTRAP_COMPLETE', '1')
    ours, theirs = environment_for(sys.executable), environment_for('/usr/bin/python3')
    assert ours == dict(os.environ)
    assert theirs['LD_LIBRARY_PATH'] == '/opt/mine/lib'
    assert not {'PYTHONPATH', '_ROS_WHEELS_BOOTSTRAP_COMPLETE'} & set(theirs)


@pytest.mark.parametrize('options', [{}, {'STOP': 'hangs'}])
@pytest.mark.parametrize('end', ['input', 'signal'])
def test_the_worker_ends_by_itself(options, end, monkeypatch):
    for name, value in options.items():
        monkeypatch.setenv(f'FAKE_{name}', value)
    with subprocess.Popen([sys.executable, '-u', str(WORKER)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as worker:
        try:
            worker.stdin.write(worker_source.pack_message('O', {'fps': 100.0}))
            worker.stdin.flush()
            assert worker.stdout.read(4) == b'PC\x01H'
            if end == 'input':
                worker.stdin.close()
            else:
                worker.send_signal(signal.SIGTERM)
            os.set_blocking(worker.stdout.fileno(), False)
            wait_until(lambda: (worker.stdout.read(), worker.poll())[1] is not None)
        finally:
            worker.kill()
    assert worker.returncode == (-signal.SIGALRM if options else 0)


@pytest.mark.parametrize('options', [{}, {'STOP': 'hangs'}, {'OPEN': 'hangs'}])
def test_the_worker_does_not_outlive_a_node_that_is_killed(options, tmp_path):
    environment = {**os.environ, 'FAKE_MARK': str(tmp_path / 'hangs'),
                   **{f'FAKE_{name}': value for name, value in options.items()}}
    with subprocess.Popen([sys.executable, '-c', """
import time
from pi_camera_stream.sources.base import SourceSettings
from pi_camera_stream.sources.picamera2 import Picamera2Source
source = Picamera2Source(SourceSettings(source='picamera2'))
source.start()
print(source._child.pid, flush=True)
while True:
    if source.read(1.0) is not None:
        print('picture', flush=True)
"""], stdout=subprocess.PIPE, env=environment) as node:
        worker = int(node.stdout.readline())
        if 'OPEN' in options:
            wait_until((tmp_path / 'hangs').exists)
        else:
            assert node.stdout.readline() == b'picture\n'
        node.kill()
        wait_until(lambda: not alive(worker))
