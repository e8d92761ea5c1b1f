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

"""A video for tests, made on the fly."""

from fractions import Fraction

import av
import numpy as np
from pi_camera_stream.core import block_code


def write(path, count=6, rate=50, size=(320, 240), codec='mpeg4', prepare=lambda stream: None,
          picture=None):
    """Write a clip whose pictures carry their number in a block code, or of one picture."""
    with av.open(str(path), 'w') as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height = size
        stream.bit_rate = 4_000_000
        prepare(stream)
        for number in range(count):
            image = picture
            if image is None:
                image = np.full((size[1], size[0], 3), 80, np.uint8)
                block_code.draw(image, block_code.BlockCode(number, 0))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format='bgr24')))
        container.mux(stream.encode(None))


def access_units(pictures, size=(320, 240), pixels='yuv420p', codec='libx264', options=None):
    """Return what an encoder makes of pictures, as others set it up, packet by packet."""
    context = av.CodecContext.create(codec, 'w')
    context.width, context.height, context.pix_fmt = *size, pixels
    context.time_base, context.framerate = Fraction(1, 30), Fraction(30)
    context.options = {'x265-params': 'log-level=0', **(
        options or {'preset': 'superfast', 'tune': 'zerolatency'})}
    units = []
    for number, picture in enumerate(pictures):
        if picture.ndim == 2:  # it is as the encoder takes it already
            frame = av.VideoFrame.from_ndarray(picture, format=pixels)
        else:
            frame = av.VideoFrame.from_ndarray(picture, format='bgr24').reformat(format=pixels)
        frame.pts = number
        units += map(bytes, context.encode(frame))
    return units + [bytes(packet) for packet in context.encode(None)]
