"""Rows that stand in the order of their keys: what a merge of two extracts reads, block by block.

An order is taken as it is found, not asked for: by bytes (`C000000009` before `C000000010`), or by length and
then by bytes, which is how whole numbers stand (`9` before `10`). Either says that no key is there twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from adapters.compare.fingerprint import Bytes, Int64s, Words, windows

Order = Literal["bytes", "length"]
#: Bytes that a key field may grow by after the first block, and a key's greatest length in all.
_SPARE, _LONGEST_KEY = 4, 256


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
        fixed: each key field has the same length in all rows of the table, so that it may hold NULs.
    """

    data: Bytes
    offset: int
    starts: Int64s
    lengths: Int64s
    number: int
    key: Sequence[tuple[Bytes, Int64s, Int64s]]
    fixed: bool = False


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
class Block:
    """n rows and their keys in a strict order: each key is greater than the one before it.

    Attributes:
        rows: the rows.
        keys: shape (n, w), lines of bytes that compare as the keys do.
        used: how far the lines reach: what is behind it is NUL in every key.
    """

    rows: RawRows
    keys: Bytes
    used: int

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a key becomes a line of bytes: fields of fixed widths side by side, filled up with NULs."""

    order: Order
    widths: tuple[int, ...]

    def block(self, rows: RawRows) -> Block:
        """Return the rows with their keys, in whatever order.

        Raises:
            NotOrdered: a key field is longer than its width, or holds NULs.
        """
        lines: list[Bytes] = []
        filled = used = before = 0
        for (data, starts, lengths), width in zip(rows.key, self.widths, strict=True):
            longest = int(lengths.max())
            if longest > width:
                raise NotOrdered
            if self.order == "bytes":
                line, mask = windows(data, starts, width), _first_bytes(width)
            else:
                line, mask = _before(data, starts + lengths, width), _first_bytes(width)[:, ::-1]
            words = line.view(np.uint64)
            words &= np.ascontiguousarray(mask).view(np.uint64).take(lengths, axis=0)
            used = before + (longest if self.order == "bytes" else width)
            before += width
            filled += int(lengths.sum())
            lines.append(line)
        keys = np.concatenate(lines, axis=1) if len(lines) > 1 else lines[0]
        if not rows.fixed and int(np.count_nonzero(keys)) != filled:
            raise NotOrdered
        return Block(rows, keys, used)


def layout(firsts: Sequence[RawRows]) -> Layout:
    """Return the order and the widths that fit the first blocks of all sides.

    Raises:
        NotOrdered: there is none.
    """
    lengths = [[int(field_lengths.max()) for _, _, field_lengths in rows.key] for rows in firsts]
    widths = tuple(-(-(max(field) + _SPARE) // 8) * 8 for field in zip(*lengths, strict=True))
    if sum(widths) > _LONGEST_KEY:
        raise NotOrdered
    by_bytes, by_length = Layout("bytes", widths), Layout("length", widths)
    candidates = [by_bytes]
    if len(widths) == 1:
        # Numbers may all be of one length at first, and grow: only later will the two orders differ.
        candidates.insert(0 if all(_digits(by_bytes.block(rows).keys) for rows in firsts) else 1, by_length)
    for found in candidates:
        if all(ascending(found.block(rows).keys) for rows in firsts):
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
        block = layout.block(piece)
        if not ascending(block.keys) or (last and block.keys[0].tobytes() <= last):
            raise NotOrdered
        last = block.keys[-1].tobytes()
        yield block


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


def _digits(keys: Bytes) -> bool:
    return bool((((keys >= ord("0")) & (keys <= ord("9"))) | (keys == 0)).all())


def big_endian(keys: Bytes) -> Words:
    """Return n lines of 8 w bytes as words that compare as the bytes do: shape (n, w)."""
    return keys.view(">u8").astype(np.uint64)


@lru_cache
def _first_bytes(width: int) -> Bytes:
    """Return line k: k bytes 0xFF, then NULs."""
    inside = np.arange(width)[None, :] < np.arange(width + 1)[:, None]
    return inside.astype(np.uint8) * np.uint8(255)


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
