"""OCCURS DEPENDING ON in files that hold only the entries in use: from there to full tables and back.

A compiler lays a record out as if every table were full; programs that write variable records store what
follows a table right behind its last entry in use (IBM Enterprise COBOL Programming Guide, "Complex OCCURS
DEPENDING ON"; Cobrix: `variable_size_occurs`). `unshift` moves everything to the place that the layout says,
so that decoding by column needs to know one layout only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adapters.batch.codepage import Bytes, CodePage
from adapters.batch.copybook import Layout, Slot, Storage
from adapters.batch.items import called
from adapters.batch.kernels.column import whole
from adapters.batch.kernels.integers import Int64s
from adapters.batch.reference import BadValueError, decode_value

#: Groups of records with equal places are moved one by one; with more of them, byte by byte is faster.
_GROUPS = 32


def unshift(
    view: Bytes,
    lengths: npt.NDArray[np.int32] | None,
    layout: Layout,
    page: CodePage,
    *,
    group: str | None = None,
) -> tuple[Bytes, npt.NDArray[np.int32] | None]:
    """Return the records with all tables at full size, unused entries filled with NULs, and their lengths.

    A record that ends where its counters say has the full length afterwards; one that ends before has the
    length at which it would end with full tables. A counter that cannot be is taken as 0; decoding finds it.
    `group` chooses a redefinition, as in a plan. Twin: `unshift_record`.
    """
    steps = tuple(_steps(layout.record, 0, layout.record.offset, group, _wanted(layout)))
    if not any(isinstance(step, _Table) for step in steps):
        return view, lengths
    moves = _Moves(view, lengths, layout.length, page)
    moves.run(steps, np.arange(len(view)), 0, {})
    return moves.to, moves.lengths()


def unshift_record(raw: bytes, layout: Layout, page: CodePage, *, group: str | None = None) -> bytes:
    """Return one record with all tables at full size; shorter where it ends before its counters say."""
    out, taken = _walk(raw, layout, page, group, shifted=True)
    return out if taken >= layout.length else out[:taken]


def shift_record(raw: bytes, layout: Layout, page: CodePage, *, group: str | None = None) -> bytes:
    """Return one record of full size with the entries in use only."""
    return _walk(raw, layout, page, group, shifted=False)[0]


@dataclass(frozen=True, slots=True)
class _Move:
    """`length` bytes that stand together, with the counters among them."""

    offset: int
    length: int
    counters: tuple[tuple[str, int, Storage], ...]


@dataclass(frozen=True, slots=True)
class _Table:
    """A table with a counter, or one with such a table inside; without `body` an entry has a fixed size."""

    offset: int
    length: int
    count: int
    counter: str | None
    body: tuple[_Move | _Table, ...]


def _steps(
    slot: Slot, at: int, base: int, group: str | None, wanted: frozenset[str]
) -> Iterator[_Move | _Table]:
    """Yield how one occurrence of a group is moved, from `at` on; places count from `base`."""
    end = slot.offset - base + slot.length
    for table in _tables(slot, group):
        start = table.offset - base
        yield _Move(at, start - at, _counters(slot, at, start, base, group, wanted))
        body = tuple(_steps(table, 0, table.offset, group, wanted)) if any(_tables(table, group)) else ()
        yield _Table(start, table.length, table.count, table.counter, body)
        at = start + table.length * table.count
    if at < end:
        yield _Move(at, end - at, _counters(slot, at, end, base, group, wanted))


def _tables(slot: Slot, group: str | None) -> Iterator[Slot]:
    """Yield the tables of a group whose size changes from record to record."""
    for child in chosen(slot.children, group):
        if child.item.occurs:
            if child.counter or any(_tables(child, group)):
                yield child
        else:
            yield from _tables(child, group)


def chosen(children: Sequence[Slot], group: str | None) -> Iterator[Slot]:
    """Yield one item of each storage area: the redefinition that `group` names, else the first."""
    areas: list[list[Slot]] = []
    by_name: dict[str, list[Slot]] = {}
    for child in children:
        if child.item.redefines is None:
            areas.append([])
            by_name[child.item.name] = areas[-1]
        else:
            by_name[child.item.name] = by_name[child.item.redefines]
        by_name[child.item.name].append(child)
    for area in areas:
        yield next((s for s in area if group and s.item.name and called(s, group)), area[0])


def _wanted(layout: Layout) -> frozenset[str]:
    return frozenset(s.counter for s in layout.record.walk() if s.counter)


def _counters(
    slot: Slot, start: int, end: int, base: int, group: str | None, wanted: frozenset[str]
) -> tuple[tuple[str, int, Storage], ...]:
    found: list[tuple[str, int, Storage]] = []
    for child in chosen(slot.children, group):
        at = child.offset - base
        if child.item.occurs or at >= end or at + child.length <= start:
            continue
        if child.storage and child.path in wanted:
            found.append((child.path, at, child.storage))
        found += _counters(child, start, end, base, group, wanted)
    return tuple(found)


class _Moves:
    """Columns of bytes on their way: where each record is read next, and what is known of its counters."""

    def __init__(self, view: Bytes, lengths: npt.NDArray[np.int32] | None, full: int, page: CodePage) -> None:
        self.view, self.page, self.full = view, page, full
        self.to: Bytes = np.zeros((len(view), full), np.uint8)
        self._at: Int64s = np.zeros(len(view), np.int64)
        self._end: Int64s = np.full(len(view), view.shape[1]) if lengths is None else lengths.astype(np.int64)
        self._reached: Int64s = np.zeros(len(view), np.int64)

    def run(
        self, steps: Sequence[_Move | _Table], rows: Int64s, base: int, known: Mapping[str, Int64s]
    ) -> None:
        counters = dict(known)
        for step in steps:
            if isinstance(step, _Move):
                self._move(rows, base + step.offset, np.full(len(rows), step.length))
                for name, offset, storage in step.counters:
                    start = base + offset
                    numbers, bad, null = whole(
                        self.to[rows, start : start + storage.length], storage, self.page
                    )
                    bad = bad if null is None else bad | null
                    counters[name] = np.where(bad, 0, numbers.low)
                continue
            counts = np.full(len(rows), step.count)
            if step.counter is not None:
                told = counters.get(step.counter, np.zeros(len(rows), np.int64))
                counts = np.where((told < 0) | (told > step.count), 0, told)
            if not step.body:
                self._move(rows, base + step.offset, counts * step.length)
                continue
            for index in range(int(counts.max(initial=0))):
                used = counts > index
                inner = {name: values[used] for name, values in counters.items()}
                self.run(step.body, rows[used], base + step.offset + index * step.length, inner)

    def lengths(self) -> npt.NDArray[np.int32] | None:
        """Return the records' new lengths, None where all are full."""
        complete = self._at <= self._end
        if complete.all():
            return None
        return np.where(complete, self.full, self._reached).astype(np.int32)

    def _move(self, rows: Int64s, to: int, sizes: Int64s) -> None:
        """Copy `sizes` bytes of each record to the place `to`."""
        start = self._at[rows]
        there = np.clip(self._end[rows] - start, 0, sizes)
        self._reached[rows] = np.where(there > 0, to + there, self._reached[rows])
        self._at[rows] = start + sizes
        width = self.view.shape[1]
        places = start * (width + 1) + np.minimum(sizes, width)
        kinds = np.unique(places) if len(places) and places.min() != places.max() else places[:1]
        if len(kinds) > _GROUPS:
            self._scatter(rows, to, start, sizes)
            return
        for kind in kinds.tolist():
            at, size = divmod(kind, width + 1)
            size = min(size, width - at)
            if size > 0:
                some = rows if len(kinds) == 1 else rows[places == kind]
                everything = len(some) == len(self.view)
                if everything:
                    self.to[:, to : to + size] = self.view[:, at : at + size]
                else:
                    self.to[some, to : to + size] = self.view[some, at : at + size]

    def _scatter(self, rows: Int64s, to: int, start: Int64s, sizes: Int64s) -> None:
        ordinal = np.arange(int(sizes.max()))
        source = start[:, None] + ordinal
        used = (ordinal < sizes[:, None]) & (source < self.view.shape[1])
        source = np.minimum(source, self.view.shape[1] - 1)
        self.to[rows, to : to + len(ordinal)] = np.where(used, self.view[rows[:, None], source], 0)


