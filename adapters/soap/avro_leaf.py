"""Simple types as Avro types, and their values both ways.

An enumeration of texts is a string with its values in the field's doc or, where the settings ask for it, an
Avro enum (`schemas.symbols`). A union of simple types is its text or, where they ask for it and its values
tell the branches apart, an Avro union (`schemas.codec.branches`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from decimal import Context, Decimal
from typing import Any

from adapters.soap.errors import BadValue
from adapters.soap.lexical import BUILTINS, collapsed
from adapters.soap.simple_text import digits, render_text, text_decoder
from adapters.soap.xsd_types import SimpleType
from schemas.codec.branches import branch_name, chosen, distinguishable, plain
from schemas.entity import AvroType, or_null
from schemas.errors import SettingsError
from schemas.names import avro_name
from schemas.symbols import UNKNOWN, codes_of, enum_type

#: What Arrow's decimal128 holds.
MAX_PRECISION = 38

_WIDE = Context(prec=MAX_PRECISION)
_ORDER = (
    ":string",
    ":boolean",
    ":int",
    ":long",
    ":double",
    ":decimal",
    ":timestamp-millis",
    ":date",
    ":bytes",
)
#: Their text means something only where it stands.
_PREFIXED = ("QName", "NOTATION")

Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Leaf:
    """An Avro type with the way to its values and back; `record` where it is one (`avro_record.Record`)."""

    type: AvroType
    to_avro: Convert
    from_avro: Convert
    record: object | None = None


@dataclass(frozen=True, slots=True)
class AvroStyle:
    """Which constructs have an Avro type of their own: all, none, or those of these elements (by name)."""

    enums: bool | tuple[str, ...] = False
    unions: bool | tuple[str, ...] = False

    def enum(self, local: str) -> bool:
        """Return whether the enumeration of an element or attribute becomes an enum."""
        return self.enums if isinstance(self.enums, bool) else local in self.enums

    def union(self, local: str) -> bool:
        """Return whether the union of an element or attribute becomes a union."""
        return self.unions if isinstance(self.unions, bool) else local in self.unions


#: Enumerations and unions are strings.
TEXTS = AvroStyle()


def as_is(value: Any) -> Any:
    """Return the value: Avro and the codec hold it alike."""
    return value


def each(leaf: Leaf, *, nullable: bool = False) -> Leaf:
    """Return the leaf of a list of such values."""
    items = or_null(leaf.type) if nullable else leaf.type
    to_avro, from_avro = leaf.to_avro, leaf.from_avro
    return Leaf(
        {"type": "array", "items": items},
        lambda values: [None if v is None else to_avro(v) for v in values],
        lambda values: [None if v is None else from_avro(v) for v in values],
    )


def simple_leaf(
    kind: SimpleType,
    local: str,
    decimals: Mapping[str, str],
    where: str,
    *,
    arrow: bool = True,
    style: AvroStyle = TEXTS,
    named: str = "",
) -> Leaf:
    """Return the narrowest Avro type that loses nothing.

    With `arrow`, values are those of the columns: an enum's is the code, a union's a struct of its branches.
    Without it they are Avro's own (the symbol, the value alone), and a decimal of no declared scale
    is kept as text. `named` is the name of an enum.

    Raises:
        SettingsError: such a decimal, where that is not allowed.
    """
    if kind.variety == "list":
        item = kind.item or SimpleType("string")
        return each(simple_leaf(item, local, decimals, where, arrow=arrow, style=style, named=named))
    if kind.variety == "union":
        leaf = _union(kind, local, decimals, where, arrow=arrow) if style.union(local) else None
        return leaf or _text(kind)
    if kind.enumeration and style.enum(local) and (leaf := _enum(kind, named or local, arrow=arrow)):
        return leaf
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
            if not arrow and kind.fraction_digits is None and local not in decimals:
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


def union_members(kind: SimpleType) -> list[SimpleType]:
    """Return the types of a union, those of unions in it put in their place."""
    return [m for one in kind.members for m in (union_members(one) if one.variety == "union" else [one])]


def _enum(kind: SimpleType, name: str, *, arrow: bool) -> Leaf | None:
    """Return the enum of an enumeration of texts; None for one of numbers, dates or qualified names."""
    builtin = BUILTINS[kind.base]
    if builtin.kind != "string" or kind.base in _PREFIXED:
        return None
    codes = [collapsed(text) if builtin.collapse else text for text in kind.enumeration]
    enum = enum_type(avro_name(name), codes)
    if enum is None or arrow:
        return None if enum is None else Leaf(enum, as_is, as_is)
    of_code = dict(zip(codes_of(enum), enum["symbols"], strict=True))
    of_symbol = {made: code for code, made in of_code.items() if made != UNKNOWN}

    def from_avro(made: str) -> str:
        if made not in of_symbol:
            raise BadValue("", "a code that this schema does not know: read it with the schema that wrote it")
        return of_symbol[made]

    return Leaf(enum, of_code.__getitem__, from_avro)


def _union(
    kind: SimpleType, local: str, decimals: Mapping[str, str], where: str, *, arrow: bool
) -> Leaf | None:
    """Return the union of the members' types; None where values would not tell which one it was."""
    members = union_members(kind)
    if any(m.variety != "atomic" or m.base in _PREFIXED for m in members):
        return None
    leaves: dict[str, Leaf] = {}
    for member in members:
        leaf = simple_leaf(member, local, decimals, where, arrow=arrow)
        name = branch_name(leaf.type)
        if name is None or leaves.setdefault(name, leaf).type != leaf.type:
            return None
    # A writer that goes by the value takes the first branch that fits: a text may look like a date to it.
    branches = sorted((leaf.type for leaf in leaves.values()), key=_rank)
    if len(leaves) < 2 or not distinguishable(branches):
        return None

    def to_avro(value: Any) -> Any:
        name = next(iter(chosen(list(leaves), value)))
        made = leaves[name].to_avro(value)
        return {name: made} if arrow else made

    def from_avro(value: Any) -> Any:
        return plain(value) if arrow else value

    return Leaf(branches, to_avro, from_avro)


def _rank(branch: Any) -> int:
    return _ORDER.index(str(branch_name(branch)))


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
