"""Keys and certificates of one control plane, made anew for each, never reused.

ECDSA on P-256: a key takes less than a millisecond, an RSA key up to a second.
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

LIFETIME: Final = datetime.timedelta(days=30)
_SKEW: Final = datetime.timedelta(hours=1)
"""Valid since this long ago: clocks are turned back."""
ADMINISTRATORS: Final = "system:masters"
"""The group that may do everything, also before the roles are there.
https://kubernetes.io/docs/reference/access-authn-authz/rbac/#user-facing-roles"""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, in PEM."""

    certificate: str
    key: str


class Authority:
    """A certificate authority in memory; its key is written nowhere unless asked for."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _subject(name)
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        certificate = (
            _valid(self._name, self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.pair = Pair(_pem(certificate), private_key(self._key))

    def server(self, name: str, names: Iterable[str], addresses: Iterable[str]) -> Pair:
        """A certificate for a server that is called by these names and addresses."""
        others = [
            *(x509.DNSName(item) for item in names),
            *(x509.IPAddress(ipaddress.ip_address(item)) for item in addresses),
        ]
        alternatives = x509.SubjectAlternativeName(others)
        return self._issue(_subject(name), ExtendedKeyUsageOID.SERVER_AUTH, [alternatives])

    def client(self, user: str, groups: Sequence[str] = ()) -> Pair:
        """A certificate that makes its holder this user, in these groups.

        https://kubernetes.io/docs/reference/access-authn-authz/authentication/#x509-client-certificates
        """
        return self._issue(_subject(user, groups), ExtendedKeyUsageOID.CLIENT_AUTH, [])

    def _issue(
        self, subject: x509.Name, usage: ObjectIdentifier, extensions: Iterable[x509.ExtensionType]
    ) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _valid(subject, self._name, key)
        for extension in (x509.ExtendedKeyUsage([usage]), *extensions):
            builder = builder.add_extension(extension, critical=False)
        return Pair(_pem(builder.sign(self._key, hashes.SHA256())), private_key(key))


def private_key(key: ec.EllipticCurvePrivateKey | None = None) -> str:
    """A private key in PEM; a new one if none is given."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    form = PrivateFormat.TraditionalOpenSSL  # the one that every component reads
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


def _subject(name: str, groups: Sequence[str] = ()) -> x509.Name:
    organizations = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*organizations, x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _valid(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + LIFETIME)
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()
