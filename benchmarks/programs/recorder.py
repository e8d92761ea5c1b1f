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
Records pictures from a file at 30 a second, until it is killed.

Each line that it prints is the stamp of a picture that it has handed over; `full` is the last
one, where the disk is. With `--count` it hands over so many at once, ends, and prints the
processor's time of each in ms.
"""

import argparse
from pathlib import Path
import pickle
import time

from pi_camera_stream.core.frame import Frame
from pi_camera_stream.recording.disk_writer import DiskWriter
from pi_camera_stream.recording.folder import Folder
from pi_camera_stream.recording.settings import RecordSettings

_FPS = 30.0
_PAUSE_S = 0.002  # for the disk, where all come at once


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument('folder', type=Path)
    told.add_argument('pictures', type=Path)
    told.add_argument('codec')
    told.add_argument('--count', type=int, default=0)
    told.add_argument('--minutes', type=float, default=10.0)
    options = told.parse_args()
    size, units = pickle.loads(options.pictures.read_bytes())  # noqa: S301 - our own
    writer = DiskWriter(Folder(options.folder), RecordSettings(options.folder,
                                                               minutes=options.minutes),
                        ['/camera/image_raw/compressed'], lambda _: None)
    writer.begin()
    begun_s, used_s, number = time.monotonic(), time.process_time(), 0
    while not options.count or number < options.count:
        time.sleep(_PAUSE_S if options.count else
                   max(0.0, begun_s + number / _FPS - time.monotonic()))
        data, key = units[number % len(units)]
        frame = Frame(data, time.time_ns(), number, *size, codec=options.codec, key=key)
        writer.put(writer.tracks[0], frame)
        number += 1
        if not options.count:
            print(frame.stamp_ns, flush=True)
        if 'is full' in writer.fault():
            print('full', flush=True)
            return
    writer.close()
    print(1e3 * (time.process_time() - used_s) / number)


if __name__ == '__main__':
    main()
