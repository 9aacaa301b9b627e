"""The canonical record: one JSON-able form of a value, the same from SOAP and from a projection's row.

Decimals are strings at the schema's scale, dates ISO, moments RFC 3339 in UTC, bytes base64. A key that is
missing means absent, None means nil, "" means empty (DESIGN 10.7).
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from adapters.soap.avro_record import NIL_SUFFIX
from adapters.soap.lexical import BUILTINS, parse
from adapters.soap.plans import CONTENT, TEXT, TYPE_KEY, Plans, Type, attribute_keys, element_keys
from adapters.soap.xsd_types import ComplexType, Element, Schema, SimpleType
from schemas.names import api_name, avro_name


def canonical(schema: Schema, element: Element, value: Any, decimals: Mapping[str, str]) -> Any:
    """Return the canonical form of a decoded value of `element`."""
    kind: Type = _declared(schema, element.type)
    if value is None:
        return None
    if isinstance(value, Mapping) and TYPE_KEY in value:
        kind = Plans(schema, UTC).named(value[TYPE_KEY])
    if isinstance(kind, SimpleType):
        scale = _scale(kind, element.local, decimals)
        if isinstance(value, Mapping):  # of another type than declared
            return {k: _leaf(kind, v, scale) if k == TEXT else v for k, v in value.items()}
        return _leaf(kind, value, scale)
    if kind.array is not None:
        item = Element("item", kind.array.item)
        return _each(value, lambda one: canonical(schema, item, one, decimals), kind.array.dimensions)
    return _record(schema, kind, element.local, value, decimals)


def _record(
    schema: Schema, kind: ComplexType, local: str, value: Mapping[str, Any], decimals: Mapping[str, str]
) -> dict[str, Any]:
    attributes = dict(attribute_keys(kind))
    children = dict(element_keys(kind))

    def one(key: str, given: Any, *, many: bool) -> Any:
        if key in attributes:
            return _leaf(attributes[key].type, given, _scale(attributes[key].type, key[1:], decimals))
        if key == TEXT and kind.text is not None:
            return _leaf(kind.text, given, _scale(kind.text, local, decimals))
        if key == CONTENT:
            return [part if isinstance(part, str) else part_of(part) for part in given]
        if (child := children.get(key)) is None:
            return given
        if many and child.repeats:
            return [canonical(schema, child, item, decimals) for item in given]
        return canonical(schema, child, given, decimals)

    def part_of(part: Mapping[str, Any]) -> dict[str, Any]:
        return {key: one(key, given, many=False) for key, given in part.items()}

    order = [*attributes, TEXT, *children]
    known = [key for key in order if key in value]
    return {key: one(key, value[key], many=True) for key in (*known, *(k for k in value if k not in order))}


def _each(values: Any, convert: Callable[[Any], Any], dimensions: int) -> Any:
    if not dimensions:
        return convert(values)
    return [_each(inner, convert, dimensions - 1) for inner in values]


def _declared(schema: Schema, kind: Type | str) -> Type:
    if not isinstance(kind, str):
        return kind
    return schema.types[kind] if kind in schema.types else Plans(schema, UTC).declared(kind)


def canonical_row(
    schema: Schema, element: Element, row: Mapping[str, Any], decimals: Mapping[str, str]
) -> Any:
    """Return the canonical form of a projection's row, its fields under Avro or REST names.

    Null becomes nil or absent as the schema (or the `__nil` companion) says; a null that the schema allows
    in neither way stays None, so that a comparison shows it.
    """
    return canonical(schema, element, _from_row(schema, element, row), decimals)


def _from_row(schema: Schema, element: Element, row: Any) -> Any:
    kind = schema.complex(element)
    if kind is None or row is None:
        return row
    out: dict[str, Any] = {}
    for attribute in kind.attributes:
        local = attribute.name.rpartition("}")[2]
        if (given := _get(row, local)) is not None:
            out[f"@{local}"] = given
    if kind.text is not None:
        out["#text"] = _get(row, "text")
    for child in kind.elements:
        given = _get(row, child.local)
        if child.repeats:
            out[child.local] = [_from_row(schema, child, item) for item in given or []]
        elif given is not None:
            out[child.local] = _from_row(schema, child, given)
        elif not child.optional or (child.nillable and _get(row, child.local, NIL_SUFFIX)):
            out[child.local] = None
    return out


def _get(row: Mapping[str, Any], local: str, suffix: str = "") -> Any:
    for name in (avro_name(local) + suffix, api_name(local) + suffix, api_name(avro_name(local) + suffix)):
        if name in row:
            return row[name]
    return None


def _scale(kind: SimpleType, local: str, decimals: Mapping[str, str]) -> int | None:
    if declared := decimals.get(local):
        return int(declared.partition(",")[2])
    return kind.fraction_digits


def _leaf(kind: SimpleType, value: Any, scale: int | None) -> Any:
    if isinstance(value, list):
        return [_leaf(kind.item or kind, item, scale) for item in value]
    builtin = BUILTINS[kind.base]
    if (
        isinstance(value, str)
        and kind.variety == "atomic"
        and builtin.kind not in ("string", "base64", "hex")
    ):
        try:
            value = parse(builtin, value, UTC)
        except ValueError:
            return value  # not what the schema says: kept as it is, so that a comparison shows it
    match value:
        case Decimal():
            whole = value == value.to_integral_value() if scale is None else False
            return (
                f"{value.quantize(Decimal(1)) if whole else value.normalize():f}"
                if scale is None
                else _fixed(value, scale)
            )
        case datetime():
            text = value.astimezone(UTC).isoformat(timespec="milliseconds")
            return text.replace("+00:00", "Z").replace(".000Z", "Z")
        case date():
            return value.isoformat()
        case bytes():
            return base64.b64encode(value).decode("ascii")
    return value


def _fixed(value: Decimal, scale: int) -> str:
    """Return the decimal at `scale`; one with more digits keeps them, so that a difference shows."""
    unit = Decimal(1).scaleb(-scale)
    return f"{value.quantize(unit) if value == value.quantize(unit) else value:f}"
