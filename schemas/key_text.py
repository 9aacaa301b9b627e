"""The business key as one canonical text: it decides the partition and names the row (DESIGN 10.4)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from schemas.entity import Entity
from schemas.errors import SettingsError

#: Stands between the fields of a composite key: the ASCII unit separator, which no legacy field holds.
SEPARATOR = "\x1f"


def key_text(entity: Entity, batch: pa.RecordBatch) -> pa.LargeStringArray:
    """Return n key texts: the key fields in declared order, joined by U+001F.

    Text is trimmed at both ends, decimals keep their declared scale, dates are ISO 8601.

    Raises:
        SettingsError: a key field has a type that cannot be a key.
    """
    texts = [_column(batch.column(name), name) for name in entity.key]
    return (
        texts[0]
        if len(texts) == 1
        else pc.binary_join_element_wise(*texts, pa.scalar(SEPARATOR, pa.large_string()))
    )


def key_text_of(entity: Entity, row: Mapping[str, Any]) -> str:
    """Return the key text of one row of Python values: the slow, obvious twin."""
    return SEPARATOR.join(_value(row[name]) for name in entity.key)


def pseudonym(secret: bytes, key_text: str) -> str:
    """Return HMAC-SHA256 of a key text as 64 hex digits: stands for the key where it must not be seen."""
    return hmac.new(secret, key_text.encode(), hashlib.sha256).hexdigest()


def pseudonyms(secret: bytes, key_texts: pa.Array) -> pa.LargeStringArray:
    """Return n pseudonyms of n key texts."""
    return pa.array([pseudonym(secret, text) for text in key_texts.to_pylist()], pa.large_string())


def _column(column: pa.Array, name: str) -> pa.LargeStringArray:
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pc.utf8_trim_whitespace(column.cast(pa.large_string()))
    if pa.types.is_integer(kind) or pa.types.is_date32(kind):
        return column.cast(pa.large_string())
    if pa.types.is_decimal(kind) or pa.types.is_timestamp(kind) or pa.types.is_boolean(kind):
        # Arrow writes small decimals as 1E-7; keys of these types are rare enough for the plain way.
        return pa.array([None if v is None else _value(v) for v in column.to_pylist()], pa.large_string())
    raise SettingsError(
        f"the field {name!r} of type {kind} cannot be part of a key", fix="choose another key field"
    )


def _value(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
