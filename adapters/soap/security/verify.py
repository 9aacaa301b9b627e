"""Check a signature, and tell which elements it covers: those very nodes, wherever their ids lead.

Signature wrapping moves the signed element aside and puts another in its place. So a signature here gives
no yes: it gives the set of elements that it covers, and the caller asks whether the body that it is about to
read is one of them. Ids that stand twice are refused, and so is a reference to an element that stands
anywhere but where a SOAP receiver reads.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from adapters.soap.security.algorithms import canonical, hashed, verify
from adapters.soap.security.errors import SecurityFailure
from adapters.soap.security.keys import BROKEN_CERTIFICATE, Trust, sha1_thumbprint
from adapters.soap.security.names import DS, EXC_C14N, ID, THUMBPRINT, X509, XENC, ds, wsse

#: A message has a handful of parts; each reference costs a canonical form of what it names.
_MAX_REFERENCES = 30
#: Elements whose own standard gives them an unqualified Id. One in the payload names nothing here.
_OWN_ID = (f"{{{DS}}}", f"{{{XENC}}}")
_INCLUSIVE = f"{{{EXC_C14N}}}InclusiveNamespaces"


def ids_of(envelope: Any) -> dict[str, Any]:
    """Return the elements by id.

    Raises:
        SecurityFailure: an id stands twice, so that nobody can tell which element it names.
    """
    found: dict[str, Any] = {}
    for node in envelope.iter("*"):
        value = node.get(ID)
        if value is None and node.tag.startswith(_OWN_ID):
            value = node.get("Id")
        if value is not None and found.setdefault(value, node) is not node:
            raise SecurityFailure("an id stands twice in the message: what is signed is not certain")
    return found


def verified(
    signature: Any, envelope: Any, security: Any, ids: dict[str, Any], *, sha1: bool = False
) -> tuple[list[Any], SignerName]:
    """Return the elements that a signature covers, and what names its signer; the signer is not judged yet.

    Raises:
        SecurityFailure: a digest or the structure is wrong.
    """
    info = _one(signature, "SignedInfo")
    references = list(info.iterchildren(ds("Reference")))
    if not 0 < len(references) <= _MAX_REFERENCES:
        raise SecurityFailure(f"the signature has {len(references)} references")
    covered = []
    for reference in references:
        node = _target(reference, envelope, security, ids)
        content = canonical(node, _transforms(reference))
        name = _one(reference, "DigestMethod").get("Algorithm", "")
        given = _bytes(_one(reference, "DigestValue").text)
        if not hmac.compare_digest(hashed(name, content, sha1=sha1), given):
            raise SecurityFailure("a signed part of the message was changed", code="FailedCheck")
        covered.append(node)
    return covered, SignerName.of(signature, security, ids)


def check_value(signature: Any, certificate: x509.Certificate, *, sha1: bool = False) -> None:
    """Check the signature value with the signer's key.

    Raises:
        SecurityFailure: it is wrong.
    """
    info = _one(signature, "SignedInfo")
    method = _one(info, "CanonicalizationMethod")
    if method.get("Algorithm") != EXC_C14N:
        raise SecurityFailure("SignedInfo is not in exclusive canonical form")
    content = canonical(info, _prefixes(method))
    name = _one(info, "SignatureMethod").get("Algorithm", "")
    value = _bytes(_one(signature, "SignatureValue").text)
    verify(name, certificate.public_key(), value, content, sha1=sha1)


class SignerName:
    """How a signature names its signer: with the certificate itself, or by something it is known by."""

    def __init__(self, kind: str, value: Any) -> None:
        self.kind, self.value = kind, value

    @classmethod
    def of(cls, signature: Any, security: Any, ids: dict[str, Any]) -> SignerName:
        """Read ds:KeyInfo.

        Raises:
            SecurityFailure: it names no certificate in a way that is known.
        """
        info = _one(signature, "KeyInfo")
        reference = info.find(wsse("SecurityTokenReference"))
        holder = info if reference is None else reference
        direct = holder.find(wsse("Reference"))
        if direct is not None:
            token = ids.get(direct.get("URI", "").removeprefix("#"))
            if token is None or token.tag != wsse("BinarySecurityToken") or token.getparent() is not security:
                raise SecurityFailure(
                    "the signer's certificate is not in the security header", code="SecurityTokenUnavailable"
                )
            return cls("certificate", _certificate(token))
        data = holder.find(ds("X509Data"))
        if data is not None:
            return cls._x509_data(data)
        name = holder.find(wsse("KeyIdentifier"))
        kind = "" if name is None else name.get("ValueType", "")
        if name is not None and kind == f"{X509}X509SubjectKeyIdentifier":
            return cls("key_identifier", _bytes(name.text))
        if name is not None and kind == THUMBPRINT:
            return cls("thumbprint", _bytes(name.text))
        if name is not None and kind.endswith(("#X509v3", "#X509")):
            return cls("certificate", _certificate(name))
        raise SecurityFailure(
            "the signature does not name its signer in a way that is known", code="UnsupportedSecurityToken"
        )

    @classmethod
    def _x509_data(cls, data: Any) -> SignerName:
        whole = data.find(ds("X509Certificate"))
        if whole is not None:
            return cls("certificate", _certificate(whole))
        issuer = data.findtext(f"{ds('X509IssuerSerial')}/{ds('X509IssuerName')}")
        serial = (data.findtext(f"{ds('X509IssuerSerial')}/{ds('X509SerialNumber')}") or "").strip()
        if issuer is None or not (serial.isascii() and serial.isdigit() and len(serial) < 60):
            raise SecurityFailure(
                "the signature does not name its signer in a way that is known",
                code="UnsupportedSecurityToken",
            )
        return cls("issuer_serial", (issuer.strip(), int(serial)))

    def certificate(self, trust: Trust) -> x509.Certificate:
        """Return the certificate that is meant.

        Raises:
            SecurityFailure: it is none of those that are trusted.
        """
        found: x509.Certificate | None
        match self.kind:
            case "certificate":
                found = self.value
            case "issuer_serial":
                found = trust.by_issuer(*self.value)
            case "key_identifier":
                found = trust.by_key_identifier(self.value)
            case _:
                found = trust.by_thumbprint(self.value)
        if found is None:
            raise SecurityFailure(
                "the signer is none of the certificates that are trusted",
                fix="put the signer's certificate into verify.certificates, if its owner confirms it",
                code="FailedAuthentication",
            )
        return found

    def __repr__(self) -> str:
        shown = sha1_thumbprint(self.value).hex() if self.kind == "certificate" else "…"
        return f"<SignerName {self.kind} {shown}>"


def pem(certificate: x509.Certificate) -> str:
    """Return a certificate as PEM."""
    return certificate.public_bytes(Encoding.PEM).decode()


def _target(reference: Any, envelope: Any, security: Any, ids: dict[str, Any]) -> Any:
    uri = reference.get("URI", "")
    node = ids.get(uri[1:]) if uri.startswith("#") else None
    if node is None:
        raise SecurityFailure("the signature refers to something that is not in the message")
    header, soap = security.getparent(), envelope.tag.partition("}")[0] + "}"
    places = (
        node.getparent() is envelope and node.tag == f"{soap}Body",
        node.getparent() is header,
        node.getparent() is security,
    )
    if not any(places):
        raise SecurityFailure("a signed element stands where no receiver reads it (signature wrapping)")
    return node


def _transforms(reference: Any) -> list[str]:
    """Return the inclusive prefixes of the one transform allowed, exclusive C14N."""
    found = list(_one(reference, "Transforms").iterchildren(ds("Transform")))
    if len(found) != 1 or found[0].get("Algorithm") != EXC_C14N:
        raise SecurityFailure(
            "a signed part is transformed by more than exclusive canonical form", code="UnsupportedAlgorithm"
        )
    return _prefixes(found[0])


def _prefixes(method: Any) -> list[str]:
    inclusive = method.find(_INCLUSIVE)
    return [] if inclusive is None else inclusive.get("PrefixList", "").split()


def _one(node: Any, local: str) -> Any:
    found = list(node.iterchildren(f"{{{DS}}}{local}"))
    if len(found) != 1:
        raise SecurityFailure(f"the signature has {len(found)} {local}")
    return found[0]


def _bytes(text: str | None) -> bytes:
    try:
        return base64.b64decode("".join((text or "").split()), validate=True)
    except (binascii.Error, ValueError):
        raise SecurityFailure("the security header holds broken Base64") from None


def _certificate(node: Any) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(_bytes(node.text))
    except BROKEN_CERTIFICATE:
        raise SecurityFailure(
            "the signer's certificate cannot be read", code="InvalidSecurityToken"
        ) from None
