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

from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.tools.bench import link
import pytest


def test_a_narrow_link_needs_root(monkeypatch):
    monkeypatch.setattr(os, 'geteuid', lambda: 1000)
    with pytest.raises(PermanentError, match=r'--link and --rtt-ms need root.* run it with sudo'):
        link.check_link()


@pytest.mark.parametrize(('there', 'wanted'), [((), 'ip'), (('ip',), 'tc')])
def test_a_narrow_link_needs_iproute2(monkeypatch, tmp_path, there, wanted):
    monkeypatch.setattr(os, 'geteuid', lambda: 0)
    monkeypatch.setenv('PATH', str(tmp_path))
    for name in there:
        (tmp_path / name).touch(mode=0o755)
    with pytest.raises(PermanentError, match=f'the program {wanted}: sudo apt install iproute2'):
        link.check_link()


def test_the_loopback_needs_nothing():
    with link.loopback() as route:
        assert route.server_prefix == route.viewers_prefix == ()
        assert route.address == '127.0.0.1'
