"""Whole columns of XML text → Arrow, by simple type: the checked part that can be done without a loop.

A column takes the plain forms of its type (the regular expression says which), converts them with Arrow and
checks the facets on the column. What has no such form (a pattern, a union, base64) is decoded by the
reference, once for each different text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from adapters.soap.avro_entity import Member
from adapters.soap.codec import XmlCodec
from adapters.soap.errors import BadValue
from adapters.soap.lexical import BUILTINS, collapsed
from adapters.soap.plans import holds_qname
from adapters.soap.xsd_types import SimpleType
from schemas.entity import arrow_type

Convert = Callable[[pa.Array], pa.Array]

#: Characters of text that need no second look: none that is markup, a control or a carriage return, which
#: XML would normalise.
_TEXT = rb"[^<\x00-\x08\x0b-\x1f]*+"
#: In an attribute XML turns tabs and line ends into spaces.
_QUOTED = rb'[^<"\x00-\x1f]*+'
_REFERENCE = re.compile(r"&(?:(amp|lt|gt|quot|apos)|#([0-9]{1,7})|#x([0-9A-Fa-f]{1,6}));|&")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_LOOSE = r"^[ \t\n]|[ \t\n]$|[ \t\n]{2}|[\t\n]"
_INTEGER = rb"-?[0-9]{1,18}+"
_DECIMAL = rb"-?[0-9]{1,20}+(?:\.[0-9]{1,18}+)?"
_FLOAT = rb"-?[0-9]{1,15}+(?:\.[0-9]{1,15}+)?(?:[eE][+-]?[0-9]{1,2}+)?"
_DATE = rb"(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2}"
_MOMENT = (
    rb"(?!0000|0001|9999)[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,3}+)?"
    rb"(?:Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9])?"
)


class Unfit(Exception):
    """What stands here is for the reference to judge."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        pattern: of its plain texts, as bytes.
        takes_empty: whether an empty element may be one.
        convert: n texts (binary, null where absent) → n values; raises Unfit.
    """

    pattern: bytes
    takes_empty: bool
    convert: Convert


def column(codec: XmlCodec, kind: SimpleType, member: Member, *, quoted: bool = False) -> Column:
    """Return how the texts of one member become a column.

    Raises:
        Unfit: what a text means depends on where it stands (a QName).
    """
    if holds_qname(kind):
        raise Unfit
    plain = kind.variety == "atomic" and not kind.patterns and not kind.pattern and not kind.bounds
    builtin = BUILTINS[kind.base]
    target = arrow_type(member.type)
    text = _QUOTED if quoted else _TEXT
    if plain and builtin.kind == "string":
        return Column(text, True, _string(kind, builtin.collapse))
    if plain and not kind.enumeration:
        found = _vectorised(codec, kind, target)
        if found is not None:
            return found
    return Column(text, True, _by_value(codec, kind, member, target))


def _vectorised(codec: XmlCodec, kind: SimpleType, target: pa.DataType) -> Column | None:
    bounded = kind.minimum is not None or kind.maximum is not None
    digits = kind.total_digits is not None or kind.fraction_digits is not None
    match BUILTINS[kind.base].kind:
        case "boolean":
            return Column(rb"(?:true|false|1|0)", False, _boolean)
        case "integer" if pa.types.is_integer(target):
            return Column(_INTEGER, False, _integer(kind, target))
        case "decimal" if not bounded and pa.types.is_decimal(target):
            own = (kind.total_digits, kind.fraction_digits)
            if not digits or own == (target.precision, target.scale):
                return Column(_DECIMAL, False, _cast(target))
        case "float" if not bounded:
            return Column(_FLOAT, False, _cast(target))
        case "date":
            return Column(_DATE, False, _cast(target))
        case "dateTime":
            zone = getattr(codec.zone, "key", None)
            if codec.zone is None or zone is not None:
                return Column(_MOMENT, False, _moment(target, zone))
    return None


def _cast(target: pa.DataType) -> Convert:
    def convert(texts: pa.Array) -> pa.Array:
        try:
            return texts.cast(pa.string()).cast(target)
        except pa.ArrowInvalid:
            raise Unfit from None

    return convert


def _boolean(texts: pa.Array) -> pa.Array:
    found = pc.is_in(texts, value_set=pa.array([b"true", b"1"], pa.binary()))
    return pc.if_else(texts.is_valid(), found, pa.scalar(None, pa.bool_())) if texts.null_count else found


def _integer(kind: SimpleType, target: pa.DataType) -> Convert:
    low, high = _limits(kind)

    def convert(texts: pa.Array) -> pa.Array:
        try:
            values = texts.cast(pa.string()).cast(pa.int64())
            extent = pc.min_max(values).as_py()
            if extent["min"] is not None and (
                (low is not None and extent["min"] < low) or (high is not None and extent["max"] > high)
            ):
                raise Unfit
            return values.cast(target)
        except pa.ArrowInvalid:
            raise Unfit from None

    return convert


def _limits(kind: SimpleType) -> tuple[Any, Any]:
    """The narrowest bounds; an exclusive one is narrowed by one, which may refuse a little too much."""
    builtin = BUILTINS[kind.base]
    digits = 10**kind.total_digits - 1 if kind.total_digits is not None else None
    lows = [builtin.low, None if digits is None else -digits]
    highs = [builtin.high, digits]
    if kind.minimum is not None:
        lows.append(kind.minimum + kind.exclusive_minimum)
    if kind.maximum is not None:
        highs.append(kind.maximum - kind.exclusive_maximum)
    low = max((x for x in lows if x is not None), default=None)
    return low, min((x for x in highs if x is not None), default=None)


def _moment(target: pa.DataType, zone: str | None) -> Convert:
    """Texts with a zone; or, where the system's zone is declared, all without one."""

    def convert(texts: pa.Array) -> pa.Array:
        text = texts.cast(pa.string())
        try:
            return text.cast(target)
        except pa.ArrowInvalid:
            if zone is None:
                raise Unfit from None
        try:
            local = text.cast(pa.timestamp("ms"))
            return pc.assume_timezone(local, zone, ambiguous="earliest", nonexistent="raise").cast(target)
        except pa.ArrowInvalid:
            raise Unfit from None

    return convert


