"""The slow, obvious twin of the codec on fastavro, and its fall-back for shapes without column kernels."""

from __future__ import annotations

import contextlib
import copy
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import fastavro
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.codec.branches import branch_name, chosen, is_union, tag
from schemas.codec.plan import NoColumns, Node, plan
from schemas.symbols import codes_of

Result = dict[str, Any] | Exception


class LeftOver(Exception):
    """Bytes follow the last field."""


def decode(
    values: Sequence[bytes], writer: dict[str, Any], reader: dict[str, Any] | None = None, *, skip: int = 0
) -> list[Result]:
    """Return the record of each value, or the exception that says why there is none.

    Values are those of the columns: an enum's is the code that its symbol stands for, a union's tells its
    branch.
    """
    written, seen = parse(writer), None if reader is None else parse(reader)
    results = [_one(value, written, seen, skip) for value in values]
    marks = {name: node for name, node in _nodes(reader or writer).items() if _has_union(node)}
    for result in results if marks else ():
        if not isinstance(result, Exception):
            result |= {name: _marked(node, result[name]) for name, node in marks.items()}
    return results


def encode(rows: Sequence[dict[str, Any]], schema: dict[str, Any]) -> list[bytes]:
    """Return the Avro bytes of each row of the columns' values.

    Raises:
        ValueError, TypeError: a row does not fit the schema.
    """
    parsed, out = parse(schema), []
    unions = any(_has_union(node) for node in _nodes(schema).values())
    named = parsed.get("__named_schemas", {})
    for row in rows:
        buffer = io.BytesIO()
        fastavro.schemaless_writer(buffer, parsed, _explicit(parsed, named, row) if unions else row)
        out.append(buffer.getvalue())
    return out


def parse(schema: Any) -> Any:
    """Return fastavro's form of a schema, with names of its own; its enums hold codes, not symbols."""
    parsed = fastavro.parse_schema(copy.deepcopy(schema), {})
    _put_codes(parsed, set())
    return parsed


def arrow_type(schema: Any) -> pa.DataType:
    """Return the Arrow struct of a record; a field without a column type becomes its JSON text."""
    fields, nodes = [], _nodes(schema)
    for field in schema["fields"]:
        node = nodes.get(field["name"])
        fields.append(pa.field(field["name"], pa.string() if node is None else node.arrow))
    return pa.struct(fields)


def _nodes(schema: Any) -> dict[str, Node]:
    """Return the plans of a record's fields that have one."""
    nodes = {}
    for field in schema["fields"]:
        # Names defined in one field and used in another are out of reach here: those have none too.
        with contextlib.suppress(NoColumns):
            nodes[field["name"]] = plan(field["type"])
    return nodes


def _has_union(node: Node) -> bool:
    return node.kind == "union" or any(_has_union(child) for child in node.children)


def _marked(node: Node, value: Any) -> Any:
    """Return a value of fastavro as the column has it."""
    if value is None:
        return None
    if node.kind == "union":
        given = chosen(node.names, value)
        return {name: given.get(name) for name in node.names}
    if node.kind == "record":
        return {name: _marked(c, value[name]) for name, c in zip(node.names, node.children, strict=True)}
    if node.kind == "array":
        return [_marked(node.children[0], item) for item in value]
    return value


def _explicit(schema: Any, named: Mapping[str, Any], value: Any) -> Any:
    """Return a column's value for fastavro with the branch of each union: it takes texts for dates."""
    if isinstance(schema, str):
        schema = named.get(schema, schema)
    if isinstance(schema, list):
        if isinstance(value, Mapping) and is_union(value):
            name, given = next((pair for pair in value.items() if pair[1] is not None), ("", None))
            return next(((tag(b), given) for b in schema if branch_name(b) == name), None)
        branches = [branch for branch in schema if branch != "null"]
        if len(branches) != 1 or value is None:
            return value
        return tag(branches[0]), _explicit(branches[0], named, value)
    if isinstance(schema, dict) and value is not None:
        if schema["type"] == "record":
            return {f["name"]: _explicit(f["type"], named, value.get(f["name"])) for f in schema["fields"]}
        if schema["type"] == "array":
            return [_explicit(schema["items"], named, item) for item in value]
    return value


def _put_codes(schema: Any, seen: set[int]) -> None:
    if not isinstance(schema, (dict, list)) or id(schema) in seen:
        return
    seen.add(id(schema))
    if isinstance(schema, dict) and schema.get("type") == "enum":
        codes = dict(zip(schema["symbols"], codes_of(schema), strict=True))
        if "default" in schema:
            schema["default"] = codes.get(schema["default"], schema["default"])
        schema["symbols"] = list(codes.values())
        return
    for inner in schema.values() if isinstance(schema, dict) else schema:
        _put_codes(inner, seen)


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
