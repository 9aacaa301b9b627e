"""An XML signature in the security header (WS-Security X.509 token profile)."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from adapters.soap.security.algorithms import SHA256, canonical, hashed, sign
from adapters.soap.security.keys import KeyPair, key_identifier, sha1_thumbprint
from adapters.soap.security.names import BASE64, EXC_C14N, ID, THUMBPRINT, X509, ds, wsse


def binary_token(certificate: x509.Certificate, identifier: str) -> Any:
    """Return the certificate as wsse:BinarySecurityToken."""
    token = etree.Element(wsse("BinarySecurityToken"))
    token.set("EncodingType", BASE64)
    token.set("ValueType", f"{X509}X509v3")
    token.set(ID, identifier)
    token.text = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
    return token


def token_reference(certificate: x509.Certificate, reference: str, token: str = "") -> Any:
    """Return a wsse:SecurityTokenReference to a certificate.

    Args:
        certificate: the one meant.
        reference: `token`, `key_identifier`, `thumbprint` or `issuer_serial`.
        token: wsu:Id of the BinarySecurityToken, for `token`.
    """
    node = etree.Element(wsse("SecurityTokenReference"))
    if reference == "token":
        there = etree.SubElement(node, wsse("Reference"))
        there.set("URI", f"#{token}")
        there.set("ValueType", f"{X509}X509v3")
    elif reference == "issuer_serial":
        pair = etree.SubElement(etree.SubElement(node, ds("X509Data")), ds("X509IssuerSerial"))
        etree.SubElement(pair, ds("X509IssuerName")).text = certificate.issuer.rfc4514_string()
        etree.SubElement(pair, ds("X509SerialNumber")).text = str(certificate.serial_number)
    else:
        name = etree.SubElement(node, wsse("KeyIdentifier"))
        name.set("EncodingType", BASE64)
        by_key = reference == "key_identifier"
        name.set("ValueType", f"{X509}X509SubjectKeyIdentifier" if by_key else THUMBPRINT)
        value = key_identifier(certificate) if by_key else sha1_thumbprint(certificate)
        name.text = base64.b64encode(value).decode()
    return node


def add_signature(security: Any, pair: KeyPair, parts: Sequence[Any], reference: Any) -> Any:
    """Append to the security header a ds:Signature over `parts`, which must stand where they will be sent.

    Args:
        security: the wsse:Security element, in its envelope.
        pair: our key.
        parts: elements with a wsu:Id.
        reference: from `token_reference`.
    """
    signature = etree.SubElement(security, ds("Signature"))
    info = etree.SubElement(signature, ds("SignedInfo"))
    etree.SubElement(info, ds("CanonicalizationMethod")).set("Algorithm", EXC_C14N)
    method = etree.SubElement(info, ds("SignatureMethod"))
    for part in parts:
        entry = etree.SubElement(info, ds("Reference"))
        entry.set("URI", f"#{part.get(ID)}")
        transform = etree.SubElement(etree.SubElement(entry, ds("Transforms")), ds("Transform"))
        transform.set("Algorithm", EXC_C14N)
        etree.SubElement(entry, ds("DigestMethod")).set("Algorithm", SHA256)
        content = base64.b64encode(hashed(SHA256, canonical(part)))
        etree.SubElement(entry, ds("DigestValue")).text = content.decode()
    # The method's name is part of what is signed: it follows from the kind of key alone.
    method.set("Algorithm", sign(pair.key, b"")[0])
    value = sign(pair.key, canonical(info))[1]
    etree.SubElement(signature, ds("SignatureValue")).text = base64.b64encode(value).decode()
    etree.SubElement(signature, ds("KeyInfo")).append(reference)
    return signature
