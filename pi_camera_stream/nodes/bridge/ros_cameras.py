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

"""The cameras whose pictures are shown, as a page may change them: by their nodes' parameters."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from typing import Any, TypeVar

from rcl_interfaces.srv import ListParameters, SetParametersAtomically
from rclpy.node import Node

from .control_parameters import to_parameter
from .parameter_client import ParameterClient
from ...client.entities import run_soon
from ...client.graph import full_name, NAMELESS, publishers
from ...core.errors import PermanentError, TemporaryError
from ...web.controls.cameras import Control, may_be_set, place

_MOST_NODES = 4  # whose services are kept
_MOST_CONTROLS = 100
_MOST_SAID = 500  # characters of a refusal

T = TypeVar('T')


def create_cameras(node: Node, value: Callable[[str], Any]) -> 'RosCameras | None':
    """
    Return the cameras as pages may change them; None where they may not.

    Raises PermanentError when everyone in the network could.
    """
    if not value('camera_controls'):
        return None
    known = value('access_token') or value('driver_token')
    if not known and not value('teleop.enabled'):
        raise PermanentError(
            "'camera_controls' needs an access token (parameter 'access_token'), or that pages "
            "may drive ('teleop.enabled'), or anyone on the network could change the camera: set "
            "one of them, or 'camera_controls' to false")
    if not known:
        node.get_logger().warning(
            'pages may change the camera without an access token: anyone on the network can')
    elif not value('certfile'):
        node.get_logger().warning(
            'pages may change the camera without HTTPS: anyone who eavesdrops on the network '
            "learns the access token. Set 'certfile' and 'keyfile', unless a proxy in front of it "
            'has HTTPS')
    return RosCameras(node)


class RosCameras:
    """
    Read and set parameters of the nodes that publish pictures; see `web.controls.cameras`.

    Any thread may call its public methods; all else is done in the executor's.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._clients: OrderedDict[str, ParameterClient] = OrderedDict()

    def read(self, topic: str) -> 'Future[list[Control]]':
        answer: Future[list[Control]] = Future()

        def ask(client: ParameterClient) -> None:
            client.ask(ListParameters.Request(), lambda response: client.look(
                _names(response), lambda found: _settle(answer, found), answer), answer)

        self._begin(topic, ask, answer)
        return answer

    def set(self, topic: str, name: str, value: Any) -> 'Future[str]':
        answer: Future[str] = Future()

        def ask(client: ParameterClient) -> None:
            client.look([name], lambda found: change(client, found), answer)

        def change(client: ParameterClient, found: Sequence[Control]) -> None:
            try:
                if not found:
                    raise ValueError(f"the camera has no control '{name}'")
                parameter = to_parameter(name, found[0].kind, found[0].check(value))
            except ValueError as error:
                _settle(answer, str(error))
                return
            client.ask(SetParametersAtomically.Request(parameters=[parameter]),
                       lambda response: _settle(answer, _refusal(response)), answer)

        self._begin(topic, ask, answer)
        return answer

    def _begin(self, topic: str, ask: Callable[[ParameterClient], None], answer: 'Future[Any]'
               ) -> None:
        """Call `ask`, in the executor's thread, with the node that publishes the topic."""
        def begin() -> None:
            names = sorted({full_name(end) for end in publishers(self._node, topic)} - {NAMELESS})
            if names:
                ask(self._client(names[0]))
            else:
                _fail(answer, f"no node publishes '{topic}' now")

        run_soon(self._node, begin)

    def _client(self, name: str) -> ParameterClient:
        if name not in self._clients:
            self._clients[name] = ParameterClient(self._node, name)
            if len(self._clients) > _MOST_NODES:
                self._clients.popitem(last=False)[1].close()
        self._clients.move_to_end(name)
        return self._clients[name]


def _names(response: ListParameters.Response) -> list[str]:
    names = sorted(filter(may_be_set, set(response.result.names)),
                   key=lambda name: (place(name), name))
    return names[:_MOST_CONTROLS]


def _refusal(response: SetParametersAtomically.Response) -> str:
    """Return why a value is refused, as it may be shown; empty when it is not."""
    if response.result.successful:
        return ''
    words = ' '.join(response.result.reason.split())
    return ''.join(filter(str.isprintable, words))[:_MOST_SAID] or \
        'the camera refuses it without saying why'


def _settle(answer: 'Future[T]', result: T) -> None:
    try:
        answer.set_result(result)
    except InvalidStateError:  # nobody waits any more
        pass


def _fail(answer: 'Future[Any]', sentence: str) -> None:
    try:
        answer.set_exception(TemporaryError(sentence))
    except InvalidStateError:
        pass
