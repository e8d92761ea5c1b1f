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

"""The bridge shows topics of all kinds, of whoever publishes them how."""

import struct
from urllib.parse import urljoin

import cv2
import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import String
from support import pictures
from support.processes import wait_until
from support.publishing import compressed, QOS, raw, Repeater
from support.web import ask, bridge, decoded, get, parts, state, topics

WIDTH, HEIGHT = 64, 48
DEFAULT = '/camera/image_raw/compressed'
COMPRESSED, RAW = 'sensor_msgs/msg/CompressedImage', 'sensor_msgs/msg/Image'
WHITE, RED, GREEN, BLUE = (255, 255, 255), (0, 0, 255), (0, 255, 0), (255, 0, 0)  # BGR
COLOURS = (WHITE, RED, GREEN, BLUE)
GREYS = ((255, 255, 255), (170, 170, 170), (85, 85, 85), (0, 0, 0))
STRETCHED = ((1, 1, 1), (128, 128, 128), (255, 255, 255), (0, 0, 0))  # the last one is invalid
BGR = [2 * bytes(colour) for colour in COLOURS]
DEPTH = [struct.pack('>2H', value, value) for value in (1000, 1500, 2000, 0)]
STRIPES = {  # by encoding: two neighbouring pixels of each stripe, and how it looks
    'bgr8': (BGR, COLOURS),
    'rgb8': ([pixels[::-1] for pixels in BGR], COLOURS),
    'bgra8': ([2 * bytes((*colour, 0)) for colour in COLOURS], COLOURS),
    'mono8': ([2 * bytes(grey[:1]) for grey in GREYS], GREYS),
    # BT.601 in video range: Y U Y V.
    'yuv422_yuy2': ([bytes((235, 128, 235, 128)), bytes((82, 90, 82, 240)),
                     bytes((145, 54, 145, 34)), bytes((41, 240, 41, 110))], COLOURS),
    'mono16': ([pixels[::-1] for pixels in DEPTH], STRETCHED),
    '16UC1': (DEPTH, STRETCHED),  # big-endian
    '32FC1': ([struct.pack('<2f', value, value) for value in (1.0, 1.5, 2.0, float('nan'))],
              STRETCHED),
}


@pytest.fixture
def url():
    """Return the address of a running bridge."""
    with bridge() as program:
        yield program.url


