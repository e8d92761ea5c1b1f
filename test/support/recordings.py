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
"""What has been recorded, as a recorder tells it to the web server, in a folder of a test's."""

from pathlib import Path
import re

import av
import numpy as np
from pi_camera_stream.core import block_code
from pi_camera_stream.core.recording import Recording

TOPIC = '/camera/image_raw/compressed'
_NAME = re.compile(r'[\w-]+\.mkv', re.ASCII)


def film(path, codec='h264', count=60, rate=30, size=(320, 240)):
    """Write a recording whose pictures carry their time in it, and return its name."""
    with av.open(str(path), 'w', format='matroska') as container:
        stream = container.add_stream('mjpeg' if codec == 'jpeg' else 'libx264', rate=rate)
        stream.width, stream.height = size
        stream.pix_fmt = 'yuvj420p' if codec == 'jpeg' else 'yuv420p'
        stream.bit_rate = 4_000_000
        if codec == 'h264':
            stream.codec_context.gop_size = rate // 2
            stream.codec_context.options = {'preset': 'superfast', 'tune': 'zerolatency'}
        for number in range(count):
            image = np.full((size[1], size[0], 3), 80, np.uint8)
            block_code.draw(image, block_code.BlockCode(number, number * 1_000_000 // rate))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format='bgr24')))
        container.mux(stream.encode(None))
    return path.name


class FakeRecordings:
    """Remembers what it is told; `says` is what becomes of it."""

    def __init__(self, folder):
        self.folder, self.says, self.told = Path(folder), '', []
        self.running, self.fault = '', ''
        self.recording = False

    def state(self):
        return {'mode': 'manual', 'recording': self.recording, 'waiting': False,
                'topics': [TOPIC], 'since_s': 75.0 if self.recording else 0.0,
                'file': self.running, 'bytes': 12_345_678 if self.recording else 0,
                'free_bytes': 5_400_000_000, 'left_out': 3, 'fault': self.fault}

    def switch(self, on):
        self.told.append(on)
        if not self.says:
            self.recording = on
        return self.says

    async def files(self):
        return [self._describe(path) for path in
                sorted(self.folder.glob('*.mkv'), reverse=True) if self.path(path.name)]

    async def delete(self, name):
        self.told.append(name)
        if not self.says:
            (self.folder / name).unlink()
        return self.says

    def path(self, name):
        path = self.folder / name
        return path if _NAME.fullmatch(name) and path.is_file() and not path.is_symlink() else None

    def _describe(self, path):
        with av.open(str(path)) as container:
            codec = container.streams.video[0].codec_context.name
            duration_s = (container.duration or 0) / 1e6
        status = path.stat()
        return Recording(path.name, TOPIC, status.st_mtime - duration_s, duration_s,
                         status.st_size, 'jpeg' if codec == 'mjpeg' else codec,
                         path.name == self.running)
