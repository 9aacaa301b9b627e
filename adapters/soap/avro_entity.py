"""An element of the schema as an `Entity`, and its decoded values as rows of it.

Absent and nil are both null in a row; which one is meant follows from the schema (optional or nillable). An
element that may be either gets a companion field `<name>__nil`, true where the wire said nil, so a row always
leads back to one XML (DESIGN 10.7).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from adapters.soap.errors import BadValue
from adapters.soap.lexical import BUILTINS
from adapters.soap.simple_text import digits
from adapters.soap.xsd_types import Element, Schema, SimpleType
from schemas.entity import AvroType, Entity, Field, KeyPrivacy
from schemas.errors import SettingsError
from schemas.names import avro_names

NIL_SUFFIX = "__nil"
#: What Arrow's decimal128 holds.
MAX_PRECISION = 38


@dataclass(frozen=True, slots=True)
class Member:
    """One child (or attribute, or text) of a record: key in the decoded dict and name in Avro."""

    key: str
    name: str
    element: Element | None
    type: AvroType
    to_avro: Callable[[Any], Any]
    doc: str

    @property
    def marks_nil(self) -> bool:
        """Whether null alone cannot say if the element was absent or nil."""
        return (
            self.element is not None
            and self.element.optional
            and self.element.nillable
            and not self.element.repeats
        )


@dataclass(frozen=True, slots=True)
class EntityShape:
    """An entity with the way from a decoded value to its row."""

    entity: Entity
    members: tuple[Member, ...]

    def row(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """Return the row of a decoded element, by Avro name.

        Raises:
            BadValue: a value that the declared Avro type cannot hold, or a null key.
        """
        row = _record(self.members, value)
        for key in self.entity.key:
            if row[key] is None:
                raise BadValue(key, "a key field is absent or nil")
        return row

    def key_row(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the key fields alone, by Avro name, from decoded values by XML name."""
        members = tuple(m for m in self.members if m.name in self.entity.key)
        return _record(members, values)


def shape(
    schema: Schema,
    element: Element,
    *,
    key: Sequence[str],
    system: str,
    name: str,
    decimals: Mapping[str, str] | None = None,
    classification: Mapping[str, str] | None = None,
    key_privacy: KeyPrivacy = "plain",
) -> EntityShape:
    """Return the entity that `element` is, all its children as fields.

    `key`, `decimals` ("precision,scale" for an xs:decimal without digits facets) and `classification` go by
    the name in the schema.

    Raises:
        SettingsError: the element is simple or recursive, a key is no field, or a decimal has no scale.
    """
    members = _members(schema, element, dict(decimals or {}), f"{system}.{name}", ())
    names = {m.key: m.name for m in members}
    if missing := [k for k in key if k not in names]:
        raise SettingsError(
            f"the key {missing[0]!r} is not in <{element.local}>",
            where=f"{system}.{name}",
            fix=f"choose from: {', '.join(list(names)[:12])}",
        )
    fields = []
    classes = classification or {}
    for member in members:
        about = classes.get(member.key, "personal")
        fields.append(Field(member.name, member.type, member.key, member.doc, about))
        if member.marks_nil:
            doc = f"true where {member.key} was nil, null where it was absent or has a value"
            fields.append(Field(member.name + NIL_SUFFIX, "boolean", "", doc, about))
    return EntityShape(
        Entity(system, name, tuple(fields), tuple(names[k] for k in key), key_privacy), members
    )


def _members(
    schema: Schema, element: Element, decimals: dict[str, str], where: str, above: tuple[str, ...]
) -> tuple[Member, ...]:
    kind = schema.complex(element)
    if kind is None:
        raise SettingsError(
            f"<{element.local}> has no children to make fields of", where=where, fix="choose its parent"
        )
    if kind.name and kind.name in above:
        raise SettingsError(
            f"<{element.local}> contains itself", where=where, fix="choose an element below it"
        )
    above = (*above, kind.name)
    parts: list[tuple[str, Element | None, AvroType, Callable[[Any], Any], str]] = []
    for attribute in kind.attributes:
        local = attribute.name.rpartition("}")[2]
        parts.append(
            (f"@{local}", None, *_simple(attribute.type, local, decimals, where), facets(attribute.type))
        )
    if kind.text is not None:
        parts.append(("#text", None, *_simple(kind.text, element.local, decimals, where), facets(kind.text)))
    for child in kind.elements:
        if isinstance(child.type, SimpleType):
            avro, convert = _simple(child.type, child.local, decimals, where)
            doc = ". ".join(filter(None, (child.doc, facets(child.type))))
        else:
            inner = _members(schema, child, decimals, f"{where}/{child.local}", above)
            avro, convert, doc = _nested(inner, f"{where}/{child.local}"), _converter(inner), child.doc
        if child.repeats:
            items: AvroType = ["null", avro] if child.nillable else avro
            avro, convert = {"type": "array", "items": items}, _each(convert)
        parts.append((child.local, child, avro, convert, doc))
    names = avro_names([key.lstrip("@#") for key, *_ in parts], where=where)
    return tuple(Member(part[0], name, *part[1:]) for part, name in zip(parts, names, strict=True))


