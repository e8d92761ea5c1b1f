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

from pi_camera_stream.tools.doctor import command, Finding, Options
import pytest


@pytest.mark.parametrize(('implementation', 'of_dds'), [
    ('', True), ('rmw_cyclonedds_cpp', True), ('rmw_zenoh_cpp', False)])
def test_zenoh_is_not_asked_what_dds_is(monkeypatch, capsys, implementation, of_dds):
    monkeypatch.setenv('RMW_IMPLEMENTATION', implementation)
    for name in [name for name in vars(command) if name.startswith('check_')]:
        monkeypatch.setattr(command, name, lambda *_, name=name: [Finding('ok', name)])
    assert command._report(Options()) == 0
    said = capsys.readouterr().out
    for name in ('check_multicast', 'check_buffers', 'check_losses', 'check_domains'):
        assert (name in said) is of_dds
    for name in ('check_environment', 'check_topics', 'check_camera'):
        assert name in said
