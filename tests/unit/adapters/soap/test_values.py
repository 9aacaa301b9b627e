"""Values of what a schema leaves to the message: types, substitutes, order, wildcards, nil with attributes."""

# ruff: noqa: E501  (XML is clearer unbroken)

from __future__ import annotations

from decimal import Decimal

import pytest

from adapters.soap.contract import Contract
from adapters.soap.errors import AnswerMismatch, BadValue
from adapters.soap.json_values import from_json, to_json

EXTRA = """
<xs:complexType name="Shape" abstract="true"><xs:sequence><xs:element name="id" type="xs:int"/></xs:sequence></xs:complexType>
<xs:complexType name="Circle"><xs:complexContent><xs:extension base="t:Shape"><xs:sequence><xs:element name="r" type="xs:decimal"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>
<xs:complexType name="Other"><xs:sequence><xs:element name="id" type="xs:int"/></xs:sequence></xs:complexType>
<xs:element name="head" type="xs:string"/><xs:element name="member" type="xs:string" substitutionGroup="t:head"/>
<xs:complexType name="Amount"><xs:simpleContent><xs:extension base="xs:decimal"><xs:attribute name="cur" use="required"/></xs:extension></xs:simpleContent></xs:complexType>
<xs:simpleType name="Ints"><xs:list itemType="xs:int"/></xs:simpleType>
<xs:simpleType name="IntOrDate"><xs:union memberTypes="xs:int xs:date"/></xs:simpleType>
"""
MIXED = '<xs:element name="m"><xs:complexType mixed="true"><xs:choice minOccurs="0" maxOccurs="unbounded"><xs:element name="b" type="xs:int"/><xs:element name="i" type="xs:string"/></xs:choice></xs:complexType></xs:element>'
OPEN = '<xs:element name="o"><xs:complexType><xs:sequence><xs:element name="a" type="xs:int"/><xs:any namespace="##other" minOccurs="0" maxOccurs="unbounded" processContents="lax"/><xs:element name="z" type="xs:int"/></xs:sequence><xs:anyAttribute namespace="##other"/></xs:complexType></xs:element>'


@pytest.mark.parametrize(
    ("content", "xml", "value"),
    [
        (
            '<xs:element name="s" type="t:Shape"/>',
            '<s xmlns:p="urn:test" xsi:type="p:Circle"><id>1</id><r>2.5</r></s>',
            {"s": {"@xsi:type": "{urn:test}Circle", "id": 1, "r": Decimal("2.5")}},
        ),
        ('<xs:element ref="t:head"/>', "<member>x</member>", {"member": "x"}),
        (
            MIXED,
            "<m>one <b>2</b><b>3</b> three <i>4</i></m>",
            {"m": {"#content": ["one ", {"b": 2}, {"b": 3}, " three ", {"i": "4"}]}},
        ),
        (
            OPEN,
            '<o xmlns:f="urn:f" xmlns:g="urn:g" g:k="v"><a>1</a><f:x><f:y/></f:x><z>2</z></o>',
            {"o": {"@{urn:g}k": "v", "a": 1, "#any": ['<f:x xmlns:f="urn:f"><f:y></f:y></f:x>'], "z": 2}},
        ),
        (
            '<xs:element name="x" type="xs:anyType"/>',
            '<x k="1">a<y xmlns="">b</y></x>',
            {"x": {"@k": "1", "#xml": "a<y>b</y>"}},
        ),
        (
            '<xs:element name="x" type="xs:anyType"/>',
            '<x xmlns:xs="http://www.w3.org/2001/XMLSchema" xsi:type="xs:int">7</x>',
            {"x": {"@xsi:type": "{http://www.w3.org/2001/XMLSchema}int", "#text": 7}},
        ),
        (
            '<xs:element name="a" type="t:Amount" nillable="true"/>',
            '<a xsi:nil="true" cur="GBP"/>',
            {"a": {"@cur": "GBP", "@xsi:nil": True}},
        ),
        ('<xs:element name="l" type="t:Ints"/>', "<l> 1 2\n3 </l>", {"l": [1, 2, 3]}),
        ('<xs:element name="l" type="t:Ints" maxOccurs="2"/>', "<l>1 2</l><l/>", {"l": [[1, 2], []]}),
        ('<xs:element name="q" type="xs:QName"/>', '<q xmlns:p="urn:p">p:n</q>', {"q": "{urn:p}n"}),
        ('<xs:element name="d" type="xs:int" default="5"/>', "<d/>", {"d": 5}),
        (
            '<xs:element name="r"><xs:complexType><xs:sequence maxOccurs="unbounded"><xs:element name="k" type="xs:string"/><xs:element name="v" type="xs:int"/></xs:sequence></xs:complexType></xs:element>',
            "<r><k>a</k><v>1</v><k>b</k><v>2</v></r>",
            {"r": {"#content": [{"k": "a"}, {"v": 1}, {"k": "b"}, {"v": 2}]}},
        ),
    ],
)
def test_both_ways(make_contract, answer, content, xml, value):
    """Each construct has its value, which leads to the same XML and through JSON to the same value."""
    contract = make_contract(f"<xs:sequence>{content}</xs:sequence>", EXTRA)
    assert contract.decode_response("Ask", answer(xml)) == value
    assert contract.decode_response("Ask", contract.encode_response("Ask", value)) == value
    assert contract.faithful("Ask", answer(xml))
    element = contract.element("Ask")
    assert from_json(contract.codec, element, to_json(contract.codec, element, value)) == value
    assert contract.canonical("Ask", value)


