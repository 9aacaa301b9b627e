"""One reading position in each message, moved field by field through the whole batch.

A message that turns out to be wrong is marked with its reason and its position sent to a field of zeros
behind the data, where every further read gives null, 0 or an empty text: so the kernels need no special
case for it, and nothing outside a message can get into an accepted row: positions only grow, and a row
is accepted only if its last position is exactly its end.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.codec import varint
from schemas.codec.column import Column, Lists, Mask, Numbers, Records, Skipped, Spans
from schemas.codec.interleave import Bytes, Int64s
from schemas.codec.plan import VARINTS, Node

# Python's date and datetime, and so the reference, know the years 1 to 9999.
_DAYS = (-719_162, 2_932_896)
_DAY_MS = 86_400_000
_RANGES: dict[str, tuple[int, int]] = {
    "date32[day]": _DAYS,
    "time32[ms]": (0, _DAY_MS - 1),
    "time64[us]": (0, _DAY_MS * 1000 - 1),
}
_INT32 = (-(2**31), 2**31 - 1)
#: Read before the start of a decimal's last eight bytes and past any position.
PAD = 32


class Faults:
    """The first reason of each wrong message."""

    def __init__(self, zeros_at: int) -> None:
        self.zeros_at = zeros_at
        self.reasons: dict[int, str] = {}

    def mark(self, rows: Int64s, reason: str) -> None:
        """Keep `reason` for each row that has none yet."""
        for row in rows.tolist():
            self.reasons.setdefault(row, reason)


class Cursor:
    """Positions of n messages (or of those where a nullable value is present).

    Attributes:
        data: all bytes, with `PAD` and more zeros at both ends.
        pos: next byte to read.
        end: first byte behind the message.
        row: index of the message in the batch.
    """

    __slots__ = ("data", "end", "faults", "pos", "row")

    def __init__(self, data: Bytes, pos: Int64s, end: Int64s, row: Int64s, faults: Faults) -> None:
        self.data, self.pos, self.end, self.row, self.faults = data, pos, end, row, faults

    def read(self, node: Node, wanted: bool, path: str) -> Column:
        """Read one value of `node` from every message and move on."""
        if node.kind == "union":
            return self._union(node, wanted, path)
        if node.null_branch is None:
            return self.plain(node, wanted, path)
        present = self._branch(node.null_branch, path)
        if present is None:
            return self.plain(node, wanted, path)
        inner = self._part(np.flatnonzero(present))
        column = inner.plain(node, wanted, path)
        self._join(inner, present)
        if not wanted:
            return Skipped()
        return column.take(np.cumsum(present) - 1, present)

    def fail(self, where: Any, reason: str) -> None:
        """Mark the messages at `where` (mask or index) as wrong and send them to the zeros."""
        self.faults.mark(self.row[where], reason)
        self.pos[where] = self.faults.zeros_at
        self.end[where] = np.iinfo(np.int64).max

    def plain(self, node: Node, wanted: bool, path: str) -> Column:
        """Read one value of `node`, which is not null, from every message and move on."""
        if node.kind in VARINTS:
            return self._number(node, wanted, path)
        if node.kind == "record":
            return self._record(node, wanted, path)
        if node.kind == "array":
            return self._array(node, wanted, path)
        if node.kind == "null":
            return Skipped()
        if node.kind in ("boolean", "float", "double"):
            return self._fixed_width(node, path)
        lengths = np.full(len(self.pos), node.size, np.int64) if node.size else self.long(path)
        return self._span(node, lengths, wanted, path)

    def long(self, path: str) -> Int64s:
        """Read one varint from every message and move on."""
        numbers, size, overlong = varint.read(self.data, self.pos)
        self.pos = self.pos + size
        if overlong is not None:
            self.fail(overlong, f"{path}: a varint of more than 64 bits")
        # Zeros lie behind the last message only; elsewhere a read may run into the next one and on.
        if len(self.pos) and (past := self.pos > self.end).any():
            self.fail(past, f"{path}: the message ends inside")
            numbers[past] = 0
        return numbers

    def _number(self, node: Node, wanted: bool, path: str) -> Column:
        numbers = self.long(path)
        if node.kind == "enum":
            bad = (numbers < 0) | (numbers >= len(node.symbols))
        elif node.kind == "int":
            low, high = _RANGES.get(str(node.arrow), _INT32)
            bad = (numbers < low) | (numbers > high)
        elif bounds := _long_range(node):
            bad = (numbers < bounds[0]) | (numbers > bounds[1])
        else:
            return Numbers(numbers) if wanted else Skipped()
        if bad.any():
            self.fail(bad, f"{path}: the number is out of the range of {node.arrow}")
            numbers[bad] = 0
        if not wanted:
            return Skipped()
        if node.kind == "enum":
            return Symbols(numbers, None, node.symbols)
        return Numbers(numbers.astype(np.int32) if node.kind == "int" else numbers)

    def _fixed_width(self, node: Node, path: str) -> Column:
        at, dtype = self.pos, {"boolean": "u1", "float": "<f4", "double": "<f8"}[node.kind]
        width = np.dtype(dtype).itemsize
        view: Any = np.ndarray((len(self.data) - width + 1,), dtype, self.data, 0, (1,))
        values = view[at]
        self.pos = at + width
        if (past := self.pos > self.end).any():
            self.fail(past, f"{path}: the message ends inside")
            values[past] = 0
        if node.kind == "boolean":
            if (bad := values > 1).any():
                self.fail(bad, f"{path}: a boolean that is neither 0 nor 1")
            return Numbers(values == 1)
        return Numbers(values)

    def _span(self, node: Node, lengths: Int64s, wanted: bool, path: str) -> Column:
        bad = lengths > self.end - self.pos
        if not node.size:
            bad |= lengths < 0
        if bad.any():
            self.fail(bad, f"{path}: a length that is negative or goes past the end")
            lengths[bad] = 0
        starts = self.pos
        self.pos = starts + lengths
        if node.kind == "decimal":
            return self._decimal(node, starts, lengths, path) if wanted else Skipped()
        return Spans(starts, lengths) if wanted else Skipped()

    def _decimal(self, node: Node, starts: Int64s, lengths: Int64s, path: str) -> Column:
        high, low, fits = _big_endian(self.data, starts, lengths)
        limit = 10**node.arrow.precision
        if limit <= 2**63:
            small = np.abs(low.view(np.int64))
            fits &= (high == low.view(np.int64) >> 63) & (small < limit) & (small >= 0)
        else:
            top, rest = divmod(limit, 2**64)
            negative = high < 0
            # Two's complement: the magnitude of a negative number is its complement plus one.
            size_low = np.where(negative, ~low + np.uint64(1), low)
            size_high = np.where(negative, ~high + (low == 0), high)
            fits &= (size_high < top) | ((size_high == top) & (size_low < np.uint64(rest)))
            fits &= size_high >= 0
        if not fits.all():
            self.fail(~fits, f"{path}: more than {node.arrow.precision} digits")
        return Numbers(np.stack([low.view(np.int64), high], axis=1))

    def _record(self, node: Node, wanted: bool, path: str) -> Column:
        dot = f"{path}." if path else ""
        columns = [
            self.read(child, wanted, dot + name)
            for name, child in zip(node.names, node.children, strict=True)
        ]
        return Records(columns) if wanted else Skipped()

    def _union(self, node: Node, wanted: bool, path: str) -> Column:
        """Read a union of several types: each branch from the messages that have it."""
        index = self.long(path)
        known = np.array([*node.branches, *([] if node.null_branch is None else [node.null_branch])])
        if (bad := ~np.isin(index, known)).any():
            self.fail(bad, f"{path}: no such branch of the union")
            index[bad] = node.branches[0]
        columns: list[Column] = []
        for branch, child in zip(node.branches, node.children, strict=True):
            here = index == branch
            inner = self._part(np.flatnonzero(here))
            column = inner.plain(child, wanted, path)
            self._join(inner, here)
            columns.append(column.take(np.cumsum(here) - 1, here))
        if not wanted:
            return Skipped()
        return Records(columns, None if node.null_branch is None else index != node.null_branch)

    def _array(self, node: Node, wanted: bool, path: str) -> Column:
        """Read blocks (Avro 1.11, "Arrays"): one item of every unfinished message a turn."""
        item, n = node.children[0], len(self.pos)
        counts = np.zeros(n, np.int64)
        left = self.block(item, path)
        parts: list[tuple[Int64s, Column]] = []
        while len(open_ := np.flatnonzero(left)):
            inner = self._part(open_)
            column = inner.read(item, wanted, f"{path}[]")
            self.pos[open_], self.end[open_] = inner.pos, inner.end
            parts.append((open_, column))
            counts[open_] += 1
            left[open_] -= 1
            done = open_[left[open_] == 0]
            if self.faults.reasons:
                left[self.pos >= self.faults.zeros_at] = 0
                done = done[self.pos[done] < self.faults.zeros_at]
            if len(done):
                inner = self._part(done)
                left[done] = inner.block(item, path)
                self.pos[done], self.end[done] = inner.pos, inner.end
        return _rows_of(parts, counts) if wanted else Skipped()

    def block(self, item: Node, path: str) -> Int64s:
        """Read a block's count, and its size in bytes where the count is negative."""
        counts = self.long(path)
        if (sized := counts < 0).any():
            inner = self._part(np.flatnonzero(sized))
            inner.long(path)
            self._join(inner, sized)
            counts = np.abs(counts)
        # An item takes at least `least` bytes, so this also bounds the work that a false count can cause.
        # (abs of the smallest number is negative.)
        room = (self.end - self.pos) // item.least
        if (bad := (counts > room) | (counts < 0)).any():
            self.fail(bad, f"{path}: more items than the message has room for")
            counts[bad] = 0
        return counts

    def _branch(self, null_branch: int, path: str) -> Mask | None:
        """Read a union's index; None means present everywhere."""
        index = self.long(path)
        if (bad := (index < 0) | (index > 1)).any():
            self.fail(bad, f"{path}: no such branch of the union")
            index[bad] = null_branch
        present = index != null_branch
        return None if present.all() else present

    def _part(self, rows: Int64s) -> Cursor:
        return Cursor(self.data, self.pos[rows], self.end[rows], self.row[rows], self.faults)

    def _join(self, part: Cursor, mask: Mask) -> None:
        self.pos[mask], self.end[mask] = part.pos, part.end


