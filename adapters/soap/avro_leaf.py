"""Simple types as Avro types, and their values both ways.

An enumeration is a string with its values in the field's doc, never an Avro enum: a new code in a new
version of a WSDL must not break readers (DESIGN 10.13). The union of simple types is its text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from decimal import Context, Decimal
from typing import Any

from adapters.soap.errors import BadValue
from adapters.soap.lexical import BUILTINS
from adapters.soap.simple_text import digits, render_text, text_decoder
from adapters.soap.xsd_types import SimpleType
from schemas.entity import AvroType
from schemas.errors import SettingsError

#: What Arrow's decimal128 holds.
MAX_PRECISION = 38

_WIDE = Context(prec=MAX_PRECISION)

Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Leaf:
    """An Avro type with the way to its values and back; `record` where it is one (`avro_record.Record`)."""

    type: AvroType
    to_avro: Convert
    from_avro: Convert
    record: object | None = None


def as_is(value: Any) -> Any:
    """Return the value: Avro and the codec hold it alike."""
    return value


def each(leaf: Leaf, *, nullable: bool = False) -> Leaf:
    """Return the leaf of a list of such values."""
    items: AvroType = ["null", leaf.type] if nullable else leaf.type
    to_avro, from_avro = leaf.to_avro, leaf.from_avro
    return Leaf(
        {"type": "array", "items": items},
        lambda values: [None if v is None else to_avro(v) for v in values],
        lambda values: [None if v is None else from_avro(v) for v in values],
    )


def simple_leaf(
    kind: SimpleType, local: str, decimals: Mapping[str, str], where: str, *, open_decimals: bool = False
) -> Leaf:
    """Return the narrowest Avro type that loses nothing.

    `open_decimals` keeps a decimal of no declared scale as text.

    Raises:
        SettingsError: such a decimal, where that is not allowed.
    """
    if kind.variety == "list":
        item = kind.item or SimpleType("string")
        return each(simple_leaf(item, local, decimals, where, open_decimals=open_decimals))
    if kind.variety == "union":
        return _text(kind)
    match BUILTINS[kind.base].kind:
        case "boolean":
            return Leaf("boolean", as_is, as_is)
        case "integer":
            return _integer(kind)
        case "float":
            return Leaf("double", float, as_is)
        case "date":
            return Leaf({"type": "int", "logicalType": "date"}, as_is, as_is)
        case "dateTime":
            return Leaf({"type": "long", "logicalType": "timestamp-millis"}, as_is, as_is)
        case "base64" | "hex":
            return Leaf("bytes", as_is, as_is)
        case "decimal":
            if open_decimals and kind.fraction_digits is None and local not in decimals:
                return _text(kind)
            precision, scale = decimal_size(kind, local, decimals, where)
            return Leaf(_decimal(precision, scale), _fits(precision, scale), as_is)
    return Leaf("string", as_is, as_is)


def decimal_size(kind: SimpleType, local: str, decimals: Mapping[str, str], where: str) -> tuple[int, int]:
    """Return precision and scale of a decimal: as declared, else from its facets.

    Raises:
        SettingsError: the schema gives no scale and none is declared; a scale is never guessed.
    """
    if declared := decimals.get(local):
        precision, _, scale = declared.partition(",")
        if precision.strip().isdigit() and scale.strip().isdigit() and 0 < int(precision) <= MAX_PRECISION:
            return int(precision), int(scale)
        raise SettingsError(
            f"decimals.{local}: {declared!r} is not 'precision,scale'", where=where, fix='write "9,2"'
        )
    if kind.fraction_digits is not None:
        return min(kind.total_digits or MAX_PRECISION, MAX_PRECISION), kind.fraction_digits
    raise SettingsError(
        f"the schema gives xs:decimal {local!r} no fraction digits",
        where=where,
        fix=f'declare them in adapter.toml: [decimals] {local} = "9,2"',
    )


def facets(kind: SimpleType) -> str:
    """Return the facets in words, for the field's doc."""
    parts = []
    if kind.enumeration:
        parts.append("One of: " + ", ".join(kind.enumeration))
    if kind.min_length is not None and kind.min_length == kind.max_length:
        parts.append(f"Length {kind.min_length}")
    elif kind.max_length is not None:
        parts.append(f"At most {kind.max_length} long")
    if kind.pattern:
        parts.append(f"Pattern {kind.pattern}")
    return ". ".join(parts)


def _text(kind: SimpleType) -> Leaf:
    decode = text_decoder(kind, UTC)

    def to_avro(value: Any) -> str:
        try:
            return render_text(kind, value)
        except (ValueError, ArithmeticError) as error:
            raise BadValue("", str(error)) from None

    return Leaf("string", to_avro, decode)


def _integer(kind: SimpleType) -> Leaf:
    """int, long, or a decimal where a long is too small; an unbounded xs:integer is a long, checked."""
    builtin = BUILTINS[kind.base]
    limit = 10**kind.total_digits - 1 if kind.total_digits else None
    high = min(x for x in (builtin.high, limit, 1 << 70) if x is not None)
    low = max(x for x in (builtin.low, -limit if limit else None, -(1 << 70)) if x is not None)
    if low >= -(1 << 31) and high < 1 << 31:
        return Leaf("int", as_is, as_is)
    if (low >= -(1 << 63) and high < 1 << 63) or (limit is None and kind.base != "unsignedLong"):
        return Leaf("long", _long, as_is)
    precision = min(kind.total_digits or 20, MAX_PRECISION)
    fits = _fits(precision, 0)
    return Leaf(_decimal(precision, 0), lambda value: fits(Decimal(value)), int)


def _decimal(precision: int, scale: int) -> AvroType:
    return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}


def _fits(precision: int, scale: int) -> Callable[[Any], Decimal]:
    unit = Decimal(1).scaleb(-scale)

    def convert(value: Decimal) -> Decimal:
        whole, fraction = digits(value)
        if fraction > scale or whole > precision - scale:
            raise BadValue("", f"does not fit decimal({precision},{scale})")
        return value.quantize(unit, context=_WIDE)

    return convert


def _long(value: int) -> int:
    if not -(1 << 63) <= value < 1 << 63:
        raise BadValue("", "does not fit 64 bits")
    return value
