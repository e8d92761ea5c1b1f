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

import json
import os
from pathlib import Path
import signal
import time

from benchmarks.common import networks
import pytest
from support.processes import children, gone, Program, WAIT_S

ROOT = Path(__file__).resolve().parents[2]
STREAM = ('--size', '20k', '--width', '320', '--height', '240', '--fps', '20')


def viewers(*arguments):
    return Program('viewers', *STREAM, *arguments, module='benchmarks', cwd=ROOT)


def test_viewers_of_both_servers_are_measured(tmp_path):
    file = tmp_path / 'result.json'
    program = viewers('--viewers', 3, '--seconds', 2, '--warm-up', 0.5, '--stuck', 1,
                      '--json', file)
    assert program.wait() == 0, program.output
    program.wait_for(r'bridge / reference: CPU \d')
    result = json.loads(file.read_text())
    assert [row['server'] for row in result['rows']] == ['bridge', 'reference']
    for row in result['rows']:
        assert row['lost'] == {}
        assert sum(row['frames_of_each']) == row['frames'] > 0
        assert len(row['frames_of_each']) == 3
        assert 0 < row['frames_per_s_min'] <= row['frames_per_s_mean'] < 40
        assert 0 < row['age_median_ms'] <= row['age_p95_ms'] <= row['age_p99_ms'] \
            <= row['age_max_ms']
        assert 0 < row['frame_kb'] < 24  # less where the machine is busy, and tiers fall
        assert row['cpu_s'].keys() >= {'server', 'viewers'}
        assert row['cpu_ms_per_frame'] > 0
        assert 5 < row['rss_mb'] <= row['peak_mb']
    assert result['rows'][1]['frame_kb'] == pytest.approx(20, rel=0.2)  # has no tiers
    assert result['machine']['cores'] >= 1
    assert result['congestion_control']
    assert result['command'] in program.output
    assert result['command'].startswith('python3 -m benchmarks viewers --size 20k')


def test_h264_is_measured_beside_jpeg():
    program = Program('codec', 'largest', 'fanout', '--seconds', 2, '--warm-up', 2, '--rounds', 1,
                      module='benchmarks', cwd=ROOT)
    assert program.wait() in (0, 1), program.output  # as goals are reached or missed
    program.wait_for(r'fixed rate, H.264: +\d+.\d/s each .*h264')
    program.wait_for(r'largest access unit, of rate / fps: \d.\d\d, goal at most 2.1')
    program.wait_for(r'20 viewers on loopback, JPEG: +\d+.\d/s each .*full 100%')
    program.wait_for(r'without the encoder \d.\d+ ms CPU a viewer-frame')
    assert 'Traceback' not in program.output


def test_viewers_who_come_and_go_leave_no_socket_open(tmp_path):
    file = tmp_path / 'result.json'
    program = viewers('--viewers', 5, '--seconds', 4, '--churn', '--servers', 'bridge',
                      '--json', file)
    assert program.wait() == 0, program.output
    program.wait_for('bridge: the open sockets came back to the number before')
    row, = json.loads(file.read_text())['rows']
    assert row['connections'] > 5
    assert row['frames'] > 0
    assert row['after']['sockets'] <= row['before']['sockets'] < row['middle']['sockets']


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_nothing_behind(number, tmp_path, monkeypatch):
    monkeypatch.setenv('TMPDIR', str(tmp_path))
    program = viewers()
    program.wait_for('measuring the bridge')
    deadline = time.monotonic() + WAIT_S
    while len(pids := children(program.process.pid)) < 3:
        assert time.monotonic() < deadline, program.output
        time.sleep(0.02)
    assert program.stop(number) == 130
    program.wait_for('benchmarks viewers: interrupted')
    assert gone(pids)
    assert list(tmp_path.iterdir()) == []


def namespaces_of(program):
    return [name for name in os.listdir('/run/netns')
            if name.startswith(f'pi-camera-{program.process.pid}-')]


