"""SOAP encoding: arrays, references, types on the wire."""

# ruff: noqa: E501  (XML is clearer unbroken)

from __future__ import annotations

import pytest
from lxml import etree

from adapters.soap.codec import XmlCodec
from adapters.soap.encoded import ENCODING, inline_references
from adapters.soap.errors import BadValue
from adapters.soap.xsd_types import ArrayType, ComplexType, Element, Schema, SimpleType

XSD = "http://www.w3.org/2001/XMLSchema"
NS = f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="{XSD}" xmlns:enc="{ENCODING}" xmlns:t="urn:t"'
INTS = ComplexType("{urn:t}Ints", array=ArrayType(SimpleType("int")))
GRID = ComplexType("{urn:t}Grid", array=ArrayType(SimpleType("int"), 2))
POINT = ComplexType(
    "{urn:t}Point", (Element("x", SimpleType("int")), Element("p", "{urn:t}Point", min_occurs=0))
)
ANYTHING = ComplexType("{urn:t}Any", array=ArrayType(f"{{{XSD}}}anyType"))
SCHEMA = Schema({}, {t.name: t for t in (INTS, GRID, POINT, ANYTHING)}, {})
CODEC = XmlCodec(SCHEMA)


def node(xml: str):
    return etree.fromstring(
        xml.replace(">", f" {NS}>", 1)
        if not xml.split(">")[0].endswith("/")
        else xml.replace("/>", f" {NS}/>", 1)
    )


@pytest.mark.parametrize(
    ("kind", "xml", "value"),
    [
        ("Ints", '<a enc:arrayType="xsd:int[2]"><item>1</item><x>2</x></a>', [1, 2]),
        ("Ints", '<a enc:arrayType="xsd:int[]"/>', []),
        ("Ints", "<a><item>1</item></a>", [1]),
        ("Ints", '<a enc:arrayType="xsd:int[2]"><i>1</i><i xsi:nil="1"/></a>', [1, None]),
        (
            "Grid",
            '<a enc:arrayType="xsd:int[2,3]"><i>1</i><i>2</i><i>3</i><i>4</i><i>5</i><i>6</i></a>',
            [[1, 2, 3], [4, 5, 6]],
        ),
        (
            "Any",
            '<a enc:arrayType="xsd:ur-type[2]"><i xsi:type="xsd:int">1</i><i xsi:type="xsd:string">b</i></a>',
            [{"@xsi:type": f"{{{XSD}}}int", "#text": 1}, {"@xsi:type": f"{{{XSD}}}string", "#text": "b"}],
        ),
        ("Any", '<a enc:arrayType="xsd:int[1]"><i>1</i></a>', [{"@xsi:type": f"{{{XSD}}}int", "#text": 1}]),
        (
            "Any",
            '<a><i xsi:type="enc:Array" enc:arrayType="xsd:int[1]"><i>1</i></i></a>',
            [{"@xsi:type": f"{{{ENCODING}}}Array", "#items": [{"@xsi:type": f"{{{XSD}}}int", "#text": 1}]}],
        ),
    ],
)
def test_arrays(kind, xml, value):
    """An array is a list, one of two dimensions a list of lists; it is written with its type and size."""
    element = Element("a", f"{{urn:t}}{kind}")
    assert CODEC.decode(element, node(xml), encoded=True) == value
    again = CODEC.encode(element, value, encoded=True)
    assert "arrayType" in etree.tostring(again).decode()
    assert CODEC.decode(element, again, encoded=True) == value


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        ('<a enc:arrayType="xsd:int[3]"><i>1</i></a>', "an array of 3 with 1"),
        ('<a enc:arrayType="xsd:int"><i>1</i></a>', "without a size"),
        ('<a enc:arrayType="xsd:int[9]" enc:offset="[2]"/>', "partly transmitted"),
        ('<a enc:arrayType="xsd:int[2]"><i enc:position="[1]">1</i></a>', "sparse"),
        ("<a><i>x</i></a>", "whole number"),
    ],
)
def test_arrays_refused(xml, reason):
    """An array that is not whole is refused."""
    with pytest.raises(BadValue, match=reason):
        CODEC.decode(Element("a", "{urn:t}Ints"), node(xml), encoded=True)


