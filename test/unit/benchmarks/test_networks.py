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

import os

from benchmarks.common import networks
from pi_camera_stream.core.errors import PermanentError
import pytest


def test_a_network_needs_root(monkeypatch):
    monkeypatch.setattr(os, 'geteuid', lambda: 1000)
    assert networks.unavailable() == 'network namespaces need root: run it with sudo'
    with pytest.raises(PermanentError, match='need root'), networks.two_hosts():
        pass


@pytest.mark.parametrize(('there', 'wanted', 'package'), [
    ((), 'ip', 'iproute2'), (('ip',), 'tc', 'iproute2'), (('ip', 'tc'), 'nft', 'nftables')])
def test_a_network_needs_its_programs(monkeypatch, tmp_path, there, wanted, package):
    monkeypatch.setattr(os, 'geteuid', lambda: 0)
    monkeypatch.setenv('PATH', str(tmp_path))
    for name in there:
        (tmp_path / name).touch(mode=0o755)
    with pytest.raises(PermanentError, match=f'program {wanted}: sudo apt install {package}'):
        networks.check('nft')


def test_a_system_that_refuses_is_told_of(monkeypatch, tmp_path):
    monkeypatch.setattr(os, 'geteuid', lambda: 0)
    monkeypatch.setenv('PATH', str(tmp_path))
    for name in ('ip', 'tc'):
        (tmp_path / name).write_text('#!/bin/sh\necho Operation not permitted >&2\nexit 1\n')
        (tmp_path / name).chmod(0o755)
    assert 'fails (Operation not permitted): run it where' in networks.unavailable()


def test_the_loopback_needs_nothing():
    with networks.loopback() as route:
        assert route.server == route.viewers == ()
        assert route.address == '127.0.0.1'
