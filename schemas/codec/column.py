"""Decoded but not yet gathered columns: positions and numbers that become Arrow arrays at the end.

Keeping positions instead of bytes lets a row be dropped, a null be opened and array items be put in
order by moving integers; the bytes of a text are copied once, when everything is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.codec.interleave import Bytes, Int64s

Mask = npt.NDArray[np.bool_]


class BadText(Exception):
    """Texts at these positions of the data are not UTF-8."""

    def __init__(self, positions: Int64s) -> None:
        super().__init__("not UTF-8")
        self.positions = positions


class Column(Protocol):
    """n values of one node."""

    def take(self, index: Int64s, present: Mask | None) -> Column:
        """Return the rows at `index`; where `present` is False the row is null, whatever its index."""
        ...

    def array(self, data: Bytes, kind: pa.DataType, n: int) -> pa.Array:
        """Return the Arrow array; `data` is what positions point into.

        Raises:
            BadText: a text is not UTF-8.
        """
        ...


@dataclass(slots=True)
class Skipped:
    """A column that nobody wants."""

    def take(self, index: Int64s, present: Mask | None) -> Skipped:
        """Return itself."""
        return self

    def array(self, data: Bytes, kind: pa.DataType, n: int) -> pa.Array:
        """Return nulls."""
        return pa.nulls(n, kind)


@dataclass(slots=True)
class Numbers:
    """Fixed-width values; decimals have two little-endian 64-bit words a row."""

    values: npt.NDArray[Any]
    valid: Mask | None = None

    def take(self, index: Int64s, present: Mask | None) -> Numbers:
        """See `Column`."""
        values = (
            self.values[index]
            if len(self.values)
            else np.zeros((len(index), *self.values.shape[1:]), self.values.dtype)
        )
        return Numbers(values, _valid(self.valid, index, present))

    def array(self, data: Bytes, kind: pa.DataType, n: int) -> pa.Array:
        """See `Column`."""
        if pa.types.is_boolean(kind):
            body = np.packbits(self.values, bitorder="little")
        else:
            body = np.ascontiguousarray(self.values)
        return pa.Array.from_buffers(kind, n, [_bitmap(self.valid), pa.py_buffer(body)])


@dataclass(slots=True)
class Spans:
    """Texts and bytes as (start, length) in the data; present rows ascend."""

    starts: Int64s
    lengths: Int64s
    valid: Mask | None = None

    def take(self, index: Int64s, present: Mask | None) -> Spans:
        """See `Column`."""
        if not len(self.starts):
            zeros = np.zeros(len(index), np.int64)
            return Spans(zeros, zeros, np.zeros(len(index), np.bool_) if present is None else present)
        return Spans(self.starts[index], self.lengths[index], _valid(self.valid, index, present))

    def array(self, data: Bytes, kind: pa.DataType, n: int) -> pa.Array:
        """See `Column`."""
        starts, lengths = self.starts, self.lengths
        if self.valid is not None:
            starts, lengths = starts[self.valid], lengths[self.valid]
        body = _gather(data, starts, lengths)
        if pa.types.is_string(kind):
            _check_utf8(body, starts, lengths)
        if pa.types.is_fixed_size_binary(kind):
            return _fixed(body, kind, n, self.valid)
        full = lengths
        if self.valid is not None:
            full = np.zeros(n, np.int64)
            full[self.valid] = lengths
        offsets = np.zeros(n + 1, np.int32)
        np.cumsum(full, out=offsets[1:])
        return pa.Array.from_buffers(kind, n, [_bitmap(self.valid), pa.py_buffer(offsets), body])


@dataclass(slots=True)
class Records:
    """A nested record: one column a field."""

    children: list[Column]
    valid: Mask | None = None

    def take(self, index: Int64s, present: Mask | None) -> Records:
        """See `Column`."""
        taken = [child.take(index, present) for child in self.children]
        return Records(taken, _valid(self.valid, index, present))

    def array(self, data: Bytes, kind: pa.DataType, n: int) -> pa.Array:
        """See `Column`."""
        arrays = [c.array(data, f.type, n) for c, f in zip(self.children, kind, strict=True)]
        return pa.Array.from_buffers(kind, n, [_bitmap(self.valid)], children=arrays)


@dataclass(slots=True)
class Lists:
    """Arrays: how many items each row has, and the items of all rows in row order."""

    counts: Int64s
    items: Column
    valid: Mask | None = None

    def take(self, index: Int64s, present: Mask | None) -> Lists:
        """See `Column`."""
        if not len(self.counts):
            return Lists(np.zeros(len(index), np.int64), self.items, _valid(None, index, present))
        counts = self.counts[index]
        if present is not None:
            counts = np.where(present, counts, 0)
        first = (np.cumsum(self.counts) - self.counts)[index]
        inner = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        items = self.items.take(np.repeat(first, counts) + inner, None)
        return Lists(counts, items, _valid(self.valid, index, present))

    def array(self, data: Bytes, kind: pa.DataType, n: int) -> pa.Array:
        """See `Column`."""
        counts = self.counts if self.valid is None else np.where(self.valid, self.counts, 0)
        offsets = np.zeros(n + 1, np.int32)
        np.cumsum(counts, out=offsets[1:])
        items = self.items.array(data, kind.value_type, int(offsets[-1]))
        return pa.Array.from_buffers(kind, n, [_bitmap(self.valid), pa.py_buffer(offsets)], children=[items])


def _valid(valid: Mask | None, index: Int64s, present: Mask | None) -> Mask | None:
    if valid is None or not len(valid):
        return present
    taken = valid[index]
    return taken if present is None else taken & present


def _bitmap(valid: Mask | None) -> pa.Buffer | None:
    return None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))


def _gather(data: Bytes, starts: Int64s, lengths: Int64s) -> pa.Buffer:
    """Copy the spans one behind the other.

    Ascending spans and the gaps between them are one valid Arrow array over `data`; taking every
    second element of it copies each span by one memcpy.
    """
    n = len(starts)
    offsets = np.empty(2 * n + 1, np.int64)
    offsets[0 : 2 * n : 2] = starts
    offsets[1 : 2 * n : 2] = starts + lengths
    offsets[2 * n] = offsets[2 * n - 1] if n else 0
    spans = pa.Array.from_buffers(pa.large_binary(), 2 * n, [None, pa.py_buffer(offsets), pa.py_buffer(data)])
    body = spans.take(pa.array(np.arange(0, 2 * n, 2))).buffers()[2]
    return body if body is not None else pa.py_buffer(b"")


def _check_utf8(body: pa.Buffer, starts: Int64s, lengths: Int64s) -> None:
    text = np.frombuffer(body, np.uint8)
    if not text.size or int(text.max()) < 0x80:
        return
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    spans = pa.Array.from_buffers(pa.large_binary(), len(lengths), [None, pa.py_buffer(offsets), body])
    try:
        spans.cast(pa.large_string())
    except pa.ArrowInvalid:
        wrong = [i for i, value in enumerate(spans.to_pylist()) if not _is_utf8(value)]
        raise BadText(starts[wrong]) from None


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _fixed(body: pa.Buffer, kind: pa.DataType, n: int, valid: Mask | None) -> pa.Array:
    if valid is not None:
        full = np.zeros((n, kind.byte_width), np.uint8)
        full[valid] = np.frombuffer(body, np.uint8)[: int(valid.sum()) * kind.byte_width].reshape(
            -1, kind.byte_width
        )
        body = pa.py_buffer(full)
    return pa.Array.from_buffers(kind, n, [_bitmap(valid), body])