def test_ragged_lists_are_not_written():
    """A list of lists of different lengths is no array of two dimensions."""
    with pytest.raises(BadValue, match="one length"):
        CODEC.encode(Element("a", "{urn:t}Grid"), [[1], [2, 3]], encoded=True)


def body(xml: str):
    return list(etree.fromstring(f"<b {NS}>{xml}</b>"))


def test_references_are_put_in_place():
    """What an element refers to stands in it, with its type, whose prefix may be declared elsewhere."""
    root = inline_references(
        body(
            '<r><p href="#1"/></r><multiRef xmlns:q="urn:t" id="1" enc:root="0" xsi:type="q:Point"><x>1</x><p href="#2"/></multiRef><multiRef id="2" enc:root="0"><x>2</x></multiRef>'
        )
    )
    value = CODEC.decode(Element("p", "{urn:t}Point"), root[0], encoded=True)
    assert value == {"x": 1, "p": {"x": 2}}


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        ('<r><p href="#1"/></r><m id="1"><x>1</x><p href="#1"/></m>', "leads back to itself"),
        ('<r id="0"><p href="#0"/></r>', "leads back to itself"),
        (
            '<r><p href="#1"/></r><m id="1"><p href="#2"/></m><m id="2"><p href="#1"/></m>',
            "leads back to itself",
        ),
        ('<r><p href="#9"/></r>', "does not exist"),
        ('<r><p href="http://evil/"/></r>', "outside the message"),
        ('<r/><m id="1"/><m id="1"/>', "stands twice"),
        ('<r/><z id="1" enc:root="0"><x>1</x></z>', "nothing refers to"),
        ("<r/><z><x>1</x></z>", "nothing refers to"),
        ("", "no root"),
        (
            '<r><p href="#0"/></r>'
            + "".join(f'<m id="{n}">' + f'<p href="#{n + 1}"/>' * 10 + "</m>" for n in range(8))
            + '<m id="8"><x>1</x></m>',
            "through references",
        ),
    ],
)
def test_hostile_references(monkeypatch, xml, reason):
    """References in circles, to nowhere, outside, or that grow without end are refused."""
    monkeypatch.setattr("adapters.soap.encoded.MAX_NODES", 5_000)
    with pytest.raises(BadValue, match=reason):
        inline_references(body(xml))


RPC = """<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" targetNamespace="urn:t" xmlns:t="urn:t" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/">
<message name="I"><part name="a" type="xs:int"/><part name="b" type="xs:string"/></message><message name="O"><part name="r" type="xs:int"/></message>
<portType name="P"><operation name="Add"><input message="t:I"/><output message="t:O"/></operation></portType>
<binding name="B" type="t:P"><soap:binding style="rpc" transport="http://schemas.xmlsoap.org/soap/http"/><operation name="Add"><soap:operation soapAction="add"/>
<input><soap:body use="{use}" namespace="urn:body"/></input><output><soap:body use="{use}" namespace="urn:body"/></output></operation></binding>
<service name="S"><port name="P" binding="t:B"><soap:address location="http://127.0.0.1/"/></port></service></definitions>"""


@pytest.mark.parametrize("use", ["literal", "encoded"])
def test_rpc_messages(tmp_path, use):
    """A call by RPC has the operation's name and its parts without a namespace, typed where it is encoded."""
    from adapters.soap.contract import Contract

    path = tmp_path / "rpc.wsdl"
    path.write_text(RPC.format(use=use), encoding="utf-8")
    contract = Contract.from_wsdl(path)
    wire = contract.encode_request("Add", {"a": 1, "b": "x"})
    assert (b"xsi:type" in wire) == (use == "encoded") == (b"encodingStyle" in wire)
    assert b"<a" in wire
    assert contract.decode_request("Add", wire) == {"a": 1, "b": "x"}
    answer = contract.encode_response("Add", {"r": 2})
    assert b":AddResponse" in answer
    assert contract.decode_response("Add", answer) == {"r": 2}
    assert contract.faithful("Add", answer)


