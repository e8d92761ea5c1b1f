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

"""
Topics that keep changing, published by a process of its own: `python -m support.restless --help`.

It prints `ready`, then how far it has got, as a line of JSON a second.
"""

import argparse
import itertools
import json
import struct
import time

import cv2
import numpy as np
import rclpy
from sensor_msgs.msg import CompressedImage, Image

from . import pictures
from .publishing import compressed, QOS, raw

WIDTH, HEIGHT = 320, 240
_BOMB_SIDE = 32000


def name(number):
    """Return the name of a topic."""
    return f'/restless_{number:02}'


def picture():
    """Return the JPEG that is published on all topics."""
    return pictures.jpeg(WIDTH, HEIGHT)


def bombs():
    """Return JPEGs of some hundred bytes which say that they are enormous."""
    made = []
    for shape, frame, options in (((16, 16, 3), b'\xff\xc0', ()), ((16, 16), b'\xff\xc0', ()), (
            (16, 16, 3), b'\xff\xc2', (cv2.IMWRITE_JPEG_PROGRESSIVE, 1))):
        jpeg = bytearray(cv2.imencode('.jpg', np.full(shape, 100, np.uint8), options)[1])
        size = jpeg.index(frame) + 5  # of a marker, a length and the number of bits
        jpeg[size:size + 4] = struct.pack('>HH', _BOMB_SIDE, _BOMB_SIDE)
        made.append(bytes(jpeg))
    return made


class Topics:
    """Publishers that come, go and change; each has a message or several in turn."""

    def __init__(self, node):
        self._node = node
        self._made = {}
        self.changes = self.published = 0

    def open(self, topic, messages, qos='best effort'):
        """Publish these on a topic from now on; what was published there ends."""
        self.close(topic)
        publisher = self._node.create_publisher(type(messages[0]), topic, QOS[qos])
        self._made[topic] = publisher, itertools.cycle(messages)

    def close(self, topic):
        """Publish nothing there any more."""
        if topic in self._made:
            self._node.destroy_publisher(self._made.pop(topic)[0])
            self.changes += 1

    def publish(self):
        """Publish once on each."""
        for publisher, messages in self._made.values():
            message = next(messages)
            message.header.stamp = self._node.get_clock().now().to_msg()
            publisher.publish(message)
            self.published += 1


def _small():
    return [compressed(picture())]


def steady(topics, options):
    """Publish on all; a step is one picture."""
    for number in range(options.topics):
        topics.open(name(number), _small())
    while True:
        yield


def come_and_go(topics, options):
    """Let some vanish at a time, which return when the next ones do."""
    names = [name(number) for number in range(options.topics)]
    for topic in names:
        topics.open(topic, _small())
    away, next_s = [], 0.0
    for begin in itertools.cycle(range(0, options.topics, options.at_a_time)):
        next_s = time.monotonic() + options.period
        for topic in away:
            topics.open(topic, _small())
        away = names[begin:begin + options.at_a_time]
        for topic in away:
            topics.close(topic)
        while time.monotonic() < next_s:
            yield


def change(topics, options):
    """Change type and quality of service of all, again and again; rest after `--seconds`."""
    pixels = pictures.image(WIDTH, HEIGHT)
    messages = {CompressedImage: _small(), Image: [raw(pixels.tobytes(), 'bgr8', WIDTH, HEIGHT)]}
    kinds, until_s = list(messages), time.monotonic() + options.seconds
    for step in itertools.count():
        next_s = time.monotonic() + options.period
        for number in range(options.topics):
            topics.open(name(number), messages[kinds[(step + number) % len(kinds)]],
                        list(QOS)[(step + number) % len(QOS)])
        yield
        while time.monotonic() < next_s:
            yield
        if time.monotonic() > until_s:
            break
    print('rests', flush=True)
    yield from steady(topics, options)


def bomb(topics, options):
    """Publish nothing but bombs."""
    topics.open('/bombs', [compressed(data) for data in bombs()])
    while True:
        yield


MODES = {'steady': steady, 'come-and-go': come_and_go, 'change': change, 'bomb': bomb}


def main():
    """Publish until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('mode', choices=MODES)
    parser.add_argument('--topics', type=int, default=1)
    parser.add_argument('--at-a-time', type=int, default=5, help='how many vanish together')
    parser.add_argument('--period', type=float, default=2.0, help='s between two changes')
    parser.add_argument('--seconds', type=float, default=60.0, help='how long they change')
    parser.add_argument('--fps', type=float, default=10.0)
    options = parser.parse_args()
    rclpy.init(args=[])
    topics = Topics(rclpy.create_node('restless'))
    print('ready', flush=True)
    told_s = next_s = time.monotonic()
    try:
        for _ in MODES[options.mode](topics, options):
            topics.publish()
            next_s = max(next_s + 1 / options.fps, time.monotonic())
            if time.monotonic() - told_s >= 1.0:
                told_s = time.monotonic()
                print(json.dumps({'changes': topics.changes, 'published': topics.published}),
                      flush=True)
            time.sleep(max(0.0, next_s - time.monotonic()))
    except (BrokenPipeError, KeyboardInterrupt, rclpy.exceptions.ROSInterruptException):
        pass
    except Exception:  # rclpy's private ones: SIGTERM has ended its context
        if rclpy.ok():
            raise
    finally:
        rclpy.try_shutdown()


if __name__ == '__main__':
    main()
