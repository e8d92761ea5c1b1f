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

"""The camera's controls on the page."""

import os

import pytest
from support.fake_camera import FAKE
from support.processes import parameters, running
from support.turning import COLOURS, turned_jpeg
from support.usb_camera import deliver, JPEGS, plug_in

TOKEN = 'correct-horse-battery'
# The colours in the middle of each quarter of the picture that is painted last.
QUARTERS = """picture => {
    const canvas = new OffscreenCanvas(4, 4);
    const pen = canvas.getContext('2d');
    pen.drawImage(picture, 0, 0, 4, 4);
    const { data } = pen.getImageData(0, 0, 4, 4);
    return [[0, 0], [3, 0], [0, 3], [3, 3]].map(([x, y]) => [...data.slice(
        4 * (4 * y + x), 4 * (4 * y + x) + 3)]);
}"""


def seen(viewer):
    """Return the names of the colours that are seen, as `support.turning.look` does."""
    picture = viewer.page.locator('.picture')
    if not picture.evaluate('picture => picture.naturalWidth ?? picture.width'):
        return ''
    return ''.join(min(COLOURS, key=lambda name: sum(
        abs(a - b) for a, b in zip(COLOURS[name], colour[::-1], strict=True)))
        for colour in picture.evaluate(QUARTERS))


@pytest.fixture
def usb_camera(viewer, tmp_path, monkeypatch, missing):
    """Run a USB camera whose picture shows how it is turned."""
    camera = plug_in(tmp_path, monkeypatch, missing)
    for number in range(len(JPEGS)):
        deliver(tmp_path, 'MJPG', turned_jpeg(1, 640, 480), number)
    with running('camera', *parameters(source='v4l2', path=camera.path)):
        yield camera


def test_the_picture_is_mirrored_by_a_switch(usb_camera, viewer):
    with viewer.bridge(access_token=TOKEN, camera_controls='true'):
        viewer.open(token=TOKEN)
        viewer.wait_until(lambda: seen(viewer) == 'RGBW')
        viewer.page.click('#controls')
        flip = viewer.page.get_by_role('switch', name='Mirror left to right')
        assert not flip.is_checked()
        flip.click()
        viewer.wait_until(lambda: seen(viewer) == 'GRWB')
        viewer.page.reload()
        viewer.page.click('#controls')
        viewer.wait_until(flip.is_checked)
        viewer.page.get_by_label('Turn clockwise').select_option('180°')
        viewer.wait_until(lambda: seen(viewer) == 'BWRG')
        flip.click()
        viewer.wait_until(lambda: seen(viewer) == 'WBGR')


def test_a_menu_brings_into_use_what_had_no_effect(usb_camera, viewer):
    with viewer.bridge(access_token=TOKEN, camera_controls='true'):
        viewer.open(token=TOKEN)
        page = viewer.page
        viewer.wait_until(lambda: seen(viewer) == 'RGBW')  # and the robot knows of the camera
        page.click('#controls')
        exposure = page.get_by_role('spinbutton', name='Exposure time absolute')
        assert exposure.is_disabled()
        page.get_by_role('combobox', name='Auto exposure', exact=True).select_option('Manual Mode')
        viewer.wait_until(exposure.is_enabled)
        exposure.fill('333')
        exposure.press('Enter')
        viewer.wait_until(lambda: 333 in usb_camera.values().values())


def test_the_sliders_of_a_raspberry_pis_camera(viewer, monkeypatch, tmp_path):
    viewer.may_complain = True  # of the answer that refuses
    monkeypatch.setenv('ROS_HOME', str(tmp_path))
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join(
        [str(FAKE), *filter(None, [os.environ.get('PYTHONPATH')])]))
    with running('camera', *parameters(source='picamera2', width=640, height=480, fps=20)), \
            viewer.bridge(access_token=TOKEN, camera_controls='true'):
        viewer.open(token=TOKEN)
        page = viewer.page
        page.click('#controls')
        exposure = page.get_by_role('spinbutton', name='Exposure time')
        slider = page.get_by_role('slider', name='Exposure time')
        exposure.fill('7000')
        exposure.press('Enter')
        bounds = slider.bounding_box()
        page.mouse.move(bounds['x'] + 5, bounds['y'] + bounds['height'] / 2)
        page.mouse.down()
        for share in range(1, 10):  # more than are sent
            page.mouse.move(bounds['x'] + bounds['width'] * share / 10,
                            bounds['y'] + bounds['height'] / 2)
        page.mouse.up()
        wanted = exposure.input_value()
        assert int(wanted) > 7000
        slider.blur()
        page.wait_for_timeout(3000)  # and it is what the camera says, too
        assert exposure.input_value() == wanted
        exposure.fill('999999999')
        exposure.press('Enter')
        page.get_by_role('alert').get_by_text('ExposureTime').wait_for()
        viewer.wait_until(lambda: exposure.input_value() == wanted)


def test_without_permission_there_is_no_button(camera, viewer):
    with viewer.bridge(access_token=TOKEN):
        viewer.open(token=TOKEN)
        viewer.wait_for_pictures()
        assert not viewer.page.locator('#controls').is_visible()
