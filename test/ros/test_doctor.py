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

import http.server
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

from benchmarks.common import networks
import pytest
from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage
from support.processes import parameters, Program, running, WAIT_S

TOPIC = '/camera/image_raw/compressed'


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def doctor(*arguments, code=0, seconds=0.1, **options):
    """Return what it prints."""
    program = Program('doctor', '--seconds', seconds, *arguments, **options)
    assert program.wait() == code, program.output
    assert 'Traceback' not in program.output
    return program


@pytest.fixture
def hosts(monkeypatch, missing):
    """Return the prefixes of two network namespaces, in which ROS may use its network."""
    if reason := networks.unavailable():
        missing(reason)
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'SUBNET')
    with networks.two_hosts() as prefixes:
        yield prefixes


@pytest.fixture
def firewall(hosts, missing):
    """Return a function that adds a rule to the nftables firewall of the first host."""
    if shutil.which('nft') is None:
        missing('a firewall needs the Debian package nftables')

    def add(hook, rule):
        nft = (*hosts[0], 'nft')
        subprocess.run([*nft, 'add table ip test'], check=True)
        subprocess.run([*nft, f'add chain ip test {hook} {{ type filter hook {hook} '
                        'priority 0; }'], check=True)
        subprocess.run([*nft, f'add rule ip test {hook} {rule}'], check=True)
    return add


def test_it_finds_nothing_broken_on_a_healthy_machine(guest):
    program = doctor('--port', free_port())
    assert 'BROKEN' not in program.output
    assert 'no picture topic was seen' in program.output
    program.wait_for(r'ROS domain \d+ is in use')


def test_it_finds_the_subscriber_that_gets_nothing(guest):
    with running('camera', *parameters(source='pattern')) as camera:
        camera.wait_for('publishing')
        guest.listen(CompressedImage, TOPIC,
                     QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE,
                                durability=DurabilityPolicy.TRANSIENT_LOCAL,
                                deadline=Duration(seconds=1)))
        program = doctor('--port', free_port(), seconds=8, code=1)
        program.wait_for(rf'BROKEN /guest gets nothing from {TOPIC}')
        program.wait_for(r'-> subscribe with best effort .*; subscribe with '
                         r'volatile .*; request no deadline')


@pytest.mark.parametrize(('name', 'value', 'sentence'), [
    ('ROS_DOMAIN_ID', 'home', "BROKEN ROS_DOMAIN_ID is 'home'"),
    ('ROS_DOMAIN_ID', '102', "BROKEN ROS_DOMAIN_ID is '102'"),
    ('RMW_IMPLEMENTATION', 'rmw_missing_cpp',
     r'BROKEN RMW_IMPLEMENTATION is rmw_missing_cpp, which is not installed\n +-> sudo apt '
     r'install ros-\S+-rmw-missing-cpp'),
    ('FASTDDS_DEFAULT_PROFILES_FILE', '/nowhere/dds.xml', 'BROKEN FASTDDS_DEFAULT_PROFILES_FILE'),
])
def test_it_finds_a_senseless_environment(monkeypatch, name, value, sentence):
    monkeypatch.setenv(name, value)
    doctor('--port', free_port(), code=1).wait_for(sentence)


@pytest.mark.parametrize(('arguments', 'sentence'), [
    (['--port', '99999'], "'99999' is not a port: choose one from 1 to 65535"),
    (['--seconds', '-1'], "'-1' is not a time"),
    (['--seconds', 'nan'], "'nan' is not a time"),
    (['--answer', '--peer', 'robot'], 'not allowed with'),
])
def test_it_refuses_what_it_does_not_understand(arguments, sentence):
    program = Program('doctor', *arguments)
    assert program.wait() == 2
    program.wait_for(sentence)


def test_ctrl_c_ends_it_at_once():
    program = Program('doctor', '--seconds', 600, '--port', free_port())
    program.wait_for('neither a Raspberry Pi camera nor|found a ')
    time.sleep(1.0)  # into the looking around
    began = time.monotonic()
    assert program.stop(signal.SIGINT) == 130
    assert time.monotonic() - began < 5
    assert 'Traceback' not in program.output


