"""Entities, their schemas, and the way back from the registry."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from schemas.classification import MASK, mask, mask_row
from schemas.entity import Entity, Field, arrow_type
from schemas.entity_schema import entity_of, value_schema_of
from schemas.envelope import envelope_schema
from schemas.errors import BanyanError, SettingsError, Terminal

MONEY = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}
PART = {"type": "record", "name": "Part", "fields": [{"name": "n", "type": ["null", "int"], "default": None}]}
ENTITY = Entity(
    "paymaster",
    "award",
    (
        Field("CLAIM_NO", "string", "CLAIM-NO", classification="internal"),
        Field("AMOUNT", MONEY, doc="a week"),
        Field("parts", {"type": "array", "items": PART}),
    ),
    ("CLAIM_NO",),
    "pseudonym",
)


def test_back_from_the_registry() -> None:
    """An entity comes back whole from the JSON text of its envelope."""
    schema = json.loads(json.dumps(envelope_schema("uc.paymaster.award", ENTITY, "uc")))
    found = entity_of(schema)
    assert [(f.name, f.type, f.doc, f.classification) for f in found.fields] == [
        (f.name, f.type, f.doc, f.classification) for f in ENTITY.fields
    ]
    assert found["CLAIM_NO"].legacy_name == "CLAIM-NO"
    assert (found.system, found.name, found.key, found.key_privacy) == (
        "paymaster",
        "award",
        ("CLAIM_NO",),
        "pseudonym",
    )
    assert found.arrow_schema() == ENTITY.arrow_schema()


def test_envelope_of_another_producer() -> None:
    """Without Banyan's properties the key schema and the namespace tell key, system and entity."""
    schema = {
        k: v for k, v in envelope_schema("pg.shop.order", ENTITY, "pg").items() if not k.startswith("banyan.")
    }
    plain = Entity("shop", "order", ENTITY.fields, ENTITY.key)
    found = entity_of(schema, plain.key_schema("pg.shop.order"))
    assert (found.system, found.name, found.key) == ("shop", "order", ("CLAIM_NO",))
    with pytest.raises(Terminal, match="which fields are its key"):
        entity_of(schema)


def test_not_an_envelope() -> None:
    """A schema without images is refused."""
    with pytest.raises(Terminal, match="not a change envelope"):
        value_schema_of({"type": "record", "name": "X", "fields": []})


def test_only_key_fields_are_required() -> None:
    """Every field outside the key is nullable with default null."""
    fields = {f["name"]: f for f in ENTITY.value_schema("t")["fields"]}
    assert fields["CLAIM_NO"]["type"] == "string"
    assert fields["AMOUNT"]["type"] == ["null", MONEY]
    assert fields["AMOUNT"]["default"] is None
    assert fields["CLAIM_NO"]["legacy.name"] == "CLAIM-NO"


def test_pseudonymous_key_schema() -> None:
    """With key privacy only the pseudonym stands in the key record."""
    assert [f["name"] for f in ENTITY.key_schema("t")["fields"]] == ["pseudonym"]


@pytest.mark.parametrize("key", [(), ("other",)])
def test_a_key_that_cannot_be(key: tuple[str, ...]) -> None:
    """An entity without a key, or with a key that is no field, is a wrong setting."""
    with pytest.raises(SettingsError):
        Entity("s", "e", (Field("a", "string"),), key)


def test_arrow_types() -> None:
    """Logical types become Arrow's own, records structs, arrays lists; a map has no column."""
    assert arrow_type(["null", MONEY]) == pa.decimal128(9, 2)
    assert arrow_type({"type": "array", "items": PART}) == pa.list_(pa.struct([("n", pa.int32())]))
    with pytest.raises(SettingsError):
        arrow_type({"type": "map", "values": "int"})


def test_mask() -> None:
    """What is not classified is masked, null stays visible, and only asking shows it."""
    assert mask("QQ123456C") == MASK
    assert mask("OPEN", "public") == "OPEN"
    assert mask("x", "no such word") == MASK
    assert mask(None) == ""
    assert mask("QQ123456C", show=True) == "QQ123456C"
    assert mask_row(ENTITY, {"CLAIM_NO": "7", "AMOUNT": 1, "new": 2}) == {
        "CLAIM_NO": "7",
        "AMOUNT": MASK,
        "new": MASK,
    }


def test_errors_say_what_where_and_what_to_do() -> None:
    """An error prints its place first and its remedy last."""
    assert str(BanyanError("it broke", where="a.toml:3", fix="mend it")) == "a.toml:3: it broke\n  → mend it"
    assert str(BanyanError("it broke")) == "it broke"
    assert SettingsError("x").exit_code == 2