def test_a_union_takes_the_first_member(make_contract, answer):
    """A union is the value of the first member that takes the text."""
    contract = make_contract('<xs:sequence><xs:element name="u" type="t:IntOrDate"/></xs:sequence>', EXTRA)
    assert contract.decode_response("Ask", answer("<u>5</u>")) == {"u": 5}
    assert str(contract.decode_response("Ask", answer("<u>2020-01-02</u>"))["u"]) == "2020-01-02"
    with pytest.raises(BadValue, match="none of the union"):
        contract.decode_response("Ask", answer("<u>x</u>"))


@pytest.mark.parametrize(
    ("content", "xml", "path", "reason"),
    [
        ('<xs:element name="s" type="t:Shape"/>', "<s><id>1</id></s>", "s", "abstract"),
        (
            '<xs:element name="s" type="t:Shape"/>',
            '<s xmlns:p="urn:test" xsi:type="p:Other"><id>1</id></s>',
            "s",
            "does not derive",
        ),
        (
            '<xs:element name="s" type="t:Shape"/>',
            '<s xsi:type="p:Circle"><id>1</id></s>',
            "s",
            "prefix is not declared",
        ),
        (MIXED, "<m><c/></m>", "m/c", "not an element"),
        (OPEN, "<o><a>1</a><x/><z>2</z></o>", "o/x", "not an element"),
        (OPEN, '<o k="v"><a>1</a><z>2</z></o>', "o/@k", "not an attribute"),
        (OPEN, "<o><z>2</z><a>1</a></o>", "o/z", "not where the schema puts it"),
        ('<xs:element name="f" type="xs:int" fixed="5"/>', "<f>6</f>", "f", "fixed value"),
        ('<xs:element name="q" type="xs:QName"/>', "<q>p:n</q>", "q", "prefix"),
        (
            '<xs:element name="x" type="xs:int"/>',
            '<x xmlns:xs="http://www.w3.org/2001/XMLSchema" xsi:type="xs:string">a</x>',
            "x",
            "whole number",
        ),
    ],
)
def test_refused(make_contract, answer, content, xml, path, reason):
    """A message outside the schema is refused with its place."""
    contract = make_contract(f"<xs:sequence>{content}</xs:sequence>", EXTRA)
    with pytest.raises(BadValue, match=reason) as caught:
        contract.decode_response("Ask", answer(xml))
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("content", "value", "path", "reason"),
    [
        (MIXED, {"m": {"#content": [{"c": 1}]}}, "m/c", "not an element"),
        (MIXED, {"m": {"#content": [{"b": 1, "i": "x"}]}}, "m/#content", "one key"),
        (OPEN, {"o": {"a": 1, "z": 2, "#any": ["<x"]}}, "o/#any", "well-formed"),
        (OPEN, {"o": {"a": 1, "z": 2, "#any": ["<x/>"]}}, "o/#any", "does not allow"),
        (OPEN, {"o": {"a": 1, "z": 2, "#any": ['<!DOCTYPE x><x xmlns="urn:f"/>']}}, "o/#any", "well-formed"),
        ('<xs:element name="x" type="xs:anyType"/>', {"x": {"#xml": "</x><y>"}}, "x", "well-formed"),
        ('<xs:element name="s" type="t:Shape"/>', {"s": {"id": 1}}, "s", "abstract"),
        ('<xs:element name="s" type="t:Shape"/>', {"s": {"@xsi:type": "{urn:test}Other", "id": 1}}, "s", "does not derive"),
        ('<xs:element name="l" type="t:Ints"/>', {"l": 5}, "l", "a list is expected"),
        ('<xs:choice><xs:element name="a" type="xs:int"/><xs:element name="b" type="xs:int"/></xs:choice>', {"a": 1, "b": 2}, "b", "not where the schema"),
    ],
)  # fmt: skip
def test_not_encoded(make_contract, content, value, path, reason):
    """A value outside the schema is never written."""
    contract = make_contract(f"<xs:sequence>{content}</xs:sequence>", EXTRA)
    with pytest.raises(BadValue, match=reason) as caught:
        contract.encode_response("Ask", value)
    assert caught.value.path == path


