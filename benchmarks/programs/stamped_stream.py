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
Publish stamped pictures, and nothing else: the camera of a measurement.

Run as a program of its own, the only one of the measuring ones that needs ROS.
"""

import argparse
import itertools
from pathlib import Path
import threading

from pi_camera_stream.client.clock import now_function
from pi_camera_stream.codecs.limits import check_jpeg
from pi_camera_stream.core.frame import Frame
from pi_camera_stream.core.pacing import Pacer
from pi_camera_stream.core.shutdown_signals import end_at_once, leave
from pi_camera_stream.nodes.base_node import BaseNode
from pi_camera_stream.nodes.jpeg_topic import JpegTopic
from pi_camera_stream.nodes.run import run_node

from ..common.pictures import load_pictures

_TIMEOUT_S = 0.5


class StampedStreamNode(BaseNode):
    """Publish a folder's JPEGs on `image_raw/compressed`; each is stamped when it is published."""

    def __init__(self, folder: Path, fps: float) -> None:
        super().__init__('camera', ())
        self._interval_s = 1.0 / fps
        self._jpegs = [(jpeg, check_jpeg(jpeg)) for jpeg in load_pictures(folder)]
        self._now_ns = now_function(self)
        self._images = JpegTopic(self, 'image_raw/compressed', reliable=False)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._publish_all, name='publish', daemon=True)

    def start(self) -> None:
        """Start to publish."""
        super().start()
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=1.0)

    def _publish_all(self) -> None:
        pacer = Pacer()
        try:
            for jpeg, header in itertools.cycle(self._jpegs):
                while not pacer.wait(self._interval_s, _TIMEOUT_S):
                    if self._stopping.is_set():
                        return
                if self._stopping.is_set():
                    return
                frame = Frame(jpeg, self._now_ns(), 0, header.width, header.height)
                self._images.publish(frame, header.components, 'camera_optical_frame')
        except Exception as error:
            if self.context.ok():  # otherwise Ctrl-C has closed the topic, and this is the end
                self.end(error)


def main() -> int:
    """Publish until SIGINT."""
    end_at_once()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--folder', type=Path, required=True)
    parser.add_argument('--fps', type=float, required=True)
    options, ros = parser.parse_known_args()
    return run_node(lambda: StampedStreamNode(options.folder, options.fps), 'bench_stream', ros)


if __name__ == '__main__':
    leave(main())
