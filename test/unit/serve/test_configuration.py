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
from pi_camera_stream.parameters.web_settings import read_video
from pi_camera_stream.serve.configuration import read_configuration
import pytest


def written(tmp_path, text, name='robot.yaml'):
    path = tmp_path / name
    path.write_text(text)
    return str(path)


def test_without_a_word_all_is_as_the_nodes_have_it():
    configuration = read_configuration([])
    camera, = configuration.cameras
    assert (camera.namespace, camera.values['source'], camera.controls) == ('camera', 'auto', {})
    assert configuration.bridge['port'] == 8080
    assert (configuration.processors, configuration.seconds, configuration.notes) == ({}, 0, [])


def test_options_are_the_parameters_names():
    configuration = read_configuration([
        '--source', 'url', '--path', 'rtsp://camera/', '--fps=15', '--hflip', 'true',
        '--jpeg-quality', '50', '--bridge.jpeg-quality', '60', '--max_viewers', '3', '--port', '0',
        '--access-token', '0123456789', '--noise-reduction', 'off', '--seconds', '2.5'])
    camera, = configuration.cameras
    assert {name: camera.values[name] for name in (
        'source', 'path', 'fps', 'hflip', 'jpeg_quality', 'noise_reduction')} == {
        'source': 'url', 'path': 'rtsp://camera/', 'fps': 15.0, 'hflip': True, 'jpeg_quality': 50,
        'noise_reduction': 'off'}
    assert {name: configuration.bridge[name] for name in (
        'jpeg_quality', 'max_viewers', 'port', 'access_token')} == {
        'jpeg_quality': 60, 'max_viewers': 3, 'port': 0, 'access_token': '0123456789'}
    assert configuration.seconds == 2.5


def test_the_bit_rate_of_h264_is_the_bridges_since_there_is_no_topic():
    for option in ('--h264-bitrate', '--bridge.h264_bitrate'):
        configuration = read_configuration([option, '1500000', '--h264-above-bps', '0'])
        assert configuration.bridge['h264_bitrate'] == 1_500_000
        assert configuration.bridge['h264_above_bps'] == 0
        video = read_video(configuration.bridge.__getitem__, pytest.fail)
        assert video.bitrate_bps == 1.5e6
        assert video.sent.report('/a', 1.0, 1.0)  # whatever is sent is too much


def test_the_camera_is_named_as_among_nodes(tmp_path):
    camera, = read_configuration([
        '--frame-id', 'left', '--camera-name', 'my eye', '--camera-info-url',
        'file:///data/${NAME}.yaml']).cameras
    assert camera.values['frame_id'] == 'left'
    assert camera.values['camera_info_url'] == 'file:///data/my_eye.yaml'
    assert camera.controls == {}
    camera, = read_configuration(['--params-file', written(
        tmp_path, '/**/camera:\n  ros__parameters: {camera_name: eye, fps: 5.0}')]).cameras
    assert camera.values['camera_info_url'].endswith('/eye.yaml')
    assert camera.values['fps'] == 5.0


def test_a_size_is_width_and_height():
    camera, = read_configuration(['--size', '1280x720']).cameras
    assert (camera.values['width'], camera.values['height']) == (1280, 720)


def test_a_processor_and_its_parameters():
    configuration = read_configuration(
        ['--processor', 'color,edges', '--color.hue-min', '20', '--edges.low', '30'])
    assert list(configuration.processors) == ['color', 'edges']
    assert configuration.processors['color']['hue_min'] == 20


def test_a_parameter_file_is_read_as_ros_reads_it_and_options_count_more(tmp_path):
    file = written(tmp_path, """
/**:
  ros__parameters:
    jpeg_quality: 40
/camera/camera:
  ros__parameters:
    source: pattern
    framerate: 12
    ExposureTime: 9000
/**/http_bridge:
  ros__parameters:
    port: 9000
    teleop:
      enabled: true
""")
    configuration = read_configuration(['--params-file', file, '--port', '9001'])
    camera, = configuration.cameras
    assert camera.values['source'] == 'pattern'
    assert camera.values['jpeg_quality'] == configuration.bridge['jpeg_quality'] == 40
    assert camera.values['fps'] == 12.0
    assert camera.controls == {'ExposureTime': 9000}
    assert configuration.bridge['port'] == 9001
    assert any("'framerate' as `fps`" in note for note in configuration.notes)
    assert any('--vehicle' in note for note in configuration.notes)


def test_each_file_is_a_camera(tmp_path):
    files = [written(tmp_path, f'{section}:\n  ros__parameters:\n    source: pattern\n', name)
             for section, name in (('/left/camera', 'a.yaml'), ('/**/camera', 'right.yaml'))]
    configuration = read_configuration(
        [word for file in files for word in ('--params-file', file)])
    assert [camera.namespace for camera in configuration.cameras] == ['left', 'right']


@pytest.mark.parametrize(('words', 'sentence'), [
    (['--widht', '3'], r"no option '--widht': did you mean '--width'"),
    (['--zebra'], "no option '--zebra': --help shows all"),
    (['pattern'], "'pattern' is not an option"),
    (['--fps', 'many'], "'fps' must be of type double"),
    (['--fps', '1000'], "'fps' must be 0 to 240"),
    (['--source', 'camera'], "'source' must be auto"),
    (['--port'], '--port.*expected one argument'),
    (['--size', 'large'], "'large' is not a size"),
    (['--reliability', 'reliable'], 'ROS nodes only'),
    (['--teleop.enabled', 'true'], 'ROS nodes only'),
    (['--processor', 'magic'], "no processor 'magic'"),
    (['--params-file', '/nowhere.yaml'], 'cannot be read'),
])
def test_what_is_wrong_is_one_sentence(words, sentence):
    with pytest.raises(PermanentError, match=sentence):
        read_configuration(words)


def test_a_file_for_other_nodes_is_named(tmp_path):
    file = written(tmp_path, '/left/usb_cam:\n  ros__parameters:\n    framerate: 3\n')
    with pytest.raises(PermanentError, match=f"'{Path(file)}' has nothing for a camera"):
        read_configuration(['--params-file', file])


def test_a_secret_of_a_file_is_in_no_sentence(tmp_path):
    file = written(tmp_path, '/**/http_bridge:\n  ros__parameters:\n    access_token: [1, 29x]\n')
    with pytest.raises(PermanentError) as refused:
        read_configuration(['--params-file', file])
    assert '29x' not in str(refused.value)
