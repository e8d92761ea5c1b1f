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

"""The certificate for https."""

from pathlib import Path
import ssl

from ...core.errors import PermanentError

_CERTIFICATE, _KEY = 'certfile', 'keyfile'  # the names of the parameters


def server_context(certfile: str, keyfile: str) -> ssl.SSLContext | None:
    """
    Return the TLS context of a server with this certificate; None when both are empty.

    Both files are PEM: the certificate, followed by those of its issuers if there are any, and its
    private key, not encrypted. Raises PermanentError when that cannot be used.
    """
    if not certfile and not keyfile:
        return None
    for name, path, other in ((_CERTIFICATE, certfile, _KEY), (_KEY, keyfile, _CERTIFICATE)):
        if not path:
            raise PermanentError(f"the parameter '{other}' is set, but '{name}' is not: HTTPS "
                                 'needs both, HTTP neither')
    if '-----BEGIN CERTIFICATE-----' not in _text(_CERTIFICATE, certfile):
        raise PermanentError(
            f"'{certfile}' contains no certificate in PEM format: set the parameter "
            f"'{_CERTIFICATE}' to a file that begins with -----BEGIN CERTIFICATE-----")
    if 'PRIVATE KEY-----' not in _text(_KEY, keyfile):
        raise PermanentError(
            f"'{keyfile}' contains no private key in PEM format: set the parameter '{_KEY}' to a "
            'file with a line like -----BEGIN PRIVATE KEY-----')

    def encrypted() -> str:  # otherwise OpenSSL asks for a pass phrase on the terminal
        raise PermanentError(
            f"the key in '{keyfile}' is encrypted: write it to another file with `openssl pkey "
            f"-in {keyfile} -out …`, and set the parameter '{_KEY}' to that")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(['http/1.1'])
    try:
        context.load_cert_chain(certfile, keyfile, encrypted)
    except ssl.SSLError as error:
        if error.reason == 'KEY_VALUES_MISMATCH':
            raise PermanentError(
                f"the key in '{keyfile}' does not belong to the certificate in '{certfile}': set "
                f"the parameters '{_CERTIFICATE}' and '{_KEY}' to files that belong together"
            ) from error
        raise PermanentError(
            f"'{certfile}' and '{keyfile}' cannot be used ({error.reason}): set the parameters "
            f"'{_CERTIFICATE}' and '{_KEY}' to intact PEM files") from error
    return context


def _text(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding='ascii', errors='replace')
    except OSError as error:
        raise PermanentError(
            f"'{path}' cannot be read ({error.strerror}): set the parameter '{name}' to a file "
            'that this user may read') from error
