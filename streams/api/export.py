"""Bulk export: all rows of a question from one snapshot, as JSON lines, CSV or Parquet, in bounded memory."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.readmodel.table import Column, Kind
from connectors.readmodel.values import shown

#: Suffix of the collection's path → media type.
FORMATS: Final = {
    "jsonl": "application/x-ndjson",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
}
#: Rows that are in memory at once; a row group of Parquet, too.
CHUNK: Final = 5_000

_ARROW: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "json": pa.string(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "real": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
    "bytes": pa.binary(),
}
Rows = Sequence[tuple[Any, ...]]


def exported(chunks: Iterator[Rows], columns: Sequence[Column], kind: str) -> Iterator[bytes]:
    """Yield the bytes of an export, a chunk of rows at a time; `columns` come first in each row."""
    match kind:
        case "jsonl":
            return _json_lines(chunks, columns)
        case "csv":
            return _csv(chunks, columns)
        case _:
            return _parquet(chunks, columns)


def _json_lines(chunks: Iterator[Rows], columns: Sequence[Column]) -> Iterator[bytes]:
    names, plain = [c.name for c in columns], _plain(columns)
    for rows in chunks:
        yield b"".join(
            orjson.dumps(dict(zip(names, row if plain else _shown(row, columns), strict=False)),
                         option=orjson.OPT_APPEND_NEWLINE)
            for row in rows
        )  # fmt: skip


def _csv(chunks: Iterator[Rows], columns: Sequence[Column]) -> Iterator[bytes]:
    """RFC 4180 in UTF-8, with a header line. Null is an empty field, as an empty text is: CSV has but one."""
    width, text = len(columns), io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_MINIMAL, lineterminator="\r\n")
    writer.writerow([c.name for c in columns])
    for rows in chunks:
        writer.writerows(_cells(row[:width], columns) for row in rows)
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    if text.tell():
        yield text.getvalue().encode()


def _parquet(chunks: Iterator[Rows], columns: Sequence[Column]) -> Iterator[bytes]:
    schema = pa.schema([pa.field(c.name, _arrow(c), nullable=c.nullable) for c in columns])
    sink = io.BytesIO()
    with pq.ParquetWriter(_Sink(sink), schema, compression="zstd") as writer:
        for rows in chunks:
            arrays = [_array([row[i] for row in rows], column) for i, column in enumerate(columns)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema), row_group_size=CHUNK)
            yield _taken(sink)
    yield _taken(sink)


class _Sink(io.RawIOBase):
    """What Parquet writes to: counts all bytes, holds those that nobody has taken yet."""

    def __init__(self, held: io.BytesIO) -> None:
        self._held, self._written = held, 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._written

    def write(self, data: Any) -> int:
        view = bytes(data)
        self._written += len(view)
        return self._held.write(view)


def _taken(sink: io.BytesIO) -> bytes:
    data = sink.getvalue()
    sink.seek(0)
    sink.truncate()
    return data


def _arrow(column: Column) -> pa.DataType:
    if column.kind == "decimal":
        return pa.decimal128(column.precision or 38, column.scale)
    return _ARROW[column.kind]


def _array(values: list[Any], column: Column) -> pa.Array:
    kind = _arrow(column)
    if column.kind == "boolean":
        return pa.array([None if v is None else bool(v) for v in values], kind)
    if column.kind in ("decimal", "date"):
        return pa.array(values, pa.string()).cast(kind)
    if column.kind == "timestamp":
        # Arrow wants no zone in a text that becomes a timestamp without one.
        texts = pa.array([None if v is None else str(v).rstrip("Z") for v in values], pa.string())
        return texts.cast(pa.timestamp("us")).cast(kind)
    return pa.array(values, kind)


def _plain(columns: Sequence[Column]) -> bool:
    return not any(c.kind in ("json", "boolean", "bytes") for c in columns)


def _shown(row: tuple[Any, ...], columns: Sequence[Column]) -> list[Any]:
    return [shown(value, column) for value, column in zip(row, columns, strict=False)]


def _cells(row: tuple[Any, ...], columns: Sequence[Column]) -> list[Any]:
    cells = []
    for value, column in zip(row, columns, strict=True):
        if value is not None and column.kind == "boolean":
            value = "true" if value else "false"
        elif isinstance(value, bytes):
            value = base64.b64encode(value).decode()
        cells.append(value)
    return cells
