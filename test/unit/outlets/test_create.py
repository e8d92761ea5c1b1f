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

from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.outlets.create import create_outlets, OutletSettings
from pi_camera_stream.web.access.access_rules import AccessRules
import pytest

TOKEN = 'correct-horse-battery'


def create(token='', **settings):
    return create_outlets(OutletSettings('127.0.0.1', **settings), None,
                          AccessRules(access_token=token), None, None, None)


def test_nothing_is_there_unless_it_is_wanted():
    assert create() == []
    assert [one.url() for one in create(
        rtsp_port=8554, outlets=('tcp://:5001', 'tcp://:5002?topic=/front'))] == [
            'rtsp://127.0.0.1:8554/camera', 'tcp://127.0.0.1:5001', 'tcp://127.0.0.1:5002']


@pytest.mark.parametrize('text', [
    'tcp', 'tcp://', 'tcp://:', 'tcp://:0', 'tcp://:70000', 'tcp://:x', 'udp://:5001', ':5001',
    'tcp://robot:5001', 'tcp://user@:5001', 'tcp://:5001/path', 'tcp://:5001?tpic=/front',
    'tcp://:5001?x', 'tcp://[:5001', 'tcp://:\xb2'])
def test_what_is_no_address_is_refused_with_the_remedy(text):
    with pytest.raises(PermanentError, match=r"'outlets' is none: write tcp://:5001"):
        create(outlets=(text,))


def test_what_cannot_ask_for_a_token_is_refused_beside_one():
    with pytest.raises(PermanentError, match="'outlets_insecure'"):
        create(TOKEN, outlets=('tcp://:5001',))
    assert len(create(TOKEN, outlets=('tcp://:5001',), insecure=True, rtsp_port=8554)) == 2
    assert len(create(TOKEN, rtsp_port=8554)) == 1
    with pytest.raises(PermanentError, match="'rtsp_multicast'"):
        create(TOKEN, rtsp_port=8554, rtsp_multicast=True)
