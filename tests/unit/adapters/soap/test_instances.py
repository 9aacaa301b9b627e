"""Random instances of whole schemas: valid for another validator, and the same after every way round."""

# ruff: noqa: E501  (XML is clearer unbroken)

from __future__ import annotations

import io
import json

import fastavro
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters.soap import fidelity
from adapters.soap.avro_leaf import AvroStyle
from adapters.soap.avro_message import MessageAvro
from adapters.soap.contract import Contract
from adapters.soap.json_values import from_json, to_json
from schemas.codec import Decoder, Encoder
from tests.evidence import keep

from .instances import Instances

#: Shrinking what is made of so many parts takes minutes: a failure shows its seed instead.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
SIMPLE = """
<xs:simpleType name="Code"><xs:restriction base="xs:string"><xs:pattern value="[A-Z]{2}\\d{4}"/></xs:restriction></xs:simpleType>
<xs:simpleType name="Name"><xs:restriction base="xs:string"><xs:pattern value="\\i\\c*"/></xs:restriction></xs:simpleType>
<xs:simpleType name="Hard"><xs:restriction base="xs:string"><xs:pattern value="[a-z-[aeiou]]+"/></xs:restriction></xs:simpleType>
<xs:simpleType name="Cap"><xs:restriction base="xs:token"><xs:pattern value="\\p{Lu}\\p{Ll}*"/></xs:restriction></xs:simpleType>
<xs:simpleType name="State"><xs:restriction base="xs:string"><xs:enumeration value="OPEN"/><xs:enumeration value="not open!"/></xs:restriction></xs:simpleType>
<xs:simpleType name="Money"><xs:restriction base="xs:decimal"><xs:totalDigits value="9"/><xs:fractionDigits value="2"/></xs:restriction></xs:simpleType>
<xs:simpleType name="Small"><xs:restriction base="xs:int"><xs:minExclusive value="-5"/><xs:maxInclusive value="7"/></xs:restriction></xs:simpleType>
<xs:simpleType name="Day"><xs:restriction base="xs:date"><xs:minInclusive value="2000-01-01"/><xs:maxInclusive value="2100-01-01"/></xs:restriction></xs:simpleType>
<xs:simpleType name="Ints"><xs:list itemType="t:Small"/></xs:simpleType>
<xs:simpleType name="Pair"><xs:restriction base="t:Ints"><xs:length value="2"/></xs:restriction></xs:simpleType>
<xs:simpleType name="Either"><xs:union memberTypes="t:Small xs:boolean t:State"/></xs:simpleType>
"""
SCHEMAS = {
    "simple types": """<xs:sequence>
        <xs:element name="code" type="t:Code"/><xs:element name="name" type="t:Name"/><xs:element name="hard" type="t:Hard"/>
        <xs:element name="cap" type="t:Cap"/><xs:element name="state" type="t:State" nillable="true"/><xs:element name="money" type="t:Money"/>
        <xs:element name="ints" type="t:Ints"/><xs:element name="pair" type="t:Pair" minOccurs="0"/><xs:element name="either" type="t:Either"/>
        <xs:element name="day" type="t:Day"/><xs:element name="moment" type="xs:dateTime"/><xs:element name="time" type="xs:time"/>
        <xs:element name="long" type="xs:unsignedLong"/><xs:element name="f" type="xs:double"/><xs:element name="b64" type="xs:base64Binary"/>
        <xs:element name="hex" type="xs:hexBinary"/><xs:element name="q" type="xs:QName"/><xs:element name="uri" type="xs:anyURI"/>
        <xs:element name="text" type="xs:string" minOccurs="0" nillable="true"/><xs:element name="opt" type="xs:int" default="5" minOccurs="0"/>
        <xs:element name="fix" type="xs:string" fixed="F"/><xs:element name="tokens" type="xs:NMTOKENS"/></xs:sequence>
        <xs:attribute name="a" type="t:Small" use="required"/><xs:attribute name="q" type="xs:QName"/><xs:attribute name="l" type="t:Ints"/>
        <xs:attribute name="fix" type="xs:string" fixed="X"/>""",
    "groups": """<xs:sequence>
        <xs:choice><xs:element name="a" type="xs:int"/><xs:sequence><xs:element name="b" type="xs:int"/><xs:element name="c" type="xs:int" minOccurs="0"/></xs:sequence></xs:choice>
        <xs:sequence minOccurs="0"><xs:element name="d" type="xs:int"/><xs:element name="e" type="xs:int" maxOccurs="3"/></xs:sequence>
        <xs:element name="r"><xs:complexType><xs:choice minOccurs="0" maxOccurs="unbounded"><xs:element name="x" type="xs:int"/>
          <xs:sequence><xs:element name="y" type="xs:string"/><xs:element name="z" type="xs:int" minOccurs="0" nillable="true"/></xs:sequence></xs:choice></xs:complexType></xs:element>
        <xs:element name="pairs"><xs:complexType><xs:sequence minOccurs="1" maxOccurs="unbounded"><xs:element name="k" type="xs:string"/><xs:element name="v" type="xs:int"/></xs:sequence></xs:complexType></xs:element>
        <xs:element name="all"><xs:complexType><xs:all><xs:element name="p" type="xs:int"/><xs:element name="q" type="xs:int" minOccurs="0"/><xs:element name="s" type="xs:string"/></xs:all></xs:complexType></xs:element>
        <xs:group ref="t:G" minOccurs="0"/></xs:sequence>""",
    "types": """<xs:sequence>
        <xs:element name="shape" type="t:Shape" maxOccurs="3"/><xs:element name="base" type="t:Base" nillable="true"/>
        <xs:element ref="t:head"/><xs:element ref="t:tree"/><xs:element name="amount" type="t:Amount" minOccurs="0" maxOccurs="unbounded" nillable="true"/></xs:sequence>""",
    "open": """<xs:sequence>
        <xs:element name="mix"><xs:complexType mixed="true"><xs:choice minOccurs="0" maxOccurs="unbounded"><xs:element name="b" type="xs:string"/><xs:element name="i" type="xs:int"/></xs:choice><xs:attribute name="n" type="xs:int"/></xs:complexType></xs:element>
        <xs:element name="open"><xs:complexType><xs:sequence><xs:element name="known" type="xs:int"/><xs:any namespace="##other" processContents="lax" minOccurs="0" maxOccurs="unbounded"/><xs:element name="after" type="xs:int" minOccurs="0"/></xs:sequence><xs:anyAttribute namespace="##other" processContents="lax"/></xs:complexType></xs:element>
        <xs:element name="anything" type="xs:anyType"/><xs:element name="free"><xs:complexType><xs:choice maxOccurs="unbounded"><xs:element name="one" type="xs:int"/><xs:any namespace="##other" processContents="skip"/></xs:choice></xs:complexType></xs:element></xs:sequence>""",
}
EXTRA = f"""{SIMPLE}
<xs:group name="G"><xs:choice><xs:element name="g1" type="xs:int"/><xs:element name="g2" type="xs:string" maxOccurs="unbounded"/></xs:choice></xs:group>
<xs:complexType name="Shape" abstract="true"><xs:sequence><xs:element name="id" type="xs:int"/></xs:sequence></xs:complexType>
<xs:complexType name="Circle"><xs:complexContent><xs:extension base="t:Shape"><xs:sequence><xs:element name="r" type="t:Money"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>
<xs:complexType name="Square"><xs:complexContent><xs:extension base="t:Shape"><xs:sequence><xs:element name="side" type="t:Money" minOccurs="0"/></xs:sequence><xs:attribute name="u" type="xs:string"/></xs:extension></xs:complexContent></xs:complexType>
<xs:complexType name="Base"><xs:sequence><xs:element name="x" type="xs:int"/></xs:sequence></xs:complexType>
<xs:complexType name="More"><xs:complexContent><xs:extension base="t:Base"><xs:sequence><xs:element name="y" type="xs:int" minOccurs="0"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>
<xs:element name="head" type="t:Base" abstract="true"/><xs:element name="m1" type="t:Base" substitutionGroup="t:head"/><xs:element name="m2" type="t:More" substitutionGroup="t:head"/>
<xs:complexType name="Tree"><xs:sequence><xs:element name="v" type="xs:int"/><xs:element ref="t:tree" minOccurs="0" maxOccurs="2"/></xs:sequence></xs:complexType><xs:element name="tree" type="t:Tree"/>
<xs:complexType name="Amount"><xs:simpleContent><xs:extension base="t:Money"><xs:attribute name="currency" type="xs:NMTOKEN" use="required"/></xs:extension></xs:simpleContent></xs:complexType>
"""


