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

"""What our topics offer, and what subscribers that ask for more are told."""

from pi_camera_stream.client.qos import reliable_qos
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from support import pictures
from support.guest import best_effort
from support.processes import parameters, running, WAIT_S
from support.publishing import compressed, Repeater

TOPIC, DRAWN = '/camera/image_raw/compressed', '/camera/image_processed/compressed'
BEST_EFFORT, RELIABLE = ReliabilityPolicy.BEST_EFFORT, ReliabilityPolicy.RELIABLE
RELIABLE_TOPICS = {
    '/camera/image_raw': Image, '/camera/lores/image_raw': Image,
    '/camera/camera_info': CameraInfo, '/camera/lores/camera_info': CameraInfo}


def offered(guest, topic):
    end, = guest.node.get_publishers_info_by_topic(topic)
    return end.qos_profile


def kept(reliability, **more):
    return QoSProfile(depth=1, reliability=reliability,
                      durability=DurabilityPolicy.TRANSIENT_LOCAL, **more)


def test_raw_images_and_calibrations_serve_both_kinds_of_subscribers(guest):
    with running('camera', *parameters(source='pattern', width=64, height=48)):
        for topic, kind in RELIABLE_TOPICS.items():
            for qos in (best_effort(1), reliable_qos(1)):
                guest.listen(kind, topic, qos).get(timeout=WAIT_S)
            assert offered(guest, topic).reliability == RELIABLE
            assert offered(guest, topic).durability == DurabilityPolicy.VOLATILE
        guest.listen(CompressedImage, TOPIC).get(timeout=WAIT_S)
        assert offered(guest, TOPIC).reliability == BEST_EFFORT


def test_reliable_jpegs_are_a_parameter(guest):
    with running('camera', *parameters(source='pattern', reliability='reliable')):
        guest.listen(CompressedImage, TOPIC, reliable_qos(1)).get(timeout=WAIT_S)
        guest.listen(CompressedImage, TOPIC).get(timeout=WAIT_S)


@pytest.mark.parametrize(('parameter', 'override'), [
    ('reliable', 'best_effort'), ('best_effort', 'reliable')])
def test_an_override_wins(guest, parameter, override):
    values = {'reliability': parameter,
              f'qos_overrides.{TOPIC}.publisher.reliability': override}
    with running('camera', *parameters(source='pattern', **values)):
        guest.listen(CompressedImage, TOPIC).get(timeout=WAIT_S)
        assert offered(guest, TOPIC).reliability == {
            'reliable': RELIABLE, 'best_effort': BEST_EFFORT}[override]


def test_raw_images_can_be_best_effort(guest):
    override = {'qos_overrides./camera/image_raw.publisher.reliability': 'best_effort'}
    with running('camera', *parameters(source='pattern', width=64, height=48, **override)):
        guest.listen(Image, '/camera/image_raw').get(timeout=WAIT_S)
        assert offered(guest, '/camera/image_raw').reliability == BEST_EFFORT


@pytest.mark.parametrize('reliability', ['best_effort', 'reliable'])
def test_what_the_consumer_draws_is_offered_the_same_way(guest, reliability):
    qos = reliable_qos(1) if reliability == 'reliable' else best_effort(1)
    with Repeater(guest, TOPIC, compressed(pictures.jpeg())), \
         running('consumer', *parameters(processor='edges', reliability=reliability)):
        guest.listen(CompressedImage, DRAWN, qos).get(timeout=WAIT_S)
        assert offered(guest, DRAWN).reliability == (
            RELIABLE if reliability == 'reliable' else BEST_EFFORT)


@pytest.mark.parametrize(('topic', 'kind', 'asked_for'), [
    (TOPIC, CompressedImage, kept(BEST_EFFORT)), ('/camera/image_raw', Image, kept(RELIABLE))])
def test_who_asks_for_what_is_not_kept_is_told_of_durability(guest, topic, kind, asked_for):
    with running('camera', *parameters(source='pattern')) as camera:
        camera.wait_for('publishing')
        guest.listen(kind, topic, asked_for)
        line = camera.wait_for(f"gets no pictures from '{topic}'.*")[0]
    assert 'another durability than' in line
    assert "rviz2: Durability Policy 'Volatile'" in line
    assert 'eliab' not in line


def test_who_asks_for_both_is_told_of_both(guest):
    with running('camera', *parameters(source='pattern')) as camera:
        camera.wait_for('publishing')
        guest.listen(CompressedImage, TOPIC, kept(RELIABLE))
        line = camera.wait_for('gets no pictures from.*')[0]
    assert 'another reliability and durability than' in line
    assert "'Best Effort'" in line
    assert "'Volatile'" in line
    assert 'qos_overrides' not in line  # which would help with one of them only
