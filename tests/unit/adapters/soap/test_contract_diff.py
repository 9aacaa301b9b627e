"""A change of a contract is breaking or compatible by its direction."""

# ruff: noqa: E501  (XML is clearer unbroken)

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.soap.contract import Contract
from adapters.soap.contract_diff import OPERATION_RULES, compare
from adapters.soap.schema_diff import RULES
from tests.unit.adapters.soap.contracts import BINDING, MESSAGES, PORT_TYPE, SERVICE, wsdl


@pytest.fixture
def read(tmp_path: Path):
    def make(**parts: str) -> Contract:
        path = tmp_path / "service.wsdl"
        path.write_text(wsdl(**parts), encoding="utf-8")
        return Contract.from_wsdl(path)

    return make


def both(content: str) -> str:
    """Schema with the same content in the request and in the response."""
    return "".join(
        f'<xs:element name="{name}"><xs:complexType>{content}</xs:complexType></xs:element>'
        for name in ("Ask", "Answer")
    )


def sequence(*elements: str) -> str:
    return f"<xs:sequence>{''.join(elements)}</xs:sequence>"


def e(name: str, kind: str = "xs:string", more: str = "", inner: str = "") -> str:
    given = f'type="{kind}"' if not inner else ""
    return f'<xs:element name="{name}" {given} {more}>{inner}</xs:element>'


def simple(base: str, facets: str) -> str:
    return f'<xs:simpleType><xs:restriction base="{base}">{facets}</xs:restriction></xs:simpleType>'


A = e("a")
OPTIONAL = 'minOccurs="0"'
WIDER = ("widens", [False, True])
NARROWER = ("narrows", [True, False])
OTHER = ("differs", [True, True])


