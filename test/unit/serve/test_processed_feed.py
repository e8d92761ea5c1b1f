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

import threading
from types import SimpleNamespace

from pi_camera_stream.codecs.renditions import RenditionEncoder
from pi_camera_stream.core.frame import Frame
from pi_camera_stream.core.rendition_spec import RenditionSpec
from pi_camera_stream.serve.processed_feed import ProcessedFeed
from pi_camera_stream.web.stream.video import VideoOptions
from support import pictures
from support.processes import wait_until


class Slow:
    """Processors that are busy with one picture until they may go on."""

    def __init__(self):
        self.began, self.go_on = threading.Event(), threading.Event()

    def process(self, image, info):
        self.began.set()
        self.go_on.wait(30)
        return []


def test_pictures_that_newer_ones_replace_before_a_slow_processor_are_counted():
    camera = SimpleNamespace(namespace='camera', max_pixels=10**6, per_second=lambda: 30.0,
                             listeners=[], frame_id=lambda: 'eye')
    slow, found = Slow(), []
    feed = ProcessedFeed(camera, slow, RenditionEncoder(), RenditionSpec(), VideoOptions(),
                         found.append, None)
    feed.start()
    put, = camera.listeners
    try:
        put(Frame(pictures.jpeg(64, 48), 0, 1, 64, 48))
        assert slow.began.wait(30)
        for number in range(2, 12):
            put(Frame(pictures.jpeg(64, 48), 0, number, 64, 48))
        assert feed.stream.state()['replaced']['before_processing'] == 9
        slow.go_on.set()
        wait_until(lambda: len(found) == 2)
    finally:
        slow.go_on.set()
        feed.stop()