class Symbols(Numbers):
    """Enum positions that become their symbols."""

    __slots__ = ("symbols",)

    def __init__(self, values: Any, valid: Mask | None, symbols: tuple[str, ...]) -> None:
        super().__init__(values, valid)
        self.symbols = symbols

    def take(self, index: Int64s, present: Mask | None) -> Symbols:
        """See `Column`."""
        taken = super().take(index, present)
        return Symbols(taken.values, taken.valid, self.symbols)

    def array(self, data: Bytes, kind: Any, n: int) -> Any:
        """See `Column`."""
        where = pa.array(self.values, mask=None if self.valid is None else ~self.valid)
        return pa.array(self.symbols, kind).take(where)


def _long_range(node: Node) -> tuple[int, int] | None:
    kind = str(node.arrow)
    if kind.startswith("timestamp"):
        unit = 1000 if "us" in kind else 1
        return _DAYS[0] * _DAY_MS * unit, ((_DAYS[1] + 1) * _DAY_MS) * unit - 1
    return _RANGES.get(kind)


def _rows_of(parts: list[tuple[Int64s, Column]], counts: Int64s) -> Column:
    """Put items that were read turn by turn into row order."""
    if not parts:
        return Lists(counts, Skipped())
    first = np.cumsum(counts) - counts
    place = np.concatenate([first[rows] + turn_of for turn_of, rows in _turns(parts, len(counts))])
    order = np.empty(len(place), np.int64)
    order[place] = np.arange(len(place))
    return Lists(counts, joined([column for _, column in parts]).take(order, None))


