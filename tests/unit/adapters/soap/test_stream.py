"""Streaming decode of a list answer."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.soap.envelope import SoapFault
from adapters.soap.errors import AnswerMismatch, BrokenAnswer
from schemas.errors import SettingsError


def case(number: int) -> dict:
    return {
        "caseId": f"C{number:05d}",
        "nino": "QQ100001A",
        "status": "OPEN",
        "openedOn": date(2020, 1, 2),
        "weeklyAward": Decimal("12.50"),
        "lastContact": datetime(2026, 1, 2, tzinfo=UTC),
        "caseworker": None,
        "note": "",
    }


def listing(casework, count: int, **changes) -> bytes:
    cases = [case(n) for n in range(count)]
    return casework.encode_response(
        "ListCases", {"cases": {"case": cases}, "total": count, "more": False} | changes
    )


def pieces(wire: bytes, size: int):
    return [wire[i : i + size] for i in range(0, len(wire), size)]


@given(count=st.integers(0, 12), size=st.integers(1, 700))
def test_any_split_gives_the_same(casework, count, size):
    """However the bytes are cut, the stream gives what decoding the whole message gives."""
    wire = listing(casework, count)
    decoder = casework.list_decoder("ListCases", "cases/case")
    items = [item.value for piece in pieces(wire, size) for item in decoder.feed(piece)]
    rest = decoder.rest()
    rest["cases"]["case"] = items
    assert rest == casework.decode_response("ListCases", wire)


def test_bad_items_come_with_their_xml_and_key(casework):
    """One item outside the schema does not stop its neighbours; it comes with raw XML, path and key."""
    wire = listing(casework, 3).replace(b"<ns:status>OPEN", b"<ns:status>LOST", 1)
    decoder = casework.list_decoder("ListCases", "cases/case", ["caseId"])
    first, *others = decoder.feed(wire)
    assert (first.value, first.error.path, first.node_keys) == (None, "status", ("C00000",))
    assert b"LOST" in first.raw
    assert [i.value["caseId"] for i in others] == ["C00001", "C00002"]
    assert decoder.rest()["total"] == 3


def test_memory_is_bounded_by_one_item(casework):
    """Items are freed as they are taken: the tree holds at most two of them at any time."""
    wire = listing(casework, 500)
    decoder = casework.list_decoder("ListCases", "cases/case")
    most = 0
    for piece in pieces(wire, 1000):
        for _ in decoder.feed(piece):
            pass
    root = decoder._parser.close()
    most = sum(1 for _ in root.iter("{*}caseId"))
    assert most == 0
    assert sum(1 for _ in root.iter("{*}case")) <= 2


def test_a_fault_instead_of_a_list(casework):
    """A fault ends the list as a value."""
    decoder = casework.list_decoder("ListCases", "cases/case")
    assert not list(decoder.feed(casework.encode_response("ListCases", SoapFault("Server", "secret"))))
    assert decoder.rest().code == "Server"


@pytest.mark.parametrize("keep", [0, 1, 50, 0.5, 0.99])
def test_truncated(casework, keep):
    """An answer that ends early never counts as a list, however many items came."""
    wire = listing(casework, 10)
    cut = wire[: int(len(wire) * keep) if isinstance(keep, float) else keep]
    decoder = casework.list_decoder("ListCases", "cases/case")
    with pytest.raises(BrokenAnswer):
        list(decoder.feed(cut))
        decoder.rest()


def test_another_response(casework):
    """The response of another operation or namespace is terminal."""
    wires = [
        casework.encode_response("GetCase", {"case": case(1)}),
        listing(casework, 2).replace(b"urn:example:casework:2009", b"urn:example:casework:2015"),
        listing(casework, 2).replace(b"ns:total", b"ns:count"),
    ]
    for wire in wires:
        decoder = casework.list_decoder("ListCases", "cases/case")
        list(decoder.feed(wire))
        with pytest.raises(AnswerMismatch):
            decoder.rest()


def test_what_stands_beside_the_items_stays(make_contract, answer):
    """Elements before and after the items, in the same parent, are in the rest."""
    model = "".join(
        f'<xs:element name="{n}" type="xs:int"{o}/>'
        for n, o in (("n", ""), ("i", ' maxOccurs="9"'), ("z", ""))
    )
    contract = make_contract(f"<xs:sequence>{model}</xs:sequence>")
    decoder = contract.list_decoder("Ask", "i")
    items = list(decoder.feed(answer("<n>3</n> <i>1</i> <i>2</i> <i>3</i> <z>9</z>")))
    assert [item.value for item in items] == [1, 2, 3]
    assert decoder.rest() == {"n": 3, "i": [], "z": 9}


def test_a_namesake_elsewhere_is_no_item(make_contract, answer):
    """An element with the item's name in another place is part of the rest."""
    extra = (
        '<xs:complexType name="L"><xs:sequence><xs:element name="i" type="t:I" maxOccurs="unbounded"/>'
        '</xs:sequence></xs:complexType><xs:complexType name="I"><xs:sequence>'
        '<xs:element name="k" type="xs:int"/></xs:sequence></xs:complexType>'
    )
    contract = make_contract(
        '<xs:sequence><xs:element name="i" type="t:I"/><xs:element name="l" type="t:L"/></xs:sequence>', extra
    )
    decoder = contract.list_decoder("Ask", "l/i")
    items = list(decoder.feed(answer("<i><k>0</k></i><l><i><k>1</k></i><i><k>2</k></i></l>")))
    assert [item.value for item in items] == [{"k": 1}, {"k": 2}]
    assert decoder.rest() == {"i": {"k": 0}, "l": {"i": []}}


def test_html(casework):
    """An HTML page is named as such."""
    with pytest.raises(BrokenAnswer, match="HTML"):
        list(casework.list_decoder("ListCases", "cases/case").feed(b"<html><body/></html>"))


def test_only_repeating_elements_are_lists(casework):
    """A path to an element that stands once is a mistake in the settings."""
    with pytest.raises(SettingsError, match="does not repeat"):
        casework.list_decoder("ListCases", "total")
