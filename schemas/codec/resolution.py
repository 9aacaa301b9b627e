"""Schema resolution by column (Avro 1.11, "Schema Resolution"): what a newer or older reader sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from schemas.codec.plan import Node

_PROMOTIONS = {
    ("int", "long"),
    ("int", "float"),
    ("int", "double"),
    ("long", "float"),
    ("long", "double"),
    ("float", "double"),
}


def adaptable(writer: Node, reader: Node) -> bool:
    """Return whether `adapt` can give the reader's view; else the row-by-row reference must."""
    if writer.null_branch is not None and reader.null_branch is None:
        return False
    if writer.kind == reader.kind:
        if writer.kind == "record":
            return all(_field_adaptable(writer, reader, name) for name in reader.names)
        if writer.kind == "array":
            return adaptable(writer.children[0], reader.children[0])
        if writer.kind == "decimal":
            wide_enough = writer.arrow.precision <= reader.arrow.precision
            return wide_enough and bool(writer.arrow.scale == reader.arrow.scale)
        if writer.kind == "enum":
            return set(writer.symbols) <= set(reader.symbols)
        if writer.kind == "union":
            branches = zip(writer.children, reader.children, strict=False)
            return bool(writer.arrow == reader.arrow) and all(adaptable(w, r) for w, r in branches)
        return bool(writer.arrow == reader.arrow)
    plain = not pa.types.is_temporal(writer.arrow) and not pa.types.is_temporal(reader.arrow)
    return plain and (writer.kind, reader.kind) in _PROMOTIONS


def adapt(
    reader: Node, found: Mapping[str, tuple[pa.Array, Node]], n: int, fields: Sequence[str]
) -> list[pa.Array]:
    """Return the reader's columns `fields` of n rows from the writer's columns by name."""
    out = []
    for name in fields:
        child = reader.children[reader.names.index(name)]
        source = next((s for s in (name, *reader.aliases[name]) if s in found), None)
        if source is None:
            out.append(_default(child, reader.defaults[name], n))
        else:
            out.append(_column(*found[source], child))
    return out


def _field_adaptable(writer: Node, reader: Node, name: str) -> bool:
    child = reader.children[reader.names.index(name)]
    for old in (name, *reader.aliases[name]):
        if old in writer.names:
            return adaptable(writer.children[writer.names.index(old)], child)
    if name not in reader.defaults:
        return False
    # A default of a nested or logical type is left to the reference.
    default = reader.defaults[name]
    plain = child.kind in ("boolean", "int", "long", "float", "double", "string")
    return default is None or (plain and not pa.types.is_temporal(child.arrow))


def _column(array: pa.Array, written: Node, wanted: Node) -> pa.Array:
    if array.type == wanted.arrow and written.names == wanted.names:
        return array
    if wanted.kind == "record":
        found = {
            name: (array.field(i), child)
            for i, (name, child) in enumerate(zip(written.names, written.children, strict=True))
        }
        arrays = adapt(wanted, found, len(array), wanted.names)
        return _under(array, pa.StructArray.from_arrays(arrays, fields=list(wanted.arrow)))
    if wanted.kind == "array":
        items = _column(array.values, written.children[0], wanted.children[0])
        body = [array.buffers()[0], array.buffers()[1]]
        return pa.Array.from_buffers(wanted.arrow, len(array), body, children=[items])
    if wanted.kind in ("float", "double"):
        return array.cast(wanted.arrow, safe=False)
    return array.cast(wanted.arrow)


def _under(old: pa.StructArray, new: pa.StructArray) -> pa.StructArray:
    """Return `new` with the nulls of `old`."""
    if not old.null_count:
        return new
    null = pa.array(np.asarray(old.is_null()))
    return pa.StructArray.from_arrays(
        [new.field(i) for i in range(new.type.num_fields)], fields=list(new.type), mask=null
    )


def _default(node: Node, value: Any, n: int) -> pa.Array:
    return pa.nulls(n, node.arrow) if value is None else pa.repeat(pa.scalar(value, node.arrow), n)
