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

from hypothesis import given
from hypothesis import strategies as st
from pi_camera_stream.outlets.digest import Digest, Proof
import pytest
from support.rtsp_client import authorization

SECRETS = ('correct-horse', 'battery-staple')
URL = 'rtsp://robot:8554/camera'


def nonce(digest):
    return re.search('nonce="(.*?)"', digest.challenge)[1]


def answer(digest, password, method='DESCRIBE', user='anybody', **options):
    return authorization(user, password, nonce(digest), method, URL, **options)


@pytest.mark.parametrize('secret', SECRETS)
@pytest.mark.parametrize('user', ['', 'admin', 'grün'])
def test_who_knows_a_secret_proves_it_under_any_name(secret, user):
    digest = Digest()
    assert digest.check(answer(digest, secret, user=user), 'DESCRIBE', SECRETS) == (
        Proof.RIGHT, secret)


def test_wrong_ones_are_wrong():
    digest = Digest()
    for header in (answer(digest, 'guessed'), answer(digest, SECRETS[0], realm='another'),
                   answer(digest, SECRETS[0], 'PLAY'), f'Digest nonce="{nonce(digest)}"',
                   'Basic YWRtaW46Y29ycmVjdC1ob3JzZQ=='):
        assert digest.check(header, 'DESCRIBE', SECRETS) == (Proof.WRONG, '')


def test_what_was_answered_in_another_connection_is_no_proof_and_no_guess():
    header = answer(Digest(), SECRETS[0])
    assert Digest().check(header, 'DESCRIBE', SECRETS) == (Proof.NONE, '')
    assert Digest().check('', 'DESCRIBE', SECRETS) == (Proof.NONE, '')


@given(st.text(max_size=100))
def test_nothing_else_is_a_proof(text):
    digest = Digest()
    for header in (text, f'Digest {text}', f'Digest nonce="{nonce(digest)}",response="{text}"'):
        assert digest.check(header, 'PLAY', SECRETS)[0] is not Proof.RIGHT
