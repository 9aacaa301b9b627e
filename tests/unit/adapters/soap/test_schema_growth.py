"""Schemas that grow without end when they are resolved are refused in bounded time and memory."""

# ruff: noqa: E501  (XML is clearer unbroken)

from __future__ import annotations

import tracemalloc

import pytest

from adapters.soap import xsd_content
from adapters.soap.errors import Hostile


def chain(first: str, link: str, depth: int) -> str:
    """`first`, then links that each name the one before, `{n}` and `{m}` = its number and the last one's."""
    return first + "".join(link.format(n=n, m=n - 1) for n in range(1, depth))


ATTACKS = {
    "groups that double": (
        '<xs:sequence><xs:group ref="t:g29"/></xs:sequence>',
        chain(
            '<xs:group name="g0"><xs:sequence><xs:element name="e" type="xs:int"/></xs:sequence></xs:group>',
            '<xs:group name="g{n}"><xs:sequence><xs:group ref="t:g{m}"/><xs:group ref="t:g{m}"/></xs:sequence></xs:group>',
            30,
        ),
        "more than 5,000 particles",
    ),
    "empty groups that double": (
        '<xs:sequence><xs:group ref="t:g29"/></xs:sequence>',
        chain(
            '<xs:group name="g0"><xs:sequence/></xs:group>',
            '<xs:group name="g{n}"><xs:sequence><xs:group ref="t:g{m}"/><xs:group ref="t:g{m}"/></xs:sequence></xs:group>',
            30,
        ),
        "more than 5,000 particles",
    ),
    "attribute groups that double": (
        '<xs:attributeGroup ref="t:g29"/>',
        chain(
            '<xs:attributeGroup name="g0"/>',
            '<xs:attributeGroup name="g{n}"><xs:attributeGroup ref="t:g{m}"/><xs:attributeGroup ref="t:g{m}"/></xs:attributeGroup>',
            30,
        ),
        "",
    ),
    "unions that double": (
        '<xs:sequence><xs:element name="u" type="t:u29"/></xs:sequence>',
        chain(
            '<xs:simpleType name="u0"><xs:restriction base="xs:int"/></xs:simpleType>',
            '<xs:simpleType name="u{n}"><xs:union memberTypes="t:u{m} t:u{m}"/></xs:simpleType>',
            30,
        ),
        "a union of more than 10,000 types",
    ),
    "a tower of extensions": (
        '<xs:sequence><xs:element name="c" type="t:c499"/></xs:sequence>',
        chain(
            '<xs:complexType name="c0"><xs:sequence/></xs:complexType>',
            '<xs:complexType name="c{n}"><xs:complexContent><xs:extension base="t:c{m}"><xs:sequence><xs:element name="e{n}" type="xs:int"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>',
            500,
        ),
        "derives over more than 60 others",
    ),
    "a tower of restrictions": (
        '<xs:sequence><xs:element name="s" type="t:s499"/></xs:sequence>',
        chain(
            '<xs:simpleType name="s0"><xs:restriction base="xs:int"/></xs:simpleType>',
            '<xs:simpleType name="s{n}"><xs:restriction base="t:s{m}"/></xs:simpleType>',
            500,
        ),
        "derives over more than 60 others",
    ),
    "a tower of groups": (
        '<xs:sequence><xs:group ref="t:g499"/></xs:sequence>',
        chain(
            '<xs:group name="g0"><xs:sequence/></xs:group>',
            '<xs:group name="g{n}"><xs:sequence><xs:group ref="t:g{m}"/></xs:sequence></xs:group>',
            500,
        ),
        "groups in more than 60 others",
    ),
    "a tower of elements": (
        '<xs:sequence><xs:element ref="t:e499"/></xs:sequence>',
        chain(
            '<xs:element name="e0" type="xs:int"/>',
            '<xs:element name="e{n}"><xs:complexType><xs:sequence><xs:element ref="t:e{m}"/></xs:sequence></xs:complexType></xs:element>',
            500,
        ),
        "",
    ),
    "a crowd of substitutes": (
        "<xs:sequence>" + '<xs:element ref="t:head"/>' * 200 + "</xs:sequence>",
        '<xs:element name="head" abstract="true" type="xs:int"/>'
        + "".join(f'<xs:element name="m{n}" substitutionGroup="t:head"/>' for n in range(300)),
        "more than 5,000 particles",
    ),
}


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_growth_has_limits(make_contract, monkeypatch, attack):
    """Groups, unions and derivations that double or tower end in an error that says what there is too much of."""
    monkeypatch.setattr(xsd_content, "MAX_PARTICLES", 5_000)
    content, extra, reason = ATTACKS[attack]
    tracemalloc.start()
    try:
        if reason:
            with pytest.raises(Hostile, match=reason):
                make_contract(content, extra)
        else:  # deep, but what it means is plain
            assert list(make_contract(content, extra).operations) == ["Ask"]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64 << 20


def test_recursion_through_what_holds_an_anonymous_type(make_contract, answer):
    """An anonymous type that leads back to its own group, or extends the type that holds it, is read by name."""
    extra = """<xs:group name="g"><xs:sequence><xs:element name="n" minOccurs="0"><xs:complexType><xs:group ref="t:g"/>
    </xs:complexType></xs:element></xs:sequence></xs:group>
    <xs:complexType name="B"><xs:sequence><xs:element name="in" minOccurs="0"><xs:complexType><xs:complexContent>
    <xs:extension base="t:B"><xs:sequence><xs:element name="v" type="xs:int"/></xs:sequence></xs:extension>
    </xs:complexContent></xs:complexType></xs:element></xs:sequence></xs:complexType>"""
    content = '<xs:sequence><xs:group ref="t:g"/><xs:element name="b" type="t:B"/></xs:sequence>'
    contract = make_contract(content, extra)
    assert not list(contract.report)
    assert contract.element("Ask", "n/n/n/n").local == "n"
    assert contract.element("Ask", "b/in/in/v").type.base == "int"
