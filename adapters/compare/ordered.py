"""Rows that stand in the order of their keys: what a merge of two extracts reads, block by block.

An order is taken as it is found, not asked for: by bytes (`C000000009` before `C000000010`), or by length and
then by bytes, which is how whole numbers stand (`9` before `10`). Either says that no key is there twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import chain, islice
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from adapters.compare.fingerprint import Bytes, Int64s, Words, windows

Order = Literal["bytes", "length"]
#: Bytes that a key field may grow by after the first block, and a key's greatest length in all.
_SPARE, _LONGEST_KEY = 8, 256


class NotOrdered(Exception):
    """The keys are in neither order, are there twice, are very long, or hold NULs: a merge cannot be had."""


@dataclass(frozen=True, slots=True)
class RawRows:
    """n consecutive rows of a file.

    Attributes:
        data: bytes that hold them; they stay as they are until the next block but one is asked for.
        offset: where `data` begins in the file.
        starts: n offsets in `data`.
        lengths: n lengths.
        number: the first row's number.
        key: bytes, n starts and n lengths of each key field.
    """

    data: Bytes
    offset: int
    starts: Int64s
    lengths: Int64s
    number: int
    key: Sequence[tuple[Bytes, Int64s, Int64s]]


@runtime_checkable
class RowSource(Protocol):
    """A table whose rows can be read as they stand, before anything is made of them."""

    def raw_rows(self, key: Sequence[str]) -> Iterator[RawRows]:
        """Yield the rows in the file's order; memory is bounded by two blocks, and none is empty.

        Raises:
            Terminal: the file cannot be read as what it should be.
        """
        ...


@dataclass(frozen=True, slots=True)
class Layout:
    """How a key becomes a line of a matrix: fields of fixed width side by side, filled up with NULs."""

    order: Order
    widths: tuple[int, ...]

    def matrix(self, rows: RawRows) -> Bytes:
        """Return the keys, shape (n, total width); they compare as the keys do, byte by byte.

        Raises:
            NotOrdered: a key field is longer than its width, or holds NULs.
        """
        n = len(rows.starts)
        out = np.zeros((n, -(-sum(self.widths) // 8) * 8), np.uint8)
        at, used = 0, 0
        for (data, starts, lengths), width in zip(rows.key, self.widths, strict=True):
            if int(lengths.max(initial=0)) > width:
                raise NotOrdered
            column = out[:, at : at + width]
            if self.order == "bytes":
                column[:] = windows(data, starts, width)
                column *= _inside(width)[lengths]
            else:
                column[:] = _before(data, starts + lengths, width)
                column *= _inside(width)[lengths, ::-1]
            at += width
            used += int(lengths.sum())
        if int(np.count_nonzero(out)) != used:
            raise NotOrdered
        return out


@dataclass(frozen=True, slots=True)
class Block:
    """Rows and their keys in a strict order: each key is greater than the one before it."""

    rows: RawRows
    keys: Bytes

    def __len__(self) -> int:
        return len(self.keys)


def layout(firsts: Sequence[RawRows]) -> Layout:
    """Return the order and the widths that fit the first blocks of all sides.

    Raises:
        NotOrdered: there is none.
    """
    lengths = [[int(field_lengths.max()) for _, _, field_lengths in rows.key] for rows in firsts]
    widths = tuple(max(field) + _SPARE for field in zip(*lengths, strict=True))
    if sum(widths) > _LONGEST_KEY:
        raise NotOrdered
    orders: tuple[Order, ...] = ("bytes", "length") if len(widths) == 1 else ("bytes",)
    for order in orders:
        found = Layout(order, widths)
        if all(ascending(found.matrix(rows)) for rows in firsts):
            return found
    raise NotOrdered


def sides(old: Iterator[RawRows], new: Iterator[RawRows], pool: Executor) -> list[Iterator[Block]]:
    """Return both sides as blocks, each read by a thread while the blocks before are merged.

    Raises:
        NotOrdered: here or while they are read.
    """
    firsts = list(pool.map(lambda rows: list(islice(rows, 1)), (old, new)))
    found = layout([rows for first in firsts for rows in first])
    return [
        _ahead(blocks(chain(first, rest), found), pool)
        for first, rest in zip(firsts, (old, new), strict=True)
    ]


def _ahead(items: Iterator[Block], pool: Executor) -> Iterator[Block]:
    """Yield what is made while the one before is used."""
    waiting = pool.submit(next, items, None)
    while (item := waiting.result()) is not None:
        waiting = pool.submit(next, items, None)
        yield item


def blocks(rows: Iterable[RawRows], layout: Layout) -> Iterator[Block]:
    """Yield the rows with their keys.

    Raises:
        NotOrdered: a key is not greater than the one before it.
    """
    last = b""
    for piece in rows:
        keys = layout.matrix(piece)
        if not ascending(keys) or (last and keys[0].tobytes() <= last):
            raise NotOrdered
        last = keys[-1].tobytes()
        yield Block(piece, keys)


def ascending(keys: Bytes) -> bool:
    """Return whether each key, a line of bytes, is greater than the one before it."""
    words = big_endian(keys)
    ties = np.ones(max(len(keys) - 1, 0), np.bool_)
    for word in words.T:
        if (ties & (word[1:] < word[:-1])).any():
            return False
        ties &= word[1:] == word[:-1]
        if not ties.any():
            return True
    return not ties.any()


def big_endian(keys: Bytes) -> Words:
    """Return n lines of 8 w bytes as words that compare as the bytes do: shape (n, w)."""
    return keys.view(">u8").astype(np.uint64)


def _inside(width: int) -> Bytes:
    """Return line k: k ones, then zeros."""
    return (np.arange(width)[None, :] < np.arange(width + 1)[:, None]).astype(np.uint8)


def _before(data: Bytes, ends: Int64s, width: int) -> Bytes:
    """Return copies of the `width` bytes before each end: what is before the data is anything."""
    near = ends < width
    if not near.any():
        return windows(data, ends - width, width)
    out = np.empty((len(ends), width), np.uint8)
    out[~near] = windows(data, ends[~near] - width, width)
    head = np.zeros(2 * width, np.uint8)
    head[width : width + min(width, len(data))] = data[:width]
    out[near] = windows(head, ends[near], width)
    return out
