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

"""Whose certificate is believed: everybody's, or only those that the user has named."""

from dataclasses import replace
from http.client import HTTPSConnection
from pathlib import Path
import re
import ssl

from ...base import SourceSettings
from ...stream_address import parse_address, StreamAddress
from ....core.errors import PermanentError

_PEM = re.compile(r'-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----', re.DOTALL)
_MOST_BYTES = 2**21  # of a file with certificates; all of the system's have a fifth of it


class UntrustedError(Exception):
    """The certificate of a server is none that is believed; the text goes behind its address."""


def open_address(settings: SourceSettings) -> StreamAddress:
    """Return the address of the settings, with what is to be believed; PermanentError if odd."""
    address = parse_address(settings.path)
    if not settings.tls_ca:
        return address
    if address.scheme != 'https':
        raise PermanentError(f"parameter 'tls_ca' is for addresses with https://, and not for "
                             f"{address.shown}: set the parameter 'path' to one of these, or "
                             "leave 'tls_ca' empty")
    return replace(address, tls_ca=settings.tls_ca,
                   certificates=read_certificates(settings.tls_ca))


def read_certificates(path: str) -> str:
    """Return the text of a file of PEM certificates; PermanentError when it is none."""
    try:
        with Path(path).expanduser().open('rb') as file:
            text = file.read(_MOST_BYTES).decode('ascii', 'replace')
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, 'strerror', None) or error
        raise _odd(path, f'cannot be read ({reason})') from None
    try:
        _context(text if _PEM.search(text) else '-')
    except (ssl.SSLError, ValueError):
        raise _odd(path, 'has no certificates in it') from None
    return text


def connect_tls(host: str, port: int | None, certificates: str, timeout_s: float
                ) -> HTTPSConnection:
    """
    Return a connection that stands; without `certificates` (PEM) to whomever.

    Who shows one of these themselves, may have any name: one of a robot's own making has seldom
    that of its address. Who shows one that is signed by these must be the host that it names.
    """
    context = _context(certificates)
    connection = _connect(host, port, context, timeout_s)
    own = {ssl.PEM_cert_to_DER_cert(pem) for pem in _PEM.findall(certificates)}
    if not certificates or connection.sock.getpeercert(True) in own:
        return connection
    connection.close()
    context.check_hostname = True
    return _connect(host, port, context, timeout_s)


def _connect(host: str, port: int | None, context: ssl.SSLContext, timeout_s: float
             ) -> HTTPSConnection:
    connection = HTTPSConnection(host, port, timeout=timeout_s, context=context)
    try:
        connection.connect()
    except ssl.SSLCertVerificationError as error:
        raise UntrustedError(
            f"presents a certificate that 'tls_ca' does not cover ({error.verify_message}): set "
            'that parameter to a file with the certificate of this server') from None
    return connection


def _context(certificates: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # cameras have certificates of their own making
    context.verify_mode = ssl.CERT_NONE
    if certificates:
        context.load_verify_locations(cadata=certificates)
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # also one that others have signed
    return context


def _odd(path: str, what: str) -> PermanentError:
    return PermanentError(f"parameter 'tls_ca': '{path}' {what}: set it to a file with the "
                          'certificate (PEM) of the server, such as its `certfile`')
