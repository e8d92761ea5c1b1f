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

from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.sources import auto
from pi_camera_stream.sources.auto import find_camera
from pi_camera_stream.sources.base import SourceSettings
from pi_camera_stream.sources.registry import create_source
import pytest
from support.capturing import capturing
from support.processes import wait_until
from support.usb_camera import JPEGS, plug_in

ANY = SourceSettings(width=640, height=480)


@pytest.fixture
def devices(tmp_path):
    """Return a function that adds a device as the kernel lists it."""
    def add(name, bus, index='0'):
        (tmp_path / 'bus' / bus).mkdir(parents=True, exist_ok=True)
        device = tmp_path / 'devices' / f'{bus}-{name}'
        (device / 'video4linux' / name).mkdir(parents=True)
        (device / 'subsystem').symlink_to(tmp_path / 'bus' / bus)
        entry = device / 'video4linux' / name
        (entry / 'device').symlink_to(device)
        (entry / 'index').write_text(f'{index}\n')
        (add.folder / name).symlink_to(entry)

    add.folder = tmp_path / 'class'
    add.folder.mkdir()
    return add


@pytest.fixture
def installed(monkeypatch):
    """Return a function that says what is installed."""
    def these(*names):
        def find(name):
            def found(*_):
                if name not in names:
                    raise PermanentError(f'no {name}')
            return found
        monkeypatch.setattr(auto, 'find_python', find('picamera2'))
        monkeypatch.setattr(auto, 'find_program', find('rpicam-vid'))
    return these


def test_without_a_camera_there_is_none(devices, tmp_path):
    assert find_camera(ANY, devices.folder) is None
    assert find_camera(ANY, tmp_path / 'no such folder') is None
    devices('video10', 'platform')  # the decoder of a Raspberry Pi
    assert find_camera(ANY, devices.folder) is None


def test_a_usb_camera_is_the_first_device_that_has_pictures(devices):
    devices('video10', 'usb')
    devices('video3', 'usb', index='1')
    devices('video2', 'usb')
    assert find_camera(ANY, devices.folder) == SourceSettings(
        source='v4l2', path='/dev/video2', width=640, height=480)


@pytest.mark.parametrize(('names', 'source'), [
    (('picamera2', 'rpicam-vid'), 'picamera2'), (('rpicam-vid',), 'rpicam'), ((), 'v4l2')])
def test_a_raspberry_pi_camera_comes_first_if_it_can_be_read(devices, installed, names, source):
    installed(*names)
    devices('v4l-subdev0', 'i2c')
    devices('video0', 'usb')
    assert find_camera(ANY, devices.folder).source == source


def test_one_that_nothing_reads_is_no_silence(devices, installed):
    installed()
    devices('v4l-subdev0', 'i2c')
    with pytest.raises(PermanentError, match='no picamera2'):
        find_camera(ANY, devices.folder)


@pytest.fixture
def place(devices, tmp_path, monkeypatch):
    """Return the folder in which `auto` looks for the files of devices."""
    monkeypatch.setattr(auto, 'DEVICES', devices.folder)
    monkeypatch.setattr(auto, 'FOLDER', tmp_path)
    return tmp_path


def test_the_camera_that_appears_is_taken(devices, place, monkeypatch, missing):
    camera = plug_in(place, monkeypatch, missing)
    with capturing(create_source(SourceSettings())) as run:
        assert run.loop.source.title == 'no camera 1280x720'
        wait_until(lambda: run.loop.captured.total > 3)
        devices('video7', 'usb')
        wait_until(lambda: run.loop.source.title == f'camera {camera.path} (Fake Camera)')
        before = run.loop.captured.total
        wait_until(lambda: run.loop.captured.total > before)
        assert run.picture() in JPEGS
        assert run.loop.restarts == 0
        assert run.problems == run.ends == []


def test_one_that_cannot_be_used_is_said_and_tried_again(devices, place, monkeypatch, missing):
    monkeypatch.setattr('pi_camera_stream.sources.no_camera._AGAIN_S', 3.0)
    camera = plug_in(place, monkeypatch, missing)
    camera.state('plain')
    with capturing(create_source(SourceSettings())) as run:
        devices('video7', 'usb')
        run.wait_for_problem(f'{camera.path} is not a camera')
        wait_until(lambda: run.loop.source.title == 'no camera 1280x720')
        before = run.loop.captured.total
        wait_until(lambda: run.loop.captured.total > before)
        assert run.ends == []
        camera.and_back('plain')
        wait_until(lambda: run.loop.source.title == f'camera {camera.path} (Fake Camera)')


def test_one_for_which_nothing_is_installed_is_said_once(devices, place, installed):
    installed()
    with capturing(create_source(SourceSettings())) as run:
        devices('v4l-subdev0', 'i2c')
        run.wait_for_problem('no picamera2')
        before = run.loop.captured.total
        wait_until(lambda: run.loop.captured.total > before + 60)  # of 30 a second
        assert run.problems == ['no picamera2']
        assert run.loop.problem == ''
