"""XML Encryption of the body: AES for the content, RSA-OAEP for its key.

Every failure to decrypt has the same words: a peer that learns *why* can guess the text (padding oracles).
RSA PKCS #1 v1.5 is never accepted.
"""

from __future__ import annotations

import base64
import binascii
import os
from typing import Any
from xml.sax.saxutils import escape  # makes XML, reads none

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from lxml import etree

from adapters.soap.safe_xml import parser_options
from adapters.soap.security.errors import SecurityFailure
from adapters.soap.security.names import DS, ENCRYPTED_KEY, WSSE11, XENC, XENC11, ds, wsse, xenc

#: name in settings → (algorithm, bytes of its key, bytes of its IV)
CONTENT = {
    "aes128-gcm": (f"{XENC11}aes128-gcm", 16, 12),
    "aes256-gcm": (f"{XENC11}aes256-gcm", 32, 12),
    "aes128-cbc": (f"{XENC}aes128-cbc", 16, 16),
    "aes256-cbc": (f"{XENC}aes256-cbc", 32, 16),
}
_BY_NAME = {name: (size, iv) for name, size, iv in CONTENT.values()} | {
    f"{XENC11}aes192-gcm": (24, 12),
    f"{XENC}aes192-cbc": (24, 16),
}
_OAEP_MGF1P, _OAEP = f"{XENC}rsa-oaep-mgf1p", f"{XENC11}rsa-oaep"
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    f"{DS}sha1": hashes.SHA1,
    f"{XENC}sha256": hashes.SHA256,
    f"{XENC}sha512": hashes.SHA512,
}
_MGFS: dict[str, type[hashes.HashAlgorithm]] = {
    f"{XENC11}mgf1sha1": hashes.SHA1,
    f"{XENC11}mgf1sha256": hashes.SHA256,
    f"{XENC11}mgf1sha512": hashes.SHA512,
}
#: More encrypted parts than a message has.
_MAX_PARTS = 30


def encrypt_content(
    node: Any, certificate: x509.Certificate, reference: Any, algorithm: str, oaep: str, identifier: str
) -> Any:
    """Replace the children of `node` by their encryption; return the xenc:EncryptedKey for the header.

    Args:
        node: the body.
        certificate: of the receiver, RSA.
        reference: SecurityTokenReference that names it.
        algorithm: a key of `CONTENT`.
        oaep: `sha1` or `sha256`.
        identifier: for the EncryptedData, unique in the message.
    """
    name, key_size, iv_size = CONTENT[algorithm]
    key, iv = os.urandom(key_size), os.urandom(iv_size)
    plain = escape(node.text or "").encode() + b"".join(etree.tostring(child) for child in node)
    for child in list(node):
        node.remove(child)
    node.text = None
    data = etree.SubElement(node, xenc("EncryptedData"), nsmap={"xenc": XENC})
    data.set("Id", identifier)
    data.set("Type", f"{XENC}Content")
    etree.SubElement(data, xenc("EncryptionMethod")).set("Algorithm", name)
    # CXF and .NET find the key from here as well as from the key's reference list.
    info = etree.SubElement(data, ds("KeyInfo"), nsmap={"ds": DS})
    there = etree.SubElement(info, wsse("SecurityTokenReference"))
    there.set(f"{{{WSSE11}}}TokenType", ENCRYPTED_KEY)
    etree.SubElement(there, wsse("Reference")).set("URI", f"#{identifier}-key")
    _cipher_value(data, iv + _encrypted(name, key, iv, plain))
    return _encrypted_key(key, certificate, reference, oaep, identifier)


def _encrypted_key(
    key: bytes, certificate: x509.Certificate, reference: Any, oaep: str, identifier: str
) -> Any:
    public = certificate.public_key()
    if not isinstance(public, rsa.RSAPublicKey):
        raise SecurityFailure("the receiver's key is not RSA, so nothing can be encrypted for it")
    node = etree.Element(xenc("EncryptedKey"), nsmap={"xenc": XENC})
    node.set("Id", f"{identifier}-key")
    method = etree.SubElement(node, xenc("EncryptionMethod"))
    algorithm: hashes.HashAlgorithm
    if oaep == "sha1":
        method.set("Algorithm", _OAEP_MGF1P)
        algorithm = hashes.SHA1()  # noqa: S303 - OAEP does not need collision resistance
        etree.SubElement(method, ds("DigestMethod"), nsmap={"ds": DS}).set("Algorithm", f"{DS}sha1")
    else:
        method.set("Algorithm", _OAEP)
        algorithm = hashes.SHA256()
        etree.SubElement(method, ds("DigestMethod"), nsmap={"ds": DS}).set("Algorithm", f"{XENC}sha256")
        mask = etree.SubElement(method, f"{{{XENC11}}}MGF", nsmap={"xenc11": XENC11})
        mask.set("Algorithm", f"{XENC11}mgf1sha256")
    etree.SubElement(node, ds("KeyInfo"), nsmap={"ds": DS}).append(reference)
    pad = padding.OAEP(padding.MGF1(type(algorithm)()), algorithm, None)
    _cipher_value(node, public.encrypt(key, pad))
    listed = etree.SubElement(etree.SubElement(node, xenc("ReferenceList")), xenc("DataReference"))
    listed.set("URI", f"#{identifier}")
    return node


