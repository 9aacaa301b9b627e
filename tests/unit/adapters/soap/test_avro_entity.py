"""Elements as entities."""

# ruff: noqa: E501  (XML is clearer unbroken)

from __future__ import annotations

from decimal import Decimal

import fastavro
import pyarrow as pa
import pytest

from adapters.soap.errors import BadValue
from schemas.errors import SettingsError


def test_casework_entity(casework):
    """The demo's case has Avro types with digits, dates and the enumeration in words."""
    entity = casework.entity("ListCases", "cases/case", ["caseId"], "casework", "case")
    assert {f.name: f.type for f in entity.fields} == {
        "caseId": "string",
        "nino": "string",
        "status": "string",
        "openedOn": {"type": "int", "logicalType": "date"},
        "weeklyAward": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
        "lastContact": {"type": "long", "logicalType": "timestamp-millis"},
        "caseworker": "string",
        "note": "string",
    }
    assert entity["status"].doc == "One of: OPEN, SUSPENDED, CLOSED"
    assert entity.key == ("caseId",)
    fastavro.parse_schema(entity.value_schema("uc.casework.case"))


@pytest.mark.parametrize(
    ("xsd", "avro"),
    [
        ("xs:boolean", "boolean"),
        ("xs:unsignedShort", "int"),
        ("xs:unsignedInt", "long"),
        ("xs:integer", "long"),
        ("xs:unsignedLong", {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 0}),
        ("t:Nine", "int"),
        ("t:Twenty", {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 0}),
        ("xs:float", "double"),
        ("xs:base64Binary", "bytes"),
        ("xs:gYear", "string"),
    ],
)
def test_types(make_contract, xsd, avro):
    """Each built-in has the narrowest Avro type that loses nothing."""
    extra = "".join(
        f'<xs:simpleType name="{n}"><xs:restriction base="xs:integer"><xs:totalDigits value="{d}"/></xs:restriction></xs:simpleType>'
        for n, d in (("Nine", 9), ("Twenty", 20))
    )
    contract = make_contract(
        f'<xs:sequence><xs:element name="k" type="xs:string"/><xs:element name="a" type="{xsd}"/></xs:sequence>',
        extra,
    )
    assert contract.entity("Ask", "", ["k"], "s", "e")["a"].type == avro


def test_decimals_are_declared_not_guessed(make_contract):
    """A decimal without digits needs a declaration, and a value that does not fit it is refused."""
    contract = make_contract(
        '<xs:sequence><xs:element name="k" type="xs:string"/><xs:element name="a" type="xs:decimal"/></xs:sequence>'
    )
    with pytest.raises(SettingsError, match="no fraction digits"):
        contract.entity("Ask", "", ["k"], "s", "e")
    contract.decimals["a"] = "5,2"
    shape = contract.shape("Ask", "", ["k"], "s", "e")
    assert shape.row({"k": "1", "a": Decimal("1.5")}) == {"k": "1", "a": Decimal("1.50")}
    for value in ("1.234", "1000"):
        with pytest.raises(BadValue, match=r"decimal\(5,2\)"):
            shape.row({"k": "1", "a": Decimal(value)})
    contract.decimals["a"] = "many"
    with pytest.raises(SettingsError, match="precision,scale"):
        contract.entity("Ask", "", ["k"], "s", "e")