def _turns(parts: list[tuple[Int64s, Column]], n: int) -> list[tuple[Int64s, Int64s]]:
    seen, out = np.zeros(n, np.int64), []
    for rows, _ in parts:
        out.append((seen[rows], rows))
        seen[rows] += 1
    return out


def joined(columns: list[Column]) -> Column:
    """Return columns of one node, one behind the other."""
    head: Any = columns[0]
    every: list[Any] = columns
    if isinstance(head, Skipped):
        return head
    valid = _joined_valid(every)
    if isinstance(head, Symbols):
        return Symbols(np.concatenate([c.values for c in every]), valid, head.symbols)
    if isinstance(head, Numbers):
        return Numbers(np.concatenate([c.values for c in every]), valid)
    if isinstance(head, Spans):
        lengths = np.concatenate([c.lengths for c in every])
        return Spans(np.concatenate([c.starts for c in every]), lengths, valid)
    if isinstance(head, Records):
        children = [joined([c.children[i] for c in every]) for i in range(len(head.children))]
        return Records(children, valid)
    items = [c.items for c in every if int(c.counts.sum())]
    return Lists(np.concatenate([c.counts for c in every]), joined(items) if items else Skipped(), valid)


def _joined_valid(columns: list[Any]) -> Mask | None:
    if all(c.valid is None for c in columns):
        return None
    return np.concatenate([np.ones(_rows(c), np.bool_) if c.valid is None else c.valid for c in columns])


def _rows(column: Any) -> int:
    if isinstance(column, Numbers):
        return len(column.values)
    if isinstance(column, Spans):
        return len(column.starts)
    if isinstance(column, Lists):
        return len(column.counts)
    return max((_rows(c) for c in column.children if not isinstance(c, Skipped)), default=0)


def _big_endian(data: Bytes, starts: Int64s, lengths: Int64s) -> tuple[Int64s, npt.NDArray[np.uint64], Mask]:
    """Return (high, low, fits) of two's complement numbers of any length; 16 bytes fit."""
    ends = starts + lengths
    words: Any = np.ndarray((len(data) - 7,), ">i8", data, 0, (1,))
    last = words[ends - 8].astype(np.int64)
    longest = int(lengths.max(initial=0))
    unused = np.clip(64 - 8 * lengths, 0, 63)
    short = last << unused >> unused
    short[lengths == 0] = 0
    if longest <= 8:
        return short >> 63, short.view(np.uint64), np.ones(len(starts), np.bool_)
    unused = np.clip(128 - 8 * lengths, 0, 63)
    before = words[ends - 16].astype(np.int64) << unused >> unused
    wide = lengths > 8
    low = np.where(wide, last, short).view(np.uint64)
    high = np.where(wide, before, short >> 63)
    fits = lengths <= 16
    for i in np.flatnonzero(~fits).tolist():
        number = int.from_bytes(bytes(data[starts[i] : ends[i]]), "big", signed=True)
        if -(2**127) <= number < 2**127:
            fits[i], low[i] = True, number & (2**64 - 1)
            high[i] = number >> 64
    return high, low, fits
