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

"""What `secure` writes and says, and that a server can be reached by it."""

from datetime import datetime, timezone
import hashlib
import io
import ipaddress
import re
import socket
import ssl
import stat
import sys
from urllib.parse import urlsplit

import cv2
import numpy as np
from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.parameters.files import check_parameter_file
from pi_camera_stream.serve.configuration import read_configuration
from pi_camera_stream.tools.secure import certificate, command, machine, settings
from pi_camera_stream.tools.secure.qr_code import print_qr_code
from pi_camera_stream.web.access.access_rules import AccessRules
from pi_camera_stream.web.access.tokens import Token
import pytest
from support.processes import running, WAIT_S
from support.vision import READS_CODES

FILES = ('secure.yaml', 'certificate.pem', 'key.pem')


@pytest.fixture
def folder(tmp_path):
    return tmp_path / 'kept'


def secure(folder, *words):
    return command.main(['--folder', str(folder), *words])


def shown(text):
    """Return the address for viewers and that for drivers."""
    return re.findall(r'^To \w+: (https://\S+)$', text, re.MULTILINE)


def test_it_writes_what_only_its_owner_can_read(cryptography, folder):
    assert secure(folder, '--drive', '--port', '8443', '--name', 'cam.example.com') == 0
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    modes = [stat.S_IMODE((folder / name).stat().st_mode) for name in FILES]
    assert modes == [0o600, 0o644, 0o600]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert check_parameter_file(folder / FILES[0], ['/camera/http_bridge'], []) == []
    bridge = read_configuration(['--params-file', str(folder / FILES[0])]).bridge
    assert (bridge['port'], bridge['allowed_hosts'], bridge['teleop.enabled']) == (
        8443, 'cam.example.com', True)
    rules = AccessRules(access_token=bridge['access_token'], driver_token=bridge['driver_token'])
    assert rules.weakness() == ''


def test_the_addresses_lead_in_as_viewer_and_as_driver(cryptography, folder, capsys):
    assert secure(folder) == 0
    bridge = read_configuration(['--params-file', str(folder / FILES[0])]).bridge
    rules = AccessRules(access_token=bridge['access_token'], driver_token=bridge['driver_token'])
    viewer, driver = (urlsplit(address) for address in shown(capsys.readouterr().out))
    assert [rules.recognize(address.query.removeprefix('token=')) for address in (
        viewer, driver)] == [Token.ACCESS, Token.DRIVER]
    assert (viewer.scheme, viewer.port) == ('https', 8080)


def test_a_server_is_reached_by_all_of_its_names(cryptography, folder, capsys):
    assert secure(folder, '--name', 'cam.example.com') == 0
    fingerprint = re.search(r'^  ((?:[0-9A-F]{2}:){31}[0-9A-F]{2})$', capsys.readouterr().out,
                            re.MULTILINE)[1]
    trusting = ssl.create_default_context(cafile=str(folder / FILES[1]))
    with running('serve', '--params-file', folder / FILES[0], '--source', 'pattern', '--address',
                 '127.0.0.1', '--port', '0') as program:
        port = int(program.wait_for(r'Open https://127\.0\.0\.1:(\d+)/')[1])
        for name in ('127.0.0.1', 'localhost', 'cam.example.com', *machine.host_names(),
                     *map(str, machine.host_addresses())):
            with socket.create_connection(('127.0.0.1', port), WAIT_S) as plain, \
                    trusting.wrap_socket(plain, server_hostname=name) as connection:
                seen = certificate.fingerprint_text(_digest(connection.getpeercert(True)))
        assert seen == fingerprint
        with socket.create_connection(('127.0.0.1', port), WAIT_S) as plain, \
                pytest.raises(ssl.SSLCertVerificationError, match='not valid for'):
            trusting.wrap_socket(plain, server_hostname='evil.example')


