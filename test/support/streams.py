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

"""A stream of the bridge, whose frames are counted before they are offered, as a topic's are."""

from pi_camera_stream.core.frame import Frame
from pi_camera_stream.core.reception import Reception
from pi_camera_stream.web.stream import stream


class Stream(stream.Stream):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, Reception(), **options)

    def offer(self, frame):
        self.reception.accept(len(frame.data) if isinstance(frame, Frame) else 0)
        super().offer(frame)
