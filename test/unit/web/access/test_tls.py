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

import shutil
import ssl
import subprocess

from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.web.access.tls import server_context
import pytest


@pytest.fixture
def openssl(missing, tmp_path):
    """Return a function that runs the openssl command in `tmp_path`."""
    if shutil.which('openssl') is None:
        missing('the command openssl is not installed')

    def run(*arguments):
        subprocess.run(['openssl', *arguments], cwd=tmp_path, check=True, capture_output=True)
    return run


@pytest.fixture
def make(openssl, tmp_path):
    """Return a function that makes a certificate and its key, and returns their paths."""
    def make(name):
        openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
                '-nodes', '-keyout', f'{name}.key', '-out', f'{name}.crt', '-days', '36500',
                '-subj', '/CN=robot', '-addext', 'subjectAltName=DNS:robot')
        return str(tmp_path / f'{name}.crt'), str(tmp_path / f'{name}.key')
    return make


def shake_hands(server, client):
    """Let both sides talk in memory until they have agreed; return the client's side."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [client.wrap_bio(to_client, to_server, server_hostname='robot'),
             server.wrap_bio(to_server, to_client, server_side=True)]
    for _ in range(10):
        for side in sides:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                pass
    return sides[0]


def test_without_a_certificate_there_is_no_tls():
    assert server_context('', '') is None


def test_a_client_that_trusts_the_certificate_is_served(make):
    certificate, key = make('robot')
    context = server_context(certificate, key)
    client = ssl.create_default_context(cafile=certificate)
    assert shake_hands(context, client).getpeercert()['subjectAltName'] == (('DNS', 'robot'),)


def test_no_protocol_before_tls_1_2_is_spoken(make):
    context = server_context(*make('robot'))
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    client = ssl.create_default_context()
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    assert shake_hands(context, client).version() == 'TLSv1.2'


def test_browsers_are_told_that_it_is_http_1(make):
    client = ssl.create_default_context()
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.set_alpn_protocols(['h2', 'http/1.1'])
    side = shake_hands(server_context(*make('robot')), client)
    assert side.selected_alpn_protocol() == 'http/1.1'


def test_one_without_the_other_is_an_error():
    with pytest.raises(PermanentError, match=r"'certfile' is set, but 'keyfile' is not"):
        server_context('/some.crt', '')
    with pytest.raises(PermanentError, match=r"'keyfile' is set, but 'certfile' is not"):
        server_context('', '/some.key')


def test_files_that_are_not_there_are_named_with_their_parameter(make, tmp_path):
    certificate, key = make('robot')
    with pytest.raises(PermanentError, match=r"'/none.crt' cannot be read \(No such.*'certfile'"):
        server_context('/none.crt', key)
    with pytest.raises(PermanentError, match=r"'/none.key' cannot be read \(No such.*'keyfile'"):
        server_context(certificate, '/none.key')
    with pytest.raises(PermanentError, match=r"cannot be read \(Is a directory.*'keyfile'"):
        server_context(certificate, str(tmp_path))


def test_files_that_are_no_pem_are_named_with_their_parameter(make, tmp_path):
    certificate, key = make('robot')
    other = tmp_path / 'other'
    for content in (b'', b'\x30\x82\x00\xff', b'hello'):
        other.write_bytes(content)
        with pytest.raises(PermanentError, match=r"no certificate.*'certfile'"):
            server_context(str(other), key)
        with pytest.raises(PermanentError, match=r"no private key.*'keyfile'"):
            server_context(certificate, str(other))


def test_two_that_were_exchanged_are_told(make):
    certificate, key = make('robot')
    with pytest.raises(PermanentError, match=r"no certificate.*'certfile'"):
        server_context(key, certificate)


def test_a_key_that_does_not_fit_is_told(make):
    with pytest.raises(PermanentError, match=r"does not belong to.*'certfile' and 'keyfile'"):
        server_context(make('robot')[0], make('other')[1])


def test_a_file_that_is_not_whole_is_told(make, tmp_path):
    certificate, key = make('robot')
    for name, path in (('certificate', certificate), ('key', key)):
        lines = (tmp_path / path).read_text().splitlines(keepends=True)
        half = tmp_path / f'half.{name}'
        half.write_text(''.join([*lines[:2], lines[-1]]))
        pair = (str(half), key) if name == 'certificate' else (certificate, str(half))
        with pytest.raises(PermanentError, match=r'cannot be used .*intact PEM'):
            server_context(*pair)


def test_an_encrypted_key_is_told_instead_of_asking_on_the_terminal(make, openssl, tmp_path):
    certificate, key = make('robot')
    openssl('pkey', '-in', key, '-aes256', '-passout', 'pass:secret', '-out', 'locked.key')
    with pytest.raises(PermanentError, match=r"is encrypted.*openssl pkey.*'keyfile'"):
        server_context(certificate, str(tmp_path / 'locked.key'))
