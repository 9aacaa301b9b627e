"""Rows to JSON lines by column: each column becomes JSON texts, and the texts of a row are joined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

#: What a JSON string must escape (RFC 8259).
_ESCAPED = '["\\\\\\x00-\\x1f]'
#: Arrow writes smaller decimals with an exponent.
_PLAIN_SCALE = 6


def json_lines(batch: pa.RecordBatch) -> pa.StringArray:
    """Return one JSON object a row with its line end; decimals are strings at their scale, dates ISO."""
    if not batch.num_columns:
        return pa.array(["{}\n"] * batch.num_rows, pa.string())
    parts: list[Any] = []
    for index, (name, column) in enumerate(zip(batch.schema.names, batch.columns, strict=True)):
        lead = "{" if index == 0 else ","
        parts += [f"{lead}{orjson.dumps(name).decode()}:", json_texts(column)]
    return pc.binary_join_element_wise(*parts, "}\n", "", null_handling="replace", null_replacement="null")


def joined(lines: pa.StringArray) -> memoryview:
    """Return the bytes of all lines, one after the other, without a copy."""
    _, offsets, data = lines.buffers()
    if data is None or not len(lines):
        return memoryview(b"")
    ends = memoryview(offsets).cast("i")
    return memoryview(data)[ends[lines.offset] : ends[lines.offset + len(lines)]]


def json_texts(column: pa.Array) -> pa.StringArray:
    """Return the JSON text of each value; null stays null."""
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return column.cast(pa.string())
    if pa.types.is_date32(kind):
        return _quoted(column.cast(pa.string()))
    if pa.types.is_decimal(kind):
        return _quoted(decimal_texts(column))
    if pa.types.is_string(kind) and not pc.any(pc.match_substring_regex(column, _ESCAPED)).as_py():
        return _quoted(column)
    if pa.types.is_boolean(kind):
        return column.cast(pa.string())
    values = column.to_pylist()
    texts = [None if v is None else orjson.dumps(v, default=_plain).decode() for v in values]
    return pa.array(texts, pa.string())


def decimal_texts(column: pa.Array) -> pa.StringArray:
    """Return decimals as texts at their scale, never with an exponent."""
    if column.type.scale <= _PLAIN_SCALE:
        return column.cast(pa.string())
    return pa.array([None if v is None else f"{v:f}" for v in column.to_pylist()], pa.string())


def _quoted(texts: pa.StringArray) -> pa.StringArray:
    return pc.binary_join_element_wise('"', texts, '"', "")


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def dumped(values: Iterable[Mapping[str, Any]]) -> bytes:
    """Return JSON lines of single records."""
    options = orjson.OPT_APPEND_NEWLINE
    return b"".join(orjson.dumps(value, default=_plain, option=options) for value in values)
