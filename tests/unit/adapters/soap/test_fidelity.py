"""Decode → encode against the wire."""

# ruff: noqa: E501  (XML is clearer unbroken)

from __future__ import annotations

from xml.etree.ElementTree import canonicalize

import pytest

MODEL = (
    '<xs:sequence><xs:element name="a" type="xs:decimal"/><xs:element name="b" type="xs:boolean" minOccurs="0"/>'
    '<xs:element name="t" type="xs:dateTime" minOccurs="0"/><xs:element name="d" type="xs:date" minOccurs="0"/>'
    '<xs:element name="s" type="xs:string" minOccurs="0"/></xs:sequence>'
)


@pytest.mark.parametrize(
    ("xml", "same"),
    [
        ("<a>1.50</a>", True),
        ("<a>+01.5</a>", True),
        ("<a> 1 </a>", True),
        ("\n  <a>1</a>\n  <!-- note --><b>1</b>\n", True),
        ('<x:a xmlns:x="urn:test">1</x:a>', True),
        ("<a>1</a><t>2024-01-01T10:00:00.000+01:00</t>", True),
        ("<a>1</a><s> kept </s>", True),
        ("<a>1</a><s><![CDATA[<x>]]></s>", True),
        ("<a>1</a><d>2024-01-01Z</d>", False),
        ("<b>1</b><a>1</a>", False),
        ("<a>1</a><c/>", False),
        ("<a>x</a>", False),
    ],
)
def test_faithful(make_contract, answer, xml, same):
    """A message is faithful when nothing but prefixes, white space and lexical form differs from ours."""
    assert make_contract(MODEL).faithful("Ask", answer(xml)) is same


def test_zone_less_moments_are_faithful_where_a_zone_is_declared(make_contract, answer):
    """A declared zone makes a dateTime without zone readable, and it still counts as the same value."""
    contract = make_contract(MODEL, zone="Europe/London")
    assert contract.faithful("Ask", answer("<a>1</a><t>2024-07-01T10:00:00</t>"))


def test_our_own_messages_are_equal_under_c14n(casework):
    """For canonical values the comparison agrees with C14N itself, prefixes rewritten."""
    wire = casework.encode_request("ListCases", {"page": 1, "pageSize": 2})
    again = casework.encode_request("ListCases", casework.decode_request("ListCases", wire))
    assert canonicalize(wire.decode(), rewrite_prefixes=True) == canonicalize(
        again.decode(), rewrite_prefixes=True
    )
