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

"""The recorder among ROS nodes: its service, what is found, and what others drive with."""

from collections.abc import Callable
from typing import Any, TYPE_CHECKING

from std_msgs.msg import String
from std_srvs.srv import SetBool

from .other_driving import OtherDriving
from .. import diagnostics
from ..base_node import BaseNode
from ...client.clock import now_function
from ...client.entities import create_service, create_subscription, destroy
from ...client.qos import reliable_qos
from ...core.driving.driven_vehicle import DrivenVehicle
from ...core.errors import PermanentError
from ...core.sound import SoundFeed
from ...parameters.record_settings import read_recording
from ...recording.settings import OFF
from ...web.stream.stream import Stream

if TYPE_CHECKING:
    from ...recording.recorder import Recorder

_RESULTS = 'results'


def create_recorder(node: BaseNode, topic: str, find: Callable[[str], Stream],
                    vehicle: DrivenVehicle | None, others: OtherDriving,
                    sound: SoundFeed | None) -> 'Recorder | None':
    """
    Return what records a node's streams; None where nothing is to be recorded.

    `topic` is the node's own, `find` returns a stream, `sound` is a microphone's. PermanentError
    as `read_recording`.
    """
    settings = read_recording(node.value)
    if settings is None:
        return None
    from ...recording.recorder import Recorder  # half a megabyte, which most do without
    results = _Results(node)

    def listen(active: bool) -> None:
        results.listen(active)
        if vehicle is None:  # otherwise it hears them anyway
            others.listen(active)

    recorder = Recorder(settings, find, settings.topics or (topic,), now_function(node),
                        lambda sentence: _warn(node, sentence), listen, sound)
    results.on_text = recorder.note_found
    others.on_driven = recorder.note_driven_by_others
    if vehicle is not None:
        vehicle.on_sent = recorder.note_driven

    def record(request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        reason = recorder.switch(request.data)
        state = recorder.state()
        response.success = not reason
        response.message = reason or str(state['fault']) or (
            f"recording into '{settings.folder}'" if state['recording'] else
            'waiting for something to move' if state['waiting'] else 'not recording')
        return response

    create_service(node, SetBool, '~/record', record)
    diagnostics.Diagnostics(node, 'recording', lambda: _health(recorder))
    return recorder


def set_mode(recorder: 'Recorder | None', mode: str) -> None:
    """Record as `record` says from now on; PermanentError where there is nothing to do so."""
    if recorder is not None:
        recorder.set_mode(mode)
    elif mode != OFF:
        raise PermanentError(f"'record' cannot be {mode}, because there is no folder for "
                             "recordings: start this node with 'record_folder'")


def _warn(node: BaseNode, sentence: str) -> None:
    if node.context.ok():  # it is another thread that says it
        node.get_logger().warning(sentence)


class _Results:
    """The topic of a consumer, which works for it, while something may be recorded."""

    def __init__(self, node: BaseNode) -> None:
        self.on_text: Callable[[str], None] = lambda _: None
        self._node, self._subscription = node, None

    def listen(self, wanted: bool) -> None:
        """Subscribe, or no more. Any thread."""
        self._node.run_soon(lambda: self._follow(wanted))

    def _follow(self, wanted: bool) -> None:
        if wanted and self._subscription is None:
            self._subscription = create_subscription(self._node, String, _RESULTS,
                                                     self._on_message, reliable_qos(1))
        elif not wanted and self._subscription is not None:
            destroy(self._node, self._subscription)
            self._subscription = None

    def _on_message(self, message: Any) -> None:
        self.on_text(message.data)


def _health(recorder: 'Recorder') -> diagnostics.Health:
    values = {name: ', '.join(value) if isinstance(value, list) else value
              for name, value in recorder.state().items()}
    if fault := values.pop('fault'):
        return diagnostics.Health(
            diagnostics.ERROR if values['recording'] else diagnostics.WARN, str(fault), values)
    return diagnostics.Health(
        diagnostics.OK, f"recording {values['file']}".strip() if values['recording'] else
        'waiting for something to move' if values['waiting'] else 'not recording', values)
