"""Attacks end in a clear error, inside fixed limits; nothing outside is read."""

# ruff: noqa: E501  (XML is clearer unbroken)

from __future__ import annotations

import tracemalloc

import pytest

from adapters.soap.contract import Contract
from adapters.soap.errors import BadValue, BrokenAnswer, ContractError
from adapters.soap.safe_xml import MAX_DOCUMENT_BYTES, parse_answer, parse_document

LAUGHS = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
ATTACKS = {
    "internal entity": '<!DOCTYPE x [<!ENTITY e "boom">]><x>&e;</x>',
    "external entity": '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
    "external subset": '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/evil.dtd"><x/>',
    "parameter entity": '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:1/evil.dtd"> %p;]><x/>',
    "entity in an attribute": '<!DOCTYPE x [<!ENTITY e "boom">]><x a="&e;"/>',
    "billion laughs": f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]><x>&l9;</x>',
    "billion laughs in an attribute": f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]><x a="&l9;"/>',
    "quadratic blow-up": f'<!DOCTYPE x [<!ENTITY e "{"a" * 50_000}">]><x>{"&e;" * 5_000}</x>',
    "harmless DTD": "<!DOCTYPE x><x/>",
    "deep nesting": "<x>" * 5_000 + "</x>" * 5_000,
    "medium nesting": "<x>" * 150 + "</x>" * 150,
    "huge text": f"<x>{'a' * 11_000_000}</x>",
    "undeclared entity": "<x>&nope;</x>",
}


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_messages(attack, encoding):
    """A hostile answer is refused, in any encoding, without its content in the error and in bounded memory."""
    content = ATTACKS[attack].encode(encoding)
    tracemalloc.start()
    with pytest.raises(BrokenAnswer) as caught:
        parse_answer(content, "svc")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 << 20
    assert "root:" not in str(caught.value)
    assert "boom" not in str(caught.value)


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_contracts(attack, tmp_path):
    """A hostile WSDL is refused and names the file."""
    path = tmp_path / "evil.wsdl"
    path.write_text(ATTACKS[attack])
    with pytest.raises(ContractError) as caught:
        Contract.from_wsdl(path)
    assert "evil.wsdl" in caught.value.where


@pytest.mark.parametrize("attack", [a for a in ATTACKS if "DOCTYPE" in ATTACKS[a]], ids=str)
def test_streamed_lists(casework, attack):
    """A hostile list answer is refused by the streaming decoder too, before any of its rows is believed."""
    doctype = (
        ATTACKS[attack].partition("]>")[0] + "]>"
        if "]>" in ATTACKS[attack]
        else ATTACKS[attack].partition(">")[0] + ">"
    )
    body = casework.encode_response("ListCases", {"cases": {"case": []}, "total": 0, "more": False})
    wire = body.replace(b"<soap:Envelope", doctype.encode() + b"<soap:Envelope", 1)
    decoder = casework.list_decoder("ListCases", "cases/case")
    with pytest.raises(BrokenAnswer):
        list(decoder.feed(wire))
        decoder.rest()


def test_oversized_contract():
    """A document larger than any contract is refused before it is parsed."""
    with pytest.raises(ContractError, match="bytes"):
        parse_document(b"<x>" + b" " * MAX_DOCUMENT_BYTES + b"</x>", "big.wsdl")


def test_oversized_answer():
    """An answer over the limit is refused before it is parsed."""
    with pytest.raises(BrokenAnswer, match="allowed"):
        parse_answer(b"<x>aaaa</x>", "svc", limit=5)


def test_xsi_type_cannot_smuggle(casework):
    """An xsi:type that names another type is refused."""
    wire = casework.encode_request("GetCase", {"caseId": "C1"}).replace(
        b"<ns:caseId>",
        b'<ns:caseId xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xs="urn:x" xsi:type="xs:any">',
    )
    with pytest.raises(BadValue, match="does not know"):
        casework.decode_request("GetCase", wire)


def test_recursive_data_cannot_exhaust_the_stack(make_contract, answer):
    """Data nested deeper than any real record is refused, also through a recursive type in a stream."""
    extra = '<xs:complexType name="N"><xs:sequence><xs:element name="n" type="t:N" minOccurs="0"/></xs:sequence></xs:complexType>'
    contract = make_contract(
        '<xs:sequence><xs:element name="i" type="t:N" maxOccurs="unbounded"/></xs:sequence>', extra
    )
    wire = answer("<i>" + "<n>" * 180 + "</n>" * 180 + "</i>")
    with pytest.raises(BrokenAnswer, match="deeper"):
        contract.decode_response("Ask", wire)
    (item,) = contract.list_decoder("Ask", "i").feed(wire)
    assert item.value is None
    assert "deeper" in item.error.reason
