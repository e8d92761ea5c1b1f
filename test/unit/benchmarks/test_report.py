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

from benchmarks.load import report

STEADY = {
    'frames_per_s_min': 29.94, 'frames_per_s_mean': 30.0, 'age_median_ms': 9.21,
    'age_p95_ms': 18.6, 'age_p99_ms': 22.8, 'age_max_ms': 30.4, 'frame_kb': 148.4,
    'cpu_ms_per_frame': 0.1234, 'cpu_percent': 37.0, 'rss_mb': 88.1, 'peak_mb': 91.0,
    'frames_per_viewer': 450.0, 'span_s': 15.0, 'lost': {}, 'cpu_s': {'viewers': 3.0},
    'machine_busy': 0.5}
MOMENT = {'sockets': 11, 'threads': 20, 'rss_mb': 86.4}


def result(*rows, churn=False, **changes):
    return {
        'stream': {'width': 1280, 'height': 720, 'mean_bytes': 148_398.5, 'fps': 30.0},
        'viewers': 20, 'seconds': 15.0, 'warm_up_s': 5.0, 'stuck': 0, 'churn': churn,
        'link_bps': None, 'rtt_ms': 0.0, 'congestion_control': 'bbr', 'command': 'the command',
        'machine': {'cpu': 'a processor', 'cores': 2, 'kernel': '6.1', 'python': '3.11',
                    'load_1_min': 0.1}, 'rows': rows, **changes}


def test_a_table_is_aligned():
    lines = report.table([('', 'long head', 'b'), ('bridge', '1', '22'), ('x', '333', '4')])
    assert lines == ['        long head   b',
                     'bridge          1  22',
                     'x             333   4']


def test_the_report_has_both_rows_their_ratio_the_machine_and_the_command():
    text = report.steady_report(result(
        {'server': 'bridge', **STEADY},
        {'server': 'reference', **STEADY, 'cpu_ms_per_frame': 0.4936, 'age_p95_ms': 186.0,
         'age_median_ms': None}))
    lines = text.splitlines()
    assert lines[0] == '1280x720, 148 kB, 30/s; 20 viewers; 15 s after 5 s; loopback'
    bridge, reference = (line for line in lines if line.startswith(('bridge ', 'reference '))
                         and '/' not in line)
    assert bridge.split() == ['bridge', '29.9', '30.0', '9.2', '18.6', '22.8', '30', '148.4',
                              '0.123', '37', '88', '91', '450']
    assert reference.split()[3] == '-'
    assert len(bridge) == len(reference)
    assert ('bridge / reference: CPU 0.25, p95 age 0.10, memory 1.00, frames 1.00') in lines
    assert 'a processor, 2 cores, Linux 6.1, Python 3.11, TCP bbr, load before 0.1' in lines
    assert lines[-1] == 'the command'
    assert max(map(len, lines)) < 110


def test_what_was_special_is_told():
    text = report.steady_report(result({'server': 'bridge', **STEADY}, stuck=3, rtt_ms=100.0,
                                       link_bps=50_000_000))
    assert '3 more who read nothing; link of 50 Mbit/s; 100 ms round trip' in text
    assert ' / reference' not in text


def test_what_makes_figures_doubtful_is_told():
    row = {'server': 'bridge', **STEADY, 'lost': {"the server answers '503'": 4},
           'cpu_s': {'viewers': 14.6, 'server': 15.0}, 'machine_busy': 0.97}
    lines = report.notes([row])
    assert lines[0] == ("bridge: 4 viewers were turned away or cut off "
                        "(the server answers '503').")
    assert 'process of the viewers was busy for 97 %' in lines[1]
    assert 'all cores were busy for 97 %' in lines[2]
    assert report.notes([{'server': 'bridge', **STEADY}]) == []


def test_churn_tells_whether_the_sockets_came_back():
    row = {'connections': 295, 'frames': 9219, 'age_median_ms': 4.5, 'age_p95_ms': 7.9,
           'before': MOMENT, 'middle': {**MOMENT, 'sockets': 41}, 'after': MOMENT, 'lost': {},
           'span_s': 10.0}
    text = report.churn_report(result(
        {'server': 'bridge', **row, 'sockets_came_back': True},
        {'server': 'reference', **row, 'sockets_came_back': False}, churn=True))
    assert 'bridge: the open sockets came back to the number before.' in text
    assert 'reference: the open sockets DID NOT COME BACK to the number before.' in text
    bridge = next(line for line in text.splitlines() if line.startswith('bridge '))
    assert bridge.split() == ['bridge', '295', '9219', '4.5', '7.9', '11', '41', '11', '20', '20',
                              '20', '86', '86', '86']
