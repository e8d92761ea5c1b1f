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


import re

from pi_camera_stream.outlets.digest import Digest, Proof
from pi_camera_stream.outlets.digest_login import ClearTextError, Login
import pytest

URL = 'rtsp://server/live'


def test_our_own_server_takes_it():
    server, login = Digest(), Login('robot', 'correct-horse')
    assert login.answer('ANNOUNCE', URL) == ''
    assert login.take(server.challenge)
    for method in ('ANNOUNCE', 'SETUP'):
        proof, _ = server.check(login.answer(method, URL), method, ['correct-horse'])
        assert proof is Proof.RIGHT
    assert server.check(login.answer('SETUP', URL), 'RECORD', ['correct-horse'])[0] is Proof.WRONG
    assert not login.take(server.challenge)  # it has been answered: the password is wrong
    assert login.take(Digest().challenge)  # what was answered was too old
    assert 'correct-horse' not in login.answer('RECORD', URL)


def test_what_others_ask_by_is_answered_as_in_their_example(monkeypatch):
    """See the example of RFC 7616, 3.9.1."""
    login = Login('Mufasa', 'Circle of Life')
    fields = ('Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
              'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
              'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"')
    monkeypatch.setattr('secrets.token_hex', lambda _: (
        'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ'))
    for algorithm, response in (
            ('MD5', '8ca523f5e9506fed4657c9700eebdbec'),
            ('SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1')):
        assert login.take('Basic realm="x", ' + fields.format(algorithm))
        said = login.answer('GET', '/dir/index.html')
        assert f'response="{response}"' in said
        assert re.search(r'qop=auth, nc=00000001, cnonce="f2/wE4q74E6', said)
        assert 'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"' in said
        login = Login('Mufasa', 'Circle of Life')


def test_the_password_itself_is_sent_to_nobody_unless_that_is_allowed():
    with pytest.raises(ClearTextError):
        Login('me', 'secret').take('Basic realm="a"')
    login = Login('me', 'secret', clear=True)
    assert login.take('Basic realm="a"')
    assert login.answer('SETUP', URL) == 'Basic bWU6c2VjcmV0'
    assert not login.take('Basic realm="a"')
    login = Login('me', 'secret', clear=True)
    assert login.take('Basic realm="a", Digest realm="b", nonce="c"')
    assert login.answer('SETUP', URL).startswith('Digest ')


def test_what_cannot_be_answered_is_no_challenge():
    login = Login('me', 'secret')
    for text in ('', 'Bearer', 'Digest realm="a"', 'Digest realm="a", nonce="b", algorithm=MD5-x',
                 'Negotiate abc'):
        assert not login.take(text)
    assert login.answer('SETUP', URL) == ''


def test_odd_characters_do_not_get_out_of_their_quotes():
    login = Login('a"b\r\nX: y\\', 'secret')
    login.take('Digest realm="a", nonce="b"')
    said = login.answer('SETUP', URL)
    assert 'username="a\\"bX: y\\\\"' in said
    assert '\n' not in said