def striped(encoding):
    """Return an Image of four upright stripes, and their colours."""
    stripes, colours = STRIPES[encoding]
    row = b''.join(pixels * (WIDTH // len(stripes) // 2) for pixels in stripes)
    return raw(row * HEIGHT, encoding, WIDTH, HEIGHT, big_endian=encoding == '16UC1'), colours


def one_colour(colour):
    """Return the JPEG of a picture that has but one colour."""
    return encoded('.jpg', np.full((HEIGHT, WIDTH, 3), colour, np.uint8))


def encoded(ending, image):
    done, data = cv2.imencode(ending, image)
    assert done
    return data.tobytes()


def shows(jpeg, colours):
    """Return whether the JPEG has these colours, from left to right; not so a status picture."""
    image = decoded(jpeg).astype(int)
    if image.shape != (HEIGHT, WIDTH, 3):
        return False
    stripes = np.split(image, len(colours), axis=1)
    return all(np.abs(stripe[:, 3:-3] - colour).max() <= 8  # JPEG mixes colours at the edges
               for stripe, colour in zip(stripes, colours, strict=True))


def listed(url, topic):
    """Wait until the bridge knows the topic; return its type."""
    return wait_until(lambda: topics(url).get(topic))


def wait_for_colours(viewer, colours):
    """Take pictures until one has these colours."""
    wait_until(lambda: shows(next(viewer)[1], colours))


def port(url):
    return int(url.rstrip('/').rsplit(':', 1)[1])


@pytest.mark.parametrize('encoding', STRIPES)
def test_raw_pictures_are_shown_in_their_colours(guest, url, encoding):
    message, colours = striped(encoding)
    with Repeater(guest, '/raw', message):
        assert listed(url, '/raw') == RAW
        with get(f'{url}stream?topic=/raw') as response:
            wait_for_colours(parts(response), colours)
    wait_until(lambda: '/raw' not in topics(url))


def test_an_encoding_that_cannot_be_shown_is_named(guest, url):
    with Repeater(guest, '/odd', raw(bytes(WIDTH * HEIGHT), 'mono7', WIDTH, HEIGHT)):
        listed(url, '/odd')

        def reason():
            status, headers, text = ask(port(url), '/snapshot?topic=/odd')
            assert (status, headers['Retry-After']) == (503, '1')
            return text if 'dropped' in text else None  # none has come
        assert "the encoding 'mono7' is not supported" in wait_until(reason)
        assert state(url, '/odd')['undecodable'] > 0


def test_what_carries_pictures_is_listed_and_nothing_else(guest, url):
    assert topics(url) == {DEFAULT: ''}
    with Repeater(guest, '/words', String(data='no picture')), \
         Repeater(guest, '/front', compressed(one_colour(RED))), \
         Repeater(guest, '/back/image', striped('mono8')[0]):
        # What one participant tells of itself comes in order: the words have been seen before.
        listed(url, '/back/image')
        assert topics(url) == {'/back/image': RAW, DEFAULT: '', '/front': COMPRESSED}
        for name in ('/words', '/nowhere', 'front/image'):
            status, _, text = ask(port(url), f'/stream?topic={name}')
            assert status == 404
            assert text == (f"no image topic '/{name.lstrip('/')}'; available: "
                            f'/back/image, {DEFAULT}, /front\n')


@pytest.mark.parametrize('name', [
    '%2Ffront%2Fimage', '/front/image', 'front/image', '%2f%66ront/image/', '//front/image'])
def test_a_topic_is_understood_however_it_is_written(guest, url, name):
    with Repeater(guest, '/front/image', compressed(one_colour(GREEN))):
        listed(url, '/front/image')
        with get(f'{url}stream?topic={name}') as response:
            wait_for_colours(parts(response), [GREEN])
        assert state(url, '/front/image')['topic'] == '/front/image'


def test_addresses_of_web_video_server_are_understood(guest, url):
    with Repeater(guest, '/front', striped('bgr8')[0]), \
         Repeater(guest, '/front/compressed', compressed(one_colour(RED))), \
         Repeater(guest, '/back/compressed', compressed(one_colour(BLUE))):
        listed(url, '/back/compressed')
        # The full pictures of /front are there as well, but need not be encoded again.
        for query, colours in (('/front', [RED]), ('/front&type=mjpeg', [RED]),
                               ('/front&type=ros_compressed', [RED]),
                               ('/front/compressed', [RED]), ('/back', [BLUE]),
                               ('/back&type=ros_compressed', [BLUE])):
            with get(f'{url}stream?topic={query}') as response:
                wait_for_colours(parts(response), colours)

            def snapshot(query=query):
                status, _, body = ask(port(url), f'/snapshot?topic={query}')
                return body.encode('latin-1') if status == 200 else None
            assert shows(wait_until(snapshot), colours)
        status, headers, _ = ask(port(url), '/stream_viewer?topic=/front&quality=50')
        assert status == 302
        assert headers['Location'] == './?topic=/front/compressed&quality=50'
        status, headers, _ = ask(port(url), '/stream_viewer?topic=/back&type=ros_compressed')
        assert status == 302
        assert headers['Location'].startswith('./?topic=/back/compressed&')
        page = get(urljoin(url, headers['Location']))
        assert page.headers.get_content_type() == 'text/html'


@pytest.mark.parametrize('qos', QOS)
def test_whatever_qos_is_offered_is_used(guest, url, qos):
    with Repeater(guest, '/front', compressed(one_colour(RED)), qos):
        listed(url, '/front')
        with get(f'{url}stream?topic=/front') as response:
            wait_for_colours(parts(response), [RED])
            end, = guest.node.get_subscriptions_info_by_topic('/front')
            offered = QOS[qos]
            assert end.qos_profile.reliability == offered.reliability
            assert end.qos_profile.durability == (
                DurabilityPolicy.TRANSIENT_LOCAL if qos == 'transient local'
                else DurabilityPolicy.VOLATILE)


def test_all_who_publish_on_a_topic_are_seen(guest, url):
    with Repeater(guest, '/front', compressed(one_colour(RED)), 'reliable'), \
         Repeater(guest, '/front', compressed(one_colour(BLUE)), 'best effort'):
        wait_until(lambda: len(guest.node.get_publishers_info_by_topic('/front')) == 2)
        listed(url, '/front')
        with get(f'{url}stream?topic=/front') as response:
            viewer = parts(response)
            for colour in (RED, BLUE, RED, BLUE):
                wait_for_colours(viewer, [colour])
            end, = guest.node.get_subscriptions_info_by_topic('/front')
            assert end.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT


@pytest.mark.parametrize(('message', 'colours'), [
    (compressed(one_colour(GREEN)), [GREEN]), striped('bgr8')], ids=['compressed', 'raw'])
def test_who_comes_late_gets_the_picture_that_was_kept_for_him(guest, url, message, colours):
    publisher = guest.node.create_publisher(type(message), '/map', QOS['transient local'])
    message.header.stamp = guest.node.get_clock().now().to_msg()
    publisher.publish(message)  # once, and before anybody has subscribed
    listed(url, '/map')
    for _ in range(2):
        status, _, body = ask(port(url), '/snapshot?topic=/map&max_age=3600')
        assert status == 200
        assert shows(body.encode('latin-1'), colours)
    status, _, text = ask(port(url), '/snapshot?topic=/map')
    assert (status, text.startswith("no new picture of '/map'")) == (503, True)


@pytest.mark.parametrize(('first', 'second'), [
    (('compressed', 'best effort'), ('compressed', 'reliable')),
    (('compressed', 'transient local'), ('compressed', 'best effort')),
    (('compressed', 'reliable'), ('raw', 'best effort')),
    (('raw', 'reliable'), ('compressed', 'best effort')),
    (('raw', 'best effort'), ('compressed', 'transient local')),
])
def test_a_viewer_stays_when_another_publisher_takes_over(
        guest, another_guest, url, first, second):
    messages = {'compressed': (compressed(one_colour(RED)), [RED]), 'raw': striped('bgr8')}
    kinds = {'compressed': COMPRESSED, 'raw': RAW}
    other = compressed(one_colour(BLUE)), [BLUE]
    message, colours = messages[first[0]]
    with Repeater(guest, '/front', message, first[1]):
        listed(url, '/front')
        response = get(f'{url}stream?topic=/front')
        viewer = parts(response)
        wait_for_colours(viewer, colours)
    message, colours = other if second[0] == first[0] else messages[second[0]]
    with response, Repeater(another_guest, '/front', message, second[1]):
        wait_for_colours(viewer, colours)
        assert len(state(url, '/front')['viewers']) == 1
        wait_until(lambda: topics(url).get('/front') == kinds[second[0]])


def test_one_who_only_listens_does_not_change_a_topic(guest, another_guest, url):
    message, colours = striped('rgb8')
    another_guest.listen(CompressedImage, '/raw')
    another_guest.listen(Image, '/front')
    another_guest.listen(Image, '/last')  # which nobody publishes
    with Repeater(guest, '/raw', message), \
         Repeater(guest, '/front', compressed(one_colour(RED))):
        wanted = {DEFAULT: '', '/front': COMPRESSED, '/raw': RAW}
        wait_until(lambda: topics(url) == wanted)
        for name, shown in (('/raw', colours), ('/front', [RED])):
            with get(f'{url}stream?topic={name}') as response:
                wait_for_colours(parts(response), shown)


def test_png_is_shown_in_its_colours(guest, url):
    image = np.uint8([COLOURS]).repeat(WIDTH // 4, axis=1).repeat(HEIGHT, axis=0)
    depth = np.uint16([[1000, 1500, 2000, 0]]).repeat(WIDTH // 4, axis=1).repeat(HEIGHT, axis=0)
    for topic, data, colours in (
            ('/camera/image_raw/compressed', encoded('.png', image), COLOURS),
            ('/depth/compressedDepth', bytes(12) + encoded('.png', depth), STRETCHED)):
        with Repeater(guest, topic, compressed(data)):
            listed(url, topic)
            with get(f'{url}stream?topic={topic}') as response:
                wait_for_colours(parts(response), colours)


def test_a_jpeg_is_handed_on_as_it_is(guest, url):
    picture = pictures.jpeg(seed=7)
    with Repeater(guest, '/front', compressed(picture)):
        listed(url, '/front')
        with get(f'{url}stream?topic=/front&tier=full') as response:
            viewer = parts(response)
            wait_until(lambda: next(viewer)[1] == picture)
