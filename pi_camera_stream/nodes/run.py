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

"""Run one node from its first line to its exit code."""

from collections.abc import Callable, Sequence
import re
import sys
import threading

import rclpy
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.qos_overriding_options import InvalidQosOverridesError
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import get_rmw_implementation_identifier

from .base_node import BaseNode
from .shared_memory import room_for
from ..client.entities import end_tasks
from ..client.executor import create_executor, spin
from ..core.errors import EndOfStream, StreamError
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
    node: BaseNode | None = None
    told, said = threading.Event(), threading.Event()  # to end; what there is to say

    def prepare_shutdown() -> None:
        told.set()
        if node is not None:
            node.before_shutdown()
            said.set()
            node.run_soon(lambda: None)  # wakes the executor, which then sees `told`

    try:
        rclpy.init(args=None if args is None else [program, *args],
                   signal_handler_options=SignalHandlerOptions.NO)
    except Exception as error:  # rclpy's exceptions for bad arguments are private names
        return _complain(program, f'ROS does not start: {_without_value(str(error))}')
    finish = end_by_signals(prepare_shutdown)
    try:
        with room_for(picture_bytes, get_rmw_implementation_identifier()) as room:
            node = create()
        node.segment_bytes = room.segment.size
        if room.segment.complaint:
            node.get_logger().warning(room.segment.complaint)
        _work(node, told, finish)
        if node.ended is not None and not isinstance(node.ended, EndOfStream):
            return _complain(program, str(node.ended))
        return 0
    except Exception as error:
        if not rclpy.ok():
            return 0  # somebody else has ended what it was to use
        if isinstance(error, _MISTAKES):
            return _complain(program, str(error))
        raise
    finally:
        finish()
        if node is not None:
            if not said.is_set():
                node.before_shutdown()
            node.stop()
        rclpy.try_shutdown()  # by which threads of the node that are late know that it is the end
        if node is not None:
            node.destroy_node()


def _without_value(text: str) -> str:
    """Return what rcl says of a parameter that it cannot read, without what may be a secret."""
    return re.sub(r"(rule: '\S+ [^:=]*:=).*'(?=\. )", r"\1…'", text, flags=re.DOTALL)


def _complain(program: str, sentence: str) -> int:
    print(f'{program}: error: {" ".join(sentence.split())}', file=sys.stderr, flush=True)
    return 1


def _work(node: BaseNode, told: threading.Event, finish: Callable[[], None]) -> None:
    if told.is_set():
        return  # while the node was being made
    executor = create_executor()
    executor.add_node(node)  # before the start: from then on, threads may need it
    try:
        node.start()
        spin(node, executor, lambda: not told.is_set() and node.ended is None)
    finally:
        finish()  # or the last word could be said in the midst of what follows
        # While the node's topics and timers are still there: an EventsExecutor that is torn down
        # after them aborts the process.
        end_tasks(node)  # other threads may be about to ask for some
        executor.shutdown()
