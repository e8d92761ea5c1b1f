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


"""Parameters as `ros2 param`, parameter files and the command line give them."""

import cv2
import numpy as np
from pi_camera_stream.core.parameters import clash
import pytest
from rcl_interfaces.srv import ListParameters
from sensor_msgs.msg import CompressedImage
from support import videos
from support.processes import parameters, Program, running, WAIT_S, wait_until
import yaml

TOPIC, NODE = '/camera/image_raw/compressed', '/camera/camera'
SECRET = 'hunter2hunter2'
KINDS = {'camera': ('camera', {'source': 'pattern'}), 'bridge': ('http_bridge', {'port': 0}),
         'consumer': ('opencv_consumer', {})}


def file_with(path, **values):
    """Write a parameter file for all nodes; return the arguments that name it."""
    path.write_text(yaml.safe_dump({'/**': {'ros__parameters': values}}))
    return ['--ros-args', '--params-file', path]


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / 'clip.mp4'
    videos.write(path)
    return path


@pytest.fixture
def no_video(tmp_path):
    """Return a file of which only who opens it sees that it is no video."""
    path = tmp_path / 'no.mp4'
    path.write_text('no video')
    return path


def shape(images):
    image = cv2.imdecode(np.frombuffer(images.get(timeout=WAIT_S).data, np.uint8),
                         cv2.IMREAD_COLOR)
    return image.shape[1], image.shape[0]


# What a source refuses


def test_what_the_source_refuses_is_taken_back_and_takes_nothing_else_with_it(
        guest, clip, no_video):
    with running('camera', *parameters(source='file', path=clip)) as camera:
        images = guest.listen(CompressedImage, TOPIC)
        assert shape(images) == (320, 240)
        assert guest.set_parameter(NODE, 'path', str(no_video)).successful
        assert guest.set_parameter(NODE, 'width', 160).successful
        assert guest.set_parameter(NODE, 'frame_id', 'lens').successful
        camera.wait_for(rf"'path' cannot be set so.*{no_video}' is not a video")
        wait_until(lambda: shape(images) == (160, 120))
        assert guest.get_parameters(NODE, 'path', 'width', 'frame_id') == [
            str(clip), 160, 'lens']
        assert guest.set_parameter(NODE, 'height', 60).successful
        wait_until(lambda: shape(images) == (160, 60))
        assert camera.output.count('cannot be set so') == 1


def test_what_is_set_together_is_taken_back_together(guest, clip, no_video):
    with running('camera', *parameters(source='file', path=clip)) as camera:
        images = guest.listen(CompressedImage, TOPIC)
        images.get(timeout=WAIT_S)
        assert guest.set_parameters(NODE, {'path': str(no_video), 'width': 160}).successful
        camera.wait_for("'path' and 'width' cannot be set so")
        assert guest.get_parameters(NODE, 'path', 'width') == [str(clip), 0]
        # What can be judged at once is refused at once, all of it.
        refused = guest.set_parameters(NODE, {'width': 160, 'path': '/no/such/file'})
        assert "there is no file or folder '/no/such/file'" in refused.reason
        assert guest.get_parameters(NODE, 'path', 'width') == [str(clip), 0]
        assert shape(images) == (320, 240)


def test_width_and_height_are_set_one_after_the_other(guest):
    with running('camera', *parameters(source='pattern', height=180)):
        images = guest.listen(CompressedImage, TOPIC)
        assert shape(images) == (320, 180)
        assert guest.set_parameter(NODE, 'height', 0).successful
        assert guest.set_parameter(NODE, 'width', 160).successful
        wait_until(lambda: shape(images) == (160, 90))
        assert guest.set_parameter(NODE, 'height', 120).successful
        wait_until(lambda: shape(images) == (160, 120))


# Words of which YAML makes something else


def test_what_was_meant_as_a_word_is_shown_as_one(guest, tmp_path):
    arguments = file_with(tmp_path / 'p.yaml', source='pattern', snapshot_folder=2026)
    with running('camera', *arguments, '-p', 'crop:=off'):
        assert guest.get_parameters(NODE, 'snapshot_folder', 'crop') == ['2026', '']
        assert guest.set_parameter(NODE, 'snapshot_folder', 2027).successful
        assert guest.set_parameter(NODE, 'fps', 10).successful
        wait_until(lambda: guest.get_parameters(NODE, 'snapshot_folder', 'fps') == ['2027', 10.0])
        assert type(guest.get_parameters(NODE, 'fps')[0]) is float
        refused = guest.set_parameter(NODE, 'frame_id', False)
        assert 'put it in quotes, as in frame_id: "off"' in refused.reason
        assert guest.get_parameters(NODE, 'frame_id') == ['camera_optical_frame']


