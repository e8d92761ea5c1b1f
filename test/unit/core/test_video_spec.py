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

from pi_camera_stream.core.video_spec import VideoSpec
import pytest

SMALL = VideoSpec(scale=0.5, longest=640, shortest=360)


@pytest.mark.parametrize(('spec', 'size', 'wanted'), [
    (VideoSpec(), (1281, 721), (1281, 721)), (SMALL, (1280, 720), (640, 360)),
    (SMALL, (720, 1280), (360, 640)), (SMALL, (3840, 2160), (640, 360)),
    (SMALL, (320, 240), (160, 120)), (SMALL, (3, 3), (2, 2)), (SMALL, (4000, 10), (640, 2))])
def test_a_rendition_is_a_part_of_its_source_and_even(spec, size, wanted):
    assert spec.size(*size) == wanted


def test_it_can_be_made_smaller_still():
    assert VideoSpec().size(1280, 720, 0.75) == (960, 540)
    assert SMALL.size(1280, 720, 0.5) == (320, 180)
