"""Messages and rows in Avro: how each construct is held."""

# ruff: noqa: E501  (XML is clearer unbroken)

from __future__ import annotations

import fastavro

from adapters.soap.avro_message import MessageAvro

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
