"""Messages both ways: nothing is dropped, nothing is guessed."""

# ruff: noqa: E501  (XML is clearer unbroken)

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.soap.envelope import SoapFault
from adapters.soap.errors import AnswerMismatch, BadValue, BrokenAnswer

CASE = {
    "caseId": "C00001",
    "nino": "QQ100001A",
    "status": "OPEN",
    "openedOn": date(2020, 1, 2),
    "weeklyAward": Decimal("12.50"),
    "lastContact": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    "caseworker": None,
}
OPTIONAL = '<xs:sequence><xs:element name="a" type="xs:string" minOccurs="0" nillable="true"/></xs:sequence>'


@pytest.mark.parametrize(
    ("xml", "value"),
    [
        ("", {}),
        ('<a xsi:nil="true"/>', {"a": None}),
        ("<a/>", {"a": ""}),
        ('<a xsi:nil="false">x</a>', {"a": "x"}),
    ],
)
def test_absent_nil_and_empty_are_three_things(make_contract, answer, xml, value):
    """Absent, nil and empty decode to three values, and each encodes to its own XML again."""
    contract = make_contract(OPTIONAL)
    assert contract.decode_response("Ask", answer(xml)) == value
    assert contract.decode_response("Ask", contract.encode_response("Ask", value)) == value


@pytest.mark.parametrize(
    ("content", "xml", "path", "reason"),
    [
        ('<xs:element name="a" type="xs:int"/>', "", "a", "missing"),
        ('<xs:element name="a" type="xs:int"/>', "<a>1</a><a>2</a>", "a", "twice"),
        ('<xs:element name="a" type="xs:int"/>', "<a>1</a><b/>", "b", "not an element"),
        ('<xs:element name="a" type="xs:int"/>', '<a xmlns="urn:other">1</a>', "a", "another namespace"),
        ('<xs:element name="a" type="xs:int"/>', '<a xsi:nil="true"/>', "a", "nil is not allowed"),
        ('<xs:element name="a" type="xs:int"/>', '<a x="1">1</a>', "a/@x", "not an attribute"),
        ('<xs:element name="a" type="xs:int"/>', "<a><b/></a>", "a", "text is expected"),
        ('<xs:element name="a" type="xs:int"/>', "secret<a>1</a>", "", "text between"),
        ('<xs:element name="a" type="xs:int"/>', "<a>1</a>secret", "", "text between"),
        ('<xs:element name="a" type="xs:int"/>', "<a>99999999999</a>", "a", "range"),
        ('<xs:element name="a" type="xs:date" nillable="true"/>', "<a/>", "a", "date"),
        ('<xs:element name="a" type="t:Code"/>', "<a>Z</a>", "a", "enumerated"),
        ('<xs:element name="a" type="t:Money"/>', "<a>1.234</a>", "a", "2 fraction digits"),
        ('<xs:element name="a" type="t:Money"/>', "<a>1000.25</a>", "a", "5 digits"),
        ('<xs:element name="a" type="t:Money"/>', "<a>-1</a>", "a", "minimum"),
        ('<xs:element name="a" type="t:Short"/>', "<a>abcd</a>", "a", "longer than 3"),
        ('<xs:element name="a" type="xs:int" minOccurs="2" maxOccurs="3"/>', "<a>1</a>", "a", "fewer than 2"),
        (
            '<xs:element name="a" type="xs:int" maxOccurs="2"/>',
            "<a>1</a><a>1</a><a>1</a>",
            "a",
            "more than 2",
        ),
        ('<xs:element name="a" type="t:Rec"/>', "<a><b>x</b></a>", "a/b", "whole number"),
    ],
)
def test_outside_the_schema(make_contract, answer, content, xml, path, reason):
    """What the schema does not allow is refused with its path, and the value is not quoted."""
    extra = (
        '<xs:simpleType name="Code"><xs:restriction base="xs:string"><xs:enumeration value="A"/></xs:restriction></xs:simpleType>'
        '<xs:simpleType name="Money"><xs:restriction base="xs:decimal"><xs:totalDigits value="5"/>'
        '<xs:fractionDigits value="2"/><xs:minInclusive value="0"/></xs:restriction></xs:simpleType>'
        '<xs:simpleType name="Short"><xs:restriction base="xs:string"><xs:maxLength value="3"/></xs:restriction></xs:simpleType>'
        '<xs:complexType name="Rec"><xs:sequence><xs:element name="b" type="xs:int"/></xs:sequence></xs:complexType>'
    )
    contract = make_contract(f"<xs:sequence>{content}</xs:sequence>", extra)
    with pytest.raises(BadValue, match=reason) as caught:
        contract.decode_response("Ask", answer(xml))
    assert caught.value.path == path
    assert "secret" not in str(caught.value)


def test_attributes_and_simple_content(make_contract, answer):
    """Attributes stand under @name, the text beside them under #text; a required one must be there."""
    extra = (
        '<xs:complexType name="Amount"><xs:simpleContent><xs:extension base="xs:decimal">'
        '<xs:attribute name="currency" use="required"/><xs:attribute name="rate" type="xs:int"/>'
        "</xs:extension></xs:simpleContent></xs:complexType>"
    )
    contract = make_contract('<xs:sequence><xs:element name="a" type="t:Amount"/></xs:sequence>', extra)
    wire = answer('<a currency="GBP" rate="3">1.5</a>')
    value = {"a": {"@currency": "GBP", "@rate": 3, "#text": Decimal("1.5")}}
    assert contract.decode_response("Ask", wire) == value
    assert contract.faithful("Ask", wire)
    assert contract.decode_response("Ask", contract.encode_response("Ask", value)) == value
    with pytest.raises(BadValue, match="required attribute"):
        contract.decode_response("Ask", answer("<a>1</a>"))


