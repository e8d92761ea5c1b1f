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


from pathlib import Path

from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.parameters.aliases import ALIASES, find, take
from pi_camera_stream.parameters.tables import TABLES
import pytest

ROOT = Path(__file__).resolve().parents[3]
CAMERA = {row.name: row for row in TABLES['camera']}
BRIDGE = {row.name: row for row in TABLES['http_bridge']}
# usb_cam's own example, as it stands in its package.
USB_CAM = {
    'video_device': '/dev/video2', 'framerate': 15.0, 'io_method': 'mmap', 'frame_id': 'camera2',
    'pixel_format': 'mjpeg2rgb', 'av_device_format': 'YUV422P', 'image_width': 640,
    'image_height': 480, 'camera_name': 'test_camera2',
    'camera_info_url': 'package://usb_cam/config/camera_info.yaml', 'brightness': -1,
    'contrast': -1, 'saturation': -1, 'sharpness': -1, 'gain': -1, 'auto_white_balance': True,
    'white_balance': 4000, 'autoexposure': True, 'exposure': 100, 'autofocus': False, 'focus': -1}


def taken(table=CAMERA, kind='camera', **given):
    return take(given, table, ALIASES[kind])


def test_a_file_of_usb_cam_can_be_taken_as_it_is():
    result = taken(**USB_CAM)
    assert result.values == {
        'source': 'v4l2', 'path': '/dev/video2', 'fps': 15.0, 'width': 640, 'height': 480,
        'v4l2.white_balance_automatic': True, 'v4l2.focus_automatic_continuous': False}
    assert "'framerate' as `fps`" in result.used
    assert [text.split("'")[1] for text in result.unused] == [
        'io_method', 'pixel_format', 'av_device_format']


@pytest.mark.parametrize(('given', 'values'), [
    ({'FrameDurationLimits': [33333, 100000]}, {'fps': 30.0}),
    ({'orientation': 180}, {'rotation': 180}),
    ({'image_size': [1280, 720]}, {'width': 1280, 'height': 720}),
    ({'time_per_frame': [1, 25]}, {'fps': 25.0}),
    ({'publish_rate': -1.0}, {}),
    ({'publish_rate': 5.0}, {'fps': 5.0}),
    ({'camera_frame_id': 'lens'}, {'frame_id': 'lens'}),
    ({'camera_name': 'left eye'},
     {'camera_info_url': 'file://${ROS_HOME}/camera_info/left_eye.yaml'}),
    ({'camera_name': 'left', 'camera_info_url': 'file:///etc/${NAME}.yaml'},
     {'camera_info_url': 'file:///etc/left.yaml'}),
    ({'image_raw.compressed.jpeg_quality': 60}, {'jpeg_quality': 60}),
    ({'.image_raw.compressed.jpeg_quality': 60}, {'jpeg_quality': 60}),
    ({'adaptive.floor': 300000}, {'adaptive_floor': 300000}),
    ({'auto_white_balance': False, 'white_balance': 4000},
     {'v4l2.white_balance_automatic': False, 'v4l2.white_balance_temperature': 4000}),
    ({'autoexposure': False, 'exposure': 100},
     {'v4l2.auto_exposure': 'Manual Mode', 'v4l2.exposure_time_absolute': 100}),
    ({'sharpness': 3}, {'v4l2.sharpness': 3}),
])
def test_what_means_the_same_is_taken(given, values):
    assert taken(**given).values == values


def test_where_both_are_given_ours_counts_unless_it_has_its_default():
    assert taken(framerate=15.0, fps=0.0).values == {'fps': 15.0}
    assert taken(framerate=15.0, fps=10.0).values == {}
    assert taken(framerate=15.0, fps=10.0).unused == ["'framerate' ('fps' is given, too)"]
    assert taken(video_device='/dev/video0', source='file', path='film.mp4').values == {}
    assert taken(video_device='/dev/video0', source='v4l2', path='').values['path'] \
        == '/dev/video0'


@pytest.mark.parametrize(('given', 'sentence'), [
    ({'framerate': 'fast'}, "'framerate' of usb_cam is taken as `fps`, .*'fps' must be of type"),
    ({'image_size': 640}, "'image_size' of v4l2_camera cannot be 640: it is taken as `width` and"),
    ({'time_per_frame': [0, 30]}, r'cannot be \[0, 30\]'),
    ({'orientation': 1000}, "'rotation' must be 0 to 270"),
])
def test_what_cannot_be_taken_is_said(given, sentence):
    with pytest.raises(PermanentError, match=sentence):
        taken(**given)


def test_of_web_video_server_nothing_is_silently_left_out():
    result = taken(BRIDGE, 'http_bridge', port=8080, address='0.0.0.0', verbose=True,
                   server_threads=1, ros_threads=2, publish_rate=-1.0,
                   default_stream_type='mjpeg')
    assert result.values == {}
    assert len(result.unused) == 5


@pytest.mark.parametrize('kind', ALIASES)
def test_none_of_them_is_a_name_of_ours_and_each_stands_for_one(kind):
    for alias in ALIASES[kind]:
        assert alias.name not in {row.name for row in TABLES[kind]}
        assert find(alias.name, ALIASES[kind]) is alias


def test_the_document_has_them_all():
    text = (ROOT / 'docs/changing_over.md').read_text()
    for aliases in ALIASES.values():
        for alias in aliases:
            assert f'| `{alias.name}` | {alias.of} | ' in text