def decrypt_parts(
    encrypted_key: Any, private: rsa.RSAPrivateKey, ids: dict[str, Any], *, cbc: bool
) -> list[Any]:
    """Decrypt in place all parts that an xenc:EncryptedKey lists; return the elements that hold them.

    Raises:
        SecurityFailure: one cannot be decrypted; or its algorithm is not accepted.
    """
    listed = encrypted_key.findall(f"{xenc('ReferenceList')}/{xenc('DataReference')}")
    if not 0 < len(listed) <= _MAX_PARTS:
        raise SecurityFailure(f"an encrypted key lists {len(listed)} parts")
    key = _content_key(encrypted_key, private)
    holders = []
    for reference in listed:
        data = ids.get(reference.get("URI", "").removeprefix("#"))
        if data is None or data.tag != xenc("EncryptedData") or data.getparent() is None:
            raise SecurityFailure("an encrypted part is not in the message")
        holders.append(data.getparent())
        _decrypt(data, key, cbc=cbc)
    return holders


def _decrypt(data: Any, key: bytes, *, cbc: bool) -> None:
    name = _algorithm(data)
    if name not in _BY_NAME:
        raise SecurityFailure(
            f"the encryption algorithm {name[-40:]!r} is not accepted", code="UnsupportedAlgorithm"
        )
    if name.endswith("-cbc") and not cbc:
        raise SecurityFailure(
            "the content is encrypted by AES-CBC, which is not accepted",
            fix="ask the service's owner for GCM, or set decrypt.cbc if the reply is signed too",
        )
    size, iv_size = _BY_NAME[name]
    whole = _cipher_bytes(data)
    plain = _decrypted(name, key, whole[:iv_size], whole[iv_size:]) if len(key) == size else None
    if plain is None:
        raise _undecipherable()
    _replace(data, plain)


def _replace(data: Any, plain: bytes) -> None:
    """Put the decrypted content where `data` stands, its prefixes as they are known there."""
    parent = data.getparent()
    # A wrapper declares the prefixes in scope; it also keeps a document type declaration out.
    wrapper = etree.Element("wrapper", nsmap=dict(parent.nsmap))
    head = etree.tostring(wrapper).decode().removesuffix("/>") + ">"
    try:
        root = etree.fromstring(head.encode() + plain + b"</wrapper>", etree.XMLParser(**parser_options()))
    except (etree.XMLSyntaxError, ValueError):
        raise _undecipherable() from None
    at, tail = parent.index(data), data.tail
    if data.get("Type", "").endswith("#Element") and len(root) != 1:
        raise _undecipherable()
    parent.remove(data)
    if at == 0:
        parent.text = (parent.text or "") + (root.text or "")
    else:
        parent[at - 1].tail = (parent[at - 1].tail or "") + (root.text or "")
    for offset, child in enumerate(list(root)):
        parent.insert(at + offset, child)
    if tail and tail.strip():
        raise _undecipherable()


def _content_key(node: Any, private: rsa.RSAPrivateKey) -> bytes:
    method = node.find(xenc("EncryptionMethod"))
    name = _algorithm(node)
    digest = method.find(ds("DigestMethod")) if method is not None else None
    mask = method.find(f"{{{XENC11}}}MGF") if method is not None else None
    if name not in (_OAEP, _OAEP_MGF1P):
        raise SecurityFailure(
            f"the key transport {name[-40:]!r} is not accepted: only RSA-OAEP is", code="UnsupportedAlgorithm"
        )
    hash_name = digest.get("Algorithm", "") if digest is not None else f"{DS}sha1"
    mask_name = mask.get("Algorithm", "") if mask is not None else f"{XENC11}mgf1sha1"
    if hash_name not in _HASHES or mask_name not in _MGFS or (name == _OAEP_MGF1P and mask is not None):
        raise SecurityFailure("the hash of the key transport is not accepted")
    if method is not None and method.find(xenc("OAEPparams")) is not None:
        raise SecurityFailure("OAEP parameters are not accepted")
    pad = padding.OAEP(padding.MGF1(_MGFS[mask_name]()), _HASHES[hash_name](), None)
    try:
        return private.decrypt(_cipher_bytes(node), pad)
    except ValueError:
        # Go on with a random key, so that a wrong key and a wrong content look and last alike.
        return os.urandom(32)


def _encrypted(name: str, key: bytes, iv: bytes, plain: bytes) -> bytes:
    if name.endswith("-gcm"):
        return AESGCM(key).encrypt(iv, plain, None)
    fill = 16 - len(plain) % 16
    padded = plain + os.urandom(fill - 1) + bytes([fill])  # XML Encryption 5.2: the last byte says how many
    cipher = Cipher(AES(key), modes.CBC(iv)).encryptor()
    return cipher.update(padded) + cipher.finalize()


def _decrypted(name: str, key: bytes, iv: bytes, content: bytes) -> bytes | None:
    try:
        if name.endswith("-gcm"):
            return AESGCM(key).decrypt(iv, content, None)
        cipher = Cipher(AES(key), modes.CBC(iv)).decryptor()
        padded = cipher.update(content) + cipher.finalize()
    except (InvalidTag, ValueError):
        return None
    if not padded or not 0 < padded[-1] <= 16:
        return None
    return padded[: -padded[-1]]


def _algorithm(node: Any) -> str:
    method = node.find(xenc("EncryptionMethod"))
    return "" if method is None else str(method.get("Algorithm", ""))


def _cipher_value(node: Any, content: bytes) -> None:
    value = etree.SubElement(etree.SubElement(node, xenc("CipherData")), xenc("CipherValue"))
    value.text = base64.b64encode(content).decode()


def _cipher_bytes(node: Any) -> bytes:
    text = node.findtext(f"{xenc('CipherData')}/{xenc('CipherValue')}")
    try:
        return base64.b64decode("".join((text or "").split()), validate=True)
    except (binascii.Error, ValueError):
        raise _undecipherable() from None


def _undecipherable() -> SecurityFailure:
    return SecurityFailure("the encrypted content cannot be decrypted with our key", code="FailedCheck")