def test_an_encoded_answer_with_references(tmp_path):
    """An encoded body may hold several elements: the first is the answer, the others what it refers to."""
    from adapters.soap.contract import Contract

    path = tmp_path / "rpc.wsdl"
    path.write_text(RPC.format(use="encoded"), encoding="utf-8")
    wire = (
        f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" {NS}><s:Body><t:answer><r href="#i"/></t:answer>'
        '<multiRef id="i" enc:root="0" xsi:type="xsd:int">7</multiRef></s:Body></s:Envelope>'
    )
    assert Contract.from_wsdl(path).decode_response("Add", wire.encode()) == {"r": 7}


LIST = """<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" targetNamespace="urn:t" xmlns:t="urn:t" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:enc="http://schemas.xmlsoap.org/soap/encoding/" xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/">
<types><xs:schema targetNamespace="urn:t"><xs:import namespace="http://schemas.xmlsoap.org/soap/encoding/"/>
<xs:complexType name="Row"><xs:sequence><xs:element name="k" type="xs:int"/><xs:element name="s" type="xs:string"/></xs:sequence></xs:complexType>
<xs:complexType name="Rows"><xs:complexContent><xs:restriction base="enc:Array"><xs:attribute ref="enc:arrayType" wsdl:arrayType="t:Row[]"/></xs:restriction></xs:complexContent></xs:complexType></xs:schema></types>
<message name="I"/><message name="O"><part name="rows" type="t:Rows"/><part name="total" type="xs:int"/></message>
<portType name="P"><operation name="List"><input message="t:I"/><output message="t:O"/></operation></portType>
<binding name="B" type="t:P"><soap:binding style="rpc" transport="http://schemas.xmlsoap.org/soap/http"/><operation name="List"><soap:operation soapAction="list"/>
<input><soap:body use="encoded" namespace="urn:t"/></input><output><soap:body use="encoded" namespace="urn:t"/></output></operation></binding>
<service name="S"><port name="P" binding="t:B"><soap:address location="http://127.0.0.1/"/></port></service></definitions>"""


@pytest.fixture
def listing(tmp_path):
    from adapters.soap.contract import Contract

    path = tmp_path / "list.wsdl"
    path.write_text(LIST, encoding="utf-8")
    contract = Contract.from_wsdl(path)
    return contract, contract.shape("List", "rows/item", ["k"], "s", "row")


@pytest.mark.parametrize("size", [7, 100_000])
def test_a_list_in_an_array(listing, size):
    """The items of a SOAP array are rows, references put in place; one bad item stops no other."""
    contract, shape = listing
    wire = (
        f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" {NS}><s:Body><t:ListResponse>'
        '<rows enc:arrayType="t:Row[3]"><item href="#a"/><item xsi:type="t:Row"><s>y</s><k>2</k></item><item><k>x</k></item></rows>'
        '<total xsi:type="xsd:int">3</total></t:ListResponse><multiRef id="a" enc:root="0"><k>1</k><s>x</s></multiRef></s:Body></s:Envelope>'
    ).encode()
    decoder = contract.row_decoder("List", "rows/item", shape)
    batches = [b for at in range(0, len(wire), size) for b in decoder.feed(wire[at : at + size])]
    assert [row for b in batches for row in b.rows.to_pylist()] == [{"k": 1, "s": "x"}, {"k": 2, "s": "y"}]
    assert [(number, item.error.path) for b in batches for number, item in b.bad] == [(2, "k")]
    assert decoder.rest() == {"rows": [], "total": 3}


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("<s:Fault><faultcode>s:Server</faultcode><faultstring>x</faultstring></s:Fault>", None),
        ("", "empty"),
        ('<r><rows href="#1"/></r>', "does not exist"),
    ],
)
def test_no_list_in_an_array(listing, body, error):
    """A fault is a value; an empty body and a broken reference are another answer."""
    from adapters.soap.errors import AnswerMismatch

    contract, shape = listing
    decoder = contract.row_decoder("List", "rows/item", shape)
    wire = f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{body}</s:Body></s:Envelope>'.encode()
    if error is None:
        assert list(decoder.feed(wire)) == []
        assert decoder.rest().code == "Server"
        return
    with pytest.raises(AnswerMismatch, match=error):
        [list(decoder.feed(wire)), decoder.rest()]
