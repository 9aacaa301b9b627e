"""Merge two sides that stand in the order of their keys: nothing is hashed, equal bytes are only compared.

Of each pair of blocks the rows up to the lesser last key are matched by key; rows that were matched and are
as far apart in both files form runs, whose bytes are compared as a whole. What differs comes out as from
`join`, changes in the order of the new side and deletes in that of the old one. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from adapters.compare.fingerprint import Bools, Bytes, Int64s, Words
from adapters.compare.join import NEW, NEW_NUMBER, NONE, OLD, OLD_NUMBER, Differences
from adapters.compare.ordered import Block, big_endian
from adapters.compare.prints import place


@dataclass(frozen=True, slots=True)
class Merged:
    """What differs between rows of both sides up to a key.

    Attributes:
        changes: shape (4, m), creates and updates in the order of the new side.
        deletes: shape (4, d), in the order of the old side.
        old_rows: rows of the old side, changed or not.
        new_rows: the same of the new side.
    """

    changes: Differences
    deletes: Differences
    old_rows: int
    new_rows: int

    @property
    def unchanged(self) -> int:
        """Rows that are alike."""
        return self.new_rows - int(self.changes.shape[1])


def merge(old: Iterator[Block], new: Iterator[Block]) -> Iterator[Merged]:
    """Yield the differences; each side's blocks ascend by key, keys made by one `Layout`."""
    left, right = _Cursor(old), _Cursor(new)
    while left.block or right.block:
        a, b = left.take(right.last), right.take(left.last)
        yield _merged(a, b)
        left.leave(a)
        right.leave(b)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Some rows of one block, or none of no block."""

    block: Block | None
    first: int = 0
    stop: int = 0

    def __len__(self) -> int:
        return self.stop - self.first

    @property
    def keys(self) -> Bytes | None:
        return self.block.keys[self.first : self.stop] if self.block and len(self) else None

    def differences(self, chosen: Int64s) -> tuple[Words, Words]:
        """Return places and numbers of chosen rows."""
        assert self.block is not None
        rows, index = self.block.rows, chosen + self.first
        where = place(rows.starts[index] + rows.offset, rows.lengths[index])
        return where, (index + rows.number).astype(np.uint64)


class _Cursor:
    """One side: its current block, and how much of it is done."""

    def __init__(self, blocks: Iterator[Block]) -> None:
        self._blocks, self._done = blocks, 0
        self.block = next(blocks, None)

    @property
    def last(self) -> bytes | None:
        """The block's last key; None at the end."""
        return self.block.keys[-1].tobytes() if self.block else None

    def take(self, limit: bytes | None) -> _Rows:
        """Return the rows that are left of this block, up to the key `limit`."""
        if self.block is None:
            return _Rows(None)
        return _Rows(self.block, self._done, _bisect(self.block.keys, limit, self._done))

    def leave(self, rows: _Rows) -> None:
        """Step behind these rows, to the next block if need be."""
        self._done = rows.stop
        if self.block is not None and self._done == len(self.block):
            self.block, self._done = next(self._blocks, None), 0


def _bisect(keys: Bytes, limit: bytes | None, low: int) -> int:
    """Return the index of the first key above the limit."""
    high = len(keys)
    if limit is None or keys[-1].tobytes() <= limit:
        return high
    while low < high:
        middle = (low + high) // 2
        if keys[middle].tobytes() <= limit:
            low = middle + 1
        else:
            high = middle
    return low


def _merged(old: _Rows, new: _Rows) -> Merged:
    partner, known = _matched(old, new)
    gone = np.ones(len(old), np.bool_)
    gone[partner] = False
    differ = ~known
    mate = np.flatnonzero(known)
    if len(mate):
        assert old.block is not None and new.block is not None
        differ[mate] = _unequal(old.block, partner + old.first, new.block, mate + new.first)
    changed = np.flatnonzero(differ)
    changes = np.full((4, len(changed)), NONE, np.uint64)
    if len(changed):
        changes[NEW], changes[NEW_NUMBER] = new.differences(changed)
        updated = differ[mate]
        both = known[changed]
        if updated.any():
            changes[OLD, both], changes[OLD_NUMBER, both] = old.differences(partner[updated])
    removed = np.flatnonzero(gone)
    deletes = np.full((4, len(removed)), NONE, np.uint64)
    if len(removed):
        deletes[OLD], deletes[OLD_NUMBER] = old.differences(removed)
    return Merged(changes, deletes, len(old), len(new))


def _matched(old: _Rows, new: _Rows) -> tuple[Int64s, Bools]:
    """Return which new rows have an old one, and the indexes of these old ones."""
    left, right = old.keys, new.keys
    if old.block is None or new.block is None or left is None or right is None:
        return np.empty(0, np.int64), np.zeros(len(new), np.bool_)
    a, b = _comparable(left, right, max(old.block.used, new.block.used))
    at = np.searchsorted(a, b)
    at[at == len(a)] = 0
    known: Bools = a[at] == b
    return at[known], known


def _comparable(left: Bytes, right: Bytes, used: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return both sides' keys without the bytes that all share, as words if eight bytes are left.

    Keys that ascend share what the first and the last of them share.
    """
    width = left.shape[1]
    ends = np.stack([left[0], left[-1], right[0], right[-1]])
    shared = (ends == ends[0]).all(axis=0)
    first = int(np.argmin(shared)) if not shared.all() else width - 8
    first = min(first, width - 8)
    if used - first > 8:
        text = f"S{width - first}"
        a, b = (np.ascontiguousarray(keys[:, first:]).view(text)[:, 0] for keys in (left, right))
    else:
        a, b = (big_endian(np.ascontiguousarray(keys[:, first : first + 8]))[:, 0] for keys in (left, right))
    return a, b


def _unequal(old: Block, partner: Int64s, new: Block, mate: Int64s) -> Bools:
    """Return which of n pairs of rows differ in any byte."""
    a, b = old.rows, new.rows
    starts, lengths = a.starts[partner], a.lengths[partner]
    away = b.starts[mate] - starts
    differ: Bools = lengths != b.lengths[mate]
    same = np.flatnonzero(~differ)
    if not len(same):
        return differ
    starts, lengths, away = starts[same], lengths[same], away[same]
    low, high = int(starts[0]), int(starts[-1] + lengths[-1])
    # The new side's bytes are laid where the old side's are: one copy a run of rows that are as far apart.
    moved = np.empty(-(-(high - low) // 8) * 8, np.uint8)
    breaks = np.flatnonzero(away[1:] != away[:-1]) + 1
    begins = starts[np.append(0, breaks)]
    last = np.append(breaks - 1, len(starts) - 1)
    for begin, end, by in zip(
        begins.tolist(), (starts + lengths)[last].tolist(), away[last].tolist(), strict=True
    ):
        moved[begin - low : end - low] = b.data[begin + by : end + by]
    wrong = _unequal_bytes(a.data[low:high], moved) + low
    row = np.searchsorted(starts, wrong, side="right") - 1
    inside = wrong < starts[row] + lengths[row]  # line ends and rows that only one side has do not count
    differ[same[row[inside]]] = True
    return differ


def _unequal_bytes(one: Bytes, other: Bytes) -> Int64s:
    """Return where two texts differ; the second may be longer. Few places are expected."""
    whole = len(one) // 8 * 8
    words = np.flatnonzero(one[:whole].view(np.uint64) ^ other[:whole].view(np.uint64))
    near = (words[:, None] * 8 + np.arange(8)).reshape(-1)
    near = np.append(near, np.arange(whole, len(one)))
    found: Int64s = near[one[near] != other[near]]
    return found
