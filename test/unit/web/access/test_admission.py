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

from contextlib import ExitStack

from aiohttp import web
from pi_camera_stream.web.access.access_rules import AccessRules
from pi_camera_stream.web.access.admission import Admission
import pytest


def test_as_many_may_watch_as_may():
    admission = Admission(AccessRules(max_viewers=2))
    with admission.admit('a'), admission.admit('b'):
        assert admission.viewers == 2
        with pytest.raises(web.HTTPServiceUnavailable) as caught, admission.admit('c'):
            pytest.fail('was let in')
        assert 'max_viewers = ' in caught.value.text
        assert int(caught.value.headers['Retry-After']) > 0
        assert admission.viewers == 2
    with admission.admit('c'):
        assert admission.viewers == 1
    assert admission.viewers == 0


def test_an_address_has_its_share_and_leaves_the_others_theirs():
    admission = Admission(AccessRules(max_viewers_per_address=2))
    with admission.admit('a'), admission.admit('a'):
        with pytest.raises(web.HTTPTooManyRequests) as caught, admission.admit('a'):
            pytest.fail('was let in')
        assert "'max_viewers_per_address'" in caught.value.text
        assert int(caught.value.headers['Retry-After']) > 0
        with admission.admit('b'):
            assert admission.viewers == 3
    with admission.admit('a'):
        assert admission.viewers == 1


def test_unless_said_otherwise_one_address_may_take_half():
    admission = Admission(AccessRules(max_viewers=5))
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(admission.admit('192.0.2.1'))
        with pytest.raises(web.HTTPTooManyRequests) as caught, admission.admit('192.0.2.1'):
            pytest.fail('was let in')
        assert "half of 'max_viewers'" in caught.value.text
        assert 'router' in caught.value.text


def test_a_network_of_ipv6_counts_as_one():
    admission = Admission(AccessRules(max_viewers=2))
    with admission.admit('2001:db8::1'):
        with pytest.raises(web.HTTPTooManyRequests), admission.admit('2001:db8::2:1'):
            pytest.fail('was let in')
        with admission.admit('2001:db8:0:1::1'):
            assert admission.viewers == 2


@pytest.mark.parametrize('address', ['127.0.0.1', '::1', '::ffff:127.0.0.1', '192.0.2.7'])
def test_this_machine_and_trusted_proxies_may_take_all(address):
    admission = Admission(AccessRules(max_viewers=50, trusted_proxies=('192.0.2.7',)))
    with ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(admission.admit(address))
        assert admission.viewers == 50
        with pytest.raises(web.HTTPServiceUnavailable), admission.admit(address):
            pytest.fail('was let in')


@pytest.mark.parametrize('failure', [ConnectionError, KeyboardInterrupt, GeneratorExit])
def test_whoever_leaves_in_an_error_has_left(failure):
    admission = Admission(AccessRules(max_viewers=1))
    with pytest.raises(failure), admission.admit('a'):
        raise failure
    assert admission.viewers == 0
    with admission.admit('a'):
        assert admission.viewers == 1


def test_to_ask_is_not_to_enter():
    admission = Admission(AccessRules(max_viewers=1))
    asked = [admission.admit('a') for _ in range(3)]
    assert admission.viewers == 0
    with asked[0], pytest.raises(web.HTTPServiceUnavailable), asked[1]:
        pytest.fail('was let in')


def test_addresses_that_have_left_are_forgotten():
    admission = Admission(AccessRules())
    for number in range(1000):
        with admission.admit(f'2001:db8::{number:x}'):
            pass
    with pytest.raises(web.HTTPServiceUnavailable), ExitStack() as stack:
        for number in range(101):
            stack.enter_context(admission.admit(f'192.0.2.{number}'))
    assert not admission._viewers


def test_who_has_the_driver_token_finds_a_place_among_any_number_of_viewers():
    admission = Admission(AccessRules(max_viewers=2, max_viewers_per_address=1))
    with admission.admit('192.0.2.1'), admission.admit('192.0.2.2'):
        with admission.admit('192.0.2.1', leads=True):
            assert admission.viewers == 3
        with pytest.raises(web.HTTPServiceUnavailable), admission.admit('192.0.2.3'):
            pytest.fail('was let in')


def test_a_place_that_is_shared_is_free_when_the_last_one_has_left():
    admission = Admission(AccessRules(max_viewers=1))
    with ExitStack() as later:
        with admission.admit('a') as place:
            later.enter_context(place.hold())
            assert admission.viewers == 1
        with pytest.raises(web.HTTPServiceUnavailable), admission.admit('b'):
            pytest.fail('was let in')
    with admission.admit('b'):
        assert admission.viewers == 1
