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

import os
import sys
import time

from pi_camera_stream.core.errors import PermanentError, TemporaryError
from pi_camera_stream.sources import advice, capture_loop
from pi_camera_stream.sources.base import SourceSettings
from pi_camera_stream.sources.capture_loop import CaptureLoop
from pi_camera_stream.sources.rpicam import RpicamSource
import pytest
from support.fake_camera import read
from support.pictures import jpeg
from support.processes import alive, children, wait_until

PICTURES = [jpeg(seed=seed) for seed in range(3)]
CAMERAS = """Available cameras
-----------------
0 : imx708 [4608x2592 10-bit RGGB] (/base/soc/i2c0mux/i2c@1/imx708@1a)
    Modes: 'SRGGB10_CSI2P' : 1536x864 [120.13 fps - (768, 432)/3072x1728 crop]

1 : imx219 [3280x2464 10-bit RGGB] (/base/soc/i2c0mux/i2c@0/imx219@10)
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Return a function that installs a program with that Python in it, and nothing else."""
    monkeypatch.setenv('PATH', str(tmp_path))

    def install(code, name='rpicam-vid'):
        for number, picture in enumerate(PICTURES):
            (tmp_path / f'{number}.jpg').write_bytes(picture)
        path = tmp_path / name
        path.write_text(f"""#!{sys.executable} -IS
import os, sys, time
def say(*pieces):
    for piece in pieces:
        os.write(1, piece)
pictures = [open(f'{tmp_path}/{{number}}.jpg', 'rb').read() for number in range(3)]
if '--list-cameras' in sys.argv:
    print({CAMERAS!r})
    sys.exit()
open('{tmp_path}/started', 'a').write(' '.join(sys.argv) + '\\n')
{code}
""")
        path.chmod(0o755)
        return path

    return install


@pytest.fixture
def start():
    """Return a function that starts the source with settings."""
    sources = []

    def run(**settings):
        sources.append(RpicamSource(SourceSettings(source='rpicam', **settings)))
        sources[-1].start()
        return sources[-1]

    yield run
    for source in sources:
        source.stop()


def words(tmp_path):
    """Return the words of the last start, without the file for the metadata."""
    found = all_words(tmp_path)
    index = found.index('--metadata')
    return found[:index] + found[index + 2:]


def all_words(tmp_path):
    return wait_until(lambda: (tmp_path / 'started').exists()
                      and (tmp_path / 'started').read_text().endswith('\n')
                      and (tmp_path / 'started').read_text().split('\n')[-2].split()[1:])


def test_pictures_come_byte_for_byte_and_the_newest_of_several(program, start):
    program('say(b"".join(pictures)); time.sleep(1000)')
    source = start()
    assert read(source)[0].content.data == PICTURES[2]
    assert source.counters()['replaced by newer'] == 2
    assert source.read(0.0) is None


def test_where_there_is_only_the_older_program_it_is_used(program, start):
    program('say(pictures[0]); time.sleep(1000)', 'libcamera-vid')
    assert read(start())[0].content.data == PICTURES[0]


def test_with_neither_it_is_said_how_to_install_one(tmp_path, monkeypatch):
    monkeypatch.setenv('PATH', str(tmp_path))
    monkeypatch.setattr(advice, 'ROOT', tmp_path)  # a system of which nothing is known
    with pytest.raises(PermanentError, match='neither rpicam-vid nor libcamera-vid is installed: '
                                             'install it with `sudo apt install rpicam-apps`'):
        RpicamSource(SourceSettings()).start()


def test_the_command_line_says_what_is_wanted(program, start, tmp_path):
    program('time.sleep(1000)')
    start(width=1280, height=720, fps=25.0, quality=70, hflip=True, rotation=180,
          tuning_file='/etc/mine.json', noise_reduction='fast', sensor_mode='2304x1296:10',
          camera='imx708', crop=(2304, 0, 2304, 1296))
    assert ' '.join(words(tmp_path)) == (
        '-t 0 -n --codec mjpeg -o - --flush --verbose 0 --quality 70 --width 1280 --height 720 '
        '--framerate 25 --hflip --rotation 180 --tuning-file /etc/mine.json --denoise cdn_fast '
        '--mode 2304:1296:10 --camera 0 --roi 0.500000,0.000000,0.500000,0.500000')


@pytest.mark.parametrize(('wanted', 'size'), [
    ({'width': 640}, '--width 640 --height 360'), ({'height': 480}, '--width 853 --height 480')])
def test_of_half_a_size_the_other_follows(program, start, tmp_path, wanted, size):
    program('time.sleep(1000)')
    start(**wanted)
    assert size in ' '.join(words(tmp_path))


@pytest.mark.parametrize(('camera', 'number'), [
    ('', None), ('1', '1'), ('IMX219', '1'), ('/base/soc/i2c0mux/i2c@0/imx219@10', '1')])
def test_a_camera_is_chosen_by_number_model_or_id(program, start, tmp_path, camera, number):
    program('time.sleep(1000)')
    start(camera=camera)
    asked = words(tmp_path)
    assert asked[asked.index('0', 2) + 1:][-2:] == (['--camera', number] if number else
                                                     ['--quality', '80'])


