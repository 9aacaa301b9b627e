"""Schemas: every construct of XML Schema 1.0 becomes part of the model."""

from __future__ import annotations

import pytest

from adapters.soap.xsd import ANY_TYPE
from adapters.soap.xsd_model import flatten
from adapters.soap.xsd_types import Element, Group, SimpleType, Wildcard

NS = "{urn:test}"


def element(name: str, low: int = 1, high: int | None = 1) -> Element:
    return Element(name, SimpleType("string"), min_occurs=low, max_occurs=high)


def answer(make_contract, content, extra=""):
    contract = make_contract(content, extra)
    assert not contract.schema.refused
    kind = contract.schema.complex(contract.element("Ask"))
    return contract, kind


def test_lists_and_unions(make_contract):
    """A list has items, a union has members, named or written on the spot, and both may be narrowed."""
    extra = (
        '<xs:simpleType name="L"><xs:list itemType="xs:int"/></xs:simpleType>'
        '<xs:simpleType name="L3"><xs:restriction base="t:L"><xs:maxLength value="3"/></xs:restriction>'
        "</xs:simpleType>"
        '<xs:simpleType name="U"><xs:union memberTypes="xs:int xs:date"><xs:simpleType>'
        '<xs:restriction base="xs:string"><xs:enumeration value="none"/></xs:restriction></xs:simpleType>'
        "</xs:union></xs:simpleType>"
    )
    content = (
        '<xs:sequence><xs:element name="l" type="t:L3"/><xs:element name="u" type="t:U"/>'
        '<xs:element name="n" type="xs:NMTOKENS"/></xs:sequence>'
    )
    _, kind = answer(make_contract, content, extra)
    several, union, tokens = (e.type for e in kind.elements)
    assert (several.variety, several.item, several.max_length) == ("list", SimpleType("int"), 3)
    assert [m.base for m in union.members] == ["int", "date", "string"]
    assert union.members[2].enumeration == ("none",)
    assert (tokens.variety, tokens.item.base) == ("list", "NMTOKEN")


def test_patterns_of_each_step_are_kept_apart(make_contract):
    """Patterns of one step are alternatives; those of the base hold as well."""
    extra = (
        '<xs:simpleType name="A"><xs:restriction base="xs:string"><xs:pattern value="a+"/>'
        '<xs:pattern value="b+"/></xs:restriction></xs:simpleType>'
        '<xs:simpleType name="B"><xs:restriction base="t:A"><xs:pattern value=".."/></xs:restriction>'
        "</xs:simpleType>"
    )
    _, kind = answer(make_contract, '<xs:sequence><xs:element name="a" type="t:B"/></xs:sequence>', extra)
    assert kind.elements[0].type.patterns == (("a+", "b+"), ("..",))


def test_bounds_of_dates_are_kept_as_text(make_contract):
    """A bound that is no number is kept, and a narrower one replaces it."""
    extra = (
        '<xs:simpleType name="A"><xs:restriction base="xs:date"><xs:minInclusive value="2000-01-01"/>'
        '<xs:maxInclusive value="2100-01-01"/></xs:restriction></xs:simpleType>'
        '<xs:simpleType name="B"><xs:restriction base="t:A"><xs:minExclusive value="2020-01-01"/>'
        "</xs:restriction></xs:simpleType>"
    )
    _, kind = answer(make_contract, '<xs:sequence><xs:element name="a" type="t:B"/></xs:sequence>', extra)
    assert kind.elements[0].type.bounds == (("maxInclusive", "2100-01-01"), ("minExclusive", "2020-01-01"))


