"""Arrow to Avro messages, by column (DESIGN 4.3)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.codec import reference
from schemas.codec.cells import Cell, Constant, Fixed, Number, Words, minimal, pressed
from schemas.codec.column import Mask
from schemas.codec.interleave import Int64s, as_large_binary, from_offsets, interleave
from schemas.codec.plan import NoColumns, Node, plan
from schemas.codec.varint import varint
from schemas.errors import Terminal

#: Rows a turn: bounds its memory; measured, smaller turns lose more to fixed cost than caches win.
_TURN = 65_536


class Unencodable(Terminal):
    """A row does not fit the schema that it is to be written with."""


class Encoder:
    """Encodes batches with one schema.

    Args:
        schema: Avro JSON of a record; a batch has a column of the same name for each field.
        prefix: bytes before each message, such as `schemas.wire.header(id)`.
    """

    def __init__(self, schema: dict[str, Any], *, prefix: bytes = b"") -> None:
        self._schema, self._prefix = schema, prefix
        try:
            self._plan: Node | None = plan(schema)
        except NoColumns:
            self._plan = None

    def encode(self, batch: pa.RecordBatch) -> pa.LargeBinaryArray:
        """Return the n messages of n rows.

        Raises:
            Unencodable: a column is missing, of another type, or null where the schema allows none.
        """
        missing = [f["name"] for f in self._schema["fields"] if f["name"] not in batch.schema.names]
        if missing:
            raise Unencodable(
                f"there is no column for the field {missing[0]!r}",
                where=str(self._schema.get("name", "")),
                fix="encode with the schema that belongs to this batch",
            )
        if self._plan is None:
            return self._by_row(batch)
        if not (n := batch.num_rows):
            return pa.array([], pa.large_binary())
        turns = [self._turn(self._plan, batch.slice(i, _TURN)) for i in range(0, n, _TURN)]
        return turns[0] if len(turns) == 1 else pa.concat_arrays(turns)

    def _turn(self, plan_: Node, batch: pa.RecordBatch) -> pa.LargeBinaryArray:
        segments = Segments(batch.num_rows)
        if self._prefix:
            segments.constant(self._prefix)
        for name, child in zip(plan_.names, plan_.children, strict=True):
            segments.value(child, batch.column(name), None, name)
        return segments.joined()

    def _by_row(self, batch: pa.RecordBatch) -> pa.LargeBinaryArray:
        try:
            found = reference.encode(batch.to_pylist(), self._schema)
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise Unencodable(
                f"a row does not fit the schema ({type(error).__name__})",
                where=str(self._schema.get("name", "")),
            ) from None
        return pa.array([self._prefix + value for value in found], pa.large_binary())


class Segments:
    """The segments of n messages, column by column, until `joined` puts them together.

    Small things (branches, numbers, lengths) gather in `_cells` and become one segment a message;
    texts keep their own bytes.
    """

    def __init__(self, n: int) -> None:
        self._n = n
        self._cells: list[Cell] = []
        self._parts: list[pa.LargeBinaryArray] = []

    def constant(self, value: bytes) -> None:
        """Add the same bytes to every message."""
        self._cells.append(Constant(value))

    def numbers(self, values: Int64s, present: Mask | None) -> None:
        """Add a varint to every message, or to those at `present`."""
        self._cells.append(Number(values, present))

    def content(self, array: pa.LargeBinaryArray) -> None:
        """Add bytes to every message; null adds none."""
        self._close()
        self._parts.append(array)

    def joined(self) -> pa.LargeBinaryArray:
        """Return the finished messages."""
        self._close()
        n = self._n
        if len(self._parts) == 1:
            return self._parts[0]
        rows = np.arange(n, dtype=np.int32)
        return interleave(pa.concat_arrays(self._parts), [rows + i * n for i in range(len(self._parts))])

    def value(self, node: Node, array: pa.Array, present: Mask | None, path: str) -> None:
        """Add a column; rows outside `present` (the parent is null there) add nothing.

        Raises:
            Unencodable: see `Encoder.encode`.
        """
        if node.kind == "union":
            self._union(node, array, present, path)
            return
        nulls = array.null_count or pa.types.is_null(array.type)
        valid = np.asarray(array.is_valid()) if nulls else None
        if node.null_branch is not None:
            if valid is None and present is None:
                self.constant(varint(1 - node.null_branch))
            elif valid is None:
                self.numbers(np.full(self._n, 1 - node.null_branch), present)
            else:
                self.numbers(np.where(valid, 1 - node.null_branch, node.null_branch), present)
                present = valid if present is None else present & valid
        elif (
            valid is not None
            and node.kind != "null"
            and not (valid if present is None else valid | ~present).all()
        ):
            raise Unencodable("null where the schema allows none", where=path, fix="reject such rows before")
        if pa.types.is_null(array.type):
            array = pa.nulls(self._n, node.arrow)
        self._plain(node, array, present, path)

    def _plain(self, node: Node, array: pa.Array, present: Mask | None, path: str) -> None:
        if node.kind == "record":
            self._record(node, array, present, path)
        elif node.kind == "array":
            self._array(node, array, present, path)
        elif node.kind in ("int", "long"):
            self.numbers(_integers(_typed(array, node.arrow, path)), present)
        elif node.kind in ("string", "bytes"):
            self._text(as_large_binary(_typed(array, node.arrow, path)), present)
        elif node.kind == "enum":
            symbols = pa.array(node.symbols, pa.string())
            found = pc.index_in(_typed(array, pa.string(), path), symbols)
            unknown = np.asarray(found.is_null())
            if (unknown if present is None else unknown & present).any():
                raise Unencodable("a text that is no symbol of the enum", where=path)
            self.numbers(found.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64), present)
        elif node.kind == "decimal":
            self._decimal(node, _typed(array, node.arrow, path), present)
        elif node.kind == "fixed":
            self.content(_blank(as_large_binary(_typed(array, node.arrow, path)), present))
        elif node.kind != "null":
            self._fixed_width(node, _typed(array, node.arrow, path), present)

    def _record(self, node: Node, array: pa.Array, present: Mask | None, path: str) -> None:
        names = [f.name for f in array.type]
        for name, child in zip(node.names, node.children, strict=True):
            if name not in names:
                raise Unencodable(f"there is no column for the field {name!r}", where=path)
            self.value(child, array.field(names.index(name)), present, f"{path}.{name}")

    def _union(self, node: Node, array: pa.Array, present: Mask | None, path: str) -> None:
        """Add the branch of each row and its value, from a struct of which one field is set."""
        array = _typed(array, node.arrow, path)
        valid = np.asarray(array.is_valid())
        columns = [array.field(i) for i in range(len(node.children))]
        chosen = [np.asarray(column.is_valid()) & valid for column in columns]
        count = np.sum(chosen, axis=0)
        wrong = (count != 1) & (valid if node.null_branch is not None else True)
        if (wrong if present is None else wrong & present).any():
            raise Unencodable("not one branch of the union is set", where=path, fix="set one field of it")
        index = np.full(self._n, node.null_branch or 0, np.int64)
        for branch, here in zip(node.branches, chosen, strict=True):
            index[here] = branch
        self.numbers(index, present)
        for child, column, here in zip(node.children, columns, chosen, strict=True):
            self._plain(child, column, here if present is None else here & present, path)

    def _array(self, node: Node, array: pa.Array, present: Mask | None, path: str) -> None:
        if not pa.types.is_list(array.type):
            raise Unencodable(f"a column of type {array.type} where {node.arrow} is wanted", where=path)
        offsets = np.frombuffer(array.buffers()[1], np.int32, self._n + 1, 4 * array.offset)
        # Items under a null list are legal in Arrow and belong to nobody: flatten() leaves them out.
        counts = np.diff(offsets).astype(np.int64)
        if array.null_count:
            counts = counts * np.asarray(array.is_valid())
        items = array.flatten()
        encoded = pa.array([b""], pa.large_binary())
        if len(items):
            inner = Segments(len(items))
            inner.value(node.children[0], items, None, f"{path}[]")
            encoded = inner.joined()
        where = np.zeros(self._n + 1, np.int64)
        np.cumsum(counts, out=where[1:])
        first = np.frombuffer(encoded.buffers()[1], np.int64)[encoded.offset :]
        some = counts > 0 if present is None else (counts > 0) & present
        self.numbers(counts, some)
        self.content(_blank(from_offsets(first[where], encoded.buffers()[2]), present))
        self.numbers(np.zeros(self._n, np.int64), present)

    def _text(self, array: pa.LargeBinaryArray, present: Mask | None) -> None:
        offsets = np.frombuffer(array.buffers()[1], np.int64, self._n + 1, 8 * array.offset)
        self.numbers(np.diff(offsets), present)
        self.content(_blank(array, present))

    def _decimal(self, node: Node, array: pa.Array, present: Mask | None) -> None:
        words = np.frombuffer(array.buffers()[1], np.int64, 2 * self._n, 16 * array.offset)
        low, high = words[0::2], words[1::2]
        size = node.size or minimal(low, high)
        if not isinstance(size, int):
            self.numbers(size.astype(np.int64), present)
        self._cells.append(Words(low, high, size, present))

    def _fixed_width(self, node: Node, array: pa.Array, present: Mask | None) -> None:
        if node.kind == "boolean":
            raw = array.fill_null(False).to_numpy(zero_copy_only=False).astype(np.uint8).reshape(-1, 1)
        else:
            kind = np.dtype("<f4" if node.kind == "float" else "<f8")
            body = np.frombuffer(array.buffers()[1], kind, self._n, kind.itemsize * array.offset)
            raw = np.ascontiguousarray(body).view(np.uint8).reshape(self._n, kind.itemsize)
        self._cells.append(Fixed(raw, present))

    def _close(self) -> None:
        if self._cells:
            self._parts.append(pressed(self._cells, self._n))
            self._cells = []


def _integers(array: pa.Array) -> Int64s:
    """Return the numbers behind an int, long, date, time or timestamp column; anything at nulls."""
    width = np.dtype(np.int32 if array.type.bit_width == 32 else np.int64)
    body = array.buffers()[1]
    if body is None:
        return np.zeros(len(array), np.int64)
    return np.frombuffer(body, width, len(array), width.itemsize * array.offset).astype(np.int64)


def _typed(array: pa.Array, kind: pa.DataType, path: str) -> pa.Array:
    if array.type == kind or (pa.types.is_large_string(array.type) and pa.types.is_string(kind)):
        return array
    try:
        return array.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise Unencodable(
            f"a column of type {array.type} does not fit {kind}",
            where=path,
            fix="build the batch with the schema's types",
        ) from None


def _blank(array: pa.LargeBinaryArray, present: Mask | None) -> pa.LargeBinaryArray:
    """Return the array with null where `present` is False."""
    if present is None or (array.null_count and np.array_equal(np.asarray(array.is_valid()), present)):
        return array
    bitmap = pa.py_buffer(np.packbits(present, bitorder="little"))
    flat = array if array.offset == 0 else pa.concat_arrays([array.slice(0, 0), array])
    if flat.offset:
        return pc.if_else(pa.array(present), array, pa.scalar(None, pa.large_binary()))
    return pa.Array.from_buffers(pa.large_binary(), len(flat), [bitmap, *flat.buffers()[1:]])
