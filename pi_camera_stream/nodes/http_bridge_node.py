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

"""The node that shows a picture topic to browsers."""

from collections.abc import Sequence

from sensor_msgs.msg import CompressedImage

from . import diagnostics
from .image_topic import JpegSubscription
from .parameter_tables import HTTP_BRIDGE
from .run import run_node
from .stream_node import StreamNode
from ..core.frame import Frame
from ..web.app import Application
from ..web.server import WebServer
from ..web.stream import Stream

_SILENT_S = 2.0


class HttpBridgeNode(StreamNode):
    """
    Serve `image_raw/compressed` over HTTP; subscribe only while somebody watches.

    The executor's thread receives messages, the web server's thread serves viewers. Frames cross
    from the one to the other in `Stream.offer`, the demand for them in `run_soon`.
    """

    def __init__(self) -> None:
        super().__init__('http_bridge', HTTP_BRIDGE)
        self._subscription = JpegSubscription(self, 'image_raw/compressed', self._on_frame)
        self._stream = Stream(self._subscription.topic, self._now_ns, self._on_demand)
        self._server = WebServer(Application(self._stream, self._now_ns).build,
                                 self.value('address'), self.value('port'))
        diagnostics.Diagnostics(self, 'bridge', self._health)

    def start(self) -> None:
        """Start the web server."""
        super().start()
        self._server.start()
        self.get_logger().info(f"showing '{self._stream.name}' at {self._server.url()}")

    def stop(self) -> None:
        """End all connections."""
        self._server.stop()

    def _now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def _on_frame(self, frame: Frame, _: CompressedImage) -> None:
        self._stream.offer(frame)

    def _on_demand(self, wanted: bool) -> None:
        """Subscribe or unsubscribe; called by the web server's thread."""
        self.run_soon(self._subscription.subscribe if wanted else self._subscription.unsubscribe)

    def _health(self) -> diagnostics.Health:
        state = self._stream.state()
        viewers = len(self._stream.viewers)
        values = {
            'topic': self._stream.name,
            'address': self._server.url(),
            'viewers': viewers,
            'frames/s received': state['frames_per_s'],
            'bytes/s received': state['bytes_per_s'],
            'age when received [ms]': state['age_ms'],
            'corrupt pictures': self._subscription.corrupt,
        }
        if viewers and self._stream.silent_s() > _SILENT_S:
            return diagnostics.Health(
                diagnostics.ERROR, f"no picture from '{self._stream.name}'", values)
        return diagnostics.Health(diagnostics.OK, f'{viewers} viewers', values)


def main(args: Sequence[str] | None = None) -> int:
    """Run the HTTP bridge; `args` are the arguments behind the program's name."""
    return run_node(HttpBridgeNode, 'http_bridge_node', args)
