"""The changes of schema that Banyan refuses although a registry would take them."""

from __future__ import annotations

from typing import Any

from schemas.compatibility import violations
from schemas.entity import Entity, Field
from schemas.envelope import envelope_schema


def money(scale: int) -> dict[str, Any]:
    return {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": scale}


def entity(*fields: Field, key: tuple[str, ...] = ("id",)) -> Entity:
    return Entity("sys", "thing", (Field("id", "long"), *fields), key)


def envelope(of: Entity) -> dict[str, Any]:
    return envelope_schema("uc.sys.thing", of, "uc")


def test_a_field_may_be_added_and_removed() -> None:
    """Nullable fields come and go."""
    small, large = envelope(entity()), envelope(entity(Field("note", "string")))
    assert violations(small, large) == violations(large, small) == violations(None, large) == []


def test_a_decimal_keeps_its_scale() -> None:
    """Another scale of a decimal in place is refused, with its path."""
    old, new = envelope(entity(Field("sum", money(2)))), envelope(entity(Field("sum", money(4))))
    assert violations(old, new) == ["before.sum: decimal scale 2 → 4"]


def test_a_decimal_in_an_array_keeps_its_scale() -> None:
    """The scale is also watched below arrays."""
    old, new = ({"type": "array", "items": money(s)} for s in (2, 3))
    assert violations(envelope(entity(Field("sums", old))), envelope(entity(Field("sums", new)))) == [
        "before.sums[]: decimal scale 2 → 3"
    ]


def test_a_key_schema_never_changes() -> None:
    """Other key fields, another order or another type of one are refused."""
    a, b = Field("a", "string"), Field("b", "string")
    one = entity(a, b, key=("a", "b"))
    other = entity(a, b, key=("b", "a"))
    assert violations(one.key_schema("t"), other.key_schema("t")) == ["key fields a, b → b, a"]
    assert violations(envelope(one), envelope(other)) == ["key fields a, b → b, a"]
    number = entity(Field("a", "long"), b, key=("a", "b"))
    assert violations(one.key_schema("t"), number.key_schema("t")) == [
        "a: the type of a key field changes from string to long"
    ]


def test_words_about_a_key_may_change() -> None:
    """`doc` and `classification` of a key field are free."""
    one = Entity("s", "t", (Field("id", "long"),), ("id",))
    other = Entity("s", "t", (Field("id", "long", doc="number", classification="internal"),), ("id",))
    assert violations(one.key_schema("t"), other.key_schema("t")) == []


def test_a_required_field_outside_the_key() -> None:
    """A field that is neither key nor nullable with default null is refused, also in a first schema."""
    schema = envelope(entity(Field("note", "string")))
    value = schema["fields"][0]["type"][1]
    value["fields"][1] = {"name": "note", "type": "string"}
    assert violations(None, schema) == ["note: a field outside the key must be nullable with default null"]
