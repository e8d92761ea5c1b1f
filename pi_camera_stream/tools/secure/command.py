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

"""
Make what a robot needs to be watched and driven safely: two tokens and a certificate.

They are written with a parameter file that only you can read, for the bridge and for `serve`, and
the addresses to give to viewers and drivers are shown.
"""

import argparse
from collections.abc import Sequence
import hashlib
import ipaddress
import os
from pathlib import Path
import re
import ssl
import sys
from urllib.parse import quote

from .certificate import Certificate, fingerprint_text, make_certificate
from .machine import Address, host_addresses, host_names
from .qr_code import print_qr_code
from .settings import check_free, make_tokens, parameter_file, read_parameters, Tokens, write
from ...core.errors import PermanentError
from ...core.parameters import Value
from ...web.server import address_in_network, server_url

_DAYS = 825  # Apple's devices take no certificate that is good for longer
_PORT = 8080
_NAME = re.compile(r'[a-z0-9_-]+(\.[a-z0-9_-]+)*', re.ASCII | re.IGNORECASE)
_HOST = re.compile(r'\[?([^\]]+?)\]?(?::\d+)?', re.ASCII)  # with or without a port


def main(args: Sequence[str] | None = None) -> int:
    options = _parse(args)
    folder: Path = options.folder
    try:
        folder = folder.expanduser().absolute()
        if options.show:
            _show(folder, options.show)
        elif options.renew:
            _renew(folder, options)
        else:
            _make(folder, options)
        return 0
    except PermanentError as error:
        print(f'secure: error: {error}', file=sys.stderr)
    except RuntimeError:  # of expanduser()
        print(f"secure: error: '{folder}' cannot be written, as there is no such home directory: "
              'name another folder with --folder', file=sys.stderr)
    except OSError as error:
        print(f"secure: error: '{error.filename or folder}' cannot be written ({error.strerror}): "
              'name another folder with --folder', file=sys.stderr)
    return 1


def _parse(args: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser()
    options = parser.parse_args(args)
    keeps = '--renew' if options.renew else '--show' if options.show else ''
    if keeps and (options.drive or options.port != _PORT):
        parser.error(f"{keeps} leaves port and driving as they are in the parameter file: change "
                     "'port' or 'teleop.enabled' there")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='python3 -m pi_camera_stream secure',
                                     description=__doc__, allow_abbrev=False)
    home = Path(os.environ.get('XDG_CONFIG_HOME') or '~/.config')
    parser.add_argument('--folder', type=Path, default=home / 'pi_camera_stream',
                        help='folder to write to (default: %(default)s)')
    parser.add_argument('--drive', action='store_true', help='let pages drive, too: '
                                                             'docs/driving.md')
    parser.add_argument('--port', type=_port, default=_PORT, help='port of the bridge (default: '
                                                                  '%(default)s)')
    parser.add_argument('--name', action='append', default=[], type=_name, metavar='NAME',
                        help='another name or address by which browsers reach this machine; may '
                             'be given several times')
    parser.add_argument('--days', type=_days, default=_DAYS,
                        help='how many days the certificate is valid (default: %(default)s, the '
                             'most that Apple devices accept)')
    either = parser.add_mutually_exclusive_group()
    either.add_argument('--force', action='store_true',
                        help='overwrite what is there; new tokens log everyone out')
    either.add_argument('--renew', action='store_true',
                        help='make a new certificate only, for the addresses that this machine '
                             'has now; the tokens stay')
    either.add_argument('--show', choices=('viewer', 'driver'),
                        help='change nothing, and show the present address for one of them')
    return parser


def _make(folder: Path, options: argparse.Namespace) -> None:
    settings, certfile, keyfile = _paths(folder)
    if not options.force:
        check_free((settings, certfile, keyfile), '--show viewer shows its address again, --force '
                                                  'makes everything new')
    made = _certificate(options.name, options.days)
    tokens = make_tokens()
    values: dict[str, Value] = {
        'access_token': tokens.access, 'driver_token': tokens.driver,
        'certfile': str(certfile), 'keyfile': str(keyfile)}
    if options.port != _PORT:
        values['port'] = options.port
    if options.name:
        values['allowed_hosts'] = _as_hosts(options.name)  # where --renew finds them
    if options.drive:
        values['teleop.enabled'] = True
    _write(made, certfile, keyfile)
    write(settings, parameter_file(values).encode(), secret=True)
    _tell_start(settings, options.drive)
    _tell_certificate(made)
    _tell_addresses(tokens, options.port, 'viewer')