def test_two_bodies(make_contract):
    """An envelope with two bodies is refused, whatever the second holds."""
    contract = make_contract("<xs:sequence/>")
    soap = "http://schemas.xmlsoap.org/soap/envelope/"
    body = '<s:Body><Answer xmlns="urn:test"/></s:Body>'
    with pytest.raises(AnswerMismatch, match="two bodies"):
        contract.decode_response("Ask", f'<s:Envelope xmlns:s="{soap}">{body}{body}</s:Envelope>'.encode())


def test_the_order_of_an_all_is_kept(make_contract, answer):
    """The children of an xs:all come back in the order in which they came."""
    content = '<xs:all><xs:element name="a" type="xs:int"/><xs:element name="b" type="xs:int"/></xs:all>'
    contract = make_contract(content)
    value = contract.decode_response("Ask", answer("<b>2</b><a>1</a>"))
    assert list(value) == ["b", "a"]
    wire = contract.encode_response("Ask", value)
    assert wire.index(b"ns:b>") < wire.index(b"ns:a>")


def test_prefixes_are_stable(make_contract):
    """The namespaces of a message are declared once, on its first element, in the schema's order."""
    content = '<xs:sequence><xs:element name="a" type="xs:int"/></xs:sequence>'
    wire = make_contract(content).encode_response("Ask", {"a": 1})
    assert b'<ns:Answer xmlns:ns="urn:test"><ns:a>1</ns:a></ns:Answer>' in wire


@pytest.mark.parametrize(
    ("prefixes", "start"), [("wsdl", b"<t:Ask"), ({"urn:t": "x"}, b"<x:Ask"), (None, b"<ns:Ask")]
)
def test_prefixes_that_a_service_insists_on(tmp_path, prefixes, start):
    """Prefixes may be given, or be those that the WSDL declares."""
    path = tmp_path / "service.wsdl"
    path.write_text(FAULT_WSDL, encoding="utf-8")
    assert start in Contract.from_wsdl(path, prefixes=prefixes).encode_request("Ask", 1)


FAULT_WSDL = """<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" targetNamespace="urn:t" xmlns:t="urn:t" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/">
<types><xs:schema targetNamespace="urn:t" elementFormDefault="qualified"><xs:element name="Ask" type="xs:int"/><xs:element name="Answer" type="xs:int"/><xs:element name="Session" type="xs:string"/>
<xs:element name="Why"><xs:complexType><xs:sequence><xs:element name="code" type="xs:int"/></xs:sequence></xs:complexType></xs:element></xs:schema></types>
<message name="I"><part name="p" element="t:Ask"/></message><message name="O"><part name="p" element="t:Answer"/></message><message name="F"><part name="p" element="t:Why"/></message><message name="H"><part name="h" element="t:Session"/></message>
<portType name="P"><operation name="Ask"><input message="t:I"/><output message="t:O"/><fault name="Why" message="t:F"/></operation></portType>
<binding name="B" type="t:P"><soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/><operation name="Ask"><soap:operation soapAction="a"/>
<input><soap:header message="t:H" part="h" use="literal"/><soap:body use="literal"/></input><output><soap:body use="literal"/></output><fault name="Why"><soap:fault name="Why" use="literal"/></fault></operation></binding>
<service name="S"><port name="P" binding="t:B"><soap:address location="http://127.0.0.1/"/></port></service></definitions>"""


@pytest.fixture
def faulting(tmp_path):
    path = tmp_path / "faulting.wsdl"
    path.write_text(FAULT_WSDL, encoding="utf-8")
    return Contract.from_wsdl(path)


@pytest.mark.parametrize(("detail", "value"), [("<code>7</code>", {"code": 7}), ("<code>x</code>", None)])
def test_a_declared_detail_has_a_value(faulting, message, detail, value):
    """The detail of a fault is decoded where the operation declares it; one that misfits stays XML."""
    fault = f'<s:Fault><faultcode>s:Client</faultcode><faultstring>secret</faultstring><detail><Why xmlns="urn:t">{detail}</Why></detail></s:Fault>'
    read = faulting.decode_response("Ask", message(fault))
    assert read.detail_value == value
    assert (read.detail_name, read.by_caller) == ("{urn:t}Why", True)
    assert "7" not in repr(read.describe())


def test_declared_headers(faulting):
    """Header elements that the operation declares are written and read by name; others are refused."""
    wire = faulting.encode_request("Ask", 1, headers={"Session": "s1"})
    assert b"Header><ns:Session" in wire
    assert faulting.decode_headers("Ask", wire) == {"Session": "s1"}
    assert faulting.decode_request("Ask", wire) == 1
    with pytest.raises(BadValue, match="not a header"):
        faulting.encode_request("Ask", 1, headers={"Other": "x"})
