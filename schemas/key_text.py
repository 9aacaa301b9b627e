"""The business key as one canonical text: it decides the partition and names the row (DESIGN 10.4).

Registry ids and Avro bytes are no part of it, so it survives every change of schema.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Context, Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from schemas.entity import Entity, arrow_type
from schemas.errors import SettingsError, Terminal

#: Stands between the fields of a composite key: the ASCII unit separator, which no legacy field holds.
SEPARATOR = "\x1f"
#: Trimmed from both ends of a text: blanks and the NULs of COBOL's LOW-VALUES. A fixed set, because
#: Python and Arrow do not agree on what else is white space.
_BLANKS = " \t\r\n\x00"
#: Up to this scale Arrow writes a decimal without an exponent.
_PLAIN_SCALE = 6
#: Wide enough for every decimal that Arrow has; the default context has 28 digits.
_EXACT = Context(prec=80)


def key_text(entity: Entity, batch: pa.RecordBatch) -> pa.LargeStringArray:
    """Return n key texts: the key fields in declared order, joined by U+001F.

    Text is trimmed at both ends, decimals stand at their declared scale, dates and times are ISO 8601.

    Args:
        entity: whose key it is.
        batch: n rows with at least the key's columns.

    Raises:
        SettingsError: a key field has a type that cannot be a key.
        Terminal: a key field is null in a row.
    """
    texts = [_column(entity, name, batch.column(name)) for name in entity.key]
    if len(texts) == 1:
        return texts[0]
    return pc.binary_join_element_wise(*texts, pa.scalar(SEPARATOR, pa.large_string()))


def with_trimmed_key(entity: Entity, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return n rows with the key's texts trimmed as in the key text.

    What is one key must be one key everywhere: in the message key, in the value and in a read model's row.
    """
    for name in entity.key:
        at = batch.schema.get_field_index(name)
        field = batch.schema.field(at)
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            trimmed = pc.utf8_trim(batch.column(at), _BLANKS)
            if not trimmed.equals(batch.column(at)):
                batch = batch.set_column(at, field, trimmed)
    return batch


def key_text_of(entity: Entity, row: Mapping[str, Any]) -> str:
    """Return the key text of one row of Python values: the slow, obvious twin.

    Raises:
        SettingsError, Terminal: as `key_text`.
    """
    return SEPARATOR.join(_value(entity, name, row[name]) for name in entity.key)


def pseudonym(secret: bytes, key_text: str) -> str:
    """Return HMAC-SHA256 (RFC 2104) of a key text as 64 hex digits: stands for a key nobody may see."""
    return hmac.digest(secret, key_text.encode(), "sha256").hex()


def pseudonyms(secret: bytes, key_texts: pa.Array) -> pa.LargeStringArray:
    """Return n pseudonyms of n key texts."""
    return pa.array([pseudonym(secret, text) for text in key_texts.to_pylist()], pa.large_string())


def _column(entity: Entity, name: str, column: pa.Array) -> pa.LargeStringArray:
    if column.null_count:
        raise _null(entity, name)
    kind, text = column.type, pa.large_string()
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pc.utf8_trim(column.cast(text), _BLANKS)
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_date32(kind):
        return column.cast(text)
    if pa.types.is_timestamp(kind):
        return pc.replace_substring(column.cast(text), " ", "T")
    if pa.types.is_decimal(kind):
        declared = arrow_type(entity[name].type)
        if declared.scale > _PLAIN_SCALE:
            return pa.array([_value(entity, name, v) for v in column.to_pylist()], text)
        return (column if kind == declared else column.cast(declared)).cast(text)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pa.array([value.hex() for value in column.to_pylist()], text)
    raise _unfit(entity, name, kind)


def _value(entity: Entity, name: str, value: Any) -> str:
    match value:
        case None:
            raise _null(entity, name)
        case str():
            return value.strip(_BLANKS)
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Decimal():
            scale = arrow_type(entity[name].type).scale
            return f"{value.quantize(Decimal(1).scaleb(-scale), context=_EXACT):f}"
        case bytes():
            return value.hex()
        case datetime():
            unit = arrow_type(entity[name].type).unit
            places = "milliseconds" if unit == "ms" else "microseconds"
            return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=places) + "Z"
        case date():
            return value.isoformat()
    raise _unfit(entity, name, type(value).__name__)


def _null(entity: Entity, name: str) -> Terminal:
    return Terminal(
        f"the key field {name!r} is null in a row",
        where=f"{entity.system}.{entity.name}",
        fix="reject such records before their key is made, or choose another key",
    )


def _unfit(entity: Entity, name: str, kind: object) -> SettingsError:
    return SettingsError(
        f"the field {name!r} of type {kind} cannot be part of a key",
        where=f"{entity.system}.{entity.name}",
        fix="choose text, whole numbers, decimals or dates",
    )
