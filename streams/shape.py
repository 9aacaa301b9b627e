"""From registered schemas to the table of a projection, and from Arrow columns to stored values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connectors.readmodel.table import Column, Kind, Table
from schemas.codec.branches import plain
from schemas.entity import arrow_type
from schemas.errors import SettingsError
from schemas.names import api_name
from streams.projection import Projection

_KINDS: dict[str, Kind] = {
    "string": "text",
    "enum": "text",
    "int": "integer",
    "long": "integer",
    "float": "real",
    "double": "real",
    "boolean": "boolean",
    "bytes": "bytes",
    "fixed": "bytes",
}
#: How Arrow holds what a store keeps.
_STORED: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "decimal": pa.string(),
    "date": pa.string(),
    "integer": pa.int64(),
    "boolean": pa.int8(),
    "real": pa.float64(),
    "bytes": pa.binary(),
}


def value_record(envelope: Mapping[str, Any]) -> dict[str, Any]:
    """Return the Value record inside an envelope schema.

    Raises:
        SettingsError: the schema is no envelope.
    """
    for field in envelope.get("fields", ()):
        if field["name"] == "before":
            for branch in field["type"]:
                if isinstance(branch, dict) and branch.get("type") == "record":
                    return branch
    raise SettingsError(
        "the value schema is not a change envelope (no record in `before`)",
        where=f"{envelope.get('namespace', '')}.{envelope.get('name', '')}",
        fix="point the projection at a topic that an adapter publishes",
    )


def key_fields(key_schema: Mapping[str, Any], value: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the Avro names of the business key's fields.

    With a pseudonym on Kafka (DESIGN 10.14) the key schema does not name them; then they are the value's
    fields that cannot be null.
    """
    names = tuple(f["name"] for f in key_schema["fields"])
    if names == ("pseudonym",):
        names = tuple(f["name"] for f in value["fields"] if not _nullable(f["type"]))
    return names


def table_of(
    projection: Projection,
    envelope: Mapping[str, Any],
    key_schema: Mapping[str, Any],
    *,
    newest: bool = True,
) -> Table:
    """Return the table of a projection for one version of the schemas.

    Args:
        projection: which fields, under which names.
        envelope: a registered version of the value schema.
        key_schema: the newest key schema.
        newest: False for the schema of an older event, which may lack fields that are selected, renamed or
            indexed: they were added later.

    Raises:
        SettingsError: a selected, renamed or indexed field does not exist, or two fields get one name.
    """
    where = f"projection {projection.name!r}"
    value = value_record(envelope)
    key = key_fields(key_schema, value)
    known = [f["name"] for f in value["fields"]]
    named = (*projection.rename, *projection.cast, *(c.field for c in projection.where))
    for given in (*(projection.select or ()), *named):
        if newest and given not in known:
            raise SettingsError(
                f"{given!r} is not a field of {projection.source}",
                where=where,
                fix=f"known: {', '.join(known)}",
            )
    if held := next((name for name in key if name in projection.cast), None):
        raise SettingsError(
            f"{held!r} is a key field, which deletes name as it is", where=where, fix="cast other fields only"
        )
    _check_conditions(projection, value, where)
    wanted = set(known if projection.select is None else (*projection.select, *key))
    columns = tuple(_column(projection, f, f["name"] in key) for f in value["fields"] if f["name"] in wanted)
    names = [c.name for c in columns]
    if doubled := sorted({n for n in names if names.count(n) > 1}):
        raise SettingsError(f"two fields are called {doubled[0]!r}", where=where, fix="use rename={...}")
    missing = [i for i in projection.indexes if i not in names]
    if newest and missing:
        raise SettingsError(
            f"the index {missing[0]!r} is no field of the row",
            where=where,
            fix=f"choose from: {', '.join(names)}",
        )
    return Table(columns, tuple(projection.column_name(k) for k in key), projection.indexes)


def stored(array: pa.Array, column: Column) -> pa.Array:
    """Return a column's values as the store keeps them: text, binary, 64-bit integers or doubles."""
    kind = column.kind
    if kind == "decimal" and column.scale > 6:
        # Arrow writes small numbers of a large scale as 1E-8; the API promises the declared scale.
        return pa.array([None if v is None else format(v, "f") for v in array.to_pylist()], pa.string())
    if kind == "timestamp":
        # Arrow writes `2026-11-23 17:00:00.000Z`; RFC 3339 wants the T.
        return pc.binary_replace_slice(pc.cast(array, pa.string()), 10, 11, "T")
    if kind == "json":
        texts = [
            None if v is None else json.dumps(_api_named(plain(v)), default=_json, ensure_ascii=False)
            for v in array.to_pylist()
        ]
        return pa.array(texts, pa.string())
    return pc.cast(array, _STORED[kind])


def stored_type(column: Column) -> pa.DataType:
    """Return the Arrow type of what `stored` returns for a column."""
    return _STORED.get(column.kind, pa.string())


def _api_named(value: Any) -> Any:
    """Give the fields of nested records their API names, as the row's own fields have."""
    if isinstance(value, dict):
        return {api_name(k): _api_named(v) for k, v in value.items()}
    return [_api_named(v) for v in value] if isinstance(value, list) else value


def _column(projection: Projection, field: Mapping[str, Any], is_key: bool) -> Column:
    avro = _plain(field["type"])
    name = projection.column_name(field["name"])
    doc = field.get("doc", "")
    kind: Kind = "json"
    precision = scale = 0
    if isinstance(avro, dict) and (logical := avro.get("logicalType")):
        if logical == "decimal":
            kind, precision, scale = "decimal", avro["precision"], avro.get("scale", 0)
        elif logical == "date":
            kind = "date"
        elif logical in ("timestamp-millis", "timestamp-micros"):
            kind = "timestamp"
        else:
            kind = _KINDS.get(str(avro["type"]), "json")
    else:
        kind = _KINDS.get(avro if isinstance(avro, str) else str(avro.get("type")), "json")
    if cast := projection.cast.get(field["name"]):
        cast.check(kind, f"projection {projection.name!r}, field {field['name']}")
        kind, precision, scale = cast.kind, cast.precision, cast.scale
    return Column(name, field["name"], kind, not is_key, doc, precision, scale)


def _check_conditions(projection: Projection, value: Mapping[str, Any], where: str) -> None:
    """Refuse a comparison with a value of another type than its field's."""
    types = {f["name"]: f["type"] for f in value["fields"]}
    for condition in projection.where:
        if condition.field not in types:
            continue  # the schema of an older event
        try:
            condition.check(arrow_type(types[condition.field]))
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            raise SettingsError(
                f"the condition on {condition.field!r} compares it with a value of another type",
                where=where,
                fix=f"its Avro type is {types[condition.field]}",
            ) from None


def _plain(avro: Any) -> Any:
    """Return the type without its null branch; `{"type": "int"}` becomes `int`."""
    if isinstance(avro, list):
        branches = [b for b in avro if b != "null"]
        return _plain(branches[0]) if len(branches) == 1 else {"type": "union"}
    if isinstance(avro, dict) and "logicalType" not in avro and isinstance(avro["type"], (str, dict, list)):
        if avro["type"] in ("record", "array", "map", "enum", "fixed"):
            return avro
        return _plain(avro["type"])
    return avro


def _nullable(avro: Any) -> bool:
    return isinstance(avro, list) and "null" in avro


def _json(value: Any) -> Any:
    if isinstance(value, bytes):
        import base64

        return base64.b64encode(value).decode()
    if hasattr(value, "isoformat"):
        text = str(value.isoformat())
        return text.replace("+00:00", "Z")
    return str(value)
