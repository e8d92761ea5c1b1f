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

"""A catalog whose camera hands over H.264 as long as somebody wants it, without an encoder."""

import asyncio
from functools import cache
import time

import numpy as np
from pi_camera_stream.codecs.h264 import StreamReader
from pi_camera_stream.codecs.renditions import RenditionEncoder
from pi_camera_stream.core.frame import Frame
from pi_camera_stream.core.reception import Reception
from pi_camera_stream.core.rendition_spec import RenditionSpec
from pi_camera_stream.web.stream.catalog import Catalog
from pi_camera_stream.web.stream.stream import Stream
from pi_camera_stream.web.stream.video import VideoOptions

from . import videos

DEFAULT, FRONT = '/camera/image_raw/compressed', '/front/compressed'
TYPE = 'sensor_msgs/msg/CompressedImage'
SIZE = (320, 240)
FRAME_S = 0.01


@cache
def group():
    """Return access units, the first of them a key frame, and whether each is one."""
    noise = np.random.default_rng(2).integers(0, 255, (*SIZE[::-1], 3), np.uint8)
    reader = StreamReader()
    return [reader.read(unit) for unit in videos.access_units(
        [np.roll(noise, 4 * number, 1) for number in range(20)], SIZE)]


class Camera:
    """
    A VideoSource: groups of 20 frames, or shorter where a key frame is asked for.

    `wanted` is how often it was asked to begin, and to end.
    """

    available = True

    def __init__(self):
        self.wanted, self.silent, self.sent, self.keys_asked = [], False, 0, 0
        self.stream = None
        self._at = 0

    def want(self, wanted):
        self.wanted.append(wanted)
        self._at = 0

    def request_key_frame(self):
        self.keys_asked += 1
        self._at = 0

    def limit_bitrate(self, _):
        return True

    def shoot(self):
        if self.wanted and self.wanted[-1] and not self.silent:
            data, key = group()[self._at % len(group())]
            self._at, self.sent = self._at + 1, self.sent + 1
            self.stream.reception.accept(len(data))
            self.stream.offer_video(Frame(data, time.time_ns(), self.sent, *SIZE, codec='h264',
                                          key=key))


class Studio:
    """The catalog, and its cameras by topic. Event loop only."""

    def __init__(self):
        self.cameras = {}
        self.catalog = Catalog(DEFAULT, self._open)
        self.catalog.update({DEFAULT: TYPE, FRONT: TYPE})

    @property
    def camera(self):
        return self.cameras[DEFAULT]

    async def film(self):
        """Let the cameras work; a task of its own."""
        while True:
            for camera in self.cameras.values():
                camera.shoot()
            await asyncio.sleep(FRAME_S)

    def _open(self, name):
        camera = self.cameras[name] = Camera()
        camera.stream = Stream(name, time.time_ns, lambda _: None, RenditionEncoder(),
                               RenditionSpec(), Reception(), options=VideoOptions(), video=camera)
        return camera.stream
