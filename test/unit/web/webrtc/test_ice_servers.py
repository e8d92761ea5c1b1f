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
from pi_camera_stream.web.webrtc.ice_servers import IceServer, read_ice_servers
import pytest


def test_servers_are_read():
    assert read_ice_servers(['stun:stun.example.org', 'turn:me:pass:word@[2001:db8::1]:3478',
                             'turns:me:word@turn.example.org?transport=tcp']) == (
        IceServer('stun:stun.example.org'),
        IceServer('turn:[2001:db8::1]:3478', 'me', 'pass:word'),
        IceServer('turns:turn.example.org?transport=tcp', 'me', 'word'))


@pytest.mark.parametrize('word', ['stun.example.org', 'http://example.org', 'turn:example.org',
                                  'stun:me:word@example.org', 'stun:', 'turn:me:s3cret@'])
def test_what_is_no_server_is_said_without_its_password(word):
    with pytest.raises(PermanentError, match="parameter 'ice_servers'") as error:
        read_ice_servers([word])
    assert 's3cret' not in str(error.value)


def test_clients_hear_of_them():
    stun, turn = read_ice_servers(['stun:stun.example.org', 'turn:me:word@turn.example.org'])
    assert stun.link() == '<stun:stun.example.org>; rel="ice-server"'
    assert turn.link() == ('<turn:turn.example.org>; rel="ice-server"; username="me"; '
                           'credential="word"; credential-type="password"')