@pytest.mark.parametrize(
    ("group", "elements", "free"),
    [
        (Group("sequence", (element("a"), element("b", 0))), {"a": (1, 1), "b": (0, 1)}, False),
        (Group("sequence", (element("a"), element("b")), 0, None), {"a": (0, None), "b": (0, None)}, True),
        (Group("sequence", (element("a"),), 2, 3), {"a": (2, 3)}, False),
        (Group("choice", (element("a"), element("b"))), {"a": (0, 1), "b": (0, 1)}, False),
        (Group("choice", (element("a"), element("b")), 1, 5), {"a": (0, 5), "b": (0, 5)}, True),
        (Group("sequence", (element("a"), element("b"), element("a"))), {"a": (2, 2), "b": (1, 1)}, True),
        (
            Group(
                "choice",
                (
                    Group("sequence", (element("a"), element("b"))),
                    Group("sequence", (element("a"), element("c"))),
                ),
            ),
            {"a": (1, 1), "b": (0, 1), "c": (0, 1)},
            False,
        ),
        (
            Group(
                "choice",
                (
                    Group("sequence", (element("a"), element("b"))),
                    Group("sequence", (element("b"), element("a"))),
                ),
            ),
            {"a": (1, 1), "b": (1, 1)},
            True,
        ),
        (Group("all", (element("a"), element("b", 0))), {"a": (1, 1), "b": (0, 1)}, False),
        (Group("sequence", (element("a"), Wildcard(min_occurs=0, max_occurs=None))), {"a": (1, 1)}, False),
        (Group("sequence", (Wildcard(), element("a"), Wildcard())), {"a": (1, 1)}, True),
        (Group("sequence", (element("a"), element("b", 0, 0))), {"a": (1, 1)}, False),
    ],
)
def test_flattened_models(group, elements, free):
    """A model tells of each element how often it may stand, and whether names give the order."""
    flat = flatten(group)
    assert {e.name: (e.min_occurs, e.max_occurs) for e in flat.elements} == elements
    assert flat.free == free


def test_recursion_of_any_kind(make_contract):
    """Types and elements may lead back to themselves, by name, by reference, and through a derived type."""
    extra = (
        '<xs:complexType name="Tree"><xs:sequence><xs:element name="left" type="t:Tree" minOccurs="0"/>'
        '<xs:element name="leaf" type="t:Leaf" minOccurs="0"/></xs:sequence></xs:complexType>'
        '<xs:complexType name="Leaf"><xs:complexContent><xs:extension base="t:Tree"><xs:sequence>'
        '<xs:element name="size" type="xs:int"/></xs:sequence></xs:extension></xs:complexContent>'
        "</xs:complexType>"
        '<xs:element name="Node"><xs:complexType><xs:sequence><xs:element ref="t:Node" minOccurs="0"/>'
        "</xs:sequence></xs:complexType></xs:element>"
    )
    content = '<xs:sequence><xs:element name="tree" type="t:Tree"/><xs:element ref="t:Node"/></xs:sequence>'
    contract, kind = answer(make_contract, content, extra)
    assert [e.local for e in contract.schema.types[f"{NS}Leaf"].elements] == ["left", "leaf", "size"]
    node = kind.elements[1]
    for _ in range(3):
        node = contract.schema.child(node, "Node")
    assert node.name == f"{NS}Node"


def test_substitution_groups_become_choices(make_contract):
    """A reference to a head is a choice of what may stand for it; an abstract head itself may not."""
    extra = (
        '<xs:element name="Head" type="xs:string" abstract="true"/>'
        '<xs:element name="One" type="xs:string" substitutionGroup="t:Head"/>'
        '<xs:element name="Two" substitutionGroup="t:One"/>'
    )
    content = '<xs:sequence><xs:element ref="t:Head" maxOccurs="2"/></xs:sequence>'
    contract, kind = answer(make_contract, content, extra)
    assert [e.local for e in kind.elements] == ["One", "Two"]
    assert kind.free
    assert contract.schema.elements[f"{NS}Two"].type == SimpleType("string")


def test_derived_types_are_listed_by_base(make_contract):
    """What xsi:type may name is known, over several steps and for simple types too."""
    extra = (
        '<xs:complexType name="A" abstract="true"><xs:sequence/></xs:complexType>'
        '<xs:complexType name="B"><xs:complexContent><xs:extension base="t:A"/></xs:complexContent>'
        "</xs:complexType>"
        '<xs:complexType name="C"><xs:complexContent><xs:restriction base="t:B"/></xs:complexContent>'
        "</xs:complexType>"
        '<xs:simpleType name="S"><xs:restriction base="xs:int"/></xs:simpleType>'
    )
    contract, _ = answer(make_contract, '<xs:sequence><xs:element name="a" type="t:A"/></xs:sequence>', extra)
    assert contract.schema.derived[f"{NS}A"] == {f"{NS}B", f"{NS}C"}
    assert contract.schema.types[f"{NS}A"].abstract
    assert f"{NS}S" in contract.schema.derived["{http://www.w3.org/2001/XMLSchema}int"]


