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

import random
import struct

from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.sources.records import (
    FrameRecord,
    Message,
    pack_frame,
    pack_message,
    pack_video,
    RecordError,
    RecordReader,
    VideoRecord,
)
import pytest

RECORDS = [
    Message('H', {'camera': 'imx708', 'controls': {}}),
    FrameRecord(b'\xff\xd8PC\x01F', 2**63, 1, 10_000),
    FrameRecord(b'', 0, 2),
    VideoRecord(b'\0\0\0\1PC\x01V', 2**63, 2**40),
    VideoRecord(b'', 0, 1),
    Message('E', {'sentence': 'the cable is loose \N{EM DASH} push it in', 'permanent': False}),
]
BYTES = b''.join(pack_frame(record) if isinstance(record, FrameRecord)
                 else pack_video(record) if isinstance(record, VideoRecord)
                 else pack_message(record.kind, record.body) for record in RECORDS)


@pytest.mark.parametrize('seed', range(10))
def test_in_pieces_of_any_size(seed):
    sizes, reader, data, found = random.Random(seed), RecordReader(), BYTES * 2, []
    while data:
        size = sizes.choice((1, 2, 9, 30, 200))
        found += reader.feed(data[:size])
        data = data[size:]
    assert found == RECORDS * 2


def test_the_layout_is_the_documented_one():
    assert pack_message('S', {}) == b'PC\x01S\x02\x00\x00\x00{}'
    assert pack_frame(FrameRecord(b'jpeg', 1, 2, 3)) == (
        b'PC\x01F' + struct.pack('<IQQI', 24, 1, 2, 3) + b'jpeg')
    assert pack_video(VideoRecord(b'unit', 1, 2)) == (
        b'PC\x01V' + struct.pack('<IQQ', 20, 1, 2) + b'unit')


@pytest.mark.parametrize(('data', 'sentence'), [
    (b'Camera started\n', "wrote b'Ca' where a record should begin"),
    (struct.pack('<2sBcI', b'PC', 1, b'H', 2**31), 'a record of 2147483648 bytes'),
    (struct.pack('<2sBcI', b'PC', 1, b'F', 2**31), 'a record of 2147483648 bytes'),
    (struct.pack('<2sBcI', b'PC', 1, b'F', 3) + b'abc', 'a frame that is too short'),
    (struct.pack('<2sBcI', b'PC', 1, b'V', 2**25), 'a record of 33554432 bytes'),
    (struct.pack('<2sBcI', b'PC', 1, b'V', 3) + b'abc', 'an access unit that is too short'),
    (struct.pack('<2sBcI', b'PC', 1, b'H', 2) + b'[]', "b'H' that is not a JSON object"),
    (struct.pack('<2sBcI', b'PC', 1, b'H', 2) + b'{"', "b'H' that is not a JSON object"),
])
def test_what_is_no_record_is_explained(data, sentence):
    with pytest.raises(RecordError) as caught:
        RecordReader().feed(data)
    assert sentence in str(caught.value)


def test_another_version_is_refused_for_good():
    with pytest.raises(PermanentError, match=r'speaks version 2 .* and this node version 1'):
        RecordReader().feed(struct.pack('<2sBcI', b'PC', 2, b'H', 2))