def _nested(members: tuple[Member, ...], where: str) -> AvroType:
    fields: list[dict[str, Any]] = []
    for member in members:
        field: dict[str, Any] = {"name": member.name, "type": ["null", member.type], "default": None}
        if member.key != member.name:
            field["legacy.name"] = member.key
        fields.append(field)
        if member.marks_nil:
            fields.append({"name": member.name + NIL_SUFFIX, "type": ["null", "boolean"], "default": None})
    # The path makes the name unique in the schema of the topic, as Avro demands of named types.
    name = "_".join(where.split("/")[1:])
    return {"type": "record", "name": avro_names([name], where=where)[0], "fields": fields}


def _simple(
    kind: SimpleType, local: str, decimals: dict[str, str], where: str
) -> tuple[AvroType, Callable[[Any], Any]]:
    builtin = BUILTINS[kind.base]
    match builtin.kind:
        case "boolean":
            return "boolean", _as_is
        case "integer":
            return _integer(kind)
        case "float":
            return "double", float
        case "date":
            return {"type": "int", "logicalType": "date"}, _as_is
        case "dateTime":
            return {"type": "long", "logicalType": "timestamp-millis"}, _as_is
        case "base64" | "hex":
            return "bytes", _as_is
        case "decimal":
            precision, scale = decimal_size(kind, local, decimals, where)
            return _decimal(precision, scale), _fits(precision, scale)
    return "string", _as_is


def _integer(kind: SimpleType) -> tuple[AvroType, Callable[[Any], Any]]:
    """int, long, or a decimal where a long is too small; an unbounded xs:integer is a long, checked."""
    builtin = BUILTINS[kind.base]
    limit = 10**kind.total_digits - 1 if kind.total_digits else None
    high = min(x for x in (builtin.high, limit, 1 << 70) if x is not None)
    low = max(x for x in (builtin.low, -limit if limit else None, -(1 << 70)) if x is not None)
    if low >= -(1 << 31) and high < 1 << 31:
        return "int", _as_is
    if (low >= -(1 << 63) and high < 1 << 63) or (limit is None and kind.base != "unsignedLong"):
        return "long", _long
    precision = min(kind.total_digits or 20, MAX_PRECISION)
    return _decimal(precision, 0), lambda value: _fits(precision, 0)(Decimal(value))


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


def _decimal(precision: int, scale: int) -> AvroType:
    return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}


def _fits(precision: int, scale: int) -> Callable[[Any], Decimal]:
    unit = Decimal(1).scaleb(-scale)

    def convert(value: Decimal) -> Decimal:
        whole, fraction = digits(value)
        if fraction > scale or whole > precision - scale:
            raise BadValue("", f"does not fit decimal({precision},{scale})")
        return value.quantize(unit)

    return convert


def _long(value: int) -> int:
    if not -(1 << 63) <= value < 1 << 63:
        raise BadValue("", "does not fit 64 bits")
    return value


def _as_is(value: Any) -> Any:
    return value


def _record(members: tuple[Member, ...], value: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for member in members:
        given = value.get(member.key)
        if given is None:
            row[member.name] = None
        else:
            try:
                row[member.name] = member.to_avro(given)
            except BadValue as error:
                raise error.below(member.key) from None
        if member.marks_nil:
            row[member.name + NIL_SUFFIX] = True if given is None and member.key in value else None
    return row


def _converter(members: tuple[Member, ...]) -> Callable[[Any], Any]:
    return lambda value: _record(members, value)


def _each(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda values: [None if v is None else convert(v) for v in values]
