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

"""Messages that are serialized already, given to rcl without rclpy, which keeps the GIL."""

import ctypes
from typing import Any

from ..core.frame import Image


class _SerializedMessage(ctypes.Structure):
    """rcl_serialized_message_t, which is rcutils_uint8_array_t: the same since ROS 2 Dashing."""

    _fields_ = (('buffer', ctypes.c_void_p), ('length', ctypes.c_size_t),
                ('capacity', ctypes.c_size_t), ('allocator', ctypes.c_void_p * 5))


def _find_rcl() -> tuple[Any, Any]:
    """Return rcl's function that publishes what is serialized, and the one that forgets errors."""
    try:
        publish = ctypes.CDLL('librcl.so').rcl_publish_serialized_message  # rclpy has loaded it
        reset_error = ctypes.CDLL('librcutils.so').rcutils_reset_error
    except (OSError, AttributeError):
        return None, None
    publish.argtypes = ctypes.c_void_p, ctypes.POINTER(_SerializedMessage), ctypes.c_void_p
    publish.restype = ctypes.c_int
    reset_error.argtypes, reset_error.restype = (), None
    return publish, reset_error


_rcl_publish, _reset_error = _find_rcl()


def publish_serialized(publisher: Any, serialized: Image) -> None:
    """Publish a serialized message, without the GIL where that can be done."""
    if _rcl_publish is not None and hasattr(publisher.handle, 'pointer'):
        message = _SerializedMessage(serialized.ctypes.data, serialized.nbytes, serialized.nbytes)
        with publisher.handle:  # as rclpy does: so it is not destroyed meanwhile
            if _rcl_publish(publisher.handle.pointer, message, None) == 0:
                return
        _reset_error()  # rclpy says it better
    publisher.publish(serialized.tobytes())
