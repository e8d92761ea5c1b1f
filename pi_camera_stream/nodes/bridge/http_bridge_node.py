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

"""The node that shows picture topics to browsers."""

from collections.abc import Mapping, Sequence
import sys
from typing import Any

from .bridge_recorder import create_recorder, set_mode
from .camera_infos import CameraInfos
from .other_driving import OtherDriving
from .ros_cameras import create_cameras
from .sound_topics import SoundTopics
from .teleop import create_vehicle
from .topic_feed import TopicFeed
from .. import diagnostics
from ..base_node import BaseNode
from ..machine_diagnostics import MachineDiagnostics
from ..run import run_node
from ...client.clock import now_function
from ...client.entities import Periodic
from ...client.graph import image_topics
from ...client.trace import TracePublisher
from ...codecs.renditions import RenditionEncoder
from ...core.parameters import Value
from ...core.rendition_spec import RenditionSpec
from ...core.service_manager import ServiceManager
from ...outlets.create import create_outlets
from ...parameters.driving_settings import read_limits
from ...parameters.files import named_files
from ...parameters.secrets import exposed
from ...parameters.sound_settings import create_microphone, create_sound
from ...parameters.tables import HTTP_BRIDGE
from ...parameters.web_settings import read_helpers, read_outlets, read_rules, read_video
from ...web.access.tls import server_context
from ...web.app import Application
from ...web.controls.camera_panel import CameraPanel
from ...web.drive.drive import Drive
from ...web.server import WebServer
from ...web.stream.catalog import Catalog
from ...web.stream.stream import Stream
from ...web.watchdog import Watchdog

_POLL_S = 1.0  # how often the topics are looked at


