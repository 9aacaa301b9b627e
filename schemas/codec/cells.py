"""Small things of n messages (branches, numbers, lengths), painted side by side and then pressed together.

Each cell has a column of bytes as wide as its widest row. Where all rows are equally long, the painted
matrix is the result; else the bytes that a row does not use are left out by one mask. Both are whole-array
steps: writing each byte to its own position took three times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.codec.column import Mask
from schemas.codec.interleave import Bytes, Int64s, from_offsets
from schemas.codec.varint import UInt64s, groups, zigzag

Sizes = npt.NDArray[np.uint8]
_MORE = np.uint8(0x80)
#: A change of layout every so many rows at most (record numbers grow by a byte now and then): the runs
#: between are painted each for itself, without a mask.
_RUN = 4_096


class Cell(Protocol):
    """One small thing in each message.

    Attributes:
        width: bytes of its longest row.
        sizes: n numbers of bytes; None where all have `width`.
    """

    width: int
    sizes: Sizes | None

    def part(self, rows: slice) -> Cell:
        """Return the cell of some rows, which are all equally long."""
        ...

    def paint(self, out: Bytes, mask: Mask | None) -> None:
        """Write n rows to `out` (n, width), and to `mask` which of its bytes count (they all did before)."""
        ...


class Constant:
    """The same bytes in every message."""

    sizes: Sizes | None = None

    def __init__(self, value: bytes) -> None:
        self.width = len(value)
        self._value = np.frombuffer(value, np.uint8)

    def part(self, rows: slice) -> Constant:
        """See `Cell`."""
        return self

    def paint(self, out: Bytes, mask: Mask | None) -> None:
        """See `Cell`."""
        out[:] = self._value


class Number:
    """A varint in every message, or in those at `present`."""

    def __init__(self, values: Int64s, present: Mask | None) -> None:
        self._zigzagged: UInt64s = zigzag(values)
        self.width, self.sizes = self._measured(present)

    def _measured(self, present: Mask | None) -> tuple[int, Sizes | None]:
        most, least = groups(int(self._zigzagged.max())), groups(int(self._zigzagged.min()))
        if most == least:
            return _all_or_some(most, None, present)
        sizes = np.full(len(self._zigzagged), least, np.uint8)
        for group in range(least, most):
            sizes += self._zigzagged >= np.uint64(1 << (7 * group))
        return _all_or_some(most, sizes, present)

    def part(self, rows: slice) -> Number:
        """See `Cell`."""
        part = object.__new__(Number)
        part._zigzagged = self._zigzagged[rows]
        part.width, part.sizes = _part(self, rows)
        return part

    def paint(self, out: Bytes, mask: Mask | None) -> None:
        """See `Cell`."""
        rest: Any = self._zigzagged.astype(np.uint32) if self.width <= 4 else self._zigzagged
        for group in range(self.width):
            byte = rest.astype(np.uint8)
            if self.sizes is None:
                out[:, group] = byte | _MORE if group < self.width - 1 else byte
            else:
                more = (self.sizes > group + 1).view(np.uint8)
                out[:, group] = byte & ~_MORE | more << 7
                if mask is not None:
                    mask[:, group] = self.sizes > group
            rest = rest >> 7


class Words:
    """Two's complement numbers of 128 bits, big-endian, of `size` bytes each."""

    def __init__(self, low: Int64s, high: Int64s, size: Sizes | int, present: Mask | None) -> None:
        self._low, self._high = low, high
        if isinstance(size, int):
            self.width, self.sizes = _all_or_some(size, None, present)
        else:
            self.width, self.sizes = _all_or_some(int(size.max()), size, present)

    def part(self, rows: slice) -> Words:
        """See `Cell`."""
        part = object.__new__(Words)
        part._low, part._high = self._low[rows], self._high[rows]
        part.width, part.sizes = _part(self, rows)
        return part

    def paint(self, out: Bytes, mask: Mask | None) -> None:
        """See `Cell`; shorter numbers stand at the right."""
        for i in range(self.width):
            word, shift = (self._low, 8 * i) if i < 8 else (self._high, min(8 * (i - 8), 63))
            out[:, self.width - 1 - i] = (word >> shift).astype(np.uint8)
            if mask is not None and self.sizes is not None:
                mask[:, self.width - 1 - i] = self.sizes > i