def test_it_knows_our_bridge_from_another_program():
    port = free_port()
    with running('bridge', *parameters(port=port)) as bridge:
        bridge.wait_for(rf':{port}/')
        doctor('--port', port).wait_for(rf'ok +our bridge answers on port {port}')
    server = http.server.HTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        program = doctor('--port', server.server_port, code=1)
        program.wait_for(rf'BROKEN port {server.server_port} is in use by \S+ \(process '
                         rf'{os.getpid()}\)')
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_it_knows_our_bridge_that_asks_for_a_token():
    port = free_port()
    with running('bridge', *parameters(port=port, access_token='a-long-secret')) as bridge:
        bridge.wait_for(rf':{port}/')
        doctor('--port', port).wait_for(rf'ok +our bridge answers on port {port}')


def test_it_tells_where_the_page_of_a_bridge_with_https_is(certificate):
    port = free_port()
    certfile, keyfile = certificate
    with running('bridge', *parameters(port=port, certfile=certfile, keyfile=keyfile)) as bridge:
        bridge.wait_for(rf':{port}/')
        doctor('--port', port).wait_for(rf'our bridge answers on port {port}: https://\S+:{port}/')


def test_it_runs_without_anything_and_says_what_is_missing(tmp_path):
    # A Python that sees neither the site's packages nor what is sourced.
    answer = subprocess.run(
        [sys.executable, '-I', '-S', '-c',
         'import sys; sys.path.insert(0, sys.argv[1])\n'
         'from pi_camera_stream.tools.doctor.command import main\n'
         'sys.exit(main(["--seconds", "0.1"]))', os.getcwd()],
        capture_output=True, text=True, timeout=WAIT_S, cwd=tmp_path)
    assert answer.returncode == 1, answer
    assert answer.stderr == ''
    assert 'BROKEN cv2 cannot be imported' in answer.stdout
    assert 'Traceback' not in answer.stdout


def test_it_sees_multicast_get_out_and_in(hosts):
    program = doctor(prefix=hosts[0])
    program.wait_for(rf'ok +multicast is sent and received on cable \({networks.ADDRESSES[0]}\)')
    program.wait_for('note +no node is in ROS domain')


@pytest.mark.parametrize(('hook', 'rule', 'sentence'), [
    ('input', 'ip daddr 239.0.0.0/8 drop', 'BROKEN no multicast is received on cable'),
    ('output', 'ip daddr 239.0.0.0/8 drop', 'BROKEN multicast cannot be sent on cable .*: '
                                            'Operation not permitted'),
])
def test_it_finds_a_firewall_against_multicast(hosts, firewall, hook, rule, sentence):
    firewall(hook, rule)
    program = doctor(prefix=hosts[0], code=1)
    program.wait_for(sentence)
    program.wait_for(r'-> allow UDP to 239\.255\.0\.1')


def test_it_finds_a_link_without_multicast(hosts):
    subprocess.run([*hosts[0], 'ip', 'link', 'set', 'cable', 'multicast', 'off'], check=True)
    doctor(prefix=hosts[0], code=1).wait_for(
        'BROKEN cable has multicast switched off\n +-> sudo ip link set cable multicast on')


def test_a_missing_route_for_multicast_is_none_that_counts(hosts):
    subprocess.run([*hosts[0], 'ip', 'route', 'del', '224.0.0.0/4'], check=True)
    with running('camera', *parameters(source='pattern'), prefix=hosts[1]) as camera:
        camera.wait_for('publishing')
        program = doctor(prefix=hosts[0], seconds=8)
    program.wait_for('ok +multicast is sent and received on cable')
    program.wait_for(rf'ok +{TOPIC}: from /camera/camera')  # and DDS needs none either


def test_two_doctors_see_what_passes_between_them(hosts):
    with running('doctor', '--answer', prefix=hosts[1]) as other:
        other.wait_for('Answering on cable')
        program = doctor(prefix=hosts[0])
        program.wait_for(rf'ok +our multicast reaches {networks.ADDRESSES[1]}')
        doctor('--peer', networks.ADDRESSES[1], prefix=hosts[0]).wait_for(
            rf'ok +our multicast reaches {networks.ADDRESSES[1]}')
        other.wait_for(rf'multicast from {networks.ADDRESSES[0]}')


