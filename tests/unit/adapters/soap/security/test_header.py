"""Signatures: what one side signs the other verifies, and nothing that was changed."""

from __future__ import annotations

import base64
import copy

import pytest
from lxml import etree

from adapters.soap.security.errors import SecurityFailure
from adapters.soap.security.header import Security
from adapters.soap.security.names import ID, ds, wsse, wsu
from adapters.soap.security.spec import SecuritySpec
from schemas.errors import SettingsError
from tests.evidence import keep
from tests.unit.adapters.soap.security.conftest import Authority
from tests.unit.adapters.soap.security.messages import (
    SOAP11,
    SOAP12,
    body,
    counted,
    header,
    mutants,
    sent,
    signed,
    verifier,
)


@pytest.mark.parametrize("soap", [SOAP11, SOAP12])
@pytest.mark.parametrize("reference", ["token", "key_identifier", "thumbprint", "issuer_serial"])
@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_signed_and_verified(authority, soap, reference, kind):
    """Every way to name the signer, both kinds of key and both versions of SOAP verify, body and headers."""
    pair = authority.issue("service", kind=kind)
    parts = ["body", "timestamp", "addressing", *(["token"] if reference == "token" else [])]
    root = signed(pair, soap, reference=reference, parts=parts)
    wanted = ["body", "timestamp", "addressing"]
    verifier(pair.certificate_pem, parts=wanted).check(root, "w")
    if reference == "token":  # the message holds the certificate, so its issuer is enough
        verifier(authority.pem, parts=wanted).check(root, "w")
    assert root.find(".//{urn:p}to").text == "Ann"


def test_lxml_agrees_with_the_digest(ours):
    """The digest of the body is that of its exclusive canonical form, made here by xml C14N alone."""
    import hashlib

    root = signed(ours)
    body = root.find(f"{{{SOAP11}}}Body")
    content = etree.tostring(body, method="c14n", exclusive=True)
    wanted = base64.b64encode(hashlib.sha256(content).digest()).decode()
    assert wanted in [n.text for n in root.iter(ds("DigestValue"))]


def change_text(root):
    root.find(".//{urn:p}to").text = "Eve"


def change_attribute(root):
    root.find(".//{urn:p}Pay").set("amount", "700")


def change_digest(root):
    node = next(root.iter(ds("DigestValue")))
    node.text = base64.b64encode(b"x" * 32).decode()


def change_value(root):
    node = next(root.iter(ds("SignatureValue")))
    value = bytearray(base64.b64decode(node.text))
    value[-1] ^= 1
    node.text = base64.b64encode(value).decode()


def remove_signature(root):
    header(root).remove(header(root).find(ds("Signature")))


def remove_header(root):
    root.remove(root[0])


def move_body_into_header(root):
    """The classic: the signed body hides in the header, a forged one stands in its place."""
    real, forged = body(root), copy.deepcopy(body(root))
    del forged.attrib[ID]
    forged.find(".//{urn:p}to").text = "Eve"
    root.replace(real, forged)
    etree.SubElement(root[0], "{urn:x}Wrapper").append(real)


def move_body_beside_headers(root):
    """The signed body is itself a header."""
    real, forged = body(root), copy.deepcopy(body(root))
    forged.set(ID, "other")
    root.replace(real, forged)
    root[0].append(real)


def move_body_into_security(root):
    real, forged = body(root), copy.deepcopy(body(root))
    del forged.attrib[ID]
    root.replace(real, forged)
    header(root).append(real)


def same_id_twice(root):
    forged = copy.deepcopy(body(root))
    forged.find(".//{urn:p}to").text = "Eve"
    etree.SubElement(root[0], "{urn:x}W").append(forged)


def two_bodies(root):
    forged = copy.deepcopy(body(root))
    forged.set(ID, "other")
    root.insert(1, forged)


def two_headers(root):
    root.insert(0, etree.Element(f"{{{SOAP11}}}Header"))


def two_security_headers(root):
    root[0].append(copy.deepcopy(header(root)))


def xpath_transform(root):
    node = next(root.iter(ds("Transform")))
    node.set("Algorithm", "http://www.w3.org/TR/1999/REC-xpath-19991116")


def second_transform(root):
    node = next(root.iter(ds("Transform")))
    node.getparent().append(copy.deepcopy(node))


def weak_digest(root):
    for node in root.iter(ds("DigestMethod")):
        node.set("Algorithm", "http://www.w3.org/2000/09/xmldsig#sha1")


def hmac_method(root):
    node = next(root.iter(ds("SignatureMethod")))
    node.set("Algorithm", "http://www.w3.org/2000/09/xmldsig#hmac-sha1")


def ec_method(root):
    node = next(root.iter(ds("SignatureMethod")))
    node.set("Algorithm", "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256")


