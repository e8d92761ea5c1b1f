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
Open an address with OpenCV's VideoCapture; write number and time of each picture, in ns.

How many threads decode may be the second argument; with more than one, which is the default, each
picture waits for the next one.
"""

import sys
import time

import cv2

from ..players.marked import number_of


def main() -> None:
    """Play until nothing comes."""
    url, *threads = sys.argv[1:]
    parameters = [cv2.CAP_PROP_N_THREADS, int(threads[0])] if threads else []
    capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG, parameters)
    while True:
        there, picture = capture.read()
        at_ns = time.time_ns()
        if not there:
            return
        number = number_of(picture)
        print(-1 if number is None else number, at_ns, flush=True)


if __name__ == '__main__':
    main()