def test_behind_a_narrow_link_viewers_get_smaller_pictures(tmp_path, missing):
    if reason := networks.unavailable():
        missing(reason)
    file = tmp_path / 'result.json'
    program = viewers('--viewers', 2, '--seconds', 3, '--warm-up', 5, '--link', '2mbit',
                      '--congestion', 'reno', '--servers', 'bridge', '--json', file)
    assert program.wait() == 0, program.output
    assert namespaces_of(program) == []
    row, = json.loads(file.read_text())['rows']
    assert row['congestion_control'] == 'reno'
    # 2 Mbit/s carry 250 kB/s, besides what was under way before; two viewers would have 800.
    assert 0 < row['frames'] * row['frame_kb'] / row['span_s'] < 400
    assert row['frame_kb'] < 15  # of 20: they have moved to another tier


def test_on_a_long_way_pictures_are_older_by_half_of_the_round_trip(tmp_path, missing):
    if reason := networks.unavailable():
        missing(reason)
    if not os.path.exists('/dev/net/tun'):
        missing('TUN devices need /dev/net/tun')
    file = tmp_path / 'result.json'
    program = viewers('--viewers', 2, '--seconds', 2, '--warm-up', 2, '--rtt-ms', 60,
                      '--servers', 'bridge', '--json', file)
    assert program.wait() == 0, program.output
    row, = json.loads(file.read_text())['rows']
    assert row['frames'] > 0
    assert row['age_median_ms'] >= 30


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize('arguments', [
    ('viewers', *STREAM, '--link', '2mbit', '--rtt-ms', '20'),
    ('codec', 'narrow'),
    ('dds_profiles', '--only', 'router')])
def test_ctrl_c_takes_the_network_away(number, arguments, missing):
    if reason := networks.unavailable('nft', 'sysctl'):
        missing(reason)
    program = Program(*arguments, module='benchmarks', cwd=ROOT)
    deadline = time.monotonic() + WAIT_S
    while len(children(program.process.pid)) < 2 or len(namespaces_of(program)) < 2:
        assert time.monotonic() < deadline, program.output
        time.sleep(0.02)
    assert program.stop(number) == 130, program.output
    program.wait_for(f'benchmarks {arguments[0]}: interrupted')
    assert namespaces_of(program) == []


def test_what_a_killed_program_has_left_behind_goes_with_the_next(missing):
    if reason := networks.unavailable():
        missing(reason)
    program = Program('raw_subscriber', '--link', '20', module='benchmarks', cwd=ROOT)
    deadline = time.monotonic() + WAIT_S
    while len(namespaces_of(program)) < 2:
        assert time.monotonic() < deadline, program.output
        time.sleep(0.02)
    program.stop(signal.SIGKILL)
    assert namespaces_of(program) != []
    with networks.two_hosts():
        assert namespaces_of(program) == []


def test_a_row_that_there_is_not_is_explained():
    program = Program('codec', 'crowds', module='benchmarks', cwd=ROOT)
    assert program.wait() == 2
    program.wait_for("there is no row 'crowds': choose some of crowd, ")


@pytest.mark.parametrize(('arguments', 'code', 'sentence'), [
    (['--viewers', '0'], 2, "'0' must be 1 or more"),
    (['--link', 'fast'], 2, "'fast' is not a rate: write it as 50mbit"),
    (['--congestion', 'bbr'], 2, '--congestion needs --link or --rtt-ms'),
    (['--json', '/nowhere/result.json'], 2, "there is no folder '/nowhere' for --json"),
    (['--size', '3M'], 1, 'a frame of 320x240 cannot have 3000 kB'),
])
def test_what_cannot_be_measured_is_explained(arguments, code, sentence):
    program = viewers(*arguments)
    assert program.wait() == code
    program.wait_for(sentence)
    assert 'Traceback' not in program.output
