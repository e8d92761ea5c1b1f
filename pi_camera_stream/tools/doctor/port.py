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

"""Whether the bridge can listen, or does already."""

from collections.abc import Iterator
import errno
from http.client import HTTPConnection, HTTPException, HTTPSConnection
import os
from pathlib import Path
import socket
import ssl

from . import Finding, Options
from ...core.json_object import parse_object

_LISTEN = '0A'  # TCP_LISTEN in proc_net_tcp(5)
_ANSWER_S = 2.0
_MOST_BYTES = 1_000_000  # of what the bridge tells


def check_port(options: Options) -> Iterator[Finding]:
    port = options.port
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(('', port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                yield _taken(port)
            else:
                yield Finding('broken', f'cannot bind port {port} ({error.strerror})',
                              'ports below 1024 need root: choose a higher one, port:=8080')
        else:
            yield Finding('ok', f'port {port} is free')


def _taken(port: int) -> Finding:
    sockets = [entry for name in ('tcp', 'tcp6')
               for entry in listeners(_read(Path('/proc/net') / name), port)]
    addresses = dict.fromkeys(['127.0.0.1', *(address for address, _ in sockets)])
    for address in addresses:
        page = _find_bridge(address, port)
        if page:
            return Finding('ok', f'our bridge answers on port {port}: {page}')
    owner = next(filter(None, (_owner(inode) for _, inode in sockets)), 'another program')
    return Finding('broken', f'port {port} is in use by {owner}',
                   f"stop it (`sudo ss -ltnp 'sport = :{port}'` shows it), or start the bridge "
                   f'with port:={port + 1 if port < 65535 else 8080}')


def listeners(table: str, port: int) -> list[tuple[str, str]]:
    """Return (IPv4 address to reach it, inode) of who listens at a port: proc_net_tcp(5)."""
    found = []
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9 and fields[3] == _LISTEN:
            address, _, number = fields[1].partition(':')
            if int(number, 16) == port:
                # Each group of four bytes is a number in the order of this machine.
                host = '127.0.0.1' if not int(address, 16) or len(address) > 8 else \
                    socket.inet_ntoa(bytes.fromhex(address)[::-1])
                found.append((host, fields[9]))
    return found


def _owner(inode: str) -> str:
    """Return the name and the id of the process that has a socket; empty if nobody may know."""
    for process in Path('/proc').glob('[0-9]*'):
        try:
            if any(os.readlink(entry) == f'socket:[{inode}]'
                   for entry in (process / 'fd').iterdir()):
                return f'{(process / "comm").read_text().strip()} (process {process.name})'
        except OSError:  # it has gone, or belongs to somebody else
            continue
    return ''


def _find_bridge(address: str, port: int) -> str:
    """
    Return the address of our bridge's page; empty when it is none of ours.

    Only our bridge has /healthz and /state, which it tells or asks a token for.
    """
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # whoever it is
    for scheme, connection in {
            'http': HTTPConnection(address, port, timeout=_ANSWER_S),
            'https': HTTPSConnection(address, port, timeout=_ANSWER_S, context=context)}.items():
        try:
            if _get(connection, '/healthz') != (200, b'ok\n'):
                continue
            status, body = _get(connection, '/state')
            state = None if status == 401 else parse_object(body, _MOST_BYTES)
            if status == 401 or (state is not None
                                 and {'viewers', 'streams'} <= state.keys()):
                return f'{scheme}://{address}:{port}/'
        except (OSError, HTTPException, ValueError):
            continue
        finally:
            connection.close()
    return ''


def _get(connection: HTTPConnection, path: str) -> tuple[int, bytes]:
    connection.request('GET', path)
    response = connection.getresponse()
    return response.status, response.read(_MOST_BYTES)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ''