@pytest.mark.parametrize(('settings', 'sentence'), [
    ({'rotation': 90}, "set the parameter 'rotation' to 0 or 180"),
    ({'noise_reduction': 'much'}, 'to auto or to one of off, fast, high_quality'),
    ({'sensor_mode': '1080p'}, "set the parameter 'sensor_mode' to WIDTHxHEIGHT"),
    ({'crop': (0, 0, 0, 10)}, "set the parameter 'crop' to x, y"),
    ({'camera': 'imx477'}, r"no camera 'imx477': set the parameter 'camera' .* 1 \(imx219, "),
])
def test_what_cannot_be_had_is_said_with_the_remedy(program, start, settings, sentence):
    program('time.sleep(1000)')
    with pytest.raises(PermanentError, match=sentence):
        start(**settings)


def test_without_a_camera_it_is_tried_again(program, start, monkeypatch, tmp_path):
    (tmp_path / 'dev').mkdir()
    (tmp_path / 'dev' / 'media0').touch()
    monkeypatch.setattr(advice, 'ROOT', tmp_path)
    monkeypatch.setattr(f'{__name__}.CAMERAS', 'No cameras available!')
    program('time.sleep(1000)')
    with pytest.raises(TemporaryError, match=r'no camera found: .* ribbon cable'):
        start(camera='imx708')


def test_garbage_is_counted_and_passed_over(program, start):
    program('say(b"hello", pictures[0], pictures[1][:50], pictures[2]); time.sleep(1000)')
    source = start()
    wait_until(lambda: (got := source.read(0.1)) and got.content.data == PICTURES[2])
    assert source.counters()['garbage bytes'] >= 5
    assert source.counters()['truncated pictures'] == 1


def test_nothing_but_garbage_is_explained(program, start):
    program('while True: say(bytes(2**16))')
    source = start()
    with pytest.raises(PermanentError, match=r'\d+ bytes came from rpicam-vid, and no JPEG'):
        read(source)


def test_the_end_of_the_program_is_told_and_what_it_said(program, start, capfd):
    program('print("ERROR: *** failed to start camera ***", file=sys.stderr); sys.exit(255)')
    source = start()
    with pytest.raises(TemporaryError, match=r'ended with exit code 255 \(its log says: '
                                             'failed to start camera'):
        read(source)
    assert 'failed to start camera' in capfd.readouterr().err


def test_without_words_it_is_said_where_to_look(program, start):
    program('sys.exit(3)')
    with pytest.raises(TemporaryError, match='exit code 3: see whether `rpicam-hello'):
        read(start())


def test_that_it_finds_no_camera_has_the_advice_of_this_system(
        program, start, tmp_path, monkeypatch):
    monkeypatch.setattr(advice, 'ROOT', tmp_path)
    program('print("ERROR: *** no cameras available ***", file=sys.stderr); sys.exit(255)')
    with pytest.raises(TemporaryError, match='the kernel has no /dev/media'):
        read(start())


# As the program writes it: line by line, and the last brace with the next picture only.
TELLING = """
out = os.open(sys.argv[sys.argv.index('--metadata') + 1], os.O_WRONLY)
os.write(out, b'[\\n')
def tell(number, first, stamp):
    lines = ['{' if first else '},\\n{', '    "N": %d,' % number,
             '    "ScalerCrop": "(768, 432)/3072x1728",', '    "SensorTimestamp": %d,' % stamp,
             '    "ExposureTime": 2000,', '    "AeLocked": true,', '    "LensPosition": 1.500000']
    for line in lines:
        os.write(out, line.encode() + b'\\n')
"""


def test_a_stamp_is_when_the_exposure_of_the_picture_began(program, start):
    program(TELLING + """
for number in range(100000):
    stamp = time.monotonic_ns() - 5_000_000
    say(pictures[number % 3])
    tell(number, number == 0, stamp)
    time.sleep(0.01)
""")
    source = start()
    source.want_metadata(True)
    captures = read(source, 20)
    for capture in captures:
        assert capture.content.data == PICTURES[capture.metadata['N'] % 3]
        assert capture.monotonic_ns == capture.metadata['SensorTimestamp'] - 2_000_000
        assert capture.metadata['ScalerCrop'] == [768, 432, 3072, 1728]
    stamps = [capture.monotonic_ns for capture in captures]
    assert stamps == sorted(set(stamps))
    wait_until(lambda: read(source) and source.metadata.get('AeLocked') is True)
    assert source.focuses
    source.want_metadata(False)
    assert read(source)[0].metadata is None


def test_a_picture_that_is_lost_on_the_way_shifts_no_stamps(program, start):
    program(TELLING + """
for number in range(100000):
    say(pictures[number % 3] if number % 7 != 5 else pictures[0][:100])
    tell(number, number == 0, time.monotonic_ns() - 5_000_000)
    time.sleep(0.01)
""")
    source = start()
    source.want_metadata(True)
    right = [capture.content.data == PICTURES[capture.metadata['N'] % 3]
             for capture in read(source, 60) if capture.metadata]
    assert right.count(True) > 50