def outside_reference(root):
    next(root.iter(ds("Reference"))).set("URI", "http://127.0.0.1:9/")


def whole_document(root):
    next(root.iter(ds("Reference"))).set("URI", "")


def many_references(root):
    info = next(root.iter(ds("SignedInfo")))
    for _ in range(40):
        info.append(copy.deepcopy(info[-1]))


def relative_namespace(root):
    etree.SubElement(body(root), "{relative}x")


def many_signatures(root):
    for _ in range(20):
        header(root).append(copy.deepcopy(header(root).find(ds("Signature"))))


def no_key_info(root):
    node = next(root.iter(ds("KeyInfo")))
    node.getparent().remove(node)


def broken_token(root):
    header(root).find(wsse("BinarySecurityToken")).text = "AAAA"


def token_elsewhere(root):
    etree.SubElement(root[0], "{urn:x}W").append(header(root).find(wsse("BinarySecurityToken")))


def expired(root):
    node = header(root).find(wsu("Timestamp"))
    node[0].text, node[1].text = "2001-01-01T00:00:00Z", "2001-01-01T00:05:00Z"


ATTACKS = [
    change_text,
    change_attribute,
    change_digest,
    change_value,
    remove_signature,
    remove_header,
    move_body_into_header,
    move_body_beside_headers,
    move_body_into_security,
    same_id_twice,
    two_bodies,
    two_headers,
    two_security_headers,
    xpath_transform,
    second_transform,
    weak_digest,
    hmac_method,
    ec_method,
    outside_reference,
    whole_document,
    many_references,
    many_signatures,
    relative_namespace,
    no_key_info,
    broken_token,
    token_elsewhere,
    expired,
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a.__name__)
def test_what_was_changed_is_refused(authority, ours, attack):
    """A change of what is signed, of the signature, or of where the signed parts stand is refused."""
    root = signed(ours)
    verifier(authority.pem).check(copy.deepcopy(root), "w")
    attack(root)
    with pytest.raises(SecurityFailure) as caught:
        verifier(authority.pem).check(sent(root), "w")
    assert caught.value.where == "w"
    assert "Eve" not in str(caught.value)


def test_parts_that_must_be_signed(authority, ours):
    """A good signature over other parts than those demanded is not enough."""
    root = signed(ours, parts=["timestamp"])
    with pytest.raises(SecurityFailure, match="body is not signed"):
        verifier(authority.pem).check(root, "w")
    root = signed(ours)
    with pytest.raises(SecurityFailure, match="addressing is not signed"):
        verifier(authority.pem, parts=["body", "addressing"]).check(root, "w")


def test_signers_that_are_not_trusted(authority, ours):
    """Another authority's certificate, one that is over, and a self-made one of the same name are refused."""
    stranger = Authority("Test Authority", 5)
    for pair in (stranger.issue("service"), authority.issue("service", days=-1)):
        with pytest.raises(SecurityFailure, match="not trusted"):
            verifier(authority.pem).check(signed(pair), "w")
    with pytest.raises(SecurityFailure, match="none of the certificates"):
        verifier(authority.pem).check(signed(ours, reference="thumbprint"), "w")
    # a leaf is trusted as itself, but issues nothing
    with pytest.raises(SecurityFailure, match="not trusted"):
        verifier(ours.certificate_pem).check(signed(authority.issue("other")), "w")


def test_mutants_of_a_signed_message():
    """Whatever byte of the message changes (body, header, certificate), it is refused or means the same."""
    check = verifier(_AUTHORITY.pem).check
    assert counted(mutants(_SIGNED, 1_000, 7), check).keys() == {"SecurityFailure", "BrokenAnswer", "same"}


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_soak_signed_mutants():
    """The same for a hundred thousand; the result is in docs/evidence."""
    check = verifier(_AUTHORITY.pem).check
    keep("signed_mutants", {"seed": 7, "ends": counted(mutants(_SIGNED, 100_000, 7), check)})


_AUTHORITY = Authority()

_SERVICE = _AUTHORITY.issue("service")

_SIGNED = etree.tostring(signed(_SERVICE))


def test_keys_that_do_not_fit(ours):
    """A key of another certificate, no key at all and a short key are told with their place."""
    another = Authority().issue("another", kind="ec")
    table = {"certificate": ours.certificate_pem, "key": another.key_pem}
    with pytest.raises(SettingsError, match="not the certificate's"):
        Security(SecuritySpec.model_validate({"sign": table}))
    with pytest.raises(SettingsError, match="cannot be read") as caught:
        Security(SecuritySpec.model_validate({"sign": table | {"key": "nonsense"}}))
    assert caught.value.where == "wire.security.sign.key"
    assert "nonsense" not in str(caught.value)
