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

"""The executor that our nodes are served by."""

from collections.abc import Callable
import time
from typing import Any

import rclpy
from rclpy.node import Node

from .entities import failures_of

_SPIN_S = 0.25  # how long it takes at the most to see that the end has come
_PAUSE_S = 0.01  # after a failure of rclpy's own, which may come again at once


def create_executor(context: rclpy.Context | None = None) -> Any:
    """Return the executor that costs least: the newer one receives for half the CPU time."""
    try:
        from rclpy.experimental.events_executor import EventsExecutor
    except ImportError:  # Humble
        from rclpy.executors import SingleThreadedExecutor
        return SingleThreadedExecutor(context=context)
    return EventsExecutor(context=context)


def spin(node: Node, executor: Any, working: Callable[[], bool] = lambda: True) -> None:
    """Serve a node as long as its context is valid and it is `working`, whatever goes wrong."""
    # Not `executor.spin()`: the EventsExecutor's hangs at full load, and does not see `working`.
    while node.context.ok() and working():
        try:
            executor.spin_once(timeout_sec=_SPIN_S)
        except Exception as error:  # of rclpy's own callbacks: ours raise nothing
            failures_of(node).add(error)
            time.sleep(_PAUSE_S)
