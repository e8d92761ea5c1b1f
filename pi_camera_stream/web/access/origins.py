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

"""Names that a server is reached by: hosts, origins and paths, as strangers send them."""

import ipaddress
import re
import socket

_LOCAL_DOMAINS = ('local', 'lan', 'home', 'home.arpa', 'internal', 'localdomain')
_DEFAULT_PORTS = {'http': 80, 'https': 443}
_SHOWN_LENGTH = 60
_FLAGS = re.ASCII | re.IGNORECASE
_HOST = re.compile(r'(\[[0-9a-z:.%]+\]|[0-9a-z_.-]+)(?::(\d{1,5}))?', _FLAGS)
_ORIGIN = re.compile(r'([a-z][a-z0-9+.-]*)://([^/]+)', _FLAGS)
# One slash at first. Browsers take a backslash for a slash, and skip control characters.
_LOCAL_PATH = re.compile(r'/(?!/)[!-\[\]-~]*')
_UPWARDS = re.compile(r'/(?:\.|%2e){1,2}(?:/|$)', _FLAGS)  # browsers resolve both spellings


def same_origin(origin: str, scheme: str, host_header: str | None) -> bool:
    """
    Return whether a request comes from a page of this very server.

    Schemes may differ, because a reverse proxy that ends TLS asks by http what the browser asked
    by https. Where the Host header has no port, the scheme says it.
    """
    there, here = split_origin(origin), split_host(host_header or '')
    if there is None or here is None or there[0] not in _DEFAULT_PORTS:
        return False
    name, port = here
    ports = {port} if port is not None else {443} if scheme == 'https' else {80, 443}
    return there[1] == name and there[2] in ports


def local_path(text: str) -> str:
    """
    Return `text` if it is a path below this server's root, to which one may be led; otherwise `/`.

    A reverse proxy may have that root below a path of its own, which nothing may lead out of.
    """
    path = re.split('[?#]', text, maxsplit=1)[0]
    return text if _LOCAL_PATH.fullmatch(text) and not _UPWARDS.search(path) else '/'


def relative(path: str) -> str:
    """
    Return a path of this server as it is said to a browser that has asked for a page or the login.

    A reverse proxy may have the server below a path, of which only the browser knows: what begins
    with a slash would lead out of it. All pages stand side by side, so a dot is enough.
    """
    return f'.{path}'


def shown(text: str) -> str:
    """Return what a stranger has sent as it may be shown: short, and without odd characters."""
    clean = re.sub(r'[^0-9A-Za-z.:/_\[\]*-]', '?', text[:_SHOWN_LENGTH + 1])
    return clean if len(clean) <= _SHOWN_LENGTH else clean[:_SHOWN_LENGTH] + '…'


def split_host(text: str) -> tuple[str, int | None] | None:
    """Return name and port of `name`, `name:port`, `[address]` or `[address]:port`."""
    match = _HOST.fullmatch(text)
    name = match[1].lower().removesuffix('.') if match else ''
    if match is None or not name or name.startswith('.'):
        return None
    return name, int(match[2]) if match[2] else None


def split_origin(text: str) -> tuple[str, str, int] | None:
    match = _ORIGIN.fullmatch(text.removesuffix('/'))
    host = split_host(match[2]) if match else None
    if match is None or host is None:
        return None
    scheme, (name, port) = match[1].lower(), host
    return scheme, name, _DEFAULT_PORTS.get(scheme, 0) if port is None else port


def is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip('[]'))
    except ValueError:
        return False
    return True


def own_names() -> set[str]:
    name = socket.gethostname().lower()
    short = name.partition('.')[0]
    return {name, short, *(f'{short}.{domain}' for domain in _LOCAL_DOMAINS)}