def test_nothing_is_overwritten_unasked(cryptography, folder, capsys):
    assert secure(folder) == 0
    before = [(folder / name).read_bytes() for name in FILES]
    assert secure(folder) == 1
    assert 'is there already, and stays as it is' in capsys.readouterr().err
    (folder / FILES[0]).unlink()
    assert secure(folder) == 1  # one of them is enough
    assert [(folder / name).read_bytes() for name in FILES[1:]] == before[1:]
    assert secure(folder, '--force') == 0
    after = [(folder / name).read_bytes() for name in FILES]
    assert all(one != other for one, other in zip(before, after, strict=True))


def test_a_new_certificate_leaves_the_tokens(cryptography, folder, capsys):
    assert secure(folder, '--name', 'cam.example.com') == 0
    (folder / FILES[0]).chmod(0o600)
    before = [(folder / name).read_bytes() for name in FILES]
    assert secure(folder, '--renew') == 0
    after = [(folder / name).read_bytes() for name in FILES]
    assert [one == other for one, other in zip(before, after, strict=True)] == [
        True, False, False]
    assert _names(folder / FILES[1]) >= {'cam.example.com', 'localhost'}
    assert 'Restart the bridge, or serve' in capsys.readouterr().out


def test_addresses_that_were_named_stay_in_a_new_certificate(cryptography, folder, capsys):
    assert secure(folder, '--name', '203.0.113.9', '--name', '2001:db8::5') == 0
    hosts = read_configuration(['--params-file', str(folder / FILES[0])]).bridge['allowed_hosts']
    AccessRules(allowed_hosts=tuple(hosts.split(',')))
    capsys.readouterr()
    assert secure(folder, '--renew', '--name', 'cam.example') == 0
    assert {'203.0.113.9', '2001:db8::5', 'cam.example'} <= _names(folder / FILES[1])
    said = capsys.readouterr().out
    assert "Add 'cam.example' to the parameter 'allowed_hosts'" in said
    assert '203.0.113.9' not in said


@pytest.mark.parametrize(('hosts', 'names'), [
    ('one.example, Two.example:8443', {'one.example', 'two.example'}), ('*', set()),
    ('röbot.example', set()), ('[2001:db8::5]:80', {'2001:db8::5'})])
def test_a_new_certificate_is_for_what_may_be_a_name_of_a_server(cryptography, folder, hosts,
                                                                 names):
    assert secure(folder) == 0
    before = _names(folder / FILES[1])
    with (folder / FILES[0]).open('a', encoding='utf-8') as file:
        file.write(f"    allowed_hosts: '{hosts}'\n")
    assert secure(folder, '--renew') == 0
    assert _names(folder / FILES[1]) - before == names


def test_the_addresses_are_shown_again(cryptography, folder, capsys):
    assert secure(folder) == 0
    before = shown(capsys.readouterr().out)
    for who in ('viewer', 'driver'):
        assert secure(folder, '--show', who) == 0
        text = capsys.readouterr().out
        assert shown(text) == before
        assert 'Fingerprint' in text


@pytest.mark.parametrize(('words', 'sentence'), [
    (['--show', 'viewer'], 'leave out --show, and it is made'),
    (['--renew'], 'leave out --renew, and it is made')])
def test_what_is_not_there_yet_cannot_be_shown(folder, capsys, words, sentence):
    assert secure(folder, *words) == 1
    assert sentence in capsys.readouterr().err
    assert not folder.exists()


@pytest.mark.parametrize('name', ['https://robot', 'robot:8080', 'a b', '', 'a..b', 'x' * 300])
def test_what_is_no_name_is_refused(folder, capsys, name):
    with pytest.raises(SystemExit) as refused:
        secure(folder, '--name', name)
    assert refused.value.code == 2
    assert 'is neither a name nor an address' in capsys.readouterr().err


@pytest.mark.parametrize('keeping', [['--renew'], ['--show', 'viewer']])
@pytest.mark.parametrize('changing', [['--drive'], ['--port', '8443']])
def test_what_would_not_be_changed_is_refused(folder, capsys, keeping, changing):
    with pytest.raises(SystemExit) as refused:
        secure(folder, *keeping, *changing)
    assert refused.value.code == 2
    assert "'teleop.enabled' there" in capsys.readouterr().err


