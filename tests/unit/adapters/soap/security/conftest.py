"""Keys and certificates of an authority that exists for one test session."""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Pair:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: object

    @property
    def certificate_pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def encrypted_key_pem(self, passphrase: str) -> str:
        encryption = BestAvailableEncryption(passphrase.encode())
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()


@cache
def rsa_key(number: int):
    """Keys are slow to make: the n-th is made once."""
    return rsa.generate_private_key(65537, 2048)


class Authority:
    """Issues certificates."""

    def __init__(self, name: str = "Test Authority", number: int = 0) -> None:
        self._key, self._next = rsa_key(number), number * 10 + 1
        self.name = x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, name),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Banyan, Ltd"),
            ]
        )
        self.certificate = self._certificate(self.name, self._key.public_key(), ca=True)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def issue(self, name: str, *, server: bool = False, kind: str = "rsa", days: int = 365) -> Pair:
        """A certificate for `name`; with negative `days` it is over."""
        self._next += 1
        # Three keys for all certificates, since keys are slow to make; authorities have their own.
        key = rsa_key(100 + self._next % 3) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        return Pair(
            self._certificate(subject, key.public_key(), server=name if server else "", days=days), key
        )

    def _certificate(self, subject, public, *, ca: bool = False, server: str = "", days: int = 365):
        now = dt.datetime.now(dt.UTC)
        start = now - dt.timedelta(days=1 if days > 0 else 10)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(now + dt.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False)
        )
        if server:
            names = [x509.IPAddress(ipaddress.ip_address(server))]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256())


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def ours(authority):
    return authority.issue("service")


@pytest.fixture(scope="module")
def receiver(authority):
    return authority.issue("receiver")
