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



"""The node that works on pictures with OpenCV."""

from collections.abc import Iterable, Mapping, Sequence
import math
import threading
import time
import traceback
from typing import Any

from sensor_msgs.msg import CompressedImage

from .consumer_topics import ConsumerTopics, LARGEST_BYTES
from .message_decoder import decode
from .. import diagnostics
from ..base_node import BaseNode
from ..run import run_node
from ...client.calibration_subscription import CalibrationSubscription
from ...client.entities import Periodic
from ...client.image_subscription import ImageSubscription
from ...client.trace import TracePublisher
from ...codecs.decoding import decode_frame
from ...core.errors import PermanentError
from ...core.frame import Frame, image_size, StampedImage
from ...core.fresh_mailbox import FreshMailbox
from ...core.mailbox import Mailbox
from ...core.parameters import Value
from ...core.reception import SILENT_S
from ...core.statistics import Heartbeat, RateMeter, Recent
from ...parameters.tables import OPENCV_CONSUMER
from ...vision import pipeline as pipelines
from ...vision import registry
from ...vision.pipeline import Pipeline, ValuesRefusedError
from ...vision.processor import FrameInfo

_POLL_S = 0.25  # how often it is looked for subscribers
_LINGER_S = 2.0  # how long it goes on after the last one


class OpencvConsumerNode(BaseNode):
    """
    Decode the newest picture, let the processors work on it, publish what they found.

    It receives nothing while nobody subscribes to that, unless a processor works always. The
    executor's thread only receives; while the working thread is busy with one picture, newer
    ones replace each other. So processors that are slower than the camera cost pictures, but do
    not make the results older.
    """

    def __init__(self) -> None:
        super().__init__('opencv_consumer', (*OPENCV_CONSUMER, *registry.built_in_parameters()))
        self._pipeline = self._create_pipeline({})
        self._max_pixels = self.value('max_pixels')
        self._subscription = ImageSubscription(
            self, 'image_raw/compressed', self._on_frame, adaptive=self.value('adaptive'),
            max_pixels=self._max_pixels)
        self._newest: FreshMailbox[tuple[Frame | StampedImage, Any]] = FreshMailbox(
            self._subscription.reception.received.per_second)
        self._calibration = CalibrationSubscription(self, self._subscription.topic)
        self._trace = TracePublisher(self)
        self._topics = ConsumerTopics(self, self.value('jpeg_quality'),
                                      self.value('reliability') == 'reliable')
        self._processed, self._finished = RateMeter(), Heartbeat()
        self._ages_ms, self._work_ms = Recent(), Recent()
        self._detections = 0
        self._failed = 0
        self._receiving = False
        self._wanted_s = -math.inf  # when that was last wanted
        self._worker = threading.Thread(target=self._work, name='work', daemon=True)
        diagnostics.Diagnostics(self, 'processing', self._health)

    def start(self) -> None:
        super().start()
        self._worker.start()
        Periodic(self, _POLL_S, self._follow_demand)
        self._follow_demand()
        self.get_logger().info(
            f"running '{self._pipeline.name}' on '{self._subscription.topic}'"
            + (', while somebody subscribes' if self._pipeline.needs_subscriber else ''))

    def stop(self) -> None:
        self._newest.close()
        if self._worker.is_alive():
            self._worker.join(timeout=1.0)

    def take_parameters(self, changed: Mapping[str, Value], others: Mapping[str, Any],
                        live: bool) -> None:
        """Change the processors, or their parameters, from the next picture on."""
        super().take_parameters(changed, others, live)
        if not live:
            return
        if 'processor' in changed:
            pipeline = self._create_pipeline(changed)
            pipeline.configure()
            self._pipeline = pipeline
            self.run_soon(self._follow_demand)
        else:
            own = {stage.name: _own(stage.name, changed) for stage in self._pipeline.stages}
            own = {name: values for name, values in own.items() if values}
            for name in own:
                pipelines.check(name, self._values(name, changed))
            self._pipeline.reconfigure(own)
        if 'jpeg_quality' in changed:
            self._topics.jpeg_quality = int(changed['jpeg_quality'])

    def expected_groups(self) -> Iterable[str]:
        known = {*registry.NAMES, *(stage.name for stage in self._pipeline.stages)}
        return {name for name in registry.all_names() if name not in known}

    def _follow_demand(self) -> None:
        """Receive while that is wanted, and a moment longer; the executor's thread."""
        now_s = time.monotonic()
        # Who reads the trace measures what becomes of pictures here.
        if not self._pipeline.needs_subscriber or self._topics.wanted() or self._trace.wanted():
            self._wanted_s = now_s
        wanted = now_s - self._wanted_s < _LINGER_S
        if wanted and not self._receiving:
            self._begin_anew()
            self._subscription.subscribe()
        elif not wanted and self._receiving:
            self._subscription.unsubscribe()
        self._receiving = wanted
        self._calibration.follow(wanted and self._pipeline.uses_calibration)

    def _begin_anew(self) -> None:
        """Forget how it was when it last worked, which may be hours ago."""
        self._subscription.reception.restart()
        self._finished.restart()
        self._ages_ms.clear()
        self._work_ms.clear()
        self._detections = 0

    def _create_pipeline(self, changed: Mapping[str, Value]) -> Pipeline:
        names = registry.parse_names(str(changed.get('processor', self.value('processor'))))
        return Pipeline({name: self._values(name, changed) for name in names}, self._report)

    def _values(self, processor: str, changed: Mapping[str, Value]) -> dict[str, Value]:
        table = registry.parameters(processor)
        for parameter in table:
            if not self.has_parameter(parameter.name):  # of another package
                self.declare_row(parameter)
        return {parameter.name.partition('.')[2]: changed[parameter.name]
                if parameter.name in changed else self.value(parameter.name)
                for parameter in table}

    def _on_frame(self, frame: Frame | StampedImage, message: Any) -> None:
        self._newest.put((frame, message))
        self._trace.publish(self._subscription.topic, frame.stamp_ns,
                            received=self._trace.now_ns())

    def _work(self) -> None:
        while True:
            try:
                self._process(*self._newest.take())
            except Mailbox.Closed:
                return
            except Exception as error:  # one picture that cannot be worked on is one picture
                if not self.context.ok():  # Ctrl-C has closed the topics
                    return
                self._failed += 1
                self.get_logger().error(f'left out a picture: {error!r}\n'
                                        + traceback.format_exc(), throttle_duration_sec=1.0)

    def _process(self, frame: Frame | StampedImage, message: Any) -> None:
        started_s = time.perf_counter()
        try:
            image = decode(message, self._max_pixels) \
                if isinstance(frame, Frame) and isinstance(message, CompressedImage) \
                else decode_frame(frame, max_pixels=self._max_pixels)
        except ValueError as error:
            self._subscription.refuse(str(error))
            return
        self._subscription.reception.show()
        decoded_ns = self._trace.now_ns()
        pipeline, size = self._pipeline, image_size(image)
        info = FrameInfo(frame.stamp_ns, message.header.frame_id, frame.sequence, *size,
                         self._calibration.for_size(*size))
        outcomes = pipeline.process(image, info)
        work_ms = (time.perf_counter() - started_s) * 1e3
        processed_ns = self._trace.now_ns()
        age_ms = (processed_ns - frame.stamp_ns) / 1e6
        self._trace.publish(self._subscription.topic, frame.stamp_ns, decoded=decoded_ns,
                            processed=processed_ns)
        self._topics.publish_results(message.header, info, outcomes, age_ms, work_ms)
        if self._topics.image_wanted():
            self._topics.publish_image(message.header, pipeline.annotate(image, outcomes))
        self._processed.add()
        self._finished.beat()
        self._ages_ms.add(age_ms)
        self._work_ms.add(work_ms)
        self._detections = sum(len(outcome.findings.detections) for outcome in outcomes)

    def _report(self, processor: str, error: Exception) -> None:
        """Log what a processor raised; called once a second at most."""
        if isinstance(error, ValuesRefusedError):
            self.run_soon(lambda: self._take_back(processor, error))
        elif self.context.ok():  # else Ctrl-C came first
            details = str(error) if isinstance(error, PermanentError) else \
                f'{error!r}\n' + ''.join(traceback.format_exception(error))
            self.get_logger().error(
                f"processor '{processor}' failed, everything else keeps running: {details}")

    def _take_back(self, processor: str, error: ValuesRefusedError) -> None:
        """Let parameters show what the processor uses instead of what it has refused."""
        back = {f'{processor}.{name}': error.present[name] for name, value in error.refused.items()
                if self.value(f'{processor}.{name}') == value}
        self.take_back(back, str(error))

    def _health(self) -> diagnostics.Health:
        reception, rate = self._subscription.reception, self._processed.per_second()
        signal, stages, at_work = reception.signal(), self._pipeline.stages, self._receiving
        values = {
            'topic': self._subscription.topic,
            'processor': self._pipeline.name,
            'frames/s received': reception.received.per_second(),
            'frames/s processed': rate,
            'age of the result [ms]': self._ages_ms.median() if at_work else math.nan,
            'decoding and processing [ms]': self._work_ms.median() if at_work else math.nan,
            'detections': self._detections if at_work else 0,
            'dropped, processing is slower': self._newest.dropped,
            'corrupt pictures': reception.refused,
            'last corrupt picture': reception.reason,
            'pictures left out after a failure': self._failed,
            **{f"failures of '{stage.name}'": stage.failures for stage in stages},
        }
        if not at_work:
            return diagnostics.Health(diagnostics.OK, 'waiting for a subscriber', values)
        failing = [f"'{stage.name}' ({stage.error!r})" for stage in stages if stage.error]
        if signal.lost:
            return diagnostics.Health(
                diagnostics.WARN, f"no picture of '{self._subscription.topic}': {signal}", values)
        if self._finished.is_silent(SILENT_S):
            return diagnostics.Health(
                diagnostics.ERROR, 'pictures arrive, but none is processed', values)
        if failing:
            return diagnostics.Health(
                diagnostics.WARN, f'failing: {", ".join(failing)}', values)
        return diagnostics.Health(diagnostics.OK, f'{rate:.1f} frames/s', values)


def _own(processor: str, changed: Mapping[str, Value]) -> dict[str, Value]:
    """Return the values of a processor's parameters that change, by its own names."""
    return {name.partition('.')[2]: value for name, value in changed.items()
            if name.startswith(f'{processor}.')}


def main(args: Sequence[str] | None = None) -> int:
    return run_node(OpencvConsumerNode, 'opencv_consumer_node', args, LARGEST_BYTES)