@pytest.mark.parametrize(
    ("old", "new", "rule", "effect"),
    [
        (sequence(A), sequence(A, e("b", more=OPTIONAL)), "element-added", WIDER),
        (sequence(A), sequence(A, e("b")), "element-added", OTHER),
        (sequence(A, e("b")), sequence(A), "element-removed", OTHER),
        (sequence(A), sequence(e("a", more=OPTIONAL)), "occurrence", WIDER),
        (sequence(A), sequence(e("a", more='maxOccurs="unbounded"')), "occurrence", WIDER),
        (sequence(A), sequence(e("a", more='minOccurs="2" maxOccurs="3"')), "occurrence", OTHER),
        (sequence(A), sequence(e("a", more='nillable="true"')), "nillable", WIDER),
        (sequence(e("a", "xs:int")), sequence(e("a", "xs:long")), "range", WIDER),
        (sequence(e("a", "xs:int")), sequence(e("a", "xs:unsignedInt")), "range", OTHER),
        (sequence(e("a", "xs:int")), sequence(e("a", "xs:decimal")), "range", WIDER),
        (sequence(e("a", "xs:int")), sequence(e("a", "xs:string")), "type", OTHER),
        (sequence(A), sequence(e("a", inner="<xs:complexType/>")), "type", OTHER),
        (sequence(e("a", inner=simple("xs:string", '<xs:enumeration value="A"/>'))), sequence(e("a", inner=simple("xs:string", '<xs:enumeration value="A"/><xs:enumeration value="B"/>'))), "enumeration", WIDER),
        (sequence(e("a", inner=simple("xs:string", '<xs:enumeration value="A"/>'))), sequence(e("a", inner=simple("xs:string", '<xs:enumeration value="B"/>'))), "enumeration", OTHER),
        (sequence(A), sequence(e("a", inner=simple("xs:string", '<xs:enumeration value="A"/>'))), "enumeration", NARROWER),
        (sequence(A), sequence(e("a", inner=simple("xs:string", '<xs:maxLength value="9"/>'))), "facet", NARROWER),
        (sequence(e("a", inner=simple("xs:string", '<xs:maxLength value="8"/>'))), sequence(e("a", inner=simple("xs:string", '<xs:maxLength value="9"/>'))), "facet", WIDER),
        (sequence(e("a", inner=simple("xs:int", '<xs:minInclusive value="8"/>'))), sequence(e("a", inner=simple("xs:int", '<xs:minInclusive value="9"/>'))), "facet", NARROWER),
        (sequence(e("a", inner=simple("xs:int", '<xs:minInclusive value="8"/>'))), sequence(e("a", inner=simple("xs:int", '<xs:minExclusive value="8"/>'))), "facet", NARROWER),
        (sequence(A), sequence(e("a", inner=simple("xs:string", '<xs:pattern value="A+"/>'))), "pattern", NARROWER),
        (sequence(e("a", inner=simple("xs:string", '<xs:pattern value="B"/>'))), sequence(e("a", inner=simple("xs:string", '<xs:pattern value="A+"/>'))), "pattern", OTHER),
        (sequence(A, e("b")), sequence(e("b"), A), "order", OTHER),
        (sequence(A, e("b")), "<xs:all>" + A + e("b") + "</xs:all>", "order", OTHER),
        (sequence(A), sequence(A, '<xs:any minOccurs="0"/>'), "open-content", WIDER),
        (sequence(A), sequence(A) + "<xs:anyAttribute/>", "open-content", WIDER),
        (sequence(A), sequence(A) + '<xs:attribute name="x"/>', "attribute-added", WIDER),
        (sequence(A), sequence(A) + '<xs:attribute name="x" use="required"/>', "attribute-added", OTHER),
        (sequence(A) + '<xs:attribute name="x"/>', sequence(A) + '<xs:attribute name="x" use="required"/>', "attribute-use", NARROWER),
        (sequence(e("a", more='default="1"')), sequence(e("a", more='default="2"')), "default", ("neutral", [False, False])),
        (sequence(e("a", more='fixed="1"')), sequence(e("a", more='fixed="2"')), "default", OTHER),
    ],
)  # fmt: skip
def test_changes_of_a_body(read, old, new, rule, effect):
    """What widens breaks the response, what narrows breaks the request; the way back is the other way round."""
    before, after = read(schema=both(old)), read(schema=both(new))
    name, breaks = effect
    there, back = compare(before, after), compare(after, before)
    assert {c.rule for c in there} == {rule}
    assert {c.direction: c.breaking for c in there} == dict(zip(("request", "response"), breaks, strict=True))
    turned = breaks if name in ("differs", "neutral") else breaks[::-1]
    assert {c.direction: c.breaking for c in back} == dict(zip(("request", "response"), turned, strict=True))
    assert rule in RULES


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        ({"binding": BINDING.replace('"do"', '"did"')}, {"action": True, "addressing-action": True}),
        ({"binding": BINDING.replace("soap:", "soap12:")}, {"soap-version": True}),
        ({"service": SERVICE.replace("/one", "/two")}, {"endpoint": False}),
        ({"binding": BINDING.replace('"document"', '"rpc"').replace('"literal"', '"literal" namespace="urn:r"')}, {"style": True, "body": True}),
        ({"port_type": PORT_TYPE.replace('<wsdl:output message="t:Out"/>', "")}, {"one-way": True, "body": True, "addressing-action": True}),
        ({"messages": MESSAGES.replace("t:Answer", "t:Ask")}, {"body": True}),
        ({"port_type": ""}, {"operation-removed": True}),
        ({"binding": BINDING.replace('<wsdl:operation name="Do">', '<wsaw:UsingAddressing/><wsdl:operation name="Do">')}, {"policy-added": True}),
        ({"binding": BINDING.replace('<soap:body use="literal"/>', '<soap:body use="literal"/><soap:header message="t:Out" part="body" use="literal"/>', 1)}, {"header-added": True}),
        ({"port_type": PORT_TYPE.replace("</wsdl:operation>", '<wsdl:fault name="f" message="t:Out"/></wsdl:operation>')}, {"fault-added": False}),
    ],
)  # fmt: skip
def test_changes_of_an_operation(read, change, rules):
    """Each thing that an operation is has its rule, and says whether it breaks."""
    before, after = read(), read(**change)
    assert {c.rule: c.breaking for c in compare(before, after)} == rules
    assert set(rules) <= set(OPERATION_RULES)
    back = {c.rule for c in compare(after, before)}
    assert back == {
        rule.replace("added", "x").replace("removed", "added").replace("x", "removed") for rule in rules
    }


def test_equal_contracts_and_recursive_types(read):
    """A contract equals itself, whatever refers to itself in it; types that are only renamed are no change."""
    node = '<xs:complexType name="{0}"><xs:sequence><xs:element name="n" type="t:{0}" minOccurs="0"/></xs:sequence></xs:complexType>'
    schema = '<xs:element name="Ask" type="t:{0}"/><xs:element name="Answer" type="t:{0}"/>'
    one, other = (read(schema=schema.format(name) + node.format(name)) for name in ("N", "M"))
    assert compare(one, one) == []
    assert compare(one, other) == []


def test_breaking_changes_come_first(read):
    """The list begins with what breaks, and a path leads to each change."""
    old = read(schema=both(sequence(A, e("c", inner=f"<xs:complexType>{sequence(A)}</xs:complexType>"))))
    new = read(schema=both(sequence(A, e("b", more=OPTIONAL), e("c", inner="<xs:complexType/>"))))
    changes = compare(old, new)
    assert [c.breaking for c in changes] == [True, True, True, False]
    assert {c.path for c in changes} == {"Ask/b", "Answer/b", "Ask/c/a", "Answer/c/a"}
    assert changes[0].as_dict()["breaking"] is True
