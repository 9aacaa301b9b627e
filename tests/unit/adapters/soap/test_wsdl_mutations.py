"""A WSDL with any attribute changed is imported, in part or whole, or refused: it never fails otherwise."""

# ruff: noqa: E501  (XML is clearer unbroken)

from __future__ import annotations

import re
import tempfile
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.soap.contract import Contract
from adapters.soap.contract_diff import compare
from schemas.errors import BanyanError
from tests.evidence import keep
from tests.unit.adapters.soap.contracts import BINDING, wsdl

SCHEMA = """<xs:import namespace="http://schemas.xmlsoap.org/soap/encoding/"/><xs:element name="Ask" type="t:C"/><xs:element name="Answer" type="t:D"/>
<xs:element name="H" abstract="true" type="t:B"/><xs:element name="M" substitutionGroup="t:H"/>
<xs:group name="G"><xs:choice maxOccurs="unbounded"><xs:element ref="t:H"/><xs:element name="x" type="t:L" minOccurs="0"/></xs:choice></xs:group>
<xs:attributeGroup name="Z"><xs:attribute name="a" type="t:U" use="required"/><xs:anyAttribute namespace="##other"/></xs:attributeGroup>
<xs:simpleType name="L"><xs:list itemType="t:U"/></xs:simpleType>
<xs:simpleType name="U"><xs:union memberTypes="xs:int t:S"/></xs:simpleType>
<xs:simpleType name="S"><xs:restriction base="xs:string"><xs:pattern value="[a-z]+"/><xs:maxLength value="5"/></xs:restriction></xs:simpleType>
<xs:complexType name="B"><xs:attributeGroup ref="t:Z"/></xs:complexType>
<xs:complexType name="C"><xs:complexContent><xs:extension base="t:B"><xs:sequence><xs:group ref="t:G"/><xs:any namespace="urn:o" processContents="lax"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>
<xs:complexType name="D" mixed="true"><xs:sequence><xs:element name="d" type="t:D" minOccurs="0"/><xs:element name="e"><xs:complexType><xs:simpleContent><xs:extension base="xs:date"><xs:attribute name="k" default="1"/></xs:extension></xs:simpleContent></xs:complexType></xs:element></xs:sequence></xs:complexType>
<xs:complexType name="R"><xs:complexContent><xs:restriction base="soapenc:Array"><xs:attribute ref="soapenc:arrayType" wsdl:arrayType="t:C[]"/></xs:restriction></xs:complexContent></xs:complexType>"""
TEXT = wsdl(
    schema=SCHEMA,
    binding=BINDING.replace(
        '<soap:body use="literal"/>',
        '<soap:body use="literal"/><soap:header message="t:In" part="body" use="literal"/>',
        1,
    ),
)
#: Values of attributes, namespace declarations aside: without them the document is no XML.
VALUES = [
    m.span(1)
    for m in re.finditer(r'(?<!xmlns)(?<!xmlns:\w)(?<!xmlns:\w{2})\b[\w:]+="([^"]*)"', TEXT)
    if "xmlns" not in TEXT[m.start() - 8 : m.end()]
]
STRANGE = [
    "",
    ":",
    "a:",
    ":a",
    "-1",
    "unbounded",
    "9" * 30,
    "xs:string",
    "t:Nowhere",
    "nope:x",
    "{urn:t}x",
    "##any",
    "é",
    "true",
]

change = st.tuples(
    st.integers(0, len(VALUES) - 1),
    st.one_of(
        st.integers(0, len(VALUES) - 1).map(lambda n: TEXT[slice(*VALUES[n])]), st.sampled_from(STRANGE)
    ),
)


@cache
def original() -> Contract:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.wsdl"
        path.write_text(TEXT, encoding="utf-8")
        return Contract.from_wsdl(path)


def check(changes: list[tuple[int, str]]) -> str:
    """How a mutated WSDL ends; any other error, or a contract that differs from itself, fails."""
    text = TEXT
    for place, value in sorted(dict(changes).items(), reverse=True):
        start, end = VALUES[place]
        text = text[:start] + value + text[end:]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.wsdl"
        path.write_text(text, encoding="utf-8")
        try:
            contract = Contract.from_wsdl(path)
        except BanyanError:
            return "refused"
    assert compare(contract, contract) == []
    compare(original(), contract)
    compare(contract, original())
    assert contract.operations or contract.report.of("error")
    return "imported with findings" if list(contract.report) else "imported"


def test_the_whole_is_sound():
    """The WSDL that the mutations start from has no finding."""
    assert not list(original().report)


@settings(max_examples=40, deadline=None)
@given(st.lists(change, min_size=1, max_size=4))
def test_mutations(changes):
    """Up to four attributes with the value of another one, or a strange one."""
    check(changes)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_soak_wsdl_mutations():
    """The same at length; the result is in docs/evidence."""
    ends = Counter[str]()

    @settings(max_examples=5_000, deadline=None)
    @given(st.lists(change, min_size=1, max_size=8))
    def many(changes):
        ends[check(changes)] += 1

    many()
    keep("wsdl_mutations", {"ends": dict(sorted(ends.items()))})
