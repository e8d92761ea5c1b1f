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

"""The three nodes in one process."""

from itertools import islice
import json

from diagnostic_msgs.msg import DiagnosticStatus
import pytest
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import String
from support.processes import parameters, Program, running, WAIT_S, wait_until
from support.web import get, parts, state, topics

PICTURES, DRAWN = '/camera/image_raw/compressed', '/camera/image_processed/compressed'
STATUSES = 'camera: stream', 'http_bridge: bridge', 'opencv_consumer: processing'


def all_nodes(*words, **values):
    """Run them, with a test pattern."""
    return running('all', *words, *parameters(**{
        'source': 'pattern', 'port': 0, 'address': '127.0.0.1', 'processor': 'edges', **values}))


def url_of(program):
    return program.wait_for(r'at (http://\S+/)').group(1)


def next_parts(response, count=5):
    return [body for _, body in islice(parts(response), count)]


def test_frames_reach_the_page_without_ros(guest):
    with all_nodes(standby='true') as program:
        url = url_of(program)
        guest.diagnostics('camera: stream', lambda values: values['message'] == 'on standby')
        guest.diagnostics('opencv_consumer: processing',
                          lambda values: values['message'] == 'waiting for a subscriber')
        wait_until(lambda: {PICTURES, DRAWN} <= {*topics(url)})
        with get(f'{url}stream.mjpg?tier=full') as response, \
                get(f'{url}stream.mjpg?topic={DRAWN}&tier=full') as drawn:
            viewer, viewer_of_drawn = parts(response), parts(drawn)
            for _ in range(5):
                assert next(viewer)[1].startswith(b'\xff\xd8')
                assert next(viewer_of_drawn)[1].startswith(b'\xff\xd8')
            wait_until(lambda: state(url)['frames_per_s'] > 5)
            assert guest.node.count_publishers(PICTURES) == 1
            assert (guest.node.count_subscribers(PICTURES),
                    guest.node.count_subscribers(DRAWN)) == (0, 0)
            values = guest.diagnostics('camera: stream',
                                       lambda values: values['subscribers'] == '2')
            assert float(values['frames/s published']) > 0
            # Others get them as ever.
            message = guest.listen(CompressedImage, PICTURES).get(timeout=WAIT_S)
            assert message.header.frame_id == 'camera_optical_frame'
            assert message.format == 'bgr8; jpeg compressed bgr8'
        for status in STATUSES:
            guest.diagnostics(status, lambda values: values['level'] == DiagnosticStatus.OK)


def test_results_are_published_and_the_consumer_rests_without(guest):
    with all_nodes() as program:
        url_of(program)
        results = guest.listen(String, '/camera/results')
        result = json.loads(results.get(timeout=WAIT_S).data)
        assert result['frame_id'] == 'camera_optical_frame'
        assert 0 < result['age_ms'] < 1000
        guest.forget(results)
        guest.diagnostics('opencv_consumer: processing',
                          lambda values: values['message'] == 'waiting for a subscriber')
        guest.diagnostics('camera: stream', lambda values: values['subscribers'] == '0')


def test_each_node_has_its_own_parameters(guest, tmp_path):
    file = tmp_path / 'all.yaml'
    file.write_text("""
/robot/camera: {ros__parameters: {jpeg_quality: 61}}
/robot/http_bridge: {ros__parameters: {jpeg_quality: 62}}
/**/opencv_consumer: {ros__parameters: {jpeg_quality: 63}}
""")
    with running('all', *parameters(source='pattern', port=0, address='127.0.0.1'),
                 '--params-file', file, '-r', '__ns:=/robot',
                 '-r', 'camera:image_raw/compressed:=front/compressed',
                 '-r', 'http_bridge:image_raw/compressed:=front/compressed') as program:
        url = url_of(program)
        assert [guest.get_parameters(f'/robot/{node}', 'jpeg_quality') for node in (
            'camera', 'http_bridge', 'opencv_consumer')] == [[61], [62], [63]]
        assert guest.set_parameter('/robot/camera', 'jpeg_quality', 40).successful
        with get(f'{url}stream.mjpg?tier=full') as response:
            assert len(next_parts(response)) == 5
        assert '/robot/front/compressed' in topics(url)


def test_the_consumer_may_be_left_out(guest):
    with all_nodes('--no-consumer') as program:
        url = url_of(program)
        with get(f'{url}stream.mjpg?tier=full') as response:
            assert len(next_parts(response)) == 5
        assert 'opencv_consumer' not in guest.node.get_node_names()


@pytest.mark.parametrize(('values', 'sentence'), [
    ({'source': 'magic'}, 'source'), ({'port': 99999}, "parameter 'port' must be"),
    ({'processor': 'magic'}, "there is no processor 'magic'")])
def test_bad_input_of_any_node_is_one_sentence(values, sentence):
    program = Program('all', *parameters(**{'source': 'pattern', 'port': 0, **values}))
    assert program.wait() == 1
    assert sentence in program.wait_for('all_nodes: error: .*')[0]
    assert 'Traceback' not in program.output


def test_one_name_for_all_of_them_is_refused_and_one_of_them_may_have_another_one(guest):
    program = Program('all', *parameters(source='pattern', port=0), '-r', '__node:=robot')
    assert program.wait() == 1
    sentence, = program.wait_for('all_nodes: error: .*')[0].splitlines()
    assert "'/camera/robot'" in sentence and 'camera:__node:=robot' in sentence
    with running('all', *parameters(source='pattern', port=0, address='127.0.0.1'),
                 '-r', 'camera:__node:=robot') as program:
        url_of(program)
        wait_until(lambda: {'robot', 'http_bridge', 'opencv_consumer'} <= {
            *guest.node.get_node_names()})


def test_a_port_that_is_taken_ends_all(guest):
    with all_nodes() as first:
        port = url_of(first).rstrip('/').rpartition(':')[2]
        second = Program('all', *parameters(source='pattern', port=port, address='127.0.0.1'))
        assert second.wait() == 1
        second.wait_for(f'all_nodes: error: .*{port}')
        assert 'Traceback' not in second.output
