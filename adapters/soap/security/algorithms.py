"""Algorithms that are accepted, by their names in XML Signature; all others are refused."""

from __future__ import annotations

from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from lxml import etree

from adapters.soap.security.errors import SecurityFailure
from adapters.soap.security.names import DS, XENC

_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
RSA_SHA256 = f"{_MORE}rsa-sha256"
ECDSA_SHA256 = f"{_MORE}ecdsa-sha256"
SHA256 = f"{XENC}sha256"
#: Name → hash. SHA-1 is there for services that have no other and must be allowed by a setting.
DIGESTS: dict[str, hashes.HashAlgorithm] = {
    SHA256: hashes.SHA256(),
    f"{_MORE}sha384": hashes.SHA384(),
    f"{XENC}sha512": hashes.SHA512(),
}
_SHA1_DIGEST = f"{DS}sha1"
_SIGNATURES: dict[str, tuple[str, hashes.HashAlgorithm]] = {
    RSA_SHA256: ("rsa", hashes.SHA256()),
    f"{_MORE}rsa-sha384": ("rsa", hashes.SHA384()),
    f"{_MORE}rsa-sha512": ("rsa", hashes.SHA512()),
    ECDSA_SHA256: ("ecdsa", hashes.SHA256()),
    f"{_MORE}ecdsa-sha384": ("ecdsa", hashes.SHA384()),
    f"{_MORE}ecdsa-sha512": ("ecdsa", hashes.SHA512()),
}
_SHA1_SIGNATURES = {f"{DS}rsa-sha1": "rsa", f"{_MORE}ecdsa-sha1": "ecdsa"}


def hashed(name: str, content: bytes, *, sha1: bool = False) -> bytes:
    """Return the digest of `content` by the algorithm's name.

    Raises:
        SecurityFailure: it is unknown or not allowed.
    """
    if name == _SHA1_DIGEST and sha1:
        algorithm: hashes.HashAlgorithm = hashes.SHA1()  # noqa: S303 - by setting, for old services
    elif name in DIGESTS:
        algorithm = DIGESTS[name]
    else:
        raise SecurityFailure(
            f"the digest algorithm {name[-40:]!r} is not accepted", code="UnsupportedAlgorithm"
        )
    state = hashes.Hash(algorithm)
    state.update(content)
    return state.finalize()


def sign(key: Any, content: bytes) -> tuple[str, bytes]:
    """Return algorithm and signature value: RSA PKCS #1 v1.5 or ECDSA (r ‖ s), with SHA-256."""
    if isinstance(key, rsa.RSAPrivateKey):
        return RSA_SHA256, key.sign(content, padding.PKCS1v15(), hashes.SHA256())
    size = (key.curve.key_size + 7) // 8
    r, s = decode_dss_signature(key.sign(content, ec.ECDSA(hashes.SHA256())))
    return ECDSA_SHA256, r.to_bytes(size, "big") + s.to_bytes(size, "big")


def verify(name: str, key: Any, value: bytes, content: bytes, *, sha1: bool = False) -> None:
    """Check a signature value.

    Raises:
        SecurityFailure: it is wrong, or made by an algorithm that is not accepted or not the key's.
    """
    if sha1 and name in _SHA1_SIGNATURES:
        family, algorithm = _SHA1_SIGNATURES[name], hashes.SHA1()  # noqa: S303 - by setting, for old services
    elif name in _SIGNATURES:
        family, algorithm = _SIGNATURES[name]  # type: ignore[assignment]
    else:
        raise SecurityFailure(
            f"the signature algorithm {name[-40:]!r} is not accepted", code="UnsupportedAlgorithm"
        )
    try:
        if family == "rsa" and isinstance(key, rsa.RSAPublicKey):
            key.verify(value, content, padding.PKCS1v15(), algorithm)
            return
        if family == "ecdsa" and isinstance(key, ec.EllipticCurvePublicKey):
            size = (key.curve.key_size + 7) // 8
            if len(value) == 2 * size:
                r, s = int.from_bytes(value[:size], "big"), int.from_bytes(value[size:], "big")
                key.verify(encode_dss_signature(r, s), content, ec.ECDSA(algorithm))
                return
    except InvalidSignature:
        pass
    raise SecurityFailure("the signature is wrong", code="FailedCheck")


def canonical(node: Any, prefixes: list[str] | None = None) -> bytes:
    """Return the exclusive canonical form of an element, without comments.

    Raises:
        SecurityFailure: it has none, as with a relative namespace (Canonical XML 1.0, section 4.4).
    """
    try:
        whole = etree.tostring(
            node, method="c14n", exclusive=True, with_comments=False, inclusive_ns_prefixes=prefixes or None
        )
    except etree.C14NError:
        raise SecurityFailure("a part of the message has no canonical form") from None
    return bytes(whole)
