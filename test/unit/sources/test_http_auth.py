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

from pi_camera_stream.sources.workers.url import http_auth
from pi_camera_stream.sources.workers.url.http_auth import authorize
import pytest

NONCE = '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v'
OWN_NONCE = 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ'


@pytest.mark.parametrize(('algorithm', 'response'), [
    ('MD5', '8ca523f5e9506fed4657c9700eebdbec'),
    ('SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'),
])
def test_the_example_of_the_rfc(algorithm, response, monkeypatch):
    """RFC 7616, 3.9.1."""
    monkeypatch.setattr(http_auth.secrets, 'token_hex', lambda size: OWN_NONCE)
    answer = authorize([f'Digest realm="http-auth@example.org", qop="auth, auth-int", '
                        f'algorithm={algorithm}, nonce="{NONCE}", opaque="FQh"'],
                       'Mufasa', 'Circle of Life', '/dir/index.html')
    assert f'response="{response}"' in answer
    assert answer.startswith('Digest username="Mufasa", realm="http-auth@example.org"')
    assert f'cnonce="{OWN_NONCE}"' in answer
    assert answer.endswith(f', qop=auth, nc=00000001, algorithm={algorithm}')


@pytest.mark.parametrize(('challenges', 'begins'), [
    (['Basic realm="x", Digest realm="y", nonce="n"'], 'Digest username="u", realm="y"'),
    (['Digest realm="y", nonce="n", qop="auth-int"', 'Basic'], 'Basic dTpw'),
    (['Negotiate'], ''),
    ([''], ''),
    (['Digest'], ''),
    ([], 'Basic dTpw'),
])
def test_the_best_that_is_understood_is_answered(challenges, begins):
    answer = authorize(challenges, 'u', 'p', '/')
    assert answer.startswith(begins)
    assert bool(answer) == bool(begins)
