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

"""The node that owns the camera."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
import math
from pathlib import Path
import sys
import threading
import time
from typing import Any

from sensor_msgs.msg import CameraInfo
from std_srvs.srv import SetBool, Trigger

from .camera_calibration import CameraCalibration
from .camera_controls import CameraControls
from .focus import Focus
from .frame_publisher import FramePublisher
from .live_settings import LiveSettings
from .metadata_publisher import field_of_view, metadata_values, MetadataPublisher
from .picture_size import largest_picture_bytes
from .sender_notes import sender_values, SenderNotes
from .. import diagnostics
from ..base_node import BaseNode
from ..machine_diagnostics import MachineDiagnostics
from ..run import run_node
from ...client.clock import now_function
from ...client.entities import create_service, Periodic
from ...client.trace import TracePublisher
from ...client.video_topic import REQUEST_SERVICE
from ...core.errors import EndOfStream, PermanentError
from ...core.files import write_atomically
from ...core.mailbox import Mailbox
from ...core.parameters import Value
from ...parameters.source_settings import OF_THE_SOURCE, read_settings, RESTARTING
from ...parameters.tables import CAMERA
from ...sources.base import Source, without
from ...sources.capture_loop import CaptureLoop
from ...sources.registry import create_source

_METADATA_POLL_S = 0.5  # how often it is seen whether somebody wants those of each picture
_POLL_S = 0.1  # how often a camera on standby looks for subscribers
_LINGER_S = 5.0  # how long it goes on after the last one
_REPEAT_S = 10.0  # how often the same problem is logged
_FRESH_S = 2.0  # how old the picture of a snapshot may be
_ADAPTIVE = 'adaptive', 'adaptive_floor', 'max_bitrate_bps'


class CameraNode(BaseNode):
    """
    Publish a source's pictures, and their `camera_info`.

    The capture thread runs the source, and starts it again when it fails; the publishing thread
    takes the newest picture, encodes it when it has to, and publishes; the executor's thread
    serves parameters, services and diagnostics. Nothing is encoded while nobody subscribes.
    """

    def __init__(self) -> None:
        super().__init__('camera', CAMERA)
        self._live = LiveSettings({name: self.value(name) for name in OF_THE_SOURCE})
        source = create_source(read_settings(self.value))
        source.check()
        self._calibration = CameraCalibration(
            self, self.value('camera_info_url'),
            self.get_namespace().strip('/').replace('/', '_') or self.get_name(),
            *source.settings.flips)
        self._controls = CameraControls(self)
        self._focus = Focus(self, self._controls, self._calibration)
        self._calibration.on_change = self._take_controls
        self._capture = CaptureLoop(
            source, now_function(self), self._on_source_end, self._on_problem,
            self._on_delivery, self._on_refusal)
        self._capture.on_answer = lambda: self.run_soon(self._take_answer)
        self._tried = source  # the one that runs, or is about to
        self._sender = SenderNotes(self.get_logger(), self.value('frame_id'))
        self._pictures = FramePublisher(
            self, self.value('frame_id'), self.value('lores_width'), self.value('jpeg_quality'),
            self._info, TracePublisher(self), self._capture.limit_bitrate,
            self.value('max_pixels'), self.value('reliability') == 'reliable',
            float(self.value('h264_bitrate')), self._capture)
        self._metadata = MetadataPublisher(self)
        for name in _ADAPTIVE:
            self.on_parameter(name, self.value(name))
        self._controls_named = False  # those that are given, and that the camera does not have
        self._on = True  # as set_capture says
        self._failed, self._unpublished = 0, ''  # pictures, and why the last one was
        self._titled = ''  # the source, as it was told last
        self._said = '', 0.0  # the last problem that was logged, and when
        self._wanted_s = 0.0  # when somebody last subscribed
        self._publisher = threading.Thread(target=self._publish_all, name='publish', daemon=True)
        create_service(self, SetBool, '~/set_capture', self._set_capture)
        create_service(self, Trigger, '~/save_snapshot', self._save_snapshot)
        create_service(self, Trigger, f'~/{REQUEST_SERVICE}', self._request_key_frame)
        diagnostics.Diagnostics(self, 'stream', self._health)
        MachineDiagnostics(self)

    def start(self) -> None:
        super().start()
        source = self._capture.source
        self._titled = source.title
        self.get_logger().info(f"publishing {source.title} on '{self._pictures.topic}'")
        if self.value('source') == 'auto' and _shows_no_camera(source):
            self.get_logger().warning(
                'source auto found no camera, so this is a test pattern: connect one, which is '
                "then used, or name another source, such as url or file with the parameter 'path'")
        if self.value('standby'):
            self._capture.want(False)
            Periodic(self, _POLL_S, self._poll_demand)
        Periodic(self, _METADATA_POLL_S, self._poll_source)
        self._take_controls()  # of sources that tell them before they run
        self._capture.start()
        self._publisher.start()

    def stop(self) -> None:
        if self._publisher.ident is not None:  # was started, though it may have ended already
            self._pictures.close()
            self._capture.stop()
            self._publisher.join(timeout=1.0)
            self._pictures.join(timeout_s=1.0)

    def take_parameters(self, changed: Mapping[str, Value], others: Mapping[str, Any],
                        live: bool) -> None:
        """Use new values from the next picture on; some take a new start of the source."""
        if not live or self._controls.declaring:
            return
        controls = {name: self._controls.check(name, value) for name, value in others.items()
                    if name in self._controls.names}
        self._take_settings({name: value for name, value in changed.items()
                             if name in OF_THE_SOURCE})
        if controls:
            source = self._capture.source
            source.set_controls(self._controls.choose(controls))
            source.keep_controls(self._controls.wanted.keys())
        super().take_parameters(changed, others, live)

    def _take_settings(self, changed: Mapping[str, Value]) -> None:
        if not RESTARTING & changed.keys() and not self._starts_with(changed):
            self._live.use(changed)
            return
        source = self._create_source({**self._live.wanted, **changed})
        self._controls.forget(changed)
        if self._live.add(changed):
            self._start_with(source)

    def _starts_with(self, changed: Mapping[str, Value]) -> bool:
        source, fps = self._capture.source, float(changed.get('fps', -1))
        if 'fps' in source.hands_on and 'fps' in changed:
            return True
        faster = fps != source.fps and (fps == 0 or fps > source.opened_fps)
        return ('fps' in source.starts_with and faster) or (
            'jpeg_quality' in source.starts_with & changed.keys())

    def _create_source(self, values: Mapping[str, Value]) -> Source:
        """Return a source with these values; the camera that `auto` has found stays the same."""
        settings = read_settings(values.__getitem__)
        present = self._capture.source
        if settings.source == 'auto' and not settings.path and not _shows_no_camera(present):
            settings = replace(without(settings, present.options),
                               source=present.settings.source, path=present.settings.path)
        source = create_source(settings)
        source.check()
        source.remember(present)
        return source

    def _start_with(self, source: Source) -> None:
        source.set_controls(self._controls.wanted)
        self._tried = source
        self._capture.change(source)

    def on_parameter(self, name: str, value: Value) -> None:
        if name == 'fps':
            self._capture.source.fps = float(value)
        elif name == 'jpeg_quality':
            self._pictures.encoder.quality = int(value)
        elif name == 'lores_width':
            self._pictures.raws.lores_width = int(value)
        elif name == 'frame_id':
            self._sender.set_frame_id(str(value))
        elif name == 'h264_bitrate':
            self._pictures.video.most_bps = float(value)
        elif name == 'adaptive':
            self._pictures.adaptation.enabled = self._pictures.video.asked.enabled = bool(value)
        elif name == 'adaptive_floor':
            self._pictures.adaptation.floor_bps = float(value)
        elif name == 'max_bitrate_bps':
            self._pictures.adaptation.most_bps = float(value) or math.inf

    def _info(self, width: int, height: int) -> CameraInfo:
        """Return what is known of the lens, for pictures of that size as they are turned now."""
        settings = self._capture.source.settings
        if settings.rotation % 180:  # a calibration is that of the sensor's own rows and columns
            return CameraInfo(width=width, height=height)
        sender = self._capture.source.sender
        return self._calibration.info(width, height, *settings.flips,
                                      sender.calibration if sender else None)

    def _on_delivery(self) -> None:
        source = self._capture.present
        self.run_soon(lambda: self._take_delivery(source))

    def _on_refusal(self, source: Source, sentence: str) -> None:
        self.run_soon(lambda: self._take_refusal(source, sentence))

    def _take_delivery(self, source: Source) -> None:
        if source is self._tried and self._live.accept():
            self._try_next()
        self._take_controls()

    def _take_refusal(self, source: Source, sentence: str) -> None:
        if source is not self._tried:
            return  # what came later was tried with it, and will be refused, too
        self._tried = self._capture.source  # the one before, unless there is something to try
        if self._refuse(sentence):
            self._try_next()

    def _try_next(self) -> None:
        """Start the source for what waits, and pass over what cannot be."""
        more = True
        while more:
            try:
                self._start_with(self._create_source(self._live.trying))
                return
            except PermanentError as error:
                more = self._refuse(str(error))

    def _refuse(self, sentence: str) -> bool:
        """Let parameters show what works; True when there is something else to try."""
        back, more = self._live.refuse()
        self.take_back(back, sentence)
        for name, value in back.items():
            self.on_parameter(name, value)
        return more

    def _take_controls(self) -> None:
        source = self._capture.source
        if source.title != self._titled:  # it was not known before which one it would be
            self._titled = source.title
            self.get_logger().info(f'pictures come from {source.title}')
        source.fps = self.value('fps')
        if controls := source.controls():
            self._controls.declare(controls)
            if not self._controls_named:
                self._controls_named = True
                self.given.name_missing_controls(controls)
            self._focus.decide(source)
            wanted = self._controls.wanted
            source.set_controls(wanted)
            source.keep_controls(wanted.keys())

    def _take_answer(self) -> None:
        source = self._capture.source
        if source.refused:
            self.get_logger().warning(f'the camera refused controls: {source.refused}')
        if source.is_settled():
            self._controls.refresh(source.controls())

    def _on_source_end(self, reason: Exception) -> None:
        if isinstance(reason, EndOfStream):
            self.get_logger().info(f'{self._capture.source.title}: the end')
        self.end(reason)

    def _on_problem(self, sentence: str) -> None:
        said, said_s = self._said
        if sentence != said or time.monotonic() - said_s > _REPEAT_S:
            self._said = sentence, time.monotonic()
            self.get_logger().error(f'{sentence}; trying again')

    def _publish_all(self) -> None:
        while True:
            try:
                newest = self._capture.mailbox.take()
                if newest is not None:
                    self._pictures.frame_id = self._sender.frame_id(self._capture.present)
                    self._pictures.publish(*newest)
                    self._metadata.publish(*newest)
                    self._unpublished = ''
            except Mailbox.Closed:
                return  # the capture thread has said why
            except Exception as error:  # the network may be unable to, for a moment
                if not self.context.ok():
                    return  # Ctrl-C has closed the topics
                self._failed += 1
                self._unpublished = f'left out a picture that cannot be published: {error!r}'
                self.get_logger().error(self._unpublished, throttle_duration_sec=_REPEAT_S)

    def _poll_source(self) -> None:
        source = self._capture.source
        source.want_metadata(self._metadata.wanted())
        self._sender.say(source, calibrated=self._calibration.calibration is not None)

    def _poll_demand(self) -> None:
        now_s = time.monotonic()
        if self._pictures.wanted():
            self._wanted_s = now_s
        self._capture.want(self._on and now_s - self._wanted_s < _LINGER_S)

    def _set_capture(self, request: SetBool.Request, response: SetBool.Response
                     ) -> SetBool.Response:
        self._on = request.data
        if self.value('standby'):
            self._poll_demand()
        else:
            self._capture.want(self._on)
        response.success = True
        response.message = f'the camera is {"on" if self._on else "off"}'
        return response

    def _save_snapshot(self, _request: Trigger.Request, response: Trigger.Response
                       ) -> Trigger.Response:
        try:
            response.message = str(self._write_snapshot())
            response.success = True
        except (PermanentError, OSError, RuntimeError, ValueError) as error:
            response.message = str(error)
        return response

    def _request_key_frame(self, _request: Trigger.Request, response: Trigger.Response
                           ) -> Trigger.Response:
        response.success, response.message = self._pictures.video.request_key_frame()
        return response

    def _write_snapshot(self) -> Path:
        newest = self._pictures.newest
        fresh_s = max(_FRESH_S, 2 / (self._capture.source.nominal_fps or 1))
        if newest is None or time.monotonic_ns() - newest[0].monotonic_ns > fresh_s * 1e9:
            self._wanted_s = time.monotonic()  # wakes a camera on standby
            raise PermanentError(self._capture.problem or (
                'the camera was on standby and is starting: call again in a second'
                if self._on else 'the camera is off: call set_capture with data: true'))
        folder = Path(self.value('snapshot_folder')).expanduser()
        # Without a simulated clock, in our time.
        seconds, rest_ns = divmod(newest[1] or time.time_ns(), 10**9)
        day = time.strftime('%Y%m%d_%H%M%S', time.localtime(seconds))
        path = folder / f'{self.get_name()}_{day}_{rest_ns // 10**6:03d}.jpg'
        write_atomically(path, self._pictures.as_jpeg(newest[0]))
        return path

    def _health(self) -> diagnostics.Health:
        capture, raws, video = self._capture, self._pictures.raws, self._pictures.video
        source, silent_s = capture.source, capture.silent_s()
        wanted, got = source.nominal_fps, capture.captured.per_second()
        values = {
            'source': source.title,
            'frames/s wanted': wanted or 'as many as come',
            'frames/s': got,
            'frames/s published': self._pictures.published.per_second(),
            'bytes/s published': round(self._pictures.published.bytes_per_second()),
            'age when published [ms]': self._pictures.ages_ms.median(),
            'subscribers': self._pictures.subscribers(),
            'dropped, publishing is slower': capture.mailbox.dropped,
            'raw images/s published': raws.published.per_second(),
            'dropped, raw images are slower': raws.dropped,
            **video.values(),
            'corrupt pictures': self._pictures.corrupt + raws.corrupt + video.corrupt,
            'last corrupt picture': self._pictures.corrupt_reason,
            'failed to publish': self._failed + raws.failed + video.failed,
            'subscribers that get nothing': _list(self._pictures.qos.refused),
            **self._pictures.adaptation_values(),
            'restarts': capture.restarts,
            **source.counters(),
            **sender_values(source),
            **_camera_values(source),
        }
        if not capture.wanted:
            return diagnostics.Health(
                diagnostics.OK, 'on standby' if self._on else 'the camera is off', values)
        if problem := capture.problem or self._unpublished or raws.failure or video.failure:
            return diagnostics.Health(diagnostics.ERROR, problem, values)
        if silent_s > capture.longest_silence_s():
            return diagnostics.Health(
                diagnostics.ERROR, f'no picture for {silent_s:.0f} s', values)
        if source.refused:
            return diagnostics.Health(
                diagnostics.WARN, f'the camera refused controls: {source.refused}', values)
        if got < 0.8 * wanted:
            return diagnostics.Health(
                diagnostics.WARN, f'{got:.1f} of {wanted:.1f} frames/s', values)
        return diagnostics.Health(diagnostics.OK, f'{got:.1f} frames/s', values)


def _list(refused: Mapping[str, Sequence[str]]) -> str:
    return ', '.join(node for nodes in refused.values() for node in nodes) or 'none'


def _camera_values(source: Source) -> dict[str, object]:
    """Return what is known of camera and encoder, and nothing of what is not."""
    sensor = source.sensor()
    known = {'encoder': source.encoder(), 'sensor mode': sensor.get('mode'),
             'field of view': field_of_view(source.metadata, sensor)}
    return {**{name: value for name, value in known.items() if value},
            **metadata_values(source.metadata)}


def _shows_no_camera(source: Source) -> bool:
    """Return whether `auto` has found none; it would not have chosen the pattern otherwise."""
    return source.settings.source == 'pattern'


def main(args: Sequence[str] | None = None) -> int:
    return run_node(CameraNode, 'camera_node', args,
                    largest_picture_bytes(sys.argv if args is None else args))
