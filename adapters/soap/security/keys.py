"""Certificates and private keys, read from PEM text."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import SecretStr

from schemas.errors import SettingsError

#: NIST SP 800-131A: shorter keys are no proof any more.
_MIN_RSA_BITS = 2048
#: What cryptography raises when the parts of a certificate that it reads late are broken.
BROKEN_CERTIFICATE = (
    *(ValueError, TypeError, UnsupportedAlgorithm),
    *(x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType),
)
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True, repr=False)
class KeyPair:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: PrivateKey

    @classmethod
    def of(cls, certificate: SecretStr, key: SecretStr, passphrase: SecretStr | None, where: str) -> KeyPair:
        """Read both and check that they belong together.

        Raises:
            SettingsError: one cannot be read, or they do not fit.
        """
        found = certificates(certificate, f"{where}.certificate")[0]
        private = private_key(key, passphrase, f"{where}.key")
        if found.public_key() != private.public_key():
            raise SettingsError("the key is not the certificate's", where=where, fix="set both from one pair")
        return cls(found, private)


@dataclass(frozen=True, slots=True)
class Trust:
    """Certificates that may sign, or that issued those that may.

    Attributes:
        anchors: signers, and authorities.
        subjects: whom an authority's certificates may name, RFC 4514; `*` = anybody.
    """

    anchors: tuple[x509.Certificate, ...]
    subjects: tuple[str, ...] = ()

    @classmethod
    def of(cls, pem: SecretStr, subjects: tuple[str, ...], where: str) -> Trust:
        """Read the anchors.

        Raises:
            SettingsError: none can be read, or one is an authority and nobody says whose certificates count:
                an authority vouches for names, and anybody may ask a public one for a certificate.
        """
        anchors = certificates(pem, f"{where}.certificates")
        if not subjects and any(_may_issue(a) for a in anchors):
            raise SettingsError(
                "an authority is trusted, but not for whom: whoever has a certificate of it could sign",
                where=f"{where}.certificates",
                fix=f'name the signers, {where}.subjects = ["CN=…"] (["*"] = anybody), or give their own '
                "certificates instead",
            )
        return cls(anchors, subjects)

    def accepts(self, certificate: x509.Certificate, now: dt.datetime) -> bool:
        """Return whether a signer is one of the anchors, or issued by one that may issue, and valid."""
        try:
            if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
                return False
            if not _may_sign(certificate):
                return False
            if certificate in self.anchors and not _may_issue(certificate):
                return True
            known = certificate in self.anchors or any(_issued(certificate, a, now) for a in self.anchors)
            return known and self._named(certificate)
        except BROKEN_CERTIFICATE:
            return False

    def _named(self, certificate: x509.Certificate) -> bool:
        name = _name_parts(certificate.subject.rfc4514_string())
        return any(pin.strip() == "*" or _name_parts(pin) == name for pin in self.subjects)

    def by_issuer(self, issuer: str, serial: int) -> x509.Certificate | None:
        """Return the anchor with this issuer (RFC 4514, in either order of its parts) and serial number."""
        wanted = _name_parts(issuer)
        for anchor in self.anchors:
            if anchor.serial_number == serial and _name_parts(anchor.issuer.rfc4514_string()) == wanted:
                return anchor
        return None

    def by_key_identifier(self, identifier: bytes) -> x509.Certificate | None:
        """Return the anchor with this subject key identifier."""
        return next((a for a in self.anchors if key_identifier(a) == identifier), None)

    def by_thumbprint(self, thumbprint: bytes) -> x509.Certificate | None:
        """Return the anchor with this SHA-1 thumbprint."""
        return next((a for a in self.anchors if sha1_thumbprint(a) == thumbprint), None)


def certificates(pem: SecretStr, where: str) -> tuple[x509.Certificate, ...]:
    """Return the certificates in a PEM text.

    Raises:
        SettingsError: there is none, or one cannot be read.
    """
    try:
        found = tuple(x509.load_pem_x509_certificates(pem.get_secret_value().encode()))
    except ValueError:
        raise SettingsError(
            "no certificate can be read", where=where, fix="give PEM (BEGIN CERTIFICATE) by file:PATH"
        ) from None
    return found


def private_key(pem: SecretStr, passphrase: SecretStr | None, where: str) -> PrivateKey:
    """Return the RSA or elliptic-curve key in a PEM text.

    Raises:
        SettingsError: it cannot be read, is of another kind, or too short.
    """
    secret = passphrase.get_secret_value().encode() if passphrase else None
    fix = "give a PEM private key by file:PATH or ${NAME}, and passphrase if it has one"
    try:
        key: Any = load_pem_private_key(pem.get_secret_value().encode(), secret)
    except (ValueError, TypeError):
        raise SettingsError("the private key cannot be read", where=where, fix=fix) from None
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < _MIN_RSA_BITS:
        raise SettingsError(
            f"an RSA key of {key.key_size} bits is too short", where=where, fix="make a new one"
        )
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise SettingsError("the key is neither RSA nor elliptic-curve", where=where, fix=fix)
    return key


def key_identifier(certificate: x509.Certificate) -> bytes:
    """Return the subject key identifier: the extension, or RFC 5280's method 1 where it is missing."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        return bytes(extension.value.digest)
    except x509.ExtensionNotFound:
        return bytes(x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest)


def sha1_thumbprint(certificate: x509.Certificate) -> bytes:
    """Return the thumbprint that WS-Security 1.1 names certificates by; it is a name, not a proof."""
    from cryptography.hazmat.primitives.serialization import Encoding

    der = certificate.public_bytes(Encoding.DER)
    return hashlib.sha1(der, usedforsecurity=False).digest()


def _may_sign(certificate: x509.Certificate) -> bool:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _MIN_RSA_BITS:
        return False
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return usage.digital_signature or usage.content_commitment


def _issued(certificate: x509.Certificate, anchor: x509.Certificate, now: dt.datetime) -> bool:
    if not anchor.not_valid_before_utc <= now <= anchor.not_valid_after_utc:
        return False
    try:
        if not _may_issue(anchor):
            return False
        certificate.verify_directly_issued_by(anchor)
    except InvalidSignature:
        return False
    return True


def _may_issue(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _name_parts(name: str) -> list[str]:
    """Return a distinguished name as comparable parts: peers write it forwards, backwards, with spaces."""
    parts, part, escaped = [], "", False
    for character in name:
        if character == "," and not escaped:
            parts.append(part)
            part = ""
        else:
            part += character
        escaped = character == "\\" and not escaped
    parts.append(part)
    return sorted("=".join(p.strip() for p in part.split("=", 1)).lower() for part in parts)
