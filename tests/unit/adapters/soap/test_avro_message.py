"""Messages and rows in Avro: how each construct is held."""

# ruff: noqa: E501  (XML is clearer unbroken)

from __future__ import annotations

import io
from datetime import date

import fastavro
import pyarrow as pa

from adapters.soap.avro_leaf import AvroStyle
from adapters.soap.avro_message import MessageAvro
from schemas.codec import Decoder, Encoder, reference

EXTRA = """
<xs:complexType name="Base"><xs:sequence><xs:element name="x" type="xs:int"/></xs:sequence></xs:complexType>
<xs:complexType name="More"><xs:complexContent><xs:extension base="t:Base"><xs:sequence><xs:element name="y" type="xs:int"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>
<xs:complexType name="Tree"><xs:sequence><xs:element name="v" type="xs:int"/><xs:element name="t" type="t:Tree" minOccurs="0" maxOccurs="unbounded"/></xs:sequence></xs:complexType>
<xs:simpleType name="Code"><xs:restriction base="xs:string"><xs:enumeration value="not a symbol!"/></xs:restriction></xs:simpleType>
"""


def _fields(record):
    return {f["name"]: f["type"] for f in record["fields"]}


def test_derived_types_are_one_record(make_contract):
    """A type with derived types has the fields of all, and says which one it was."""
    contract = make_contract(
        '<xs:sequence><xs:element name="k" type="xs:int"/><xs:element name="b" type="t:Base"/></xs:sequence>',
        EXTRA,
    )
    shape = contract.shape("Ask", "", ["k"], "s", "e")
    assert list(_fields(shape.entity["b"].type)) == ["x", "y", "xsi_type"]
    plain, more = {"k": 1, "b": {"x": 1}}, {"k": 1, "b": {"@xsi:type": "{urn:test}More", "x": 1, "y": 2}}
    assert shape.row(plain)["b"] == {"x": 1, "y": None, "xsi_type": None}
    assert [shape.value(shape.row(value)) for value in (plain, more)] == [plain, more]


def test_a_type_in_itself_is_a_named_record(make_contract):
    """A recursive message is one named record that refers to itself, and reads back."""
    contract = make_contract('<xs:sequence><xs:element name="t" type="t:Tree"/></xs:sequence>', EXTRA)
    form = MessageAvro.of(contract.codec, contract.element("Ask"), "a.b")
    fastavro.parse_schema(form.schema)
    value = {"t": {"v": 1, "t": [{"v": 2, "t": []}, {"v": 3, "t": [{"v": 4, "t": []}]}]}}
    assert form.from_avro(form.to_avro(value)) == value


def test_an_enumeration_is_text(make_contract):
    """Codes that Avro would not take as symbols need no other name: they are text, listed in the doc."""
    contract = make_contract('<xs:sequence><xs:element name="k" type="t:Code"/></xs:sequence>', EXTRA)
    field = contract.entity("Ask", "", ["k"], "s", "e")["k"]
    assert (field.type, field.doc) == ("string", "One of: not a symbol!")


CODES = """
<xs:simpleType name="Status"><xs:restriction base="xs:token"><xs:enumeration value="01"/><xs:enumeration value="N/A"/><xs:enumeration value="OPEN"/></xs:restriction></xs:simpleType>
<xs:simpleType name="When"><xs:union memberTypes="xs:date xs:int t:Status"/></xs:simpleType>
<xs:simpleType name="Alike"><xs:union memberTypes="xs:date xs:time xs:hexBinary xs:base64Binary xs:dateTime xs:long"/></xs:simpleType>
"""
ITEM = '<xs:sequence><xs:element name="k" type="t:Status"/><xs:element name="s" type="t:Status"/><xs:element name="w" type="t:When"/><xs:element name="a" type="t:Alike"/></xs:sequence>'
ALL = AvroStyle(enums=True, unions=True)


