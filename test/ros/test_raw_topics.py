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
"""Drivers that publish `image_raw` only, or that change: everybody follows them."""

import json

import cv2
import numpy as np
from pi_camera_stream.client.frame_subscriber import FrameSubscriber
import pytest
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import String
from support.processes import parameters, running, wait_until
from support.publishing import compressed, raw, Repeater
from support.web import bridge, get, parts

RAW_TOPIC, TOPIC = '/camera/image_raw', '/camera/image_raw/compressed'
WIDTH, HEIGHT = 64, 48
GREEN, RED = (0, 200, 0), (0, 0, 200)


def image(colour, encoding='bgr8'):
    pixels = np.full((HEIGHT, WIDTH, 3), colour, np.uint8)
    if encoding == 'mono8':
        pixels = pixels[..., 1]
    return raw(pixels.tobytes(), encoding, WIDTH, HEIGHT)


def picture(colour, kind='.jpg'):
    return compressed(cv2.imencode(kind, np.full((HEIGHT, WIDTH, 3), colour, np.uint8))[1])


def shows(pixels, colour):
    return np.abs(pixels.astype(int) - colour).max() < 12


def test_the_page_shows_the_raw_topic_where_there_is_no_other(guest):
    with Repeater(guest, RAW_TOPIC, image(GREEN)), bridge() as program, \
         get(f'{program.url}stream.mjpg') as response:
        viewer = parts(response)
        wait_until(lambda: shows(cv2.imdecode(np.frombuffer(next(viewer)[1], np.uint8), 1),
                                 GREEN))
        # Whatever it is called.
        for name in ('', RAW_TOPIC, TOPIC):
            wait_until(lambda name=name: get(f'{program.url}snapshot.jpg?topic={name}').status
                       == 200)
        wait_until(lambda: json.load(get(f'{program.url}streams')) == {
            'default': RAW_TOPIC,
            'streams': [{'topic': RAW_TOPIC, 'type': 'sensor_msgs/msg/Image'}]})
        # The compressed one is better, as soon as it is there.
        with Repeater(guest, TOPIC, picture(RED)):
            wait_until(lambda: shows(
                cv2.imdecode(np.frombuffer(next(viewer)[1], np.uint8), 1), RED))
            wait_until(lambda: json.load(get(f'{program.url}streams'))['default'] == TOPIC)


def test_who_only_subscribes_hides_nothing(guest, another_guest):
    another_guest.listen(CompressedImage, TOPIC)
    another_guest.listen(CompressedImage, '/front/compressed')
    with Repeater(guest, RAW_TOPIC, image(GREEN)), Repeater(guest, '/front', image(RED)), \
         bridge() as program:
        wait_until(lambda: {stream['topic'] for stream in json.load(
            get(f'{program.url}streams'))['streams']} == {RAW_TOPIC, '/front'})
        with get(f'{program.url}stream.mjpg?topic=/front') as response:
            viewer = parts(response)
            wait_until(lambda: shows(cv2.imdecode(np.frombuffer(next(viewer)[1], np.uint8), 1),
                                     RED))


@pytest.mark.parametrize('message', [image(GREEN), image(GREEN, 'mono8'), picture(GREEN, '.png')])
def test_the_consumer_works_on_what_there_is(guest, message):
    topic = TOPIC if isinstance(message, CompressedImage) else RAW_TOPIC
    results, drawn = (guest.listen(kind, f'/camera/{name}') for kind, name in (
        (String, 'results'), (CompressedImage, 'image_processed/compressed')))
    with Repeater(guest, topic, message), running('consumer', *parameters(processor='edges')):
        result = json.loads(results.get(timeout=60).data)
        assert (result['width'], result['height']) == (WIDTH, HEIGHT)
        assert cv2.imdecode(np.frombuffer(drawn.get(timeout=60).data, np.uint8), 1).shape == (
            HEIGHT, WIDTH, 3)


@pytest.mark.parametrize('asked_for', [RAW_TOPIC, TOPIC])
@pytest.mark.parametrize('own', [False, True])
def test_programs_get_what_there_is(guest, asked_for, own):
    with FrameSubscriber(asked_for, node=guest.node if own else None) as frames:
        assert frames.topic == asked_for
        for topic, message, colour in ((RAW_TOPIC, image(GREEN), GREEN),
                                       (TOPIC, picture(RED), RED)):
            with Repeater(guest, topic, message):
                wait_until(lambda colour=colour: (frame := frames.next_frame(0.1)) is not None
                           and shows(frame.image, colour))


def test_sizes_and_colours_are_as_asked_for(guest):
    for options, shape in (({'reduce': 4}, (12, 16, 3)), ({'color': 'gray'}, (HEIGHT, WIDTH)),
                           ({'reduce': 8, 'color': 'gray'}, (6, 8))):
        for message in (image(GREEN), image(GREEN, 'mono8')):
            with FrameSubscriber(RAW_TOPIC, **options) as frames, \
                 Repeater(guest, RAW_TOPIC, message):
                assert frames.next_frame().image.shape == shape


def test_what_cannot_be_shown_is_counted_and_said(guest, capfd):
    odd = Image(encoding='mono7', width=WIDTH, height=HEIGHT, step=WIDTH,
                data=image(GREEN, 'mono8').data)
    with FrameSubscriber(RAW_TOPIC) as frames, Repeater(guest, RAW_TOPIC, odd):
        wait_until(lambda: frames.next_frame(0.1) is None and frames.counters()['corrupt'])
    assert "'mono7' is not supported" in capfd.readouterr().err
