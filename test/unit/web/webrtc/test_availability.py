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

from importlib import metadata

from pi_camera_stream.web.webrtc import availability
import pytest


@pytest.mark.parametrize(('version', 'sentence'), [
    ('1.3.2', 'WebRTC needs aiortc 1.4 or newer, but 1.3.2 is installed: sudo apt install'),
    ('1.4.0', ''), ('1.16.0', ''), ('2.0', '')])
def test_what_is_too_old_is_said_with_the_remedy(monkeypatch, version, sentence):
    monkeypatch.setattr(availability, 'find_spec', lambda _: object())
    monkeypatch.setattr(metadata, 'version', lambda _: version)
    reason = availability.why_missing()
    assert reason.startswith(sentence) and bool(reason) == bool(sentence)


def test_what_is_missing_is_said_with_the_remedy(monkeypatch):
    monkeypatch.setattr(availability, 'find_spec', lambda _: None)
    assert availability.why_missing().startswith('WebRTC needs aiortc: sudo apt install')
