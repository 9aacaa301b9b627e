"""The slow, obvious twin of the codec on fastavro, and its fall-back for shapes without column kernels."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Sequence
from typing import Any

import fastavro
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.codec.plan import NoColumns, plan

Result = dict[str, Any] | Exception


class LeftOver(Exception):
    """Bytes follow the last field."""


def decode(
    values: Sequence[bytes], writer: dict[str, Any], reader: dict[str, Any] | None = None, *, skip: int = 0
) -> list[Result]:
    """Return the record of each value, or the exception that says why there is none."""
    written, seen = parse(writer), None if reader is None else parse(reader)
    return [_one(value, written, seen, skip) for value in values]


def encode(rows: Sequence[dict[str, Any]], schema: dict[str, Any]) -> list[bytes]:
    """Return the Avro bytes of each row.

    Raises:
        ValueError, TypeError: a row does not fit the schema.
    """
    parsed, out = parse(schema), []
    for row in rows:
        buffer = io.BytesIO()
        fastavro.schemaless_writer(buffer, parsed, row)
        out.append(buffer.getvalue())
    return out


def parse(schema: Any) -> Any:
    """Return fastavro's form of a schema, with names of its own."""
    return fastavro.parse_schema(copy.deepcopy(schema), {})


def arrow_type(schema: Any) -> pa.DataType:
    """Return the Arrow struct of a record; a field without a column type becomes its JSON text."""
    fields = []
    for field in schema["fields"]:
        try:
            # Names defined in one field and used in another are out of reach here: those become JSON too.
            kind = plan(field["type"]).arrow
        except NoColumns:
            kind = pa.string()
        fields.append(pa.field(field["name"], kind))
    return pa.struct(fields)


def to_batch(
    results: Sequence[Result], schema: pa.Schema
) -> tuple[pa.RecordBatch, npt.NDArray[np.int64], list[tuple[int, str]]]:
    """Return (batch, rows, errors) as `Decoded` has them."""
    errors = [
        (i, f"{type(r).__name__} while decoding") for i, r in enumerate(results) if isinstance(r, Exception)
    ]
    good = [(i, _row(r, schema)) for i, r in enumerate(results) if not isinstance(r, Exception)]
    try:
        batch = pa.RecordBatch.from_pylist([row for _, row in good], schema=schema)
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        kept = []
        for i, row in good:
            try:
                pa.RecordBatch.from_pylist([row], schema=schema)
                kept.append((i, row))
            except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
                errors.append((i, f"no Arrow value: {type(error).__name__}"))
        good = kept
        batch = pa.RecordBatch.from_pylist([row for _, row in good], schema=schema)
    return batch, np.array([i for i, _ in good], np.int64), sorted(errors)


def _one(value: bytes, written: Any, seen: Any, skip: int) -> Result:
    if len(value) < skip:
        return LeftOver()
    stream = io.BytesIO(value)
    stream.seek(skip)
    try:
        record: Any = fastavro.schemaless_reader(stream, written, seen)
    except Exception as error:  # fastavro raises what the bytes make it raise: EOFError, IndexError…
        return error
    return record if stream.tell() == len(value) else LeftOver()


def _row(record: dict[str, Any], schema: pa.Schema) -> dict[str, Any]:
    out = {}
    for field in schema:
        value = record.get(field.name)
        if value is not None and field.type == pa.string() and not isinstance(value, str):
            value = json.dumps(value, default=str, sort_keys=True)
        out[field.name] = value
    return out
