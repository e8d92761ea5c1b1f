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

"""Run one node, or several in one process, from the first line to the exit code."""

from collections.abc import Callable, Sequence
import re
import sys
import threading

import rclpy
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.qos_overriding_options import InvalidQosOverridesError
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import get_rmw_implementation_identifier, remove_ros_args

from .base_node import BaseNode
from .shared_memory import room_for
from ..client.entities import end_tasks
from ..client.executor import create_executor, spin
from ..core.errors import EndOfStream, PermanentError, StreamError
from ..core.exchange import Exchange
from ..core.shutdown_signals import end_by_signals

_MISTAKES = (StreamError, InvalidQosOverridesError, InvalidParameterTypeException,
             InvalidParameterValueException)  # of the user, explained by their text


def run_node(create: Callable[[], BaseNode], program: str, args: Sequence[str] | None = None,
             picture_bytes: int = 0) -> int:
    """
    Create a node, let it work until Ctrl-C or its own end, and return the exit code.

    `picture_bytes` is the size of the largest picture that it may publish, 0 where it publishes
    none. What a user got wrong is said in one sentence on standard error, with exit code 1.
    """
    return run_nodes([create], program, args, picture_bytes)


def run_nodes(creates: Sequence[Callable[[], BaseNode]], program: str,
              args: Sequence[str] | None = None, picture_bytes: int = 0) -> int:
    """
    Do the same with several nodes, in one executor; they end together.

    They hand frames over to each other, so that whoever publishes is to come first.
    """
    nodes: list[BaseNode] = []
    told, said = threading.Event(), threading.Event()  # to end; what there is to say

    def prepare_shutdown() -> None:
        told.set()
        if made := nodes.copy():
            for node in made:
                node.before_shutdown()
            said.set()
            made[0].run_soon(lambda: None)  # wakes the executor, which then sees `told`

    words = sys.argv if args is None else [program, *args]
    try:
        rclpy.init(args=words, signal_handler_options=SignalHandlerOptions.NO)
    except Exception as error:  # rclpy's exceptions for bad arguments are private names
        return _complain(program, f'ROS cannot start: {_without_value(str(error))}')
    if unknown := remove_ros_args(words)[1:]:
        rclpy.try_shutdown()
        return _complain(program, f"'{unknown[0]}' is not an option: parameters are written as "
                                  '--ros-args -p NAME:=VALUE, and --help lists them')
    finish = end_by_signals(prepare_shutdown)
    try:
        _create(creates, nodes, picture_bytes)
        _work(nodes, told, finish)
        reasons = [node.ended for node in nodes if node.ended is not None]
        mistakes = [reason for reason in reasons if not isinstance(reason, EndOfStream)]
        return _complain(program, str(mistakes[0])) if mistakes else 0
    except Exception as error:
        if not rclpy.ok():
            return 0  # somebody else has ended what it was to use
        if isinstance(error, _MISTAKES):
            return _complain(program, str(error))
        raise
    finally:
        finish()
        for node in nodes:
            if not said.is_set():
                node.before_shutdown()
        for node in nodes:
            node.stop()
        rclpy.try_shutdown()  # by which threads of a node that are late know that it is the end
        for node in nodes:
            node.destroy_node()


def _create(creates: Sequence[Callable[[], BaseNode]], nodes: list[BaseNode],
            picture_bytes: int) -> None:
    """Add the nodes to `nodes` one by one: if one cannot be made, those before it are there."""
    BaseNode.exchange = Exchange() if len(creates) > 1 else None
    with room_for(picture_bytes, get_rmw_implementation_identifier()) as room:
        for create in creates:
            nodes.append(create())
            _check_names(nodes)
    for node in nodes:
        node.segment_bytes = room.segment.size
    if room.segment.complaint:
        nodes[0].get_logger().warning(room.segment.complaint)


def _check_names(nodes: Sequence[BaseNode]) -> None:
    """Raise PermanentError where the last one has the name of another one."""
    *others, last = [node.get_fully_qualified_name() for node in nodes]
    if last in others:
        name = last.rpartition('/')[2]
        raise PermanentError(
            f"there are several nodes in this process, and all would be '{last}': leave out "
            f"'__node:={name}' (`name` in a launch file), or rename one of them, as in "
            f"'-r camera:__node:={name}'")


def _without_value(text: str) -> str:
    """Return what rcl says of a parameter that it cannot read, without what may be a secret."""
    return re.sub(r"(rule: '\S+ [^:=]*:=).*'(?=\. )", r"\1…'", text, flags=re.DOTALL)


def _complain(program: str, sentence: str) -> int:
    print(f'{program}: error: {" ".join(sentence.split())}', file=sys.stderr, flush=True)
    return 1


def _work(nodes: Sequence[BaseNode], told: threading.Event, finish: Callable[[], None]) -> None:
    if told.is_set():
        return  # while the node was being made
    executor = create_executor()
    for node in nodes:
        executor.add_node(node)  # before the start: from then on, threads may need it
    try:
        for node in nodes:
            node.start()
        spin(nodes[0], executor, lambda: not told.is_set() and all(
            node.ended is None for node in nodes))
    finally:
        finish()  # or the last word could be said in the midst of what follows
        # While the nodes' topics and timers are still there: an EventsExecutor that is torn down
        # after them aborts the process.
        for node in nodes:
            end_tasks(node)  # other threads may be about to ask for some
        executor.shutdown()
