"""Values made up from a schema are valid by it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.soap.discover.made_up import made_up
from adapters.soap.discover.pattern import matching
from schemas.errors import SettingsError
from tests.register import contract


@pytest.mark.parametrize("number", [1, 2, 3])
def test_every_message_of_the_register(number):
    """What is made up for each message can be encoded, and decodes to the same."""
    for name, operation in contract().operations.items():
        for element, encode, decode in (
            (operation.request, contract().encode_request, contract().decode_request),
            (operation.response, contract().encode_response, contract().decode_response),
        ):
            assert element is not None
            values = made_up(contract(), element, number)
            assert decode(name, encode(name, values)) == values


TYPES = """<xs:simpleType name="T"><xs:restriction base="{base}">{facets}</xs:restriction></xs:simpleType>"""
ANSWER = '<xs:sequence><xs:element name="v" type="t:T" xmlns:t="urn:test"/></xs:sequence>'


@pytest.mark.parametrize(
    ("base", "facets"),
    [
        ("xs:string", '<xs:length value="9"/>'),
        ("xs:string", '<xs:minLength value="3"/><xs:maxLength value="4"/>'),
        ("xs:string", '<xs:maxLength value="1"/>'),
        ("xs:string", '<xs:enumeration value="B"/><xs:enumeration value="C"/>'),
        ("xs:string", r'<xs:pattern value="[A-Z]{2}\d{6}[A-D]?"/>'),
        ("xs:token", r'<xs:pattern value="(urn:)?[a-z]+(\.[a-z]+)*"/>'),
        ("xs:int", '<xs:minInclusive value="10"/><xs:maxInclusive value="12"/>'),
        ("xs:int", '<xs:minExclusive value="10"/>'),
        ("xs:decimal", '<xs:totalDigits value="3"/><xs:fractionDigits value="2"/>'),
        ("xs:negativeInteger", ""),
        ("xs:nonPositiveInteger", ""),
        ("xs:unsignedByte", ""),
        ("xs:boolean", ""), ("xs:date", ""), ("xs:dateTime", ""), ("xs:time", ""), ("xs:duration", ""),
        ("xs:gYear", ""), ("xs:anyURI", ""), ("xs:language", ""), ("xs:NMTOKEN", ""), ("xs:ID", ""),
        ("xs:base64Binary", ""), ("xs:hexBinary", ""), ("xs:double", ""), ("xs:float", ""),
    ],
)  # fmt: skip
def test_simple_types(make_contract, base, facets):
    """Built-in types and their facets get a value that the codec takes both ways."""
    made = make_contract(ANSWER, TYPES.format(base=base, facets=facets))
    response = made.operation("Ask").response
    values = made_up(made, response, 2)
    again = made.decode_response("Ask", made.encode_response("Ask", values))
    assert again.keys() == values.keys()


def test_recursion_and_choices_end(make_contract):
    """A recursive type is cut where it may be, and of a choice one branch is taken."""
    extra = (
        '<xs:complexType name="N"><xs:sequence><xs:choice><xs:element name="a" type="xs:int"/>'
        '<xs:element name="b" type="xs:int"/></xs:choice><xs:element name="n" type="t:N" minOccurs="0" '
        'xmlns:t="urn:test"/></xs:sequence></xs:complexType>'
    )
    made = make_contract(
        '<xs:sequence><xs:element name="n" type="t:N" xmlns:t="urn:test"/></xs:sequence>', extra
    )
    values = made_up(made, made.operation("Ask").response)
    assert made.decode_response("Ask", made.encode_response("Ask", values)) == values


def test_a_pattern_beyond_us(make_contract):
    """A pattern that cannot be read is told by its element's name."""
    made = make_contract(
        ANSWER, TYPES.format(base="xs:string", facets='<xs:pattern value="[a-z-[aeiou]]{{2}}+"/>')
    )
    with pytest.raises(SettingsError, match="made up for v"):
        made_up(made, made.operation("Ask").response)


@given(st.from_regex(r"([A-Z]{1,3}|\\d|[0-9a-f]|x\?){1,4}", fullmatch=True))
def test_texts_match_their_patterns(pattern):
    """What is made for a pattern of the common kind matches it."""
    text = matching(pattern)
    assert text is not None
    assert re.fullmatch(pattern, text)


@pytest.mark.parametrize("pattern", ["(", "[a", "a{", "*", "a)b", "\\"])
def test_broken_patterns(pattern):
    """A pattern that is none gives nothing, and no error."""
    assert matching(pattern) is None
