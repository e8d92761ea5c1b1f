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
Show a camera to browsers in one process, without ROS: `python3 -m pi_camera_stream serve`.

A source runs in a thread, and hands its newest frame to the same streams, tiers and pages as the
bridge node has them. `--help` shows the options.
"""

from collections.abc import Callable, Sequence
import logging
import sys
import threading
import time
from typing import TYPE_CHECKING

from .camera_feed import CameraFeed
from .configuration import Configuration, read_configuration
from .processed_feed import ProcessedFeed
from .vehicle import create_motors
from ..codecs.renditions import RenditionEncoder
from ..core.camera_info import SentInfo
from ..core.driving.driven_vehicle import DrivenVehicle
from ..core.driving.guarded_actuator import GuardedActuator
from ..core.driving.safety_chain import SafetyChain
from ..core.errors import EndOfStream, PermanentError
from ..core.machine_health import read_health
from ..core.rendition_spec import RenditionSpec
from ..core.service_manager import ServiceManager
from ..core.shutdown_signals import end_by_signals
from ..outlets.create import create_outlets
from ..parameters.driving_settings import check_access, read_limits
from ..parameters.record_settings import read_recording
from ..parameters.secrets import exposed
from ..parameters.sound_settings import create_microphone, create_sound
from ..parameters.web_settings import read_helpers, read_outlets, read_rules, read_video
from ..recording.settings import MOTION
from ..vision.pipeline import Pipeline
from ..web.access.tls import server_context
from ..web.app import Application
from ..web.drive.drive import Drive
from ..web.results import ResultsFeed
from ..web.server import WebServer
from ..web.stream.catalog import Catalog
from ..web.watchdog import Watchdog

if TYPE_CHECKING:
    from ..recording.recorder import Recorder

_COMPRESSED = 'sensor_msgs/msg/CompressedImage'  # what such a topic would be among ROS nodes


def main(args: Sequence[str] | None = None) -> int:
    logging.basicConfig(format='[%(levelname)s] %(message)s', level=logging.INFO)
    stopping = threading.Event()
    program: _Program | None = None

    def end() -> None:
        if program is not None:
            program.stop_vehicle()
        stopping.set()

    finish = end_by_signals(end)
    try:
        configuration = read_configuration(sys.argv[1:] if args is None else args)
        program = _Program(configuration, stopping.set)
        program.start()
        if not stopping.wait(configuration.seconds or None):
            program.see_pictures()
        return program.code()
    except PermanentError as error:
        print(f'serve: error: {" ".join(str(error).split())}', file=sys.stderr, flush=True)
        return 1
    finally:
        finish()
        if program is not None:
            program.stop()


class _Program:
    """The parts, put together. The main thread starts and stops it."""

    def __init__(self, configuration: Configuration, end: Callable[[], None]) -> None:
        self._log = logging.getLogger('serve')
        self._end = end
        self._ended: Exception | None = None
        self._results = ResultsFeed()
        bridge = configuration.bridge
        self._encoder = RenditionEncoder(int(bridge['max_pixels']))
        self._full = RenditionSpec(quality=int(bridge['jpeg_quality']))
        self._video = read_video(bridge.__getitem__, self._log.warning)
        self._cameras = [CameraFeed(choice, self._encoder, self._full, self._video, self._on_end,
                                    self._log) for choice in configuration.cameras]
        self._always = not any(choice.values['standby'] for choice in configuration.cameras)
        self._processed = self._create_processors(configuration)
        self._feeds: list[CameraFeed | ProcessedFeed] = [*self._cameras, *self._processed]
        self._streams = {feed.stream.name: feed.stream for feed in self._feeds}
        self._catalog = Catalog(self._feeds[0].stream.name, self._streams.__getitem__)
        self._catalog.update(dict.fromkeys(self._streams, _COMPRESSED))
        rules = read_rules(bridge.__getitem__)
        tls = server_context(str(bridge['certfile']), str(bridge['keyfile']))
        self._microphone = create_microphone(bridge.__getitem__, time.time_ns, self._log.warning)
        self._recorder = self._create_recorder(configuration)
        # Last, since from then on there is something to be stopped.
        self._vehicle = self._create_vehicle(configuration)
        if self._vehicle is not None and self._recorder is not None:
            self._vehicle.on_sent = self._recorder.note_driven
        drive = None if self._vehicle is None else Drive(
            self._vehicle, self._catalog.age_s, self._catalog.prefer, self._log.info)
        sound = create_sound(self._microphone, time.time_ns)
        application = Application(self._catalog, rules, self._log.warning, drive,
                                  machine=lambda: read_health().state(),
                                  results=self._results if self._processed else None,
                                  camera_infos=self._camera_info,
                                  ice_servers=read_helpers(bridge.__getitem__),
                                  recordings=self._recorder, sound=sound)
        self._outlets = create_outlets(
            read_outlets(bridge.__getitem__), self._catalog, rules, application.places,
            application.note_wrong, self._log.warning,
            None if sound is None else sound.listeners)
        application.serve_beside(self._outlets)
        self._server = WebServer(
            application.build if self._recorder is None else
            self._recorder.beside(application.build),
            str(bridge['address']), int(bridge['port']), tls,
            self._log.info if bridge['access_log'] else None,
            Watchdog(ServiceManager(), self._status), rules.counted)
        for note in configuration.notes:
            self._log.info(note)
        for sentence in exposed(configuration.files, str(bridge['keyfile'])):
            self._log.warning(sentence)

    def start(self) -> None:
        if self._vehicle is not None:
            self._vehicle.start()
        for feed in self._feeds:
            feed.start()
        if self._microphone is not None:
            self._microphone.start()
        self._server.start()
        for camera in self._cameras:
            self._log.info('%s: %s', camera.stream.name, camera.source.title)
        for outlet in self._outlets:
            if not outlet.reason:
                self._log.info('%s', outlet.title())
        print(f'Open {self._server.url()} in a browser. Ctrl-C ends it.', flush=True)

    def stop_vehicle(self) -> None:
        """Let the vehicle stand for good. Any thread may call it, and again."""
        if self._vehicle is not None:
            self._vehicle.stop()

    def stop(self) -> None:
        self.stop_vehicle()
        if self._recorder is not None:
            self._recorder.stop()
        self._server.stop()
        for feed in self._feeds:
            feed.stop()
        if self._microphone is not None:
            self._microphone.stop()

    def code(self) -> int:
        """Return the exit code; PermanentError when a source has failed for good."""
        if self._ended is None or isinstance(self._ended, EndOfStream):
            return 0
        raise PermanentError(str(self._ended))

    def see_pictures(self) -> None:
        """PermanentError when none has come, though they were asked for."""
        receptions = [camera.stream.reception for camera in self._cameras]
        if self._always and not any(reception.received.total for reception in receptions):
            reason = receptions[0].signal().reason
            raise PermanentError(f'no picture arrived: {reason or "see above"}')

    async def _camera_info(self, name: str) -> SentInfo:
        """Return what is known of the camera; a stream of processed pictures is of the first."""
        return next((camera for camera in self._cameras if camera.stream.name == name),
                    self._cameras[0]).info()

    def _create_vehicle(self, configuration: Configuration) -> DrivenVehicle | None:
        """Return what pages may drive; None where no vehicle is named."""
        if not configuration.vehicle:
            return None
        value = configuration.bridge.__getitem__
        if warning := check_access(value, "'--vehicle'"):
            self._log.warning(warning)
        chain = SafetyChain(*read_limits(value))
        return DrivenVehicle(chain, GuardedActuator(create_motors(configuration.vehicle)),
                             self._log.warning)

    def _create_processors(self, configuration: Configuration) -> list[ProcessedFeed]:
        """Return what works on the first camera; nothing where no processor is named."""
        if not configuration.processors:
            return []
        pipeline = Pipeline(configuration.processors, lambda name, error: self._log.warning(
            "processor '%s' failed, everything else keeps running: %s", name, error))
        return [ProcessedFeed(self._cameras[0], pipeline, self._encoder, self._full,
                              self._video, self._on_results, self._log)]

    def _create_recorder(self, configuration: Configuration) -> 'Recorder | None':
        """Return what records the cameras; None where nothing is to be recorded."""
        settings = read_recording(configuration.bridge.__getitem__)
        if settings is None:
            return None
        if settings.mode == MOTION and MOTION not in configuration.processors:
            raise PermanentError("'record' is motion, but nothing looks for motion: add "
                                 '--processor motion')
        from ..recording.recorder import Recorder  # half a megabyte, which most do without
        return Recorder(
            settings, self._catalog.stream,
            settings.topics or [camera.stream.name for camera in self._cameras], time.time_ns,
            self._log.warning,
            sound=None if self._microphone is None else self._microphone.feed)

    def _on_results(self, text: str) -> None:
        self._results.put(text)
        if self._recorder is not None:
            self._recorder.note_found(text)

    def _status(self) -> str:
        lost = [f'{stream.name}: {signal}' for stream in (one.stream for one in self._cameras)
                if (signal := stream.reception.signal()).lost and (stream.viewers or self._always)]
        viewers = sum(len(feed.stream.viewers) for feed in self._feeds)
        return '; '.join([f'{viewers} viewers', *lost])

    def _on_end(self, reason: Exception) -> None:
        """One camera has ended; called in its capture thread."""
        self._ended = reason
        self._end()