def _string(kind: SimpleType, collapse: bool) -> Convert:
    allowed = pa.array(sorted({collapsed(t) if collapse else t for t in kind.enumeration}), pa.string())
    low, high = kind.min_length or 0, kind.max_length

    def convert(texts: pa.Array) -> pa.Array:
        text = _unescaped(_utf8(texts))
        if collapse and pc.any(pc.match_substring_regex(text, _LOOSE)).as_py():
            text = pc.utf8_trim(pc.replace_substring_regex(text, "[ \t\n]+", " "), " ")
        if len(allowed) and not pc.all(pc.is_in(text.drop_null(), value_set=allowed), min_count=0).as_py():
            raise Unfit
        if low or high is not None:
            extent = pc.min_max(pc.utf8_length(text)).as_py()
            if extent["min"] is not None and (
                extent["min"] < low or (high is not None and extent["max"] > high)
            ):
                raise Unfit
        return text

    return convert


def _by_value(codec: XmlCodec, kind: SimpleType, member: Member, target: pa.DataType) -> Convert:
    def convert(texts: pa.Array) -> pa.Array:
        coded = _unescaped(_utf8(texts)).dictionary_encode()
        try:
            values = [member.to_avro(codec.decode_text(kind, text)) for text in coded.dictionary.to_pylist()]
        except BadValue:
            raise Unfit from None
        return pa.array(values, target).take(coded.indices)

    return convert


def _utf8(texts: pa.Array) -> pa.Array:
    try:
        return texts.cast(pa.string())
    except pa.ArrowInvalid:
        raise Unfit from None


def _unescaped(text: pa.Array) -> pa.Array:
    """Put characters for references, in the few values that have any."""
    mask = pc.match_substring(text, "&")
    if not pc.any(mask).as_py():
        return text
    mask = pc.fill_null(mask, False)
    plain = [_REFERENCE.sub(_character, value) for value in text.filter(mask).to_pylist()]
    return pc.replace_with_mask(text, mask, pa.array(plain, pa.string()))


def _character(match: re.Match[str]) -> str:
    if match[1]:
        return _NAMED[match[1]]
    if not (match[2] or match[3]):
        raise Unfit
    code = int(match[2]) if match[2] else int(match[3], 16)
    if not (0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF):
        raise Unfit
    return chr(code)