class Fixed:
    """The k bytes of each of n rows, or of those at `present`."""

    def __init__(self, rows: Bytes, present: Mask | None) -> None:
        self._rows = rows
        self.width, self.sizes = _all_or_some(rows.shape[1], None, present)

    def part(self, rows: slice) -> Fixed:
        """See `Cell`."""
        part = object.__new__(Fixed)
        part._rows = self._rows[rows]
        part.width, part.sizes = _part(self, rows)
        return part

    def paint(self, out: Bytes, mask: Mask | None) -> None:
        """See `Cell`."""
        out[:] = self._rows[:, : self.width]
        if mask is not None and self.sizes is not None:
            mask[:] = (self.sizes > 0)[:, None]


def pressed(cells: Sequence[Cell], n: int) -> pa.LargeBinaryArray:
    """Return n values, each its cells' bytes one after the other."""
    varying = [cell.sizes for cell in cells if cell.sizes is not None]
    if not varying:
        out = _painted(cells, n, None)
        return from_offsets(np.arange(n + 1, dtype=np.int64) * out.shape[1], out.reshape(-1))
    lengths = np.full(n, sum(cell.width for cell in cells if cell.sizes is None), np.int64)
    for sizes in varying:
        lengths += sizes
    offsets = np.zeros(n + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    edges = _edges(varying, n)
    if len(edges) <= n // _RUN:
        bounds = [0, *edges.tolist(), n]
        runs = [slice(a, b) for a, b in pairwise(bounds)]
        parts = [_painted([c.part(run) for c in cells], run.stop - run.start, None) for run in runs]
        return from_offsets(offsets, np.concatenate([part.reshape(-1) for part in parts]))
    mask = np.ones((n, sum(cell.width for cell in cells)), np.bool_)
    return from_offsets(offsets, _painted(cells, n, mask)[mask])


def minimal(low: Int64s, high: Int64s) -> Sizes:
    """Return the fewest bytes of each number's two's complement; zero takes one byte."""
    narrow = high == low >> 63
    size = np.ones(len(low), np.uint8)
    magnitude = np.where(low < 0, ~low, low)
    top = int(magnitude.max(initial=0)) if narrow.all() else 2**63 - 1
    for i in range(1, 8):
        if top >> (8 * i - 1) == 0:
            break
        size += magnitude >> (8 * i - 1) != 0
    if narrow.all():
        return size
    wide = np.full(len(low), 9, np.uint8)
    magnitude = np.where(high < 0, ~high, high)
    for i in range(1, 8):
        wide += magnitude >> (8 * i - 1) != 0
    return np.where(narrow, size, wide)


def _all_or_some(width: int, sizes: Sizes | None, present: Mask | None) -> tuple[int, Sizes | None]:
    """Return width and sizes with those rows empty that are not present."""
    if present is None or present.all():
        return width, sizes
    if not present.any():
        return 0, None
    return width, present * (np.uint8(width) if sizes is None else sizes)


def _part(cell: Cell, rows: slice) -> tuple[int, Sizes | None]:
    """Return width and sizes of rows that are all equally long."""
    return cell.width if cell.sizes is None else int(cell.sizes[rows.start]), None


def _painted(cells: Sequence[Cell], n: int, mask: Mask | None) -> Bytes:
    out = np.empty((n, sum(cell.width for cell in cells)), np.uint8)
    at = 0
    for cell in cells:
        columns = slice(at, at + cell.width)
        cell.paint(out[:, columns], None if mask is None else mask[:, columns])
        at = columns.stop
    return out


def _edges(varying: Sequence[Sizes], n: int) -> Int64s:
    """Return the rows at which a size differs from the row before."""
    differs = np.zeros(max(n - 1, 0), np.bool_)
    for sizes in varying:
        differs |= sizes[1:] != sizes[:-1]
    return np.flatnonzero(differs) + 1
