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
"""

import math
import struct

import numpy as np

_CHANNELS = {'cls': 1, 'obj': 1, 'bbox': 4, 'kps': 10}
_VARINT, _BYTES = 0, 2  # Protocol Buffers' wire types
_FLOATS = 1  # ONNX's element type
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
            graph += _field(5, _tensor(f'{name}_weights', weights))
            graph += _field(5, _tensor(f'{name}_bias', bias))
            graph += _node('Conv', ['input', f'{name}_weights', f'{name}_bias'], f'{name}_map',
                           kernel_shape=[stride, stride], strides=[stride, stride])
            graph += _node('Transpose', [f'{name}_map'], name, perm=[0, 2, 3, 1])
            side = 320 // stride
            graph += _field(12, _value(name, (1, side, side, channels)))
    return _number(1, 7) + _field(8, _text(1, '') + _number(2, 11)) + _field(7, graph)


def _varint(number):
    data = b''
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
    return b''.join(_number(1, side) for side in array.shape) + _number(2, _FLOATS) \
        + _text(8, name) + _field(9, struct.pack(f'<{array.size}f', *array.ravel()))


def _value(name, shape):
    sides = b''.join(_field(1, _number(1, side)) for side in shape)
    return _text(1, name) + _field(2, _field(1, _number(1, _FLOATS) + _field(2, sides)))


def _node(operation, inputs, output, **attributes):
    data = b''.join(_text(1, name) for name in inputs) + _text(2, output) + _text(3, output)
    data += _text(4, operation)
    for name, numbers in attributes.items():
        data += _field(5, _text(1, name) + b''.join(_number(8, number) for number in numbers)
                       + _number(20, _INTS))
    return _field(1, data)
