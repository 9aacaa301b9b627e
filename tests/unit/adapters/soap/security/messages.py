"""Messages that are signed and encrypted, how they are read, and how they are spoiled."""

from __future__ import annotations

import random
from collections import Counter

from lxml import etree

from adapters.soap.addressing import Addresses, add_headers
from adapters.soap.errors import BrokenAnswer
from adapters.soap.safe_xml import parse_answer
from adapters.soap.security.errors import SecurityFailure
from adapters.soap.security.header import Security
from adapters.soap.security.names import wsse
from adapters.soap.security.spec import SecuritySpec

SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"


SOAP12 = "http://www.w3.org/2003/05/soap-envelope"


def envelope(soap=SOAP11, content="<p:Pay xmlns:p='urn:p' amount='7'><p:to>Ann</p:to></p:Pay>"):
    return etree.fromstring(f"<s:Envelope xmlns:s='{soap}'><s:Body>{content}</s:Body></s:Envelope>")


def signer(pair, **more):
    sign = {"certificate": pair.certificate_pem, "key": pair.key_pem, **more}
    return Security(SecuritySpec.model_validate({"sign": sign}))


def verifier(pem, **more):
    table = {"certificates": pem, "subjects": ["*"], **more}
    return Security(SecuritySpec.model_validate({"verify": table}))


def sent(root):
    """Over the wire: as text, and parsed as an answer."""
    return parse_answer(etree.tostring(root, xml_declaration=True, encoding="UTF-8"), "test")


def signed(pair, soap=SOAP11, **more):
    root = envelope(soap)
    add_headers(root, Addresses("1.0", "urn:act", "urn:to", "urn:uuid:1"))
    signer(pair, **more).protect(root)
    return sent(root)


def header(root):
    return root.find(f".//{wsse('Security')}")


def body(root):
    return root.find(f"{{{SOAP11}}}Body")


def encrypter(certificate_pem, pair=None, **more):
    table = {"encrypt": {"certificate": certificate_pem, **more}}
    if pair is not None:
        table["sign"] = {"certificate": pair.certificate_pem, "key": pair.key_pem}
    return Security(SecuritySpec.model_validate(table))


def decrypter(pair, trust="", **more):
    table = {"decrypt": {"key": pair.key_pem, **more}}
    if trust:
        table["verify"] = {"certificates": trust, "subjects": ["*"]}
    return Security(SecuritySpec.model_validate(table))


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


def counted(messages, check) -> dict[str, int]:
    """How many mutated messages end in which way; see `judged`."""
    return dict(sorted(Counter(judged(m, lambda root: check(root, "w")) for m in messages).items()))


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
