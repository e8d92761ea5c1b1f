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

from dataclasses import FrozenInstanceError

from hypothesis import given, settings
from hypothesis import strategies as st
from pi_camera_stream.core.rendition_spec import RenditionSpec
import pytest


@pytest.mark.parametrize(('spec', 'size'), [
    (RenditionSpec(), (1280, 720)),
    (RenditionSpec(scale=0.5), (640, 360)),
    (RenditionSpec(scale=0.35), (448, 252)),
    (RenditionSpec(scale=0.33), (422, 238)),  # even, though 422.4 x 237.6
    (RenditionSpec(scale=0.0), (2, 2)),
    (RenditionSpec(scale=3.0), (1280, 720)),
    (RenditionSpec(width=640), (640, 360)),
    (RenditionSpec(height=90), (160, 90)),
    (RenditionSpec(width=2560), (1280, 720)),
    (RenditionSpec(height=4096), (1280, 720)),
    (RenditionSpec(width=4096, height=360), (1280, 360)),
    (RenditionSpec(width=333, height=111), (333, 111)),
    (RenditionSpec(scale=0.5, width=333, height=111), (333, 111)),
    (RenditionSpec(width=1), (2, 2)),
    (RenditionSpec(width=1, height=1), (2, 2)),
])
def test_the_size_of_a_720p_rendition(spec, size):
    assert spec.size(1280, 720) == size


def test_an_odd_source_keeps_its_size_where_it_is_not_scaled():
    assert RenditionSpec().size(641, 481) == (641, 481)


@settings(deadline=None)
@given(st.floats(0, 2), st.integers(2, 5000), st.integers(2, 5000))
def test_scaling_never_enlarges_and_gives_even_numbers(scale, width, height):
    scaled = RenditionSpec(scale=scale).size(width, height)
    assert 2 <= scaled[0] <= width
    assert 2 <= scaled[1] <= height
    assert scale >= 1 or (scaled[0] % 2, scaled[1] % 2) == (0, 0)


def test_equal_recipes_are_one_key_and_cannot_be_changed():
    spec = RenditionSpec(scale=0.5, quality=60)
    assert {spec, RenditionSpec(scale=0.5, quality=60)} == {spec}
    with pytest.raises(FrozenInstanceError):
        spec.quality = 5
