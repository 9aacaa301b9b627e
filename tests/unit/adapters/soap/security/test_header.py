"""Signatures and encryption: what one side makes the other reads, and nothing that was changed."""

from __future__ import annotations

import base64
import copy
import random

import pytest
from lxml import etree

from adapters.soap.addressing import Addresses, add_headers
from adapters.soap.errors import BrokenAnswer
from adapters.soap.safe_xml import parse_answer
from adapters.soap.security.errors import SecurityFailure
from adapters.soap.security.header import Security
from adapters.soap.security.names import ID, ds, wsse, wsu, xenc
from adapters.soap.security.spec import SecuritySpec
from schemas.errors import SettingsError
from tests.unit.adapters.soap.security.conftest import Authority

SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12 = "http://www.w3.org/2003/05/soap-envelope"


@pytest.fixture(scope="module")
def ours(authority):
    return authority.issue("service")


@pytest.fixture(scope="module")
def receiver(authority):
    return authority.issue("receiver")


def envelope(soap=SOAP11, content="<p:Pay xmlns:p='urn:p' amount='7'><p:to>Ann</p:to></p:Pay>"):
    return etree.fromstring(f"<s:Envelope xmlns:s='{soap}'><s:Body>{content}</s:Body></s:Envelope>")


def signer(pair, **more):
    sign = {"certificate": pair.certificate_pem, "key": pair.key_pem, **more}
    return Security(SecuritySpec.model_validate({"sign": sign}))


def verifier(pem, **more):
    return Security(SecuritySpec.model_validate({"verify": {"certificates": pem, **more}}))


def sent(root):
    """Over the wire: as text, and parsed as an answer."""
    return parse_answer(etree.tostring(root, xml_declaration=True, encoding="UTF-8"), "test")


def signed(pair, soap=SOAP11, **more):
    root = envelope(soap)
    add_headers(root, Addresses("1.0", "urn:act", "urn:to", "urn:uuid:1"))
    signer(pair, **more).protect(root)
    return sent(root)


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


def header(root):
    return root.find(f".//{wsse('Security')}")


def body(root):
    return root.find(f"{{{SOAP11}}}Body")


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


def judged(changed: bytes, check) -> str:
    """How a mutated message ends; anything but a refusal of ours, or the same body, fails."""
    try:
        root = parse_answer(changed, "w")
        check(root)
    except (SecurityFailure, BrokenAnswer) as error:
        return type(error).__name__
    wanted = etree.tostring(body(envelope())[0], method="c14n", exclusive=True)
    assert [etree.tostring(child, method="c14n", exclusive=True) for child in body(root)] == [wanted]
    return "same"


def mutants(whole: bytes, count: int, seed: int):
    """Yield messages with a byte or two changed, dropped or put in."""
    chance = random.Random(seed)
    for _ in range(count):
        changed = bytearray(whole)
        for _ in range(chance.choice([1, 1, 2])):
            at, how = chance.randrange(len(changed)), chance.random()
            if how < 0.6:
                changed[at] = chance.randrange(256)
            elif how < 0.8:
                del changed[at]
            else:
                changed.insert(at, chance.randrange(32, 127))
        yield bytes(changed)


@pytest.mark.parametrize("count", [1_000, pytest.param(100_000, marks=pytest.mark.soak)])
def test_mutants_of_a_signed_message(count):
    """Whatever byte of the message changes (body, header, certificate), it is refused or means the same."""
    check = verifier(_AUTHORITY.pem).check
    ends = {judged(m, lambda root: check(root, "w")) for m in mutants(_SIGNED, count, 7)}
    assert ends == {"SecurityFailure", "BrokenAnswer", "same"}


@pytest.mark.parametrize("count", [300, pytest.param(20_000, marks=pytest.mark.soak)])
def test_mutants_of_an_encrypted_message(receiver, count):
    """Whatever byte of an encrypted and signed message changes, it is refused or means the same."""
    root = envelope()
    encrypter(receiver.certificate_pem, _SERVICE).protect(root)
    check = decrypter(receiver, _AUTHORITY.pem).check
    ends = {judged(m, lambda root: check(root, "w")) for m in mutants(etree.tostring(root), count, 8)}
    assert ends == {"SecurityFailure", "BrokenAnswer", "same"}


_AUTHORITY = Authority()
_SERVICE = _AUTHORITY.issue("service")
_SIGNED = etree.tostring(signed(_SERVICE))


ALGORITHMS = ["aes128-gcm", "aes256-gcm", "aes128-cbc", "aes256-cbc"]


def encrypter(certificate_pem, pair=None, **more):
    table = {"encrypt": {"certificate": certificate_pem, **more}}
    if pair is not None:
        table["sign"] = {"certificate": pair.certificate_pem, "key": pair.key_pem}
    return Security(SecuritySpec.model_validate(table))


def decrypter(pair, trust="", **more):
    table = {"decrypt": {"key": pair.key_pem, **more}}
    if trust:
        table["verify"] = {"certificates": trust}
    return Security(SecuritySpec.model_validate(table))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("oaep", ["sha1", "sha256"])
def test_encrypted_and_decrypted(authority, ours, receiver, algorithm, oaep):
    """A body that is signed and encrypted is unreadable on the way, and whole and proven at its end."""
    root = envelope()
    wanted = etree.tostring(body(root)[0], method="c14n", exclusive=True)
    encrypter(receiver.certificate_pem, ours, algorithm=algorithm, oaep=oaep).protect(root)
    assert b"Ann" not in etree.tostring(root)
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
    remove_header(root)


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
        "verify": {"certificates": authority.pem, "parts": ["body", "timestamp", "addressing"]},
    }
    Security(SecuritySpec.model_validate(reader)).check(sent(root), "w")