def test_without_metadata_a_stamp_is_when_the_picture_came(program, start):
    program("""
if '--metadata' in sys.argv:
    print("ERROR: *** unrecognised option '--metadata' ***", file=sys.stderr)
    sys.exit(255)
say(pictures[0]); time.sleep(1000)
""")
    source = start()
    with pytest.raises(TemporaryError, match="unrecognised option '--metadata'"):
        read(source)
    source.stop()
    before_ns = time.monotonic_ns()
    source.start()
    assert read(source)[0].monotonic_ns > before_ns
    assert source.refused == 'this rpicam-vid does not know --metadata'


def test_controls_are_words_of_the_command_line(program, start, tmp_path):
    program('time.sleep(1000)')
    source = RpicamSource(SourceSettings(source='rpicam'))
    source.set_controls({
        'ExposureTime': 20000, 'AnalogueGain': 2.5, 'ExposureValue': -1.0, 'AwbMode': 5,
        'ColourGains': [1.5, 2.0], 'AfMode': 0, 'LensPosition': 3.5, 'HdrMode': 3,
        'AeExposureMode': 1, 'AeMeteringMode': 1, 'AeFlickerPeriod': 10000, 'Brightness': 0.25,
        'Contrast': 1.0, 'AeEnable': True})
    source.start()
    try:
        assert ' '.join(words(tmp_path)).partition('--quality 80 ')[2] == (
            '--shutter 20000 --gain 2.5 --ev -1 --metering spot --exposure sport '
            '--flicker-period 10000us --awb daylight --awbgains 1.5,2 --brightness 0.25 '
            '--autofocus-mode manual --lens-position 3.5 --hdr single-exp')
    finally:
        source.stop()


def test_a_new_control_takes_one_restart_several_at_once_take_one_and_the_same_none(
        program, start, tmp_path):
    program('while True: say(pictures[0]); time.sleep(0.01)')
    source = start()
    read(source)

    def starts():
        return (tmp_path / 'started').read_text().count('\n')

    source.set_controls({'ExposureTime': 0, 'Contrast': 1.0})
    read(source, 30)
    assert starts() == 1
    source.set_controls({'ExposureTime': 9000})
    wait_until(lambda: read(source) and starts() == 2)
    assert '--shutter 9000' in ' '.join(words(tmp_path))
    for number in range(5):
        source.set_controls({'ExposureTime': 10000 + number})
        source.set_controls({'Contrast': 1.5 + number})
    wait_until(lambda: read(source) and starts() == 3)
    read(source, 30)
    assert starts() == 3
    assert '--shutter 10004 --contrast 5.5' in ' '.join(words(tmp_path))
    source.keep_controls({'Contrast'})
    wait_until(lambda: read(source) and starts() == 4)
    assert '--shutter' not in words(tmp_path)


@pytest.mark.parametrize(('values', 'sentence'), [
    ({'AeEnable': False}, 'set ExposureTime and AnalogueGain'),
    ({'AeEnable': False, 'ExposureTime': 1000, 'AnalogueGain': 1.0}, ''),
    ({'AwbEnable': False}, 'set ColourGains'), ({'HdrMode': 1}, 'set it to 0, 2 or 3'),
])
def test_what_the_program_cannot_do_is_said(values, sentence):
    source = RpicamSource(SourceSettings(source='rpicam'))
    source.set_controls(values)
    assert source.refused.endswith(sentence)
    assert bool(source.refused) == bool(sentence)


def test_not_started_it_delivers_nothing():
    with pytest.raises(TemporaryError, match='has not been started'):
        RpicamSource(SourceSettings()).read(0.1)


@pytest.mark.parametrize('failure', [
    'time.sleep(1000)', 'sys.exit(1)', 'os.kill(os.getpid(), 9)', 'os.kill(os.getpid(), 19)',
    'import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(1000)'])
def test_a_program_that_fails_is_started_again_and_nothing_is_left(
        program, monkeypatch, tmp_path, failure):
    program(f'say(pictures[0]); {failure}')
    monkeypatch.setattr('pi_camera_stream.core.backoff.Backoff.SHORTEST_S', 0.01)
    monkeypatch.setattr(capture_loop, '_LEAST_SILENCE_S', 0.2)
    others, before = set(children(os.getpid())), len(os.listdir('/proc/self/fd'))
    problems = []
    loop = CaptureLoop(RpicamSource(SourceSettings()), time.monotonic_ns, problems.append,
                       problems.append, lambda: None)
    loop.start()
    try:
        wait_until(lambda: loop.restarts >= 5 and loop.captured.total >= 5)
        child = loop.source._child
    finally:
        loop.stop()
    wait_until(lambda: not loop._thread.is_alive())
    assert child is None or not alive(child.pid)
    assert set(children(os.getpid())) == others
    assert len(os.listdir('/proc/self/fd')) == before
