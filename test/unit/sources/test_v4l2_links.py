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

from pi_camera_stream.sources.v4l2_links import lasting_path
import pytest


@pytest.fixture
def plug(tmp_path):
    """Return a function that adds a USB camera as the kernel and udev list it."""
    def add(number, port, serial='1'):
        usb = tmp_path / 'bus' / port
        (usb / f'{port}:1.0').mkdir(parents=True)
        for name, text in (('idVendor', '046d'), ('idProduct', '0825'), ('serial', serial)):
            (usb / name).write_text(f'{text}\n')
        (usb / f'{port}:1.0' / 'bInterfaceNumber').write_text('00\n')
        device = add.devices / f'video{number}'
        device.mkdir(parents=True)
        (device / 'device').symlink_to(usb / f'{port}:1.0')
        (device / 'index').write_text('0\n')
        file = tmp_path / 'dev' / f'video{number}'
        file.parent.mkdir(exist_ok=True)
        file.touch()
        for kind, name in (('by-id', f'usb-046d_0825_{serial}'), ('by-path', f'usb-0:{port}')):
            link = tmp_path / 'dev' / 'v4l' / kind / f'{name}-video-index0'
            link.parent.mkdir(parents=True, exist_ok=True)
            link.unlink(missing_ok=True)
            link.symlink_to(f'../../video{number}')
        return str(file)

    add.devices = tmp_path / 'sys'
    return add


def test_the_serial_number_leads_to_a_camera(plug, tmp_path):
    path = plug(0, '1-1')
    plug(1, '1-2', serial='2')
    link = f'{tmp_path}/dev/v4l/by-id/usb-046d_0825_1-video-index0'
    assert lasting_path(path, plug.devices) == link
    assert lasting_path(link, plug.devices) == link


def test_of_two_that_have_the_same_the_port_is_taken(plug, tmp_path):
    paths = plug(0, '1-1'), plug(1, '1-2')
    for path, port in zip(paths, ('1-1', '1-2'), strict=True):
        expected = f'{tmp_path}/dev/v4l/by-path/usb-0:{port}-video-index0'
        assert lasting_path(path, plug.devices) == expected
    # Also where somebody has named the link that only one of them can have.
    link = f'{tmp_path}/dev/v4l/by-id/usb-046d_0825_1-video-index0'
    assert lasting_path(link, plug.devices) == expected


def test_a_link_of_ones_own_is_kept(plug, tmp_path):
    path = plug(0, '1-1')
    (tmp_path / 'dev' / 'front').symlink_to('video0')
    assert lasting_path(f'{tmp_path}/dev/front', plug.devices) == f'{tmp_path}/dev/front'
    by_path = f'{tmp_path}/dev/v4l/by-path/usb-0:1-1-video-index0'
    assert lasting_path(by_path, plug.devices) == by_path
    assert path.endswith('video0')


def test_without_links_it_is_the_device(tmp_path):
    (tmp_path / 'video3').touch()
    assert lasting_path(f'{tmp_path}/video3', tmp_path / 'sys') == f'{tmp_path}/video3'
