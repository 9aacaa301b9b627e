"""Where decoded rows go: JSON lines, CSV or Parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol, runtime_checkable

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from adapters.batch.conversion.json_lines import decimal_texts, dumped, joined, json_lines, json_texts
from schemas.errors import SettingsError

FORMATS = ("jsonl", "csv", "parquet")
#: Stands in the name of an output for the entity: each has a file of its own then.
EACH = "{entity}"


class Sink(Protocol):
    """Takes rows of one schema, chunk by chunk."""

    def write(self, batch: pa.RecordBatch) -> None:
        """Write rows."""
        ...

    def close(self) -> None:
        """Write what is held back; the stream stays open."""
        ...


@runtime_checkable
class RecordSink(Sink, Protocol):
    """Takes records of any shape too: those that could not be decoded may stand between the rows."""

    def write_records(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Write single records as they are."""
        ...

    def write_lines(self, lines: pa.StringArray) -> None:
        """Write records that are text already, each with its line end."""
        ...


def sink_for(to: str, stream: BinaryIO, schema: pa.Schema) -> Sink:
    """Return the sink of a format.

    Raises:
        SettingsError: no such format.
    """
    if to == "jsonl":
        return _JsonLines(stream)
    if to == "csv":
        return _Csv(stream, schema)
    if to == "parquet":
        return _Parquet(stream, schema)
    raise SettingsError(f"no output format {to!r}", where="--to", fix=f"use one of {', '.join(FORMATS)}")


def path_for(output: Path, entity: str) -> Path:
    """Return the file of an entity's rows."""
    return output.with_name(output.name.replace(EACH, entity))


def check_output(to: str, output: Path | None) -> None:
    """Refuse what cannot go to a terminal or a pipe, before any work is done."""
    if to not in FORMATS:
        sink_for(to, None, None)  # type: ignore[arg-type]  # raises
    if to == "parquet" and output is None:
        raise SettingsError("Parquet needs a file", where="--to parquet", fix="add --output FILE")


class _JsonLines:
    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, batch: pa.RecordBatch) -> None:
        self._stream.write(joined(json_lines(batch)))

    def write_records(self, records: Sequence[Mapping[str, Any]]) -> None:
        self._stream.write(dumped(records))

    def write_lines(self, lines: pa.StringArray) -> None:
        self._stream.write(joined(lines))

    def close(self) -> None:
        self._stream.flush()


class _Csv:
    """RFC 4180 with a header; lists and records stand as JSON in their cell, null is an empty cell."""

    def __init__(self, stream: BinaryIO, schema: pa.Schema) -> None:
        self._schema = pa.schema([(f.name, _cell_type(f.type)) for f in schema])
        self._writer = pa_csv.CSVWriter(stream, self._schema)

    def write(self, batch: pa.RecordBatch) -> None:
        cells = [_cells(column) for column in batch.columns]
        self._writer.write_batch(pa.RecordBatch.from_arrays(cells, schema=self._schema))

    def close(self) -> None:
        self._writer.close()


def _cell_type(kind: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_nested(kind) or pa.types.is_decimal(kind) else kind


def _cells(column: pa.Array) -> pa.Array:
    if pa.types.is_nested(column.type):
        return json_texts(column).cast(pa.string())
    return decimal_texts(column) if pa.types.is_decimal(column.type) else column


class _Parquet:
    def __init__(self, stream: BinaryIO, schema: pa.Schema) -> None:
        self._writer = pq.ParquetWriter(stream, schema, compression="zstd")

    def write(self, batch: pa.RecordBatch) -> None:
        self._writer.write_batch(batch)

    def close(self) -> None:
        self._writer.close()
