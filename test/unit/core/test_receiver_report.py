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


from dataclasses import replace
import json

from pi_camera_stream.core.receiver_report import ReceiverReport, ReportBuilder
import pytest

REPORT = ReceiverReport('/viewer#1', 'machine/1', 10**18, 6, 60_000, -5)


def test_a_report_survives_the_way():
    assert ReceiverReport.from_json(REPORT.to_json()) == REPORT


@pytest.mark.parametrize('text', [
    '', 'x', '[]', '{}', '[' * 100_000, '1', 'null', '"receiver"',
    json.dumps({**json.loads(REPORT.to_json()), 'frames': -1}),
    json.dumps({**json.loads(REPORT.to_json()), 'frames': 1.5}),
    json.dumps({**json.loads(REPORT.to_json()), 'frames': True}),
    json.dumps({**json.loads(REPORT.to_json()), 'delay_ns': 1 << 70}),
    json.dumps({**json.loads(REPORT.to_json()), 'delay_ns': float('nan')}),
    json.dumps({**json.loads(REPORT.to_json()), 'receiver': None}),
    json.dumps({**json.loads(REPORT.to_json()), 'network': 'x' * 1000})])
def test_what_is_no_report_is_refused(text):
    with pytest.raises(ValueError, match=r'.'):
        ReceiverReport.from_json(text)


def test_a_log_tells_what_came_since_the_last_report():
    log = ReportBuilder('/viewer#1', 'machine/1')
    nothing = log.report()
    assert (nothing.frames, nothing.last_stamp_ns, nothing.delay_ns) == (0, 0, 0)
    for number, delay in enumerate((3, 1, 100)):
        log.add(1000 + number, 1000 + number + delay, 50)
    first = log.report()
    assert first == replace(REPORT, last_stamp_ns=1002, frames=3, size_bytes=150, delay_ns=3)
    later = log.report()
    assert (later.frames, later.size_bytes, later.last_stamp_ns) == (0, 0, 1002)