def test_enums_have_a_map_of_illegal_names(make_contract):
    """On request an enumeration is an enum whose property gives the codes; a key never is one."""
    entity = make_contract(ITEM, CODES).shape("Ask", "", ["k"], "s", "e", style=ALL).entity
    assert entity["k"].type == "string"
    assert entity["s"].type == {
        "type": "enum", "name": "s_enum", "symbols": ["_01", "N_x2f_A", "OPEN", "_unknown"],
        "default": "_unknown", "legacy.symbols": {"_01": "01", "N_x2f_A": "N/A"},
    }  # fmt: skip
    only = make_contract(ITEM, CODES).shape("Ask", "", ["k"], "s", "e", style=AvroStyle(enums=("other",)))
    assert only.entity["s"].type == "string"


def test_a_union_whose_values_tell_the_branch(make_contract):
    """A union of types with values of their own is an Avro union; of types that Avro holds alike, a text."""
    shape = make_contract(ITEM, CODES).shape("Ask", "", ["k"], "s", "e", style=ALL)
    assert shape.entity["a"].type == "string"
    assert shape.entity["w"].type == "string"  # a date and an int are both an int in Avro
    more = CODES.replace("xs:date xs:int t:Status", "xs:date t:Status xs:boolean")
    shape = make_contract(ITEM, more).shape("Ask", "", ["k"], "s", "e", style=ALL)
    assert shape.entity["w"].type == ["string", "boolean", {"type": "int", "logicalType": "date"}]
    value = {"k": "01", "s": "N/A", "w": date(2026, 1, 2), "a": date(2026, 1, 3)}
    assert shape.row(value)["w"] == {":date": date(2026, 1, 2)}
    assert shape.value(shape.row(value)) == value
    schema = shape.entity.value_schema("a.b.c")
    batch = pa.RecordBatch.from_pylist([shape.row(value)], shape.entity.arrow_schema())
    (wire,) = Encoder(schema).encode(batch).to_pylist()
    assert Decoder(schema).columnar
    assert shape.value(Decoder(schema).decode([wire]).batch.to_pylist()[0]) == value
    foreign = fastavro.schemaless_reader(io.BytesIO(wire), fastavro.parse_schema(schema, {}), None)
    assert (foreign["s"], foreign["w"]) == ("N_x2f_A", date(2026, 1, 2))


def test_an_older_reader_of_an_enum(make_contract):
    """A reader that does not know a code sees the default, and a newer one sees the code."""
    old = make_contract(ITEM, CODES.replace('<xs:enumeration value="N/A"/>', ""))
    schemas = [
        c.shape("Ask", "", ["k"], "s", "e", style=ALL).entity.value_schema("a.b.c")
        for c in (old, make_contract(ITEM, CODES))
    ]
    row = {"k": "01", "s": "N/A", "w": None, "a": None}
    (wire,) = reference.encode([row], schemas[1])
    assert Decoder(schemas[1], schemas[0]).decode([wire]).batch.to_pylist()[0]["s"] == "_unknown"
    (wire,) = reference.encode([row | {"s": "01"}], schemas[0])
    newer = Decoder(schemas[0], schemas[1])
    assert newer.columnar
    assert newer.decode([wire]).batch.to_pylist()[0]["s"] == "01"


def test_an_attribute_gives_way_to_an_element(make_contract):
    """An attribute with the name of an element has a name of its own."""
    contract = make_contract(
        '<xs:sequence><xs:element name="k" type="xs:int"/></xs:sequence><xs:attribute name="k" type="xs:int"/>'
    )
    shape = contract.shape("Ask", "", ["k"], "s", "e")
    assert shape.row({"k": 1, "@k": 2}) == {"k_attribute": 2, "k": 1}
    assert shape.value({"k_attribute": 2, "k": 1}) == {"@k": 2, "k": 1}


def test_open_content_is_text(make_contract):
    """Wildcards are arrays of XML, and of names with values."""
    content = '<xs:sequence><xs:element name="k" type="xs:int"/><xs:any namespace="##other" minOccurs="0" maxOccurs="9"/></xs:sequence><xs:anyAttribute namespace="##other"/>'
    shape = make_contract(content).shape("Ask", "", ["k"], "s", "e")
    value = {"k": 1, "#any": ['<a xmlns="urn:x"></a>'], "@{urn:y}z": "1"}
    row = shape.row(value)
    assert row == {
        "k": 1, "any": value["#any"], "any_attributes": [{"name": "@{urn:y}z", "value": "1"}],
    }  # fmt: skip
    assert shape.value(row) == value
