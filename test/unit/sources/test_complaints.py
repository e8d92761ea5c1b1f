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

from pi_camera_stream.sources.complaints import Complaints


def heard(*chunks):
    complaints = Complaints()
    for chunk in chunks:
        complaints.hear(chunk)
    return complaints.added_to('It failed')


def test_errors_of_libcamera_and_its_programs_are_kept_without_what_only_they_need():
    assert heard(
        b'[0:12:34.5] [1234]  INFO Camera camera_manager.cpp:284 libcamera v0.5.2\n'
        b'[0:12:34.6] [1234] \x1b[1;33m WARN\x1b[0m RPI vc4.cpp:1 legacy tuning\n'
        b'[0:12:34.7] [1235] \x1b[1;31mERROR \x1b[1;34mV4L2 \x1b[1;37mv4l2_device.cpp:390 '
        b'\x1b[0m/dev/video4[16:cap]: Unable to set\n'
        b'[0:12:34.8] [1235] FATAL IPAProxy it has died\nERROR: *** no cameras available ***\n'
    ) == ('It failed (its log says: V4L2: /dev/video4[16:cap]: Unable to set; IPAProxy: it has '
          'died; no cameras available)')


def test_lines_come_in_pieces_and_the_last_few_count():
    lines = b''.join(b'[0:1:2.3] [4] ERROR V4L2 a.cpp:1 number %d\n' % number
                     for number in (1, 2, 3, 3, 4))
    assert heard(lines[:30], lines[30:31], lines[31:]) == (
        'It failed (its log says: V4L2: number 2; V4L2: number 3; V4L2: number 4)')


def test_where_nothing_was_said_nothing_is_added():
    assert heard(b'hello\n', b'\xff\xfe\n', bytes(10_000), b'\n') == 'It failed'
    complaints = Complaints()
    complaints.hear(b'ERROR: *** no ***\n')
    complaints.forget()
    assert complaints.added_to('It failed') == 'It failed'
