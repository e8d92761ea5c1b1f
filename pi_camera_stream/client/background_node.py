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

"""A node for a program that is none."""

import atexit
import threading

import rclpy
from rclpy.signals import SignalHandlerOptions

from .executor import create_executor, spin


class BackgroundNode:
    """
    Spin a node in a thread, in a context of its own; signals are left alone.

    Attributes
    ----------
    node
        The node; what it is to do is added before `start`.

    """

    def __init__(self, name: str) -> None:
        self._context = rclpy.Context()
        rclpy.init(args=[], context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self.node = rclpy.create_node(
            name, context=self._context, use_global_arguments=False, enable_rosout=False,
            start_parameter_services=False)
        self._executor = create_executor(self._context)
        self._stopping, self._left = False, threading.Event()  # as said, and as done
        self._thread = threading.Thread(target=self._spin, name='frames', daemon=True)

    def start(self) -> None:
        """Begin to spin."""
        # For a program that does not stop it: Python's end aborts the process when it takes a
        # thread apart that is in the midst of C++.
        atexit.register(self.stop)
        self._executor.add_node(self.node)
        self._thread.start()

    def stop(self) -> None:
        """Leave the graph; again, where a second Ctrl-C has cut it short."""
        self._stopping = True
        if self._thread.ident is not None:
            # However long it takes: an executor that outlives its node aborts the process. Not by
            # `join`: once Ctrl-C has cut that short, Python takes the thread for ended.
            self._left.wait()
        self._context.try_shutdown()
        self.node.destroy_node()
        atexit.unregister(self.stop)

    def _spin(self) -> None:
        try:
            spin(self.node, self._executor, lambda: not self._stopping)
        finally:
            try:
                self._executor.shutdown()
            finally:
                self._left.set()