@pytest.mark.parametrize('given', ['command line', 'file'])
def test_off_is_a_noise_reduction(tmp_path, given):
    """There is no rpicam-vid here, or no camera for it: that is what must be said."""
    values = {'source': 'rpicam', 'noise_reduction': False}
    words = parameters(source='rpicam', noise_reduction='off') if given == 'command line' else \
        file_with(tmp_path / 'p.yaml', **values)
    camera = Program('camera', *words)
    camera.wait_for('rpicam-apps|rpicam-hello')
    camera.stop()
    assert 'noise_reduction' not in camera.output


# Names


@pytest.mark.parametrize('kind', KINDS)
def test_what_a_node_has_can_be_dumped(guest, kind):
    """`ros2 param dump` makes a mapping of what stands before a dot."""
    name, values = KINDS[kind]
    with running(kind, *parameters(**values)):
        names = guest.call(ListParameters, f'/camera/{name}/list_parameters').result.names
        assert len(names) > 5
        assert clash(names) is None


def test_a_name_that_nobody_knows_is_named_with_the_one_that_was_meant(tmp_path):
    arguments = file_with(
        tmp_path / 'p.yaml', hheight=3, zebra=1, port=0, use_sim_time=False, ExposureTime=3,
        start_type_description_service=True,
        **{'v4l2.gain': 3, 'color.hue_min': 3, 'color.hue_mim': 3, 'teleop.max_linera': 1.0,
           'qos_overrides./x.publisher.depth': 3})
    said = {}
    for kind in KINDS:
        with running(kind, *arguments) as program:
            program.wait_for('publishing|showing|running')
            said[kind] = program.output
    for kind, unknown in (('camera', {'hheight': "did you mean 'height'?",
                                      'teleop.max_linera': '`ros2 param list /camera/camera`'}),
                          ('bridge', {'teleop.max_linera': "did you mean 'teleop.max_linear'?"}),
                          ('consumer', {'color.hue_mim': "did you mean 'color.hue_min'?"})):
        for name, meant in {**unknown, 'zebra': 'shows those there are'}.items():
            line, = (line for line in said[kind].splitlines() if f"'{name}' is unknown" in line)
            assert meant in line
        for name in ('port', 'use_sim_time', 'ExposureTime', 'v4l2.gain', "color.hue_min'",
                     'start_type', 'qos_overrides'):
            assert name not in said[kind].replace("mean 'color.hue_min'", ''), said[kind]


def test_names_of_other_programs_are_taken_and_that_is_said(guest, tmp_path):
    arguments = file_with(
        tmp_path / 'p.yaml', source='pattern', framerate=10.0, image_width=320,
        image_height=240, camera_name='left', io_method='mmap', pixel_format='mjpeg2rgb',
        **{'image_raw.compressed.jpeg_quality': 50, 'adaptive.floor': 300000})
    with running('camera', *arguments) as camera:
        guest.diagnostics('camera: stream', lambda values: values['source'] ==
                          'test pattern 320x240' and values['frames/s wanted'] == '10.00')
        assert guest.get_parameters(NODE, 'jpeg_quality', 'adaptive_floor', 'fps') == [
            50, 300000, 10.0]
        assert "'framerate' as `fps`, 'image_height' as `height`" in camera.output
        assert "no effect here: 'io_method' (frames are always mapped)" in camera.output
        assert "'adaptive.floor' as `adaptive_floor`" in camera.output
        assert 'camera_info/left.yaml' in camera.output


# Secrets


@pytest.mark.parametrize('value', [
    f'[{SECRET}]', f'[{SECRET}, 1]', f'{SECRET}: 1', f"'{SECRET}", f'{{a: {SECRET}}}',
    f'"{SECRET} x"', '12345678.5'])
def test_an_access_token_that_cannot_be_is_not_repeated(value):
    bridge = Program('bridge', *parameters(port=0, access_token=value))
    assert bridge.wait() == 1
    assert 'access_token' in bridge.output
    assert SECRET not in bridge.output and '12345678' not in bridge.output


def test_an_access_token_of_digits_is_one():
    with running('bridge', *parameters(port=0, access_token=12345678)) as bridge:
        bridge.wait_for('to whoever has the access token')


def test_the_password_of_an_address_is_in_no_refusal_and_in_no_log(guest):
    address = f'rtsp://user:{SECRET}@127.0.0.1:9/live?token={SECRET}'
    for source in ('auto', 'pattern', 'stdin', 'file', 'v4l2'):
        camera = Program('camera', *parameters(source=source, path=address))
        camera.wait_for('publishing|error')
        camera.stop()
        assert SECRET not in camera.output
    with running('camera', *parameters(source='url', path='tcp://127.0.0.1:9')) as camera:
        camera.wait_for('publishing')
        for path in (f'user:{SECRET}@127.0.0.1/live', f'gopher://user:{SECRET}@cam/live'):
            refused = guest.set_parameter(NODE, 'path', path)
            assert "set the parameter 'path'" in refused.reason
            assert SECRET not in refused.reason
        assert guest.set_parameter(NODE, 'path', address).successful
        values = guest.diagnostics('camera: stream', lambda v: 'rtsp' in v['source'])
        assert SECRET not in str(values)
    assert SECRET not in camera.output