def test_nested_records_and_arrays(make_contract):
    """Nested elements become records, repeating ones arrays; Arrow and Avro take the rows."""
    extra = (
        '<xs:complexType name="Line"><xs:sequence><xs:element name="no" type="xs:int"/>'
        '<xs:element name="unit-price" type="xs:decimal" minOccurs="0"/></xs:sequence></xs:complexType>'
    )
    contract = make_contract(
        '<xs:sequence><xs:element name="k" type="xs:int"/><xs:element name="l" type="t:Line" maxOccurs="unbounded"/>'
        '<xs:element name="main" type="t:Line" minOccurs="0"/></xs:sequence><xs:attribute name="v" type="xs:int"/>',
        extra,
    )
    contract.decimals["unit-price"] = "7,2"
    shape = contract.shape("Ask", "", ["k"], "s", "e")
    row = shape.row({"@v": 3, "k": 1, "l": [{"no": 1, "unit-price": Decimal(2)}, {"no": 2}]})
    assert row == {
        "v": 3,
        "k": 1,
        "l": [{"no": 1, "unit_price": Decimal("2.00")}, {"no": 2, "unit_price": None}],
        "main": None,
    }
    schema = shape.entity.arrow_schema()
    assert pa.RecordBatch.from_pylist([row], schema).to_pylist() == [row]
    fastavro.validate(row, fastavro.parse_schema(shape.entity.value_schema("p.s.e")))


def test_optional_and_nillable_keeps_its_difference(make_contract):
    """Where null could mean absent or nil, a companion field tells, and the canonical record comes back."""
    contract = make_contract(
        '<xs:sequence><xs:element name="k" type="xs:int"/>'
        '<xs:element name="a" type="xs:string" minOccurs="0" nillable="true"/></xs:sequence>'
    )
    shape = contract.shape("Ask", "", ["k"], "s", "e")
    assert [f.name for f in shape.entity.fields] == ["k", "a", "a__nil"]
    for value in ({"k": 1}, {"k": 1, "a": None}, {"k": 1, "a": ""}, {"k": 1, "a": "x"}):
        assert (
            contract.canonical_row("Ask", "", shape.row(value)) == contract.canonical("Ask", value) == value
        )


def test_mistakes_in_settings(make_contract):
    """A key that is no field and a simple element are refused with the remedy."""
    contract = make_contract('<xs:sequence><xs:element name="k" type="xs:int"/></xs:sequence>')
    with pytest.raises(SettingsError, match="no children"):
        contract.entity("Ask", "k", ["k"], "s", "e")
    with pytest.raises(SettingsError, match="'z' is not in <case>"):
        contract2 = make_contract(
            '<xs:sequence><xs:element name="case"><xs:complexType><xs:sequence><xs:element name="k" type="xs:int"/>'
            "</xs:sequence></xs:complexType></xs:element></xs:sequence>"
        )
        contract2.entity("Ask", "case", ["z"], "s", "e")


def test_a_type_in_itself_is_xml_text(make_contract):
    """Arrow has no recursive type: below the first level such an element is a field with its XML."""
    extra = (
        '<xs:complexType name="N"><xs:sequence><xs:element name="k" type="xs:int"/>'
        '<xs:element name="n" type="t:N" minOccurs="0"/></xs:sequence></xs:complexType>'
    )
    contract = make_contract('<xs:sequence><xs:element name="n" type="t:N"/></xs:sequence>', extra)
    shape = contract.shape("Ask", "n", ["k"], "s", "e")
    value = {"k": 1, "n": {"k": 2, "n": {"k": 3}}}
    row = shape.row(value)
    assert row == {"k": 1, "n": '<ns:n xmlns:ns="urn:test"><ns:k>2</ns:k><ns:n><ns:k>3</ns:k></ns:n></ns:n>'}
    assert shape.value(row) == value


def test_a_null_key_is_refused(casework):
    """A row without its key is no row."""
    shape = casework.shape("GetCase", "case", ["note"], "casework", "case")
    with pytest.raises(BadValue, match="key field"):
        shape.row({"caseId": "C1"})


def test_canonical_texts(casework):
    """Rows from REST and values from SOAP meet: scale, zone and case of names do not matter."""
    row = {
        "case_id": "C1",
        "weekly_award": "12.5",
        "opened_on": "2020-01-02",
        "last_contact": "2026-01-02T01:00:00.000+01:00",
    }
    got = casework.canonical_row("GetCase", "case", row)
    assert (got["weeklyAward"], got["openedOn"], got["lastContact"]) == (
        "12.50",
        "2020-01-02",
        "2026-01-02T00:00:00Z",
    )
    assert got["caseworker"] is None
    assert "note" not in got
    assert got["status"] is None
