"""The canonical record: one JSON-able form of a value, the same from SOAP and from a projection's row.

Decimals are strings at the schema's scale, dates ISO, moments RFC 3339 in UTC, bytes base64. A key that is
missing means absent, None means nil, "" means empty (DESIGN 10.7).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from adapters.soap.avro_entity import NIL_SUFFIX
from adapters.soap.lexical import BUILTINS, parse
from adapters.soap.xsd_types import Element, Schema, SimpleType
from schemas.names import api_name, avro_name


def canonical(schema: Schema, element: Element, value: Any, decimals: Mapping[str, str]) -> Any:
    """Return the canonical form of a decoded value of `element`."""
    kind = schema.complex(element)
    if value is None:
        return None
    if kind is None:
        assert isinstance(element.type, SimpleType)
        return _leaf(element.type, value, _scale(element.type, element.local, decimals))
    out: dict[str, Any] = {}
    for attribute in kind.attributes:
        key = f"@{attribute.name.rpartition('}')[2]}"
        if key in value:
            out[key] = _leaf(attribute.type, value[key], _scale(attribute.type, key[1:], decimals))
    if kind.text is not None:
        out["#text"] = _leaf(kind.text, value["#text"], _scale(kind.text, element.local, decimals))
    for child in kind.elements:
        if child.local not in value:
            continue
        given = value[child.local]
        if child.repeats:
            out[child.local] = [canonical(schema, child, item, decimals) for item in given]
        else:
            out[child.local] = canonical(schema, child, given, decimals)
    return out


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
    builtin = BUILTINS[kind.base]
    if isinstance(value, str) and builtin.kind not in ("string", "base64", "hex"):
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