class HttpBridgeNode(BaseNode):
    """
    Serve picture topics over HTTP; subscribe only while somebody watches.

    The executor's thread receives messages, the web server's thread serves viewers. Frames cross
    from the one to the other in `Stream.offer`, the demand for them in `run_soon`.
    """

    def __init__(self) -> None:
        super().__init__('http_bridge', HTTP_BRIDGE)
        self._encoder = RenditionEncoder(self.value('max_pixels'))
        self._video = read_video(self.value, self._warn)
        self._trace = TracePublisher(self)
        self._machine = MachineDiagnostics(self)
        self._topic = self.resolve_topic_name('image_raw/compressed')
        self._catalog = Catalog(self._topic, self._open_stream)
        self._turned = False  # whether the executor has worked since this was asked last
        others = OtherDriving(self)
        self._vehicle = create_vehicle(self, self.value, others.hear)
        self._drive = None if self._vehicle is None else Drive(
            self._vehicle, self._catalog.age_s, self._catalog.prefer, self._log)
        cameras = create_cameras(self, self.value)
        panel = None if cameras is None else CameraPanel(cameras, self._catalog.published)
        now_ns = now_function(self)
        self._microphone = create_microphone(self.value, now_ns, self._warn)
        self._sound_topics = None if self._microphone is None else SoundTopics(
            self, self._microphone.pcm)
        self._recorder = create_recorder(
            self, self._topic, self._catalog.stream, self._vehicle, others,
            None if self._microphone is None else self._microphone.feed)
        rules = read_rules(self.value)
        sound = create_sound(self._microphone, now_ns)
        application = Application(self._catalog, rules, self._warn, self._drive, panel,
                                  self._machine.state, camera_infos=CameraInfos(self).newest,
                                  ice_servers=read_helpers(self.value), recordings=self._recorder,
                                  sound=sound)
        self._outlets = create_outlets(read_outlets(self.value), self._catalog, rules,
                                       application.places, application.note_wrong, self._warn,
                                       None if sound is None else sound.listeners)
        application.serve_beside(self._outlets)
        self._server = WebServer(
            application.build if self._recorder is None else
            self._recorder.beside(application.build),
            self.value('address'), self.value('port'),
            server_context(self.value('certfile'), self.value('keyfile')),
            self._log if self.value('access_log') else None,
            Watchdog(ServiceManager(), lambda: self._health().message, self._take_turned),
            rules.counted)
        for sentence in exposed(named_files(sys.argv), self.value('keyfile')):
            self._warn(sentence)
        Periodic(self, _POLL_S, self._poll_topics)
        diagnostics.Diagnostics(self, 'bridge', self._health)
        if self._drive is not None:
            diagnostics.Diagnostics(self, 'driving', self._driving_health)

    def start(self) -> None:
        super().start()
        self._poll_topics()
        if self._microphone is not None:
            self._microphone.start()
        self._server.start()
        if self._vehicle is not None:
            self._vehicle.start()
        who = 'whoever has the access token' if self.value('access_token') else \
            'everyone on the network' if not self._server.local else 'this machine only'
        self.get_logger().info(
            f"showing '{self._topic}' at {self._server.url()} to {who}")
        for outlet in self._outlets:
            if not outlet.reason:
                self.get_logger().info(outlet.title())

    def stop(self) -> None:
        if self._recorder is not None:
            self._recorder.stop()
        self._server.stop()
        if self._sound_topics is not None:
            self._sound_topics.stop()
        if self._microphone is not None:
            self._microphone.stop()

    def before_shutdown(self) -> None:
        if self._vehicle is not None:
            self._vehicle.stop()

    def take_parameters(self, changed: Mapping[str, Value], others: Mapping[str, Any],
                        live: bool) -> None:
        """Let the vehicle go by new limits, and the recorder by another mode, at once."""
        super().take_parameters(changed, others, live)
        if live and 'record' in changed:
            set_mode(self._recorder, str(changed['record']))
        if live and changed and self._vehicle is not None:
            self._vehicle.set_limits(*read_limits(
                lambda name: changed.get(name, self.value(name))))

    def _warn(self, sentence: str) -> None:
        self.get_logger().warning(sentence)

    def _log(self, line: str) -> None:
        self.get_logger().info(line)

    def _open_stream(self, topic: str) -> Stream:
        """Return the stream of a topic; called by the web server's thread."""
        return TopicFeed(
            self, topic, self._encoder, RenditionSpec(quality=self.value('jpeg_quality')),
            video=self._video, overridable=topic == self._topic, adaptive=self.value('adaptive'),
            max_pixels=self.value('max_pixels'), trace=self._trace).stream

    def _poll_topics(self) -> None:
        self._turned = True
        self._catalog.update(image_topics(self))

    def _take_turned(self) -> bool:
        turned, self._turned = self._turned, False
        return turned

    def _health(self) -> diagnostics.Health:
        streams = self._catalog.streams()
        viewers = [viewer for stream in streams for viewer in stream.viewers.copy()]
        lost = {stream.name: signal for stream in streams
                if stream.viewers and (signal := stream.reception.signal()).lost}
        default, meters = streams[0], [stream.reception.received for stream in streams]
        refused = [stream.reception for stream in streams if stream.reception.refused]
        values = {
            'topic': default.name,
            'address': self._server.url(),
            'viewers': len(viewers),
            'frames/s received': sum(meter.per_second() for meter in meters),
            'bytes/s received': sum(meter.bytes_per_second() for meter in meters),
            'frames/s sent': sum(stream.sent_per_s[0] for stream in streams),
            'bytes/s sent': sum(stream.sent_per_s[1] for stream in streams),
            'age when received [ms]': default.arrivals.median_age_ms(),
            'frames skipped for viewers': sum(viewer.skipped for viewer in viewers),
            'H.264': ', '.join(filter(None, (stream.video.title() for stream in streams))),
            'corrupt pictures': sum(reception.refused for reception in refused),
            'last corrupt picture': refused[-1].reason if refused else '',
        }
        kinds = [outlet.kind for outlet in self._outlets]
        for outlet in self._outlets:
            name = outlet.kind if kinds.count(outlet.kind) == 1 else outlet.url()
            values[f'{name}: frames sent'] = outlet.frames_sent
            values[name] = outlet.reason or outlet.url()
        if self._microphone is not None:
            values['sound'] = self._microphone.reason or self._microphone.title()
        if self._sound_topics is not None:
            values['sound on topics'] = self._sound_topics.title()
        if lost:
            return diagnostics.Health(diagnostics.ERROR, '; '.join(
                f"no picture of '{name}': {signal}" for name, signal in lost.items()), values)
        reasons = [outlet.reason for outlet in self._outlets if outlet.reason]
        if self._microphone is not None and self._microphone.reason:
            reasons.append(self._microphone.reason)
        if reasons:
            return diagnostics.Health(diagnostics.WARN, '; '.join(reasons), values)
        return diagnostics.Health(diagnostics.OK, f'{len(viewers)} viewers', values)

    def _driving_health(self) -> diagnostics.Health:
        state = self._drive.state() if self._drive is not None else {}
        stops = state.pop('stops', {})
        values = {**state, **{f'stops: {reason}': count for reason, count in stops.items()}}
        if state.get('fault'):
            return diagnostics.Health(diagnostics.ERROR, str(state['fault']), values)
        if state.get('latched'):
            return diagnostics.Health(
                diagnostics.WARN, 'emergency stop' if not state.get('others_move') else
                f"emergency stop, contested by {state['others']}", values)
        if state.get('others_send'):
            return diagnostics.Health(
                diagnostics.WARN if state.get('driver') else diagnostics.OK,
                f"others send commands: {state['others']}", values)
        return diagnostics.Health(
            diagnostics.OK, f"{state['driver']} drives" if state.get('driver') else
            'nobody drives', values)


def main(args: Sequence[str] | None = None) -> int:
    return run_node(HttpBridgeNode, 'http_bridge_node', args)
