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

"""A topic by RTSP."""

import json
import socket

import av
from diagnostic_msgs.msg import DiagnosticStatus
from support.processes import parameters, running, wait_until
from support.senders import free_port
from support.web import bridge, get, state


def test_a_player_gets_the_topic_and_the_diagnostics_count_it(guest):
    port = free_port()
    with running('camera', *parameters(source='pattern', width=320, height=240)), \
            bridge(rtsp_port=port) as program:
        program.wait_for(rf'players can open rtsp://127\.0\.0\.1:{port}/camera')
        for path in ('camera', 'camera/image_raw'):
            with av.open(f'rtsp://127.0.0.1:{port}/{path}',
                         options={'rtsp_transport': 'tcp'}, timeout=60) as container:
                pictures = container.decode(video=0)
                assert {(next(pictures).width, next(pictures).height)} == {(320, 240)}
                assert state(program.url)['viewers'][0]['transport'] == 'rtsp-tcp'
        wait_until(lambda: not state(program.url)['h264'])
        values = guest.diagnostics('http_bridge: bridge',
                                   lambda v: int(v['rtsp: frames sent']) > 0)
        assert values['rtsp'] == f'rtsp://127.0.0.1:{port}/camera'
        metrics = get(f'{program.url}metrics').read().decode()
        assert 'pi_camera_stream_outlet_frames_sent_total{outlet="rtsp://' in metrics


def test_a_port_that_is_taken_is_named_and_everything_else_runs(guest):
    with socket.create_server(('127.0.0.1', 0)) as other:
        port, sent = other.getsockname()[1], free_port()
        with running('camera', *parameters(source='pattern', width=320, height=240)), \
                bridge(rtsp_port=port, outlets=f'udp://127.0.0.1:{sent}') as program:
            program.wait_for(f'no RTSP; everything else keeps running: cannot bind port {port}')
            assert get(f'{program.url}snapshot.jpg').read().startswith(b'\xff\xd8')
            outlet, _ = json.load(get(f'{program.url}state'))['outlets']
            assert str(port) in outlet['reason']
            values = guest.diagnostics('http_bridge: bridge',
                                       lambda v: v['level'] == DiagnosticStatus.WARN)
            assert str(port) in values['rtsp']
            # So is a receiver that is not there, for whom it is encoded all the same.
            values = guest.diagnostics('http_bridge: bridge',
                                       lambda v: int(v['udp: frames sent']) > 0
                                       and 'nothing listens' in v['udp'])
            assert str(sent) in values['udp']
        assert 'players can open' not in program.output
