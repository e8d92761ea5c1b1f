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

from pi_camera_stream.codecs.h264 import join, nal_units, NEXT_BEGINS, PPS, SPS, unit_type
from pi_camera_stream.codecs.h264_lengths import configuration, LengthPrefixed, to_lengths
from pi_camera_stream.core.errors import FrameRefusedError
import pytest
from support.h264_streams import access_units


@pytest.mark.parametrize('options', [(), (('profile', 'high'),), (('profile', 'baseline'),)])
def test_what_is_packed_is_unpacked(options):
    units = access_units(options=options)
    packed = LengthPrefixed(configuration(units[0]))
    sets = [unit for unit in nal_units(units[0]) if unit_type(unit) in (SPS, PPS)]
    assert packed.sets == join(sets)
    for unit in units:
        assert packed.to_byte_stream(b''.join(to_lengths(NEXT_BEGINS + unit))) == join(
            list(nal_units(unit)))


@pytest.mark.parametrize('data', [b'', access_units()[1], b'\x00\x00\x01\x67\x64'])
def test_without_parameter_sets_there_is_no_configuration(data):
    with pytest.raises(FrameRefusedError, match='parameter set'):
        configuration(data)
