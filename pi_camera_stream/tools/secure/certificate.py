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

"""A certificate that this machine makes for itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from .machine import Address
from ...core.errors import PermanentError

_EARLIEST = datetime(2026, 1, 1, tzinfo=timezone.utc)  # no clock that is set says less
_COMMON_NAME_LENGTH = 64


@dataclass(frozen=True)
class Certificate:
    """Both as PEM; the fingerprint as browsers show it."""

    certificate: bytes
    key: bytes
    fingerprint: str
    ends: datetime


def make_certificate(names: Sequence[str], addresses: Sequence[Address], days: int,
                     now: datetime | None = None) -> Certificate:
    """
    Return a self-signed one for these names and addresses; the first name is its subject.

    It is no authority: who trusts it trusts this server, and no other that its key could sign for.
    """
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
    except ImportError as error:
        raise PermanentError(
            'making a certificate needs the Python package cryptography: install it with `sudo '
            'apt install python3-cryptography`, or in a virtual environment with `pip install '
            'cryptography`') from error
    begins = now or datetime.now(timezone.utc)
    if begins < _EARLIEST:
        raise PermanentError(f'the clock of this machine says {begins:%Y-%m-%d}, and browsers '
                             'reject a certificate made then: set the clock first (`timedatectl`)')
    ends = begins + timedelta(days=days)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:_COMMON_NAME_LENGTH])])
    key = ec.generate_private_key(ec.SECP256R1())
    signed = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        # A day earlier, for those whose clock is behind.
        .not_valid_before(_plain(begins - timedelta(days=1))).not_valid_after(_plain(ends))
        .add_extension(x509.SubjectAlternativeName(
            [*map(x509.DNSName, names), *map(x509.IPAddress, addresses)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256()))
    return Certificate(
        signed.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                          serialization.NoEncryption()),
        fingerprint_text(signed.fingerprint(hashes.SHA256())), ends)


def fingerprint_text(digest: bytes) -> str:
    return ':'.join(f'{byte:02X}' for byte in digest)


def _plain(time: datetime) -> datetime:
    return time.replace(tzinfo=None)  # in UTC, as all versions of the package take it
