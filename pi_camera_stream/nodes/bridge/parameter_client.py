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

"""Ask the nodes that publish pictures for their parameters."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
import time
from typing import Any

from rcl_interfaces.srv import (
    DescribeParameters,
    GetParameters,
    ListParameters,
    SetParametersAtomically,
)
from rclpy.node import Node

from .control_parameters import read_control
from ...client.entities import Client, Periodic, run_soon
from ...web.controls.cameras import Control

_LOOK_S = 0.1  # whether the service is there
_LOST_S = 1.0  # without an answer: a service may not have discovered yet whom it is to answer
_SERVICES: Mapping[Any, str] = {
    ListParameters: 'list_parameters', DescribeParameters: 'describe_parameters',
    GetParameters: 'get_parameters', SetParametersAtomically: 'set_parameters_atomically'}


class ParameterClient:
    """The parameter services of another node. All methods belong to the executor's thread."""

    def __init__(self, node: Node, other: str) -> None:
        """`other` is the full name of that node."""
        self._node = node
        self._clients = {kind: Client(node, kind, f'{other}/{service}')
                         for kind, service in _SERVICES.items()}

    def ask(self, request: Any, on_answer: Callable[[Any], None], purpose: 'Future[Any]') -> None:
        """
        Ask until there is an answer, or `purpose` is done or cancelled.

        `request` is one of the four services', each of which may be asked twice.
        """
        client = next(client for kind, client in self._clients.items()
                      if isinstance(request, kind.Request))
        _Question(self._node, client, request, on_answer, purpose)

    def look(self, names: Sequence[str], on_found: Callable[[list[Control]], None],
             purpose: 'Future[Any]') -> None:
        """Find out what parameters are; those that are no controls, or unknown, are left out."""
        def get(described: DescribeParameters.Response) -> None:
            self.ask(GetParameters.Request(names=names),
                     lambda got: on_found(_controls(names, described, got)), purpose)

        self.ask(DescribeParameters.Request(names=names), get, purpose)

    def close(self) -> None:
        """Ask no more, and receive no answer."""
        for client in self._clients.values():
            client.close()


def _controls(names: Sequence[str], described: DescribeParameters.Response,
              got: GetParameters.Response) -> list[Control]:
    if not len(names) == len(described.descriptors) == len(got.values):
        return []  # one of them has gone in the meantime, or this is no node like others
    found = map(read_control, names, described.descriptors, got.values)
    return [control for control in found if control is not None]


class _Question:
    """Ask once the service is there, and again when the answer is lost."""

    def __init__(self, node: Node, client: Client, request: Any,
                 on_answer: Callable[[Any], None], purpose: 'Future[Any]') -> None:
        self._client, self._request, self._on_answer = client, request, on_answer
        self._purpose = purpose
        self._pending: Any = None
        self._asked_s = 0.0
        self._answered = False
        self._looking = Periodic(node, _LOOK_S, self._look)
        # In any thread: who waits for it may be the web server's.
        purpose.add_done_callback(lambda _: run_soon(node, self._end))
        self._look()

    def _look(self) -> None:
        if self._answered or self._purpose.done() or not self._client.ready():
            return
        now_s = time.monotonic()
        if self._pending is not None:
            if now_s - self._asked_s < _LOST_S:
                return
            self._client.forget(self._pending)
        self._asked_s = now_s
        self._pending = self._client.ask(self._request, self._hear)

    def _hear(self, response: Any) -> None:
        if self._answered or self._purpose.done():
            return
        self._answered = True
        self._end()
        self._on_answer(response)

    def _end(self) -> None:
        self._looking.stop()
        if self._pending is not None:
            self._client.forget(self._pending)