@pytest.fixture(scope="module", params=list(SCHEMAS))
def contract(request, tmp_path_factory, wsdl_text) -> Contract:
    path = tmp_path_factory.mktemp("instances") / "service.wsdl"
    path.write_text(wsdl_text(SCHEMAS[request.param], EXTRA), encoding="utf-8")
    contract = Contract.from_wsdl(path)
    assert not contract.refused
    return contract


@pytest.fixture(scope="module")
def values(contract) -> st.SearchStrategy:
    return Instances(contract.schema).element(contract.element("Ask"))


@pytest.fixture(scope="module")
def validator(contract) -> etree.XMLSchema:
    root = etree.fromstring(next(iter(contract.documents.values())))
    schema = root.find(".//{http://www.w3.org/2001/XMLSchema}schema")
    return etree.XMLSchema(etree.fromstring(etree.tostring(schema)))


@settings(max_examples=20, deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_instances(contract, validator, values, data):
    """An encoded instance is valid for libxml2; decoded it is the same value, encoded again the same XML."""
    element = contract.element("Ask")
    value = data.draw(values)
    node = contract.codec.encode(element, value, nsmap=contract.codec.nsmap(element))
    wire = etree.tostring(node)
    validator.assertValid(etree.fromstring(wire))
    read = contract.codec.decode(element, etree.fromstring(wire))
    assert _plain(read) == _plain(value)
    again = contract.codec.encode(element, read, nsmap=contract.codec.nsmap(element))
    assert etree.tostring(again, method="c14n2") == etree.tostring(node, method="c14n2")
    assert fidelity.survives(contract.codec, element, etree.fromstring(wire))


@settings(max_examples=12, deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_avro_leads_back_to_the_xml(contract, values, data):
    """An instance goes through bytes of Avro and is the same XML again."""
    element = contract.element("Ask")
    value = data.draw(values)
    node = contract.codec.encode(element, value)
    form = MessageAvro.of(contract.codec, element, "x.y", contract.decimals)
    schema = fastavro.parse_schema(form.schema)
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, schema, form.to_avro(contract.codec.decode(element, node)))
    stream.seek(0)
    back = form.from_avro(fastavro.schemaless_reader(stream, schema))
    again = contract.codec.encode(element, back)
    assert fidelity.same(contract.codec, element, node, again), (etree.tostring(node), etree.tostring(again))


@settings(max_examples=12, deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_rows_lead_back_to_the_xml(contract, values, data):
    """An instance goes through an Arrow row of its entity, and through its Avro, and is the same XML again."""
    element = contract.element("Ask")
    value = contract.codec.decode(element, contract.codec.encode(element, data.draw(values)))
    members = contract.schema.complex(element).elements
    style = AvroStyle(enums=True, unions=True) if data.draw(st.booleans()) else AvroStyle()
    shape = contract.shape("Ask", "", [members[-1].local], "s", "e", style=style)
    try:
        row = shape.row(value)
    except Exception:
        row = shape.record.row(value)  # its key is absent
    batch = pa.RecordBatch.from_pylist([row], shape.entity.arrow_schema())
    again = contract.codec.encode(element, shape.value(batch.to_pylist()[0]))
    assert fidelity.same(contract.codec, element, contract.codec.encode(element, value), again)
    schema = shape.entity.value_schema("a.b.c")
    if not any(row[key] is None for key in shape.entity.key):
        read = Decoder(schema).decode(Encoder(schema).encode(batch)).batch
        again = contract.codec.encode(element, shape.value(read.to_pylist()[0]))
        assert fidelity.same(contract.codec, element, contract.codec.encode(element, value), again)


def _canonical(xml: str) -> str:
    return etree.canonicalize(xml_data=xml, rewrite_prefixes=True)


def _plain(value):
    """The value with its pieces of XML in one form: which prefixes they have is not part of the value."""
    if isinstance(value, dict):
        return {k: _pieces(v) if k in ("#any", "#xml") else _plain(v) for k, v in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _pieces(value):
    return [_pieces(item) for item in value] if isinstance(value, list) else _canonical(f"<x>{value}</x>")


@settings(max_examples=12, deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_json_leads_back_to_the_xml(contract, values, data):
    """An instance goes through the text of JSON and is the same XML again."""
    element = contract.element("Ask")
    node = contract.codec.encode(element, data.draw(values))
    text = json.dumps(to_json(contract.codec, element, contract.codec.decode(element, node)))
    again = contract.codec.encode(element, from_json(contract.codec, element, json.loads(text)))
    assert fidelity.same(contract.codec, element, node, again)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_soak_xsd_instances(contract, validator, values, request):
    """All of the above hold for many more instances; the result is in docs/evidence."""
    examples = 0

    @settings(max_examples=600, deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def many(data):
        nonlocal examples
        examples += 1
        test_instances.hypothesis.inner_test(contract, validator, values, data)
        test_avro_leads_back_to_the_xml.hypothesis.inner_test(contract, values, data)
        test_rows_lead_back_to_the_xml.hypothesis.inner_test(contract, values, data)
        test_json_leads_back_to_the_xml.hypothesis.inner_test(contract, values, data)

    many()
    _FOUND[request.node.callspec.id] = {"instances": examples, "ways_round": 4, "differences": 0}
    keep("xsd_instances", {"by_schema": _FOUND})


_FOUND: dict[str, dict[str, int]] = {}
