"""Encryption: what one side encrypts the other reads, and nothing that was changed."""

from __future__ import annotations

import base64

import pytest
from lxml import etree

from adapters.soap.addressing import Addresses, add_headers
from adapters.soap.security.errors import SecurityFailure
from adapters.soap.security.header import Security
from adapters.soap.security.names import ds, xenc
from adapters.soap.security.spec import SecuritySpec
from tests.evidence import keep
from tests.unit.adapters.soap.security.conftest import Authority
from tests.unit.adapters.soap.security.messages import (
    SOAP11,
    SOAP12,
    body,
    counted,
    decrypter,
    encrypter,
    envelope,
    header,
    mutants,
    sent,
    verifier,
)

_AUTHORITY = Authority()
_SERVICE = _AUTHORITY.issue("service")

ALGORITHMS = ["aes128-gcm", "aes256-gcm", "aes128-cbc", "aes256-cbc"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("oaep", ["sha1", "sha256"])
def test_encrypted_and_decrypted(authority, ours, receiver, algorithm, oaep):
    """A body that is signed and encrypted is unreadable on the way, and whole and proven at its end."""
    root = envelope()
    wanted = etree.tostring(body(root)[0], method="c14n", exclusive=True)
    encrypter(receiver.certificate_pem, ours, algorithm=algorithm, oaep=oaep).protect(root)
    assert b">Ann<" not in etree.tostring(root)
    root = sent(root)
    decrypter(receiver, authority.pem, cbc="cbc" in algorithm).check(root, "w")
    assert etree.tostring(body(root)[0], method="c14n", exclusive=True) == wanted


@pytest.mark.parametrize(
    "content",
    ["", "<a/>", "<a/><b>x</b>", "t<a/>u<b/>v", "text é &lt;&amp;", "<p:a xmlns:p='urn:p' x='1'>ü</p:a>"],
)
def test_any_content_is_encrypted(receiver, content):
    """Empty, several elements, text: what was in the body is in it again."""
    root = envelope(content=content)
    wanted = etree.tostring(body(root), method="c14n", exclusive=True)
    encrypter(receiver.certificate_pem).protect(root)
    root = sent(root)
    decrypter(receiver).check(root, "w")
    assert etree.tostring(body(root), method="c14n", exclusive=True) == wanted


def cipher_text(root):
    return body(root)[0].find(f"{xenc('CipherData')}/{xenc('CipherValue')}")


def spoil_content(root):
    node = cipher_text(root)
    value = bytearray(base64.b64decode(node.text))
    value[20] ^= 1
    node.text = base64.b64encode(value).decode()


def spoil_key(root):
    node = header(root).find(f".//{xenc('CipherValue')}")
    node.text = base64.b64encode(b"x" * 256).decode()


def truncate_content(root):
    cipher_text(root).text = "AAAA"


def rsa_15(root):
    node = header(root).find(f".//{xenc('EncryptionMethod')}")
    node.set("Algorithm", "http://www.w3.org/2001/04/xmlenc#rsa-1_5")


def triple_des(root):
    body(root)[0].find(xenc("EncryptionMethod")).set(
        "Algorithm", "http://www.w3.org/2001/04/xmlenc#tripledes-cbc"
    )


def other_reference(root):
    header(root).find(f".//{xenc('DataReference')}").set("URI", "#nothing")


def no_references(root):
    node = header(root).find(f".//{xenc('ReferenceList')}")
    node.remove(node[0])


def plain_body(root):
    for child in list(body(root)):
        body(root).remove(child)
    root.remove(root[0])


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        (spoil_content, "cannot be decrypted"),
        (spoil_key, "cannot be decrypted"),
        (truncate_content, "cannot be decrypted"),
        (rsa_15, "key transport"),
        (triple_des, "encryption algorithm"),
        (other_reference, "not in the message"),
        (no_references, "lists 0 parts"),
        (plain_body, "not encrypted"),
    ],
    ids=lambda v: getattr(v, "__name__", ""),
)
def test_encryption_that_was_tampered_with(receiver, attack, reason):
    """Wrong key and wrong content cannot be told apart; weak algorithms are named; plain text is refused."""
    root = envelope()
    encrypter(receiver.certificate_pem).protect(root)
    attack(root)
    with pytest.raises(SecurityFailure, match=reason):
        decrypter(receiver).check(sent(root), "w")


def test_cbc_needs_permission(receiver):
    """AES-CBC is read only where the settings accept it."""
    root = envelope()
    encrypter(receiver.certificate_pem, algorithm="aes256-cbc").protect(root)
    with pytest.raises(SecurityFailure, match="AES-CBC"):
        decrypter(receiver).check(sent(root), "w")


def test_an_encrypted_reply_without_our_key(receiver, authority):
    """A reply that cannot be read says which setting is missing."""
    root = envelope()
    encrypter(receiver.certificate_pem).protect(root)
    with pytest.raises(SecurityFailure, match="is encrypted") as caught:
        verifier(authority.pem).check(sent(root), "w")
    assert "decrypt" in caught.value.fix


def test_decrypted_xml_is_as_hostile_as_any(receiver):
    """A document type declaration or an entity inside the encryption is not read."""
    root = envelope(content="x")
    from adapters.soap.security import encryption

    for text in (b"<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>", b"<a>&e;</a>", b"<a>", b"</wrapper><wrapper>"):
        data = etree.fromstring(f"<s:Body xmlns:s='{SOAP11}'><s:D/></s:Body>")
        with pytest.raises(SecurityFailure):
            encryption._replace(data[0], text)
    assert root is not None


def test_mutants_of_an_encrypted_message(receiver):
    """Whatever byte of an encrypted and signed message changes, it is refused or means the same."""
    assert _ends(receiver, 300).keys() == {"SecurityFailure", "BrokenAnswer", "same"}


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_soak_encrypted_mutants(receiver):
    """The same for twenty thousand; the result is in docs/evidence."""
    keep("encrypted_mutants", {"seed": 8, "ends": _ends(receiver, 20_000)})


def _ends(receiver, count):
    root = envelope()
    encrypter(receiver.certificate_pem, _SERVICE).protect(root)
    check = decrypter(receiver, _AUTHORITY.pem).check
    return counted(mutants(etree.tostring(root), count, 8), check)


def test_a_message_with_everything(authority, ours, receiver):
    """User, timestamp, addressing, signature over all of it, and encryption; for another actor if asked."""
    table = {
        "username": {"user": "clerk", "password": "secret"},
        "sign": {
            "certificate": ours.certificate_pem,
            "key": ours.key_pem,
            "parts": ["body", "timestamp", "addressing", "token", "username"],
        },
        "encrypt": {"certificate": receiver.certificate_pem},
        "actor": "urn:gateway",
    }
    root = envelope(SOAP12)
    add_headers(root, Addresses("2004/08", "urn:act", "urn:to", "urn:uuid:1"))
    Security(SecuritySpec.model_validate(table)).protect(root)
    security = header(root)
    assert security.get(f"{{{SOAP12}}}role") == "urn:gateway"
    assert security.get(f"{{{SOAP12}}}mustUnderstand") == "1"
    assert b"secret" not in etree.tostring(root)
    assert len(list(root.iter(ds("Reference")))) == 7  # body, timestamp, three headers, token, user
    del security.attrib[f"{{{SOAP12}}}role"]
    reader = {
        "decrypt": {"key": receiver.key_pem},
        "verify": {
            "certificates": authority.pem,
            "subjects": ["CN=service"],
            "parts": ["body", "timestamp", "addressing"],
        },
    }
    Security(SecuritySpec.model_validate(reader)).check(sent(root), "w")
