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

"""Work on a robot's newest picture without ROS, on any machine that has OpenCV."""

from concurrent.futures import ThreadPoolExecutor
import sys
import time

import cv2


def work(image):  # H x W x 3, BGR
    print(f'{cv2.Canny(image, 50, 150).mean():.1f}', flush=True)


with ThreadPoolExecutor(1) as worker:
    busy = worker.submit(lambda: None)
    while True:  # again, when the robot was away
        video = cv2.VideoCapture(sys.argv[1])  # like http://robot:8080/stream.mjpg
        while (image := video.read()[1]) is not None:
            if busy.done():  # else this one is left out; the next one will be newer
                busy = busy.result() or worker.submit(work, image)
        time.sleep(1)