def _walk(
    raw: bytes, layout: Layout, page: CodePage, group: str | None, *, shifted: bool
) -> tuple[bytes, int]:
    """Copy one record item by item: to full tables (`shifted`), or to entries in use.

    Returns:
        The record, and (to full tables) up to where its bytes went.
    """
    out = bytearray(layout.length if shifted else 0)
    wanted = _wanted(layout)
    at = reached = 0

    def move(offset: int, length: int) -> None:
        nonlocal at, reached
        if not shifted:
            out.extend(raw[offset : offset + length])
            return
        piece = raw[at : at + length]
        out[offset : offset + len(piece)] = piece
        reached = offset + len(piece) if piece else reached
        at += length

    def group_of(slot: Slot, base: int, known: dict[str, int]) -> None:
        """Copy one occurrence of a group that begins at `base` of the full record."""
        done = base
        for child in chosen(slot.children, group):
            start = base + child.offset - slot.offset
            if start > done:
                move(done, start - done)  # slack, or what a longer redefinition has
            done = start + child.length * child.count
            times = child.count
            if child.counter:
                told = known.get(child.counter, 0)
                times = told if 0 <= told <= child.count else 0
            for index in range(times):
                begin = start + index * child.length
                if child.children:
                    group_of(child, begin, dict(known) if child.item.occurs else known)
                else:
                    move(begin, child.length)
            if child.storage and not child.item.occurs:
                read(child, start, known)
        if done < base + slot.length:
            move(done, base + slot.length - done)

    def read(slot: Slot, start: int, known: dict[str, int]) -> None:
        if slot.path not in wanted or slot.storage is None:
            return
        source = bytes(out) if shifted else raw
        try:
            number = decode_value(source[start : start + slot.length], slot.storage, page)
        except BadValueError:
            number = 0
        known[slot.path] = int(number or 0)

    group_of(layout.record, 0, {})
    if not shifted:
        return bytes(out), 0
    return bytes(out), layout.length if at <= len(raw) else reached