def test_attributes_are_inherited_overridden_and_prohibited(make_contract):
    """An extension adds attributes; a restriction narrows some and takes others away."""
    extra = (
        '<xs:attribute name="glob" type="xs:int" default="7"/>'
        '<xs:attributeGroup name="G"><xs:attribute ref="t:glob"/><xs:anyAttribute namespace="##other"/>'
        "</xs:attributeGroup>"
        '<xs:complexType name="A"><xs:attribute name="a" type="xs:int"/><xs:attribute name="b"/>'
        '<xs:attributeGroup ref="t:G"/></xs:complexType>'
        '<xs:complexType name="B"><xs:complexContent><xs:restriction base="t:A">'
        '<xs:attribute name="a" type="xs:int" use="required"/><xs:attribute name="b" use="prohibited"/>'
        "</xs:restriction></xs:complexContent></xs:complexType>"
    )
    contract, _ = answer(make_contract, '<xs:sequence><xs:element name="a" type="t:B"/></xs:sequence>', extra)
    first, second = contract.schema.types[f"{NS}A"], contract.schema.types[f"{NS}B"]
    assert [(a.name, a.required, a.default) for a in second.attributes] == [
        ("a", True, None),
        (f"{NS}glob", False, "7"),
    ]
    assert first.any_attribute.excluded == {"", "urn:test"}
    assert second.any_attribute is None


def test_open_content(make_contract):
    """Wildcards, anyType, mixed content, defaults and constraints are in the model."""
    extra = '<xs:complexType name="M" mixed="true"><xs:sequence/></xs:complexType>'
    content = (
        '<xs:sequence><xs:element name="free"/><xs:element name="m" type="t:M"/>'
        '<xs:element name="d" type="xs:int" default="1" nillable="true"/>'
        '<xs:any namespace="##targetNamespace ##local" processContents="lax" maxOccurs="unbounded"/>'
        "</xs:sequence>"
    )
    contract, kind = answer(make_contract, content, extra)
    anything, mixed, default = kind.elements
    assert anything.type == ANY_TYPE
    assert contract.schema.types[ANY_TYPE].mixed
    assert contract.schema.complex(mixed).mixed
    assert (default.default, default.nillable) == ("1", True)
    assert kind.content.particles[3] == Wildcard(
        frozenset({"urn:test", ""}), process="lax", min_occurs=1, max_occurs=None
    )


def test_soap_arrays(make_contract):
    """A restriction of SOAP's Array says by wsdl:arrayType what it holds."""
    extra = (
        '<xs:complexType name="Ints" xmlns:e="http://schemas.xmlsoap.org/soap/encoding/"><xs:complexContent>'
        '<xs:restriction base="e:Array"><xs:attribute ref="e:arrayType" wsdl:arrayType="xs:int[,]"/>'
        "</xs:restriction></xs:complexContent></xs:complexType>"
    )
    content = '<xs:sequence><xs:element name="a" type="t:Ints"/></xs:sequence>'
    contract, _ = answer(make_contract, content, extra)
    array = contract.schema.types[f"{NS}Ints"].array
    assert (array.item, array.dimensions) == (SimpleType("int"), 2)


def test_redefine(tmp_path, make_contract):
    """A redefined type derives from its former self, also where the other document uses it."""
    (tmp_path / "base.xsd").write_text(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:complexType name="P"><xs:sequence>'
        '<xs:element name="old" type="xs:int"/></xs:sequence></xs:complexType></xs:schema>'
    )
    extra = '<xs:element name="x" type="t:P"/>'
    redefine = (
        '<xs:redefine schemaLocation="base.xsd"><xs:complexType name="P"><xs:complexContent>'
        '<xs:extension base="t:P"><xs:sequence><xs:element name="new" type="xs:int"/></xs:sequence>'
        "</xs:extension></xs:complexContent></xs:complexType></xs:redefine>"
    )
    contract, _ = answer(
        make_contract, '<xs:sequence><xs:element ref="t:x"/></xs:sequence>', extra + redefine
    )
    assert [e.local for e in contract.schema.types[f"{NS}P"].elements] == ["old", "new"]