def test_where_it_may_not_write_it_says_so(cryptography, tmp_path, capsys):
    (tmp_path / 'file').write_text('')
    assert secure(tmp_path / 'file' / 'below') == 1
    line, = capsys.readouterr().err.splitlines()
    assert 'name another folder with --folder' in line


def test_where_nobody_knows_whose_home_it_is_it_says_so(capsys):
    assert secure('~nobody-of-this-machine/below') == 1
    line, = capsys.readouterr().err.splitlines()
    assert "'~nobody-of-this-machine/below'" in line and '--folder' in line


def test_without_the_libraries_it_says_what_to_install(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, 'cryptography', None)
    assert secure(folder) == 1
    line, = capsys.readouterr().err.splitlines()
    assert 'apt install python3-cryptography' in line
    assert not folder.exists()
    monkeypatch.setitem(sys.modules, 'qrcode', None)
    assert 'apt install python3-qrcode' in print_qr_code('x', io.StringIO())


def test_a_clock_that_is_not_set_makes_no_certificate(cryptography):
    with pytest.raises(PermanentError, match='the clock of this machine says 1970-01-01'):
        certificate.make_certificate(['robot'], [], 825, datetime(1970, 1, 1, tzinfo=timezone.utc))


def test_a_machine_has_its_name_and_its_addresses(monkeypatch):
    monkeypatch.setattr(socket, 'gethostname', lambda: 'Robot7.example.com')
    assert machine.host_names() == ['robot7.example.com', 'robot7', 'robot7.local', 'localhost']
    monkeypatch.setattr(socket, 'gethostname', lambda: '')
    assert machine.host_names() == ['localhost']
    addresses = machine.host_addresses()
    assert {ipaddress.ip_address('127.0.0.1'), ipaddress.ip_address('::1')} <= set(addresses)
    assert len(addresses) == len(set(addresses))
    assert not any(address.is_link_local for address in addresses if address.version == 6)


def test_a_phone_can_read_the_code(qrcode):
    address, out = 'https://192.168.100.200:8080/?token=ziDzUu5BqBPWd58x1hFt8g', io.StringIO()
    assert print_qr_code(address, out) == ''
    halves = {'█': (255, 255), '▀': (255, 0), '▄': (0, 255), ' ': (0, 0), '\xa0': (0, 0)}
    rows = []
    for line in out.getvalue().splitlines():
        rows += zip(*(halves[character] for character in line), strict=True)
    modules = np.array(rows, np.uint8)
    picture = cv2.copyMakeBorder(np.kron(modules, np.ones((8, 8), np.uint8)), 40, 40, 40, 40,
                                 cv2.BORDER_CONSTANT, value=255)
    if READS_CODES:
        assert cv2.QRCodeDetector().detectAndDecode(picture)[0] == address
    else:  # Debian's OpenCV finds codes, and reads none
        from qrcode import QRCode
        code = QRCode(border=2)
        code.add_data(address)
        dark = np.array(code.get_matrix())
        assert np.array_equal(modules[:len(dark)] == 0, dark)


def test_a_terminal_without_unicode_is_told(qrcode):
    out = io.TextIOWrapper(io.BytesIO(), 'ascii')
    assert 'UTF-8' in print_qr_code('https://robot', out)


def test_tokens_are_what_their_file_says_and_differ_each_time(tmp_path):
    tokens, others = settings.make_tokens(), settings.make_tokens()
    assert len({tokens.access, tokens.driver, others.access, others.driver}) == 4
    path = tmp_path / 'robot.yaml'
    odd = {'access_token': '"\\ü: #', 'port': 1, 'teleop.enabled': True}
    settings.write(path, settings.parameter_file(odd).encode(), secret=True)
    assert settings.read_parameters(path, '--show') == odd


def _digest(der):
    return hashlib.sha256(der).digest()


def _names(path):
    from cryptography import x509
    read = x509.load_pem_x509_certificate(path.read_bytes())
    names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(value) for kind in (x509.DNSName, x509.IPAddress)
            for value in names.get_values_for_type(kind)}
