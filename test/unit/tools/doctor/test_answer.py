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

from pi_camera_stream.tools.doctor.answer import message, parse, port_for
import pytest


def test_a_message_comes_back_as_it_was():
    assert parse(message('ask', 'a1b2')) == ('ask', 'a1b2')


@pytest.mark.parametrize('data', [b'', b'RTPS', b'pi_camera_stream doctor', b'\xff' * 50,
                                  b'pi_camera_stream doctor ask ' + b'x' * 200])
def test_other_datagrams_are_no_messages(data):
    assert parse(data) == ('', '')


@pytest.mark.parametrize(('domain', 'port'), [(None, 7409), (0, 7409), (7, 9159), (101, 32659)])
def test_the_port_is_among_those_of_the_domain(domain, port):
    assert port_for(domain) == port