def test_two_doctors_find_where_multicast_is_held_back(hosts, firewall):
    peer = networks.ADDRESSES[1]
    with running('doctor', '--answer', prefix=hosts[1]) as other:
        other.wait_for('Answering on cable')
        # Ours comes back, as if the access point between the two held back the others'.
        firewall('input', f'ip saddr {peer} ip daddr 239.0.0.0/8 drop')
        doctor('--peer', peer, prefix=hosts[0], code=1).wait_for(
            rf'BROKEN multicast from {peer} does not arrive here\n +-> .*ROS_STATIC_PEERS')
        # Between output and the cable, where looping back has been done.
        subprocess.run([*hosts[0], 'nft', 'flush ruleset'], check=True)
        subprocess.run([*hosts[0], 'nft', 'add table netdev test'], check=True)
        subprocess.run([*hosts[0], 'nft', 'add chain netdev test out { type filter hook egress '
                        'device cable priority 0; }'], check=True)
        subprocess.run([*hosts[0], 'nft', 'add rule netdev test out ip daddr 239.0.0.0/8 drop'],
                       check=True)
        doctor('--peer', peer, prefix=hosts[0], code=1).wait_for(
            rf'BROKEN {peer} can be reached, but our multicast does not arrive there')


def test_a_peer_that_does_not_answer_is_named(hosts):
    doctor('--peer', networks.ADDRESSES[1], prefix=hosts[0], code=1).wait_for(
        rf'BROKEN {networks.ADDRESSES[1]} does not answer at all\n +-> run .*doctor --answer')
    doctor('--peer', 'no.such.host.invalid', prefix=hosts[0], code=1).wait_for(
        'BROKEN there is no address for no.such.host.invalid')


def test_it_finds_those_in_another_domain(hosts, monkeypatch):
    monkeypatch.setenv('ROS_DOMAIN_ID', '7')
    with running('camera', *parameters(source='pattern'), prefix=hosts[1]) as camera:
        camera.wait_for('publishing')
        doctor(prefix=hosts[0], seconds=5).wait_for('ROS domain 7 is in use')
        monkeypatch.setenv('ROS_DOMAIN_ID', '0')
        doctor(prefix=hosts[0], seconds=5, code=1).wait_for(
            rf'BROKEN no node is in ROS domain 0, but in domain 7 1 at {networks.ADDRESSES[1]}\n'
            r' +-> export ROS_DOMAIN_ID=7 here, or ROS_DOMAIN_ID=0 there')


def test_it_finds_those_in_another_domain_of_this_machine(hosts, monkeypatch):
    monkeypatch.setenv('ROS_DOMAIN_ID', '7')
    with running('camera', *parameters(source='pattern'), prefix=hosts[0]) as camera:
        camera.wait_for('publishing')
        monkeypatch.setenv('ROS_DOMAIN_ID', '0')
        doctor(prefix=hosts[0], code=1).wait_for(
            'BROKEN no node is in ROS domain 0, but in domain 7 1 on this machine')
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    monkeypatch.setenv('ROS_DOMAIN_ID', '8')
    with running('camera', *parameters(source='pattern'), prefix=hosts[0]) as camera:
        camera.wait_for('publishing')
        monkeypatch.setenv('ROS_DOMAIN_ID', '0')
        # It keeps to itself, as a demo does.
        doctor(prefix=hosts[0]).wait_for(
            'note +no node is in ROS domain 0, but in domain 8 1 on this machine')


def test_it_sees_fragments_get_lost(hosts, firewall):
    subprocess.run([*hosts[0], 'sysctl', '-qw', 'net.ipv4.ipfrag_time=1'], check=True)
    # Before defragmentation, so that something is left to wait for.
    subprocess.run([*hosts[0], 'nft', 'add table netdev test'], check=True)
    subprocess.run([*hosts[0], 'nft', 'add chain netdev test in { type filter hook ingress device '
                    'cable priority 0; }'], check=True)
    subprocess.run([*hosts[0], 'nft', 'add rule netdev test in ip frag-off & 0x1fff == 185 drop'],
                   check=True)
    flood = ('import socket, time\n'
             's = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n'
             'while True:\n'
             f'    s.sendto(bytes(9000), ("{networks.ADDRESSES[0]}", 9))\n'
             '    time.sleep(0.05)\n')
    sender = subprocess.Popen([*hosts[1], sys.executable, '-c', flood])
    try:
        doctor(prefix=hosts[0], seconds=4, code=1).wait_for(
            r'BROKEN \d+ datagrams were lost because a fragment of each was missing')
    finally:
        sender.kill()
        sender.wait()
