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

from pi_camera_stream.sources import advice, auto
from pi_camera_stream.tools.doctor.camera import find_cameras
import pytest


@pytest.fixture
def kernel(tmp_path):
    """Return a function that lists a device as the kernel does, and the folders of both."""
    devices, folder = tmp_path / 'sys', tmp_path / 'dev'
    devices.mkdir()
    folder.mkdir()

    def add(name, bus):
        (tmp_path / 'bus' / bus).mkdir(parents=True, exist_ok=True)
        (devices / name / 'device').mkdir(parents=True)
        (devices / name / 'device' / 'subsystem').symlink_to(tmp_path / 'bus' / bus)
        (devices / name / 'index').write_text('0\n')
        (folder / name).touch()
    return add, devices, folder


def test_a_usb_camera_is_named_with_its_lasting_name(kernel):
    add, devices, folder = kernel
    add('video2', 'usb')
    (folder / 'v4l' / 'by-id').mkdir(parents=True)
    (folder / 'v4l' / 'by-id' / 'usb-Camera-video-index0').symlink_to(folder / 'video2')
    finding, = find_cameras(devices, folder)
    assert finding.level == 'ok'
    assert (f'source:=v4l2 path:={folder}/v4l/by-id/usb-Camera-video-index0, which is '
            f'{folder}/video2 now') in finding.text


def test_a_usb_camera_without_a_lasting_name(kernel):
    add, devices, folder = kernel
    add('video2', 'usb')
    finding, = find_cameras(devices, folder)
    assert finding.text == f'found a USB camera: source:=v4l2 path:={folder}/video2'


def test_no_camera_comes_with_what_to_look_at(kernel):
    _, devices, folder = kernel
    finding, = find_cameras(devices, folder)
    assert finding.level == 'note'
    assert 'NO CAMERA' in finding.text
    assert '--list-cameras' in finding.remedy


def test_a_camera_that_this_user_may_not_use_is_found(kernel, monkeypatch):
    add, devices, folder = kernel
    add('video0', 'usb')
    monkeypatch.setattr(os, 'access', lambda path, mode: False)  # root may use everything
    _, finding = find_cameras(devices, folder)
    assert finding.level == 'broken'
    assert 'usermod -aG video' in finding.remedy


def test_a_raspberry_pi_camera_that_nothing_reads_is_found(kernel, monkeypatch, tmp_path):
    add, devices, folder = kernel
    add('v4l-subdev0', 'i2c')
    monkeypatch.setenv('PATH', str(tmp_path))  # without rpicam-vid
    monkeypatch.setattr(advice, 'ROOT', tmp_path)  # not in this container
    finding, = find_cameras(devices, folder)
    assert finding.level == 'broken'
    assert finding.text.startswith('found a Raspberry Pi camera, but no Python can import')
    assert 'sudo apt install python3-picamera2' in finding.remedy


def test_a_raspberry_pi_camera_is_read_by_another_python(kernel, monkeypatch):
    from pi_camera_stream.sources import picamera2
    add, devices, folder = kernel
    add('v4l-subdev0', 'i2c')
    for module in (auto, picamera2):
        monkeypatch.setattr(module, 'find_python', lambda wanted: '/usr/bin/python3')
    finding, = find_cameras(devices, folder)
    assert (finding.level, finding.text) == (
        'ok', 'found a Raspberry Pi camera: source:=picamera2, whose driver runs under '
              '/usr/bin/python3')
