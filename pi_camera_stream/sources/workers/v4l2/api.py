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
What linux/videodev2.h declares, as far as capturing and controls need it.

The layouts are the compiler's for this machine, 32 or 64 bits, and the requests are made of their
sizes, as the header's macros do.
"""

import ctypes
from ctypes import (
    c_char,
    c_int,
    c_int32,
    c_int64,
    c_long,
    c_uint8,
    c_uint32,
    c_uint64,
    c_ulong,
    c_void_p,
)
import fcntl
from typing import Any

CAPTURE, MMAP = 1, 1  # V4L2_BUF_TYPE_VIDEO_CAPTURE, V4L2_MEMORY_MMAP
CAN_CAPTURE, CAN_STREAM, HAS_DEVICE_CAPS = 0x1, 0x04000000, 0x80000000
CAN_CONVERT = 0xc000  # V4L2_CAP_VIDEO_M2M and M2M_MPLANE: codecs
NEEDS_MEDIA_CONTROLLER = 0x20000000  # V4L2_CAP_IO_MC: another program sets up where data come from
DISCRETE = 1  # sizes and intervals; other kinds are ranges
# Kinds of controls (V4L2_CTRL_TYPE_*), and what else is to be known of one (V4L2_CTRL_FLAG_*).
INTEGER, BOOLEAN, MENU, BUTTON, INTEGER64, BITMASK, INTEGER_MENU = 1, 2, 3, 4, 5, 8, 9
DISABLED, READ_ONLY, INACTIVE, WRITE_ONLY = 0x1, 0x4, 0x10, 0x40
NEXT_CTRL = 0x80000000  # asks for the one with the next greater id
FLAG_ERROR, STAMP_MASK, STAMP_MONOTONIC = 0x40, 0xe000, 0x2000


class Capability(ctypes.Structure):
    """Of VIDIOC_QUERYCAP."""

    _fields_ = (
        ('driver', c_char * 16), ('card', c_char * 32), ('bus_info', c_char * 32),
        ('version', c_uint32), ('capabilities', c_uint32), ('device_caps', c_uint32),
        ('reserved', c_uint32 * 3))


class FormatDescription(ctypes.Structure):
    """Of VIDIOC_ENUM_FMT."""

    _fields_ = (
        ('index', c_uint32), ('type', c_uint32), ('flags', c_uint32), ('description', c_char * 32),
        ('pixelformat', c_uint32), ('mbus_code', c_uint32), ('reserved', c_uint32 * 3))


class FrameSize(ctypes.Structure):
    """Of VIDIOC_ENUM_FRAMESIZES: (width, height), or (least, most, step) of both."""

    _fields_ = (
        ('index', c_uint32), ('pixel_format', c_uint32), ('type', c_uint32),
        ('numbers', c_uint32 * 6), ('reserved', c_uint32 * 2))


class FrameInterval(ctypes.Structure):
    """Of VIDIOC_ENUM_FRAMEINTERVALS: a fraction of seconds, or (least, most, step)."""

    _fields_ = (
        ('index', c_uint32), ('pixel_format', c_uint32), ('width', c_uint32),
        ('height', c_uint32), ('type', c_uint32), ('numbers', c_uint32 * 6),
        ('reserved', c_uint32 * 2))


class PixelFormat(ctypes.Structure):
    """The first part of it; drivers set the others."""

    _fields_ = (
        ('width', c_uint32), ('height', c_uint32), ('pixelformat', c_uint32), ('field', c_uint32),
        ('bytesperline', c_uint32), ('sizeimage', c_uint32), ('others', c_uint32 * 6))


class _AnyFormat(ctypes.Union):
    _fields_ = (('pix', PixelFormat), ('raw', c_uint8 * 200), ('aligned', c_void_p))


class Format(ctypes.Structure):
    """Of VIDIOC_S_FMT."""

    _fields_ = (('type', c_uint32), ('fmt', _AnyFormat))


class StreamParameters(ctypes.Structure):
    """Of VIDIOC_S_PARM."""

    _fields_ = (
        ('type', c_uint32), ('capability', c_uint32), ('mode', c_uint32),
        ('numerator', c_uint32), ('denominator', c_uint32), ('others', c_uint32 * 46))


class RequestBuffers(ctypes.Structure):
    """Of VIDIOC_REQBUFS."""

    _fields_ = (
        ('count', c_uint32), ('type', c_uint32), ('memory', c_uint32),
        ('capabilities', c_uint32), ('flags', c_uint32))


class _Where(ctypes.Union):
    _fields_ = (('offset', c_uint32), ('userptr', c_ulong))


class Buffer(ctypes.Structure):
    """Of VIDIOC_QUERYBUF, QBUF and DQBUF."""

    _fields_ = (
        ('index', c_uint32), ('type', c_uint32), ('bytesused', c_uint32), ('flags', c_uint32),
        ('field', c_uint32), ('seconds', c_long), ('microseconds', c_long),
        ('timecode', c_uint32 * 4), ('sequence', c_uint32), ('memory', c_uint32), ('m', _Where),
        ('length', c_uint32), ('reserved2', c_uint32), ('request_fd', c_uint32))


class ControlQuery(ctypes.Structure):
    """Of VIDIOC_QUERY_EXT_CTRL."""

    _fields_ = (
        ('id', c_uint32), ('type', c_uint32), ('name', c_char * 32), ('minimum', c_int64),
        ('maximum', c_int64), ('step', c_uint64), ('default_value', c_int64), ('flags', c_uint32),
        ('elem_size', c_uint32), ('elems', c_uint32), ('nr_of_dims', c_uint32),
        ('dims', c_uint32 * 4), ('reserved', c_uint32 * 32))


class _EntryOfMenu(ctypes.Union):
    _pack_ = 1
    _fields_ = (('name', c_char * 32), ('value', c_int64))


class MenuQuery(ctypes.Structure):
    """Of VIDIOC_QUERYMENU; packed."""

    _pack_ = 1
    _fields_ = (
        ('id', c_uint32), ('index', c_uint32), ('entry', _EntryOfMenu), ('reserved', c_uint32))


class _ControlValue(ctypes.Union):
    _pack_ = 1
    _fields_ = (('value', c_int32), ('value64', c_int64), ('pointer', c_uint64))


class Control(ctypes.Structure):
    """One of those of VIDIOC_G_EXT_CTRLS and S_EXT_CTRLS; packed."""

    _pack_ = 1
    _fields_ = (
        ('id', c_uint32), ('size', c_uint32), ('reserved2', c_uint32), ('u', _ControlValue))


class ControlList(ctypes.Structure):
    """Of VIDIOC_G_EXT_CTRLS and S_EXT_CTRLS."""

    _fields_ = (
        ('which', c_uint32), ('count', c_uint32), ('error_idx', c_uint32), ('request_fd', c_int32),
        ('reserved', c_uint32), ('controls', ctypes.POINTER(Control)))


def _request(direction: int, number: int, structure: Any) -> int:
    """As _IOR, _IOW and _IOWR of asm-generic/ioctl.h."""
    return direction << 30 | ctypes.sizeof(structure) << 16 | ord('V') << 8 | number


QUERYCAP = _request(2, 0, Capability)
ENUM_FMT = _request(3, 2, FormatDescription)
S_FMT = _request(3, 5, Format)
REQBUFS = _request(3, 8, RequestBuffers)
QUERYBUF = _request(3, 9, Buffer)
QBUF = _request(3, 15, Buffer)
DQBUF = _request(3, 17, Buffer)
STREAMON = _request(1, 18, c_int)
S_PARM = _request(3, 22, StreamParameters)
ENUM_FRAMESIZES = _request(3, 74, FrameSize)
ENUM_FRAMEINTERVALS = _request(3, 75, FrameInterval)
QUERYMENU = _request(3, 37, MenuQuery)
G_EXT_CTRLS = _request(3, 71, ControlList)
S_EXT_CTRLS = _request(3, 72, ControlList)
QUERY_EXT_CTRL = _request(3, 103, ControlQuery)


def call(fd: int, request: int, argument: Any) -> None:
    """Do an ioctl; the answer is in `argument`. OSError when the driver refuses."""
    fcntl.ioctl(fd, request, argument, True)
