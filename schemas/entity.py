"""An entity: one kind of record in a legacy system, with its fields and its business key.

This is the meeting point of the rooms: a copybook or a WSDL gives an `Entity`; from it come the Avro
schemas of a topic, the Arrow schema of a decoded batch, and the columns of a projection.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from schemas.codec.plan import NoColumns, plan
from schemas.errors import SettingsError

#: A type as Avro JSON: a primitive's name or a dict with `type` (and `logicalType`, `items`, `fields`).
AvroType = str | dict[str, Any] | list[Any]
KeyPrivacy = Literal["plain", "pseudonym"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an entity.

    Attributes:
        name: Avro name (legal, unique among siblings).
        type: Avro type without the null branch.
        legacy_name: the name in the copybook or WSDL, kept as the property `legacy.name`.
        doc: what it means, and its 88-levels or facets in words.
        classification: `personal` until somebody classifies it (DESIGN 10.14).
    """

    name: str
    type: AvroType
    legacy_name: str = ""
    doc: str = ""
    classification: str = "personal"


@dataclass(frozen=True, slots=True)
class Entity:
    """Fields in declared order; `key` names the fields of the business key, in declared order."""

    system: str
    name: str
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    key_privacy: KeyPrivacy = "plain"

    def __post_init__(self) -> None:
        names = [f.name for f in self.fields]
        if missing := [k for k in self.key if k not in names]:
            raise SettingsError(
                f"key field {missing[0]!r} is not a field of {self.system}.{self.name}",
                where=f"{self.system}.{self.name}",
                fix=f"choose from: {', '.join(names[:12])}",
            )
        if not self.key:
            raise SettingsError(
                "an entity needs a business key", where=f"{self.system}.{self.name}", fix="set key = [...]"
            )

    def __getitem__(self, name: str) -> Field:
        return next(f for f in self.fields if f.name == name)

    def value_schema(self, topic: str) -> dict[str, Any]:
        """Avro record `<topic>.Value`: key fields as they are, all others nullable (DESIGN 10.13)."""
        return _record(topic, "Value", [_avro_field(f, nullable=f.name not in self.key) for f in self.fields])

    def key_schema(self, topic: str) -> dict[str, Any]:
        """Avro record `<topic>.Key` with the key fields in declared order."""
        if self.key_privacy == "pseudonym":
            pseudonym = {"name": "pseudonym", "type": "string", "doc": "HMAC-SHA256 of the key text, hex"}
            return _record(topic, "Key", [pseudonym])
        return _record(topic, "Key", [_avro_field(self[k], nullable=False) for k in self.key])

    def arrow_schema(self) -> pa.Schema:
        """The Arrow schema of a decoded batch: one column a field, same names and order."""
        return pa.schema([pa.field(f.name, arrow_type(f.type), f.name not in self.key) for f in self.fields])


def or_null(avro: AvroType) -> AvroType:
    """Return a type with null as its first branch."""
    return ["null", *avro] if isinstance(avro, list) else ["null", avro]


def _record(topic: str, name: str, fields: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "record", "name": name, "namespace": topic, "fields": fields}


def _avro_field(field: Field, *, nullable: bool) -> dict[str, Any]:
    out: dict[str, Any] = {"name": field.name, "type": field.type}
    if nullable:
        out |= {"type": or_null(field.type), "default": None}
    if field.doc:
        out["doc"] = field.doc
    if field.legacy_name and field.legacy_name != field.name:
        out["legacy.name"] = field.legacy_name
    return out | {"classification": field.classification}


_PRIMITIVES = {
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "bytes": pa.binary(),
    "string": pa.string(),
}


def arrow_type(avro: AvroType) -> pa.DataType:
    """Return the Arrow type of an Avro type.

    Decimals become decimal128 (precision ≤ 38), dates date32, timestamp-millis/-micros UTC timestamps,
    records structs, arrays lists, enums strings, `["null", T]` the type of T, and a union of several types a
    struct with a field for each (`schemas.codec.branches`).

    Raises:
        SettingsError: a union of types that values do not tell apart, or an unknown type.
    """
    if isinstance(avro, str):
        if avro in _PRIMITIVES:
            return _PRIMITIVES[avro]
    elif isinstance(avro, list):
        branches = [b for b in avro if b != "null"]
        if len(branches) == 1:
            return arrow_type(branches[0])
        try:
            return plan(avro).arrow
        except NoColumns:
            pass
    else:
        if logical := avro.get("logicalType"):
            if logical == "decimal":
                return pa.decimal128(avro["precision"], avro.get("scale", 0))
            if logical == "date":
                return pa.date32()
            if logical in ("timestamp-millis", "timestamp-micros"):
                return pa.timestamp("ms" if logical.endswith("millis") else "us", tz="UTC")
        if avro["type"] == "record":
            return pa.struct([pa.field(f["name"], arrow_type(f["type"])) for f in avro["fields"]])
        if avro["type"] == "enum":
            return pa.string()
        if avro["type"] == "array":
            return pa.list_(arrow_type(avro["items"]))
        if isinstance(avro["type"], (str, dict)) and avro["type"] not in ("map", "fixed"):
            return arrow_type(avro["type"])
    raise SettingsError(
        f"no Arrow type for the Avro type {avro!r}", fix="use a supported type (docs/schemas.md)"
    )
