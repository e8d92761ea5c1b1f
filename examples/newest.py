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

"""Process a robot's newest frame, on any machine in the same ROS domain."""

import cv2
from pi_camera_stream import FrameSubscriber

with FrameSubscriber('/camera/image_raw/compressed') as frames:
    for frame in frames:  # always the newest; older ones are dropped, and counted
        edges = cv2.Canny(frame.image, 50, 150)  # H x W x 3, BGR
        print(f'{edges.mean():.1f}, {frame.age_s * 1e3:.0f} ms old', flush=True)
