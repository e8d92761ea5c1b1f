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

import dataclasses
import socket

from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.web.access.access_rules import AccessRules, Role
from pi_camera_stream.web.access.origins import same_origin
from pi_camera_stream.web.access.tokens import Token
import pytest

TOKEN, DRIVER = 'correct-horse-battery', 'at-the-wheel-of-it-all'


@pytest.fixture(autouse=True)
def _host_name(monkeypatch):
    monkeypatch.setattr(socket, 'gethostname', lambda: 'Robot7')


@pytest.mark.parametrize('host', [
    '192.168.1.20', '192.168.1.20:8080', '127.0.0.1', '[::1]', '[fd00::7]:8080', '[FE80::1%eth0]',
    'localhost', 'LOCALHOST:8080', 'cam.localhost', 'localhost.', 'robot7', 'ROBOT7:8080',
    'robot7.local', 'Robot7.Local.', 'robot7.lan:80', 'robot7.home', 'robot7.home.arpa',
    'robot7.internal', 'robot7.localdomain'])
def test_own_names_and_numbers_are_allowed(host):
    assert AccessRules().host_allowed(host)


@pytest.mark.parametrize('host', [
    None, '', ' ', '.', '.localhost', ':8080',
    'evil.example', 'evil.example:8080', 'robot7.evil.example',
    'evilrobot7', 'other.local', 'notlocalhost', 'localhost.evil.example', 'robot7.local.evil',
    '192.168.1.20.evil.example', '1.2.3.4:port', '1.2.3.4:1:2', 'robot7 evil', 'robot7/', '[::1',
    '::1', 'a@robot7', 'robot7:123456', 'robot7\u0000', 'ro\u212aot7', '\udcff', 'robot7:\u0661'])
def test_other_names_are_refused_and_so_is_what_is_no_name(host):
    assert not AccessRules().host_allowed(host)


def test_names_are_allowed_by_the_parameter_whatever_the_port_and_the_case():
    rules = AccessRules(allowed_hosts=('', 'Cam.Example.com:443', 'view'))
    assert rules.host_allowed('cam.example.COM:8080')
    assert rules.host_allowed('VIEW')
    assert not rules.host_allowed('example.com')
    assert not rules.host_allowed('')


def test_a_star_allows_all_names_but_nothing_garbled():
    rules = AccessRules(allowed_hosts=('*',))
    assert rules.host_allowed('evil.example')
    assert not rules.host_allowed('evil example')
    assert not rules.host_allowed(None)


def test_the_full_name_of_a_machine_is_its_own_and_no_name_is_none(monkeypatch):
    monkeypatch.setattr(socket, 'gethostname', lambda: 'robot7.example.com')
    assert AccessRules().host_allowed('robot7.example.com')
    assert AccessRules().host_allowed('robot7.local')
    assert not AccessRules().host_allowed('example.com')
    monkeypatch.setattr(socket, 'gethostname', lambda: '')
    assert not AccessRules().host_allowed('local')
    assert not AccessRules().host_allowed('.local')


@pytest.mark.parametrize(('origin', 'scheme', 'host'), [
    ('http://robot:8080', 'http', 'robot:8080'),
    ('http://Robot', 'http', 'robot'),
    ('http://robot', 'http', 'robot:80'),
    ('https://robot', 'https', 'robot'),
    ('https://robot', 'http', 'robot'),  # behind a proxy that ends TLS
    ('https://robot:8443', 'http', 'robot:8443'),
    ('http://[::1]:8080', 'http', '[::1]:8080')])
def test_pages_of_this_server_are_its_own(origin, scheme, host):
    assert same_origin(origin, scheme, host)
    assert AccessRules().origin_allowed(origin, scheme, host)


@pytest.mark.parametrize(('origin', 'scheme', 'host'), [
    ('http://evil.example', 'http', 'robot'), ('http://robot:8081', 'http', 'robot:8080'),
    ('http://robot', 'http', 'robot:8080'), ('http://robot', 'https', 'robot'),
    ('ftp://robot', 'http', 'robot'), ('ftp://robot:80', 'http', 'robot:80'),
    ('null', 'http', 'robot'), ('', 'http', ''),
    ('robot', 'http', 'robot'), ('http://robot', 'http', None), ('http://', 'http', 'robot'),
    ('http://robot.evil', 'http', 'robot'), ('http://robot@evil', 'http', 'robot'),
    ('file://', 'http', 'robot'), ('http://robot\u0000', 'http', 'robot')])
def test_other_pages_are_not(origin, scheme, host):
    assert not same_origin(origin, scheme, host)
    assert not AccessRules().origin_allowed(origin, scheme, host)


def test_other_pages_are_allowed_by_the_parameter_with_scheme_and_port():
    rules = AccessRules(allowed_origins=('', 'https://Dash.example.com/', 'http://panel:3000'))
    assert rules.origin_allowed('https://dash.example.com', 'http', 'robot')
    assert rules.origin_allowed('https://dash.example.com:443', 'http', 'robot')
    assert rules.origin_allowed('http://panel:3000', 'http', 'robot')
    for origin in ('http://dash.example.com', 'https://dash.example.com:8443', 'http://panel',
                   'https://sub.dash.example.com', 'null', '', 'https://'):
        assert not rules.origin_allowed(origin, 'http', 'robot')


