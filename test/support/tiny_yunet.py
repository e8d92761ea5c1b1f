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
An ONNX file with the inputs and outputs of YuNet, in which a face is a white square.

OpenCV's FaceDetectorYN takes it for the real one: for strides of 8, 16 and 32 pixels, YuNet says
how sure it is (`cls`, `obj`), where the box is (`bbox`) and where eyes, nose and mouth are
(`kps`). Here, only the stride of 32 finds anything: where 32 x 32 pixels are white.

Before OpenCV 4.8, YuNet says all that (`conf`, `iou`, `loc`) of boxes of several sizes around each
place, in one table for all strides.
"""

import math
import struct

import numpy as np

_CHANNELS = {'cls': 1, 'obj': 1, 'bbox': 4, 'kps': 10}
_OLD_CHANNELS = {'loc': 14, 'conf': 2, 'iou': 1}
_OLD_BOXES = {8: (10, 16, 24), 16: (32, 48), 32: (64, 96), 64: (128, 192, 256)}  # stride: widths
_VARINT, _BYTES = 0, 2  # Protocol Buffers' wire types
_FLOATS, _LONGS = 1, 7  # ONNX's element types
_INT = 2  # ONNX's type of an attribute
_INTS = 7  # ONNX's type of an attribute
FACE = 64  # pixels, side of the box


def model():
    """Return the file's bytes."""
    graph = _text(2, 'tiny')
    graph += _field(11, _value('input', (1, 3, 320, 320)))
    for stride in (8, 16, 32):
        for kind, channels in _CHANNELS.items():
            name = f'{kind}_{stride}'
            weights = np.zeros((channels, 3, stride, stride), np.float32)
            bias = np.zeros(channels, np.float32)
            if stride == 32 and kind == 'cls':
                weights += 1 / (255 * weights.size)
            elif kind == 'obj':
                bias += 1
            elif kind == 'bbox':
                bias[:] = 0.5, 0.5, math.log(FACE / stride), math.log(FACE / stride)
            graph += _map(name, stride, weights, bias)
            side = 320 // stride
            graph += _field(12, _value(name, (1, side, side, channels)))
    return _file(graph)


def old_model():
    """Return the bytes of a file that finds the same with OpenCV before 4.8."""
    graph = _text(2, 'tiny')
    graph += _field(11, _value('input', (1, 3, 320, 320)))
    for kind, channels in _OLD_CHANNELS.items():
        graph += _field(5, _tensor(f'{kind}_shape', np.array([1, -1, channels])))
        for stride, widths in _OLD_BOXES.items():
            name = f'{kind}_{stride}'
            weights = np.zeros((len(widths) * channels, 3, stride, stride), np.float32)
            bias = np.zeros(len(weights), np.float32)
            if kind == 'conf' and FACE in widths:
                channel = 2 * widths.index(FACE) + 1  # that it is a face; the other, that not
                weights[channel] += 1 / (255 * weights[channel].size)
            elif kind == 'iou':
                bias += 1
            graph += _map(name, stride, weights, bias)
            graph += _node('Reshape', [name, f'{kind}_shape'], f'{name}_rows')
        graph += _node('Concat', [f'{kind}_{stride}_rows' for stride in _OLD_BOXES], kind, axis=1)
        rows = sum(len(widths) * (320 // stride) ** 2 for stride, widths in _OLD_BOXES.items())
        graph += _field(12, _value(kind, (1, rows, channels)))
    return _file(graph)


def _map(name, stride, weights, bias):
    """Return what a convolution without overlap says of each place, channels last."""
    return _field(5, _tensor(f'{name}_weights', weights)) \
        + _field(5, _tensor(f'{name}_bias', bias)) \
        + _node('Conv', ['input', f'{name}_weights', f'{name}_bias'], f'{name}_map',
                kernel_shape=[stride, stride], strides=[stride, stride]) \
        + _node('Transpose', [f'{name}_map'], name, perm=[0, 2, 3, 1])


def _file(graph):
    return _number(1, 7) + _field(8, _text(1, '') + _number(2, 11)) + _field(7, graph)


def _varint(number):
    data = b''
    number &= 2**64 - 1
    while number > 127:
        data += bytes([number & 127 | 128])
        number >>= 7
    return data + bytes([number])


def _number(field, number):
    return _varint(field << 3 | _VARINT) + _varint(number)


def _field(field, data):
    return _varint(field << 3 | _BYTES) + _varint(len(data)) + data


def _text(field, text):
    return _field(field, text.encode())


def _tensor(name, array):
    kind, code = (_FLOATS, 'f') if array.dtype == np.float32 else (_LONGS, 'q')
    return b''.join(_number(1, side) for side in array.shape) + _number(2, kind) \
        + _text(8, name) + _field(9, struct.pack(f'<{array.size}{code}', *array.ravel()))


def _value(name, shape):
    sides = b''.join(_field(1, _number(1, side)) for side in shape)
    return _text(1, name) + _field(2, _field(1, _number(1, _FLOATS) + _field(2, sides)))


def _node(operation, inputs, output, **attributes):
    data = b''.join(_text(1, name) for name in inputs) + _text(2, output) + _text(3, output)
    data += _text(4, operation)
    for name, value in attributes.items():
        data += _field(5, _text(1, name) + (
            _number(3, value) + _number(20, _INT) if isinstance(value, int)
            else b''.join(_number(8, number) for number in value) + _number(20, _INTS)))
    return _field(1, data)