@pytest.mark.parametrize(
    ("values", "path", "reason"),
    [
        ({}, "case", "missing"),
        ({"case": None}, "case", "nil is not allowed"),
        ({"case": {**CASE, "status": "LOST"}}, "case/status", "enumerated"),
        ({"case": {**CASE, "weeklyAward": "12.345"}}, "case/weeklyAward", "fraction"),
        ({"case": {**CASE, "note": "\x00"}}, "case/note", "XML cannot carry"),
        ({"case": {**CASE, "extra": 1}}, "case/extra", "not an element"),
        ({"case": {**CASE, "openedOn": 5}}, "case/openedOn", "date is expected"),
        ({"case": "x"}, "case", "dict is expected"),
    ],
)
def test_encode_refuses(casework, values, path, reason):
    """A value that the schema does not allow is never sent."""
    with pytest.raises(BadValue, match=reason) as caught:
        casework.encode_response("GetCase", values)
    assert caught.value.path == path


_TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff"),
    max_size=40,
)
CASES = st.fixed_dictionaries(
    {
        "caseId": st.text("C0123456789", min_size=1, max_size=12),
        "nino": st.text("QABC0123456789", min_size=9, max_size=9),
        "status": st.sampled_from(["OPEN", "SUSPENDED", "CLOSED"]),
        "openedOn": st.dates(),
        "weeklyAward": st.decimals("-9999999.99", "9999999.99", places=2),
        "lastContact": st.datetimes(datetime(1900, 1, 1), datetime(2999, 1, 1)).map(
            lambda d: d.replace(microsecond=0, tzinfo=UTC)
        ),
        "caseworker": st.none() | _TEXT,
    },
    optional={"note": _TEXT},
)


@given(CASES)
def test_round_trip(casework, case):
    """decode(encode(case)) == case, and the message is faithful."""
    wire = casework.encode_response("GetCase", {"case": case})
    assert casework.decode_response("GetCase", wire) == {"case": case}
    assert casework.faithful("GetCase", wire)


@given(CASES)
def test_row_gives_the_canonical_record(casework, case):
    """The row of a case leads to the same canonical record as its SOAP answer."""
    shape = casework.shape("GetCase", "case", ["caseId"], "casework", "case")
    row = shape.row(case)
    assert (
        casework.canonical_row("GetCase", "case", row)
        == casework.canonical("GetCase", {"case": case})["case"]
    )


def test_requests_decode_too(casework):
    """A request that we made can be read by the same contract."""
    assert casework.decode_request(
        "ListCases", casework.encode_request("ListCases", {"page": 1, "pageSize": 5})
    ) == {
        "page": 1,
        "pageSize": 5,
    }


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_faults_are_values(make_contract, version):
    """A fault decodes to a value in both SOAP versions, with code, detail element, and a text never logged."""
    contract = make_contract("<xs:sequence/>", soap="soap" if version == "1.1" else "soap12")
    fault = SoapFault("Client", "no claimant QQ123456C", "{urn:d}Why", b'<Why xmlns="urn:d">QQ123456C</Why>')
    wire = contract.encode_response("Ask", fault)
    read = contract.decode_response("Ask", wire)
    assert isinstance(read, SoapFault)
    assert (read.code, read.text, read.detail_name, read.by_caller) == (
        fault.code,
        fault.text,
        "{urn:d}Why",
        True,
    )
    assert "QQ123456C" not in read.describe()
    assert "Client" in read.describe()
    assert contract.faithful("Ask", wire)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "an empty body"),
        ('<Other xmlns="urn:test"/>', "<Other> came"),
        ('<Answer xmlns="urn:v2"/>', "of another namespace"),
        ('<Answer xmlns="urn:test"/><Answer xmlns="urn:test"/>', "several elements"),
    ],
)
def test_another_answer_is_terminal(make_contract, message, body, reason):
    """An answer of another operation, version or namespace is refused, not half-read."""
    with pytest.raises(AnswerMismatch, match=reason):
        make_contract("<xs:sequence/>").decode_response("Ask", message(body))


@pytest.mark.parametrize(
    ("wire", "error", "reason"),
    [
        (b"", BrokenAnswer, "empty"),
        (b"<html><body>maintenance</body></html>", BrokenAnswer, "HTML"),
        (b"<!DOCTYPE html><html/>", BrokenAnswer, "HTML"),
        (
            b"<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body>",
            BrokenAnswer,
            "not well-formed",
        ),
        (b"<Envelope/>", AnswerMismatch, "not a SOAP envelope"),
        (b"<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'/>", AnswerMismatch, "no body"),
    ],
)
def test_broken_answers(casework, wire, error, reason):
    """What is no whole SOAP answer says so; whether to come back later follows from the class."""
    with pytest.raises(error, match=reason):
        casework.decode_response("GetCase", wire)