def test_a_star_allows_all_pages_but_nothing_that_cannot_be_echoed():
    rules = AccessRules(allowed_origins=('*',))
    assert rules.origin_allowed('https://evil.example', 'http', 'robot')
    assert rules.origin_allowed('null', 'http', 'robot')
    assert not rules.origin_allowed('https://evil\udcff', 'http', 'robot')
    assert not rules.origin_allowed('', 'http', 'robot')


def test_only_the_token_matches():
    rules = AccessRules(access_token=TOKEN)
    assert rules.recognize(TOKEN) is Token.ACCESS
    for wrong in ('', TOKEN[:-1], TOKEN + '!', TOKEN.upper(), 'ü' * 9, '\udcff', '\0', 'x' * 9999):
        assert rules.recognize(wrong) is None


def test_a_token_may_have_any_letters():
    assert AccessRules(access_token='schlüssel').recognize('schlüssel') is Token.ACCESS


def test_without_a_token_nothing_matches():
    assert AccessRules().recognize('') is None


def test_each_token_is_known_by_itself():
    rules = AccessRules(access_token=TOKEN, driver_token=DRIVER)
    assert [rules.recognize(word) for word in (TOKEN, DRIVER, TOKEN + DRIVER)] == [
        Token.ACCESS, Token.DRIVER, None]


@pytest.mark.parametrize(('tokens', 'nobody', 'access', 'driver'), [
    ({}, Role.EQUAL, Role.EQUAL, Role.LEADS),
    ({'access_token': TOKEN}, None, Role.EQUAL, Role.LEADS),
    ({'driver_token': DRIVER}, Role.WATCHES, Role.WATCHES, Role.LEADS),
    ({'access_token': TOKEN, 'driver_token': DRIVER}, None, Role.WATCHES, Role.LEADS)])
def test_what_each_token_is_good_for(tokens, nobody, access, driver):
    rules = AccessRules(**tokens)
    assert [rules.role(token) for token in (None, Token.ACCESS, Token.DRIVER)] == [
        nobody, access, driver]


def test_two_tokens_that_are_one_are_refused():
    with pytest.raises(PermanentError, match="'access_token' and 'driver_token' are the same"):
        AccessRules(access_token=TOKEN, driver_token=TOKEN)


@pytest.mark.parametrize(('token', 'weak'), [
    ('12345678', True), ('abcdefgh', True), ('a1b2c3d4', True), ('schlüssel', True),
    ('0123456789abcdef', False), (TOKEN, False), ('3fc4b0a8d1e7', False)])
def test_a_token_that_is_too_short_to_be_guessed_in_vain_is_told(token, weak):
    for name in ('access_token', 'driver_token'):
        sentence = AccessRules(**{name: token}).weakness()
        assert (f"'{name}'" in sentence) == weak
        assert token not in sentence
    assert AccessRules().weakness() == ''


@pytest.mark.parametrize('token', ['short', '1234567', ' ' * 9, 'with space', 'line\nbreak',
                                   'zero\0byte', 'del\x7fdel!', 'non\u00a0breaking', '\ud800' * 8])
def test_a_bad_token_is_told_without_repeating_it(token):
    for name in ('access_token', 'driver_token'):
        with pytest.raises(PermanentError, match=rf"'{name}'.*openssl rand") as caught:
            AccessRules(**{name: token})
        assert token not in str(caught.value)


def test_the_shortest_token_is_taken():
    assert AccessRules(access_token='12345678').recognize('12345678') is Token.ACCESS


def test_the_token_is_not_in_the_text_of_the_rules():
    text = repr(AccessRules(access_token=TOKEN, driver_token=DRIVER))
    assert TOKEN not in text
    assert DRIVER not in text


def test_rules_cannot_be_changed_behind_the_checks():
    with pytest.raises(dataclasses.FrozenInstanceError):
        AccessRules().access_token = 'x'


@pytest.mark.parametrize(('name', 'value', 'remedy'), [
    ('allowed_hosts', ('http://robot',), 'without scheme'),
    ('allowed_hosts', ('robot/path',), 'without scheme'),
    ('allowed_hosts', ('good', 'a b'), 'without scheme'),
    ('allowed_hosts', ('*.example.com',), 'without scheme'),
    ('allowed_origins', ('dash.example.com',), 'https://'),
    ('allowed_origins', ('https://dash.example.com/page',), 'https://'),
    ('allowed_origins', ('https://',), 'https://'),
    ('allowed_origins', ('https://*.example.com',), 'https://'),
    ('max_viewers', 0, '1 to 10000'), ('max_viewers_per_address', -1, '0 to 10000')])
def test_a_bad_value_names_its_parameter_and_the_remedy(name, value, remedy):
    with pytest.raises(PermanentError, match=rf"'{name}'.*{remedy}"):
        AccessRules(**{name: value})


@pytest.mark.parametrize('proxy', ['proxy.example.com', '192.0.2.0/33', '1.2.3', '*'])
def test_a_trusted_proxy_is_named_in_numbers(proxy):
    with pytest.raises(PermanentError, match=r"'trusted_proxies'.* 192\.0\.2\.7 "):
        AccessRules(trusted_proxies=('', '192.0.2.7', proxy))
