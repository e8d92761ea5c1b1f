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

"""What systemd hears, over real sockets."""

import os

from pi_camera_stream.core.service_manager import ServiceManager
import pytest
from support.supervisor import supervising


@pytest.fixture(params=['path', 'abstract'])
def address(request, tmp_path):
    return f'{tmp_path}/notify' if request.param == 'path' else f'\0test-{os.getpid()}'


def test_systemd_hears_what_is_said(address):
    with supervising(address, watchdog_s=30.0) as systemd:
        service = ServiceManager({**systemd.environment, 'WATCHDOG_PID': str(os.getpid())})
        assert service.listens
        assert service.period_s == 10.0
        service.tell_ready()
        assert systemd.next() == ['READY=1']
        service.tell_alive('2 viewers;\nNO SIGNAL')
        assert systemd.next() == ['WATCHDOG=1', 'STATUS=2 viewers; NO SIGNAL']
        service.tell_stopping()
        assert systemd.next() == ['STOPPING=1']


def test_only_the_end_of_the_service_itself_is_told(tmp_path):
    with supervising(f'{tmp_path}/notify') as systemd:
        for main in ({}, {'SYSTEMD_EXEC_PID': '1', 'WATCHDOG_PID': '1'}):
            service = ServiceManager({**systemd.environment, **main})
            service.tell_stopping()
            service.tell_ready()
            assert systemd.next() == ['READY=1']
        service = ServiceManager({**systemd.environment, 'SYSTEMD_EXEC_PID': str(os.getpid())})
        service.tell_stopping()
        assert systemd.next() == ['STOPPING=1']


@pytest.mark.parametrize('environment', [
    {}, {'NOTIFY_SOCKET': ''}, {'NOTIFY_SOCKET': 'vsock:2:1234'}, {'NOTIFY_SOCKET': '/nowhere'},
    {'NOTIFY_SOCKET': '/' + 200 * 'x'}, {'WATCHDOG_USEC': 'soon'}, {'WATCHDOG_USEC': '0'}])
def test_nobody_need_listen(environment):
    service = ServiceManager(environment)
    service.tell_ready()
    service.tell_alive('all is well')
    service.tell_stopping()
    assert service.period_s > 1.0


def test_a_supervisor_who_reads_nothing_holds_nobody_up(tmp_path):
    with supervising(f'{tmp_path}/notify') as systemd:
        service = ServiceManager(systemd.environment)
        for _ in range(1000):
            service.tell_alive(100 * 'all is well ')