def _renew(folder: Path, options: argparse.Namespace) -> None:
    settings, certfile, keyfile = _paths(folder)
    known = _server_names(str(read_parameters(settings, '--renew').get('allowed_hosts', '')))
    made = _certificate([*options.name, *known], options.days)
    _write(made, certfile, keyfile)
    if missing := _as_hosts([name for name in options.name if name not in known]):
        print(f"Add '{missing}' to the parameter 'allowed_hosts' in {settings}: browsers may use "
              'no other names, and the next --renew finds it there.\n')
    print('Restart the bridge, or serve, so that it uses the new certificate.\n')
    _tell_certificate(made)


def _as_hosts(names: Sequence[str]) -> str:
    return ','.join(f'[{name}]' if ':' in name else name for name in names)


def _server_names(hosts: str) -> list[str]:
    """Return what of the parameter `allowed_hosts` a certificate can be for."""
    matches = (_HOST.fullmatch(host.strip()) for host in hosts.split(','))
    names = [match[1].lower() for match in matches if match is not None]
    return [name for name in names if _address(name) is not None or _NAME.fullmatch(name)]


def _certificate(more: Sequence[str], days: int) -> Certificate:
    names = [*host_names(), *(name for name in more if _address(name) is None)]
    addresses = [*host_addresses(), *(address for name in more
                                      if (address := _address(name)) is not None)]
    return make_certificate(list(dict.fromkeys(names)), list(dict.fromkeys(addresses)), days)


def _write(made: Certificate, certfile: Path, keyfile: Path) -> None:
    write(keyfile, made.key, secret=True)
    write(certfile, made.certificate, secret=False)


def _paths(folder: Path) -> tuple[Path, Path, Path]:
    return folder / 'secure.yaml', folder / 'certificate.pem', folder / 'key.pem'


def _show(folder: Path, who: str) -> None:
    values = read_parameters(_paths(folder)[0], '--show')
    certfile = str(values.get('certfile', ''))
    tokens = Tokens(str(values.get('access_token', '')), str(values.get('driver_token', '')))
    if not tokens.access or not tokens.driver:
        raise PermanentError(f"one of the two tokens is missing in '{_paths(folder)[0]}': --force "
                             'makes new ones')
    print('Fingerprint of the certificate (SHA-256):\n  ' + _fingerprint(certfile))
    _tell_addresses(tokens, int(values.get('port', _PORT)), who)


def _fingerprint(certfile: str) -> str:
    try:
        der = ssl.PEM_cert_to_DER_cert(Path(certfile).read_text(encoding='ascii'))
    except (OSError, ValueError) as error:
        raise PermanentError(f"'{certfile}' is no longer a certificate: --force makes a new one"
                             ) from error
    return fingerprint_text(hashlib.sha256(der).digest())


def _tell_start(settings: Path, drives: bool) -> None:
    remap = ' cmd_vel:=/cmd_vel' if drives else ''
    print(f"""\
Written, readable by you only: {settings}
Start one of these with it:
  ros2 launch pi_camera_stream camera.launch.py params_file:={settings}{remap}
  python3 -m pi_camera_stream serve --params-file {settings}
""")


def _tell_certificate(made: Certificate) -> None:
    print(f"""\
Each browser will warn once, because no authority that it knows has signed the certificate. Open
the certificate from that warning, and continue if its fingerprint (SHA-256) is this one:
  {made.fingerprint}
The certificate is valid until {made.ends:%Y-%m-%d}, for the names and addresses that this machine
has now; --renew makes another one.""")


def _tell_addresses(tokens: Tokens, port: int, who: str) -> None:
    addresses = {'viewer': _url(tokens.access, port), 'driver': _url(tokens.driver, port)}
    print(f"""
To watch: {addresses['viewer']}
To drive: {addresses['driver']}
""")
    problem = print_qr_code(addresses[who], sys.stdout)
    other = 'driver' if who == 'viewer' else 'viewer'
    print(problem or f'This is the address for a {who}; --show {other} shows the one for a '
                     f'{other}.', flush=True)


def _url(token: str, port: int) -> str:
    return f'{server_url("https", address_in_network(), port)}?token={quote(token, safe="")}'


def _address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _name(text: str) -> str:
    if _address(text) is None and not (_NAME.fullmatch(text) and len(text) < 254):
        raise argparse.ArgumentTypeError(
            f"'{text}' is neither a name nor an address: write it without scheme, port and path, "
            'as in robot.example.com')
    return text.lower()


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"'{text}' is not a port: choose one from 1 to 65535")
    return int(text)


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 36500:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of days from 1 to 36500")
    return int(text)
