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

"""Take pictures with a FrameSubscriber for ever; print when each was there, its age and width."""

import json
import sys
import time

from pi_camera_stream import FrameSubscriber


def take(codec: str) -> None:
    """Print one JSON line for each picture: when it was decoded and its age, in s; its width."""
    with FrameSubscriber(codec=codec) as frames:
        while True:
            frame = frames.next_frame(0.5)
            if frame is not None:
                width = frame.image.shape[1]
                print(json.dumps((time.time(), frame.age_s, width)), flush=True)


if __name__ == '__main__':
    take(sys.argv[1])
