"""Control totals: what headers and trailers promise, held against what the file holds, chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

import numpy as np
import pyarrow as pa

from adapters.batch.kernels.integers import Bools, Int64s
from adapters.batch.reference import EXACT
from adapters.batch.totals import Tally

#: Problems that are written out; a file that is wrong all over would fill the log.
_SHOWN = 20
#: Behind every record number.
_NO_END = 1 << 62
_NONE = np.zeros(0, np.int64)
#: What a control record says for each promise: the number, or why it cannot be read.
Said = Sequence[Decimal | str]


@dataclass(frozen=True, slots=True)
class Total:
    """One promise of a control record.

    Attributes:
        field: the control record's field that holds it, for messages.
        kind: `count` of records, `sum` of a column, or `hash`: sum of a column's digits modulo 10**digits.
        entities: whose records count; None: every record of the file, header and trailer too.
        column: the column (not for counts).
        scale: decimals of the column.
        digits: of a hash total.
    """

    field: str
    kind: Literal["count", "sum", "hash"]
    entities: frozenset[str] | None
    column: str = ""
    scale: int = 0
    digits: int = 18

    def covers(self, entity: str) -> bool:
        """Return whether an entity's records count."""
        return self.entities is None or entity in self.entities

    def tally(self, record: Int64s, column: pa.Array, bad: Bools) -> Tally:
        """Return the tally of n values of the column, `bad` being those that could not be read."""
        if self.kind == "sum":
            return Tally.of(record, column, bad)
        return Tally.hashed(record, column, bad, self.digits)

    def held(self, total: int) -> Decimal:
        """Return a tally's sum as the control record would say it."""
        if self.kind == "hash":
            return Decimal(total % 10**self.digits)
        return Decimal(total).scaleb(-self.scale, EXACT)

    def equals(self, number: Decimal) -> str:
        """Return the promise in words."""
        if self.kind == "count":
            return f"{number} records"
        whose = "" if self.entities is None else f" of {', '.join(sorted(self.entities))}"
        return f"{self.kind} of {self.column}{whose} = {number}"


@dataclass(frozen=True, slots=True)
class Seen:
    """Control records of one kind in a chunk: n ascending record numbers, and what each of them says."""

    record: Int64s
    said: Callable[[int], Said]


@dataclass(slots=True)
class _Sums:
    """Totals so far, one for each promise, and how many values of each could not be read."""

    values: list[int]
    unread: list[int]

    @classmethod
    def zero(cls, n: int) -> _Sums:
        return cls([0] * n, [0] * n)

    def add(self, tallies: Sequence[Sequence[Tally]], first: int, last: int) -> None:
        for at, parts in enumerate(tallies):
            for tally in parts:
                value, unread = tally.between(first, last)
                self.values[at] += value
                self.unread[at] += unread


@dataclass(slots=True)
class Ledger:
    """Holds the promises of one kind of trailer (or header) against the records.

    Of control records it keeps the first one, so a file that is nothing but trailers fills no memory. With
    `batches` a promise covers the records since the trailer (or batch header) before, else the file.

    Attributes:
        role: `header`, `trailer` or `batch trailer`.
        totals: its promises.
        batches: whether they are about batches.
    """

    role: str
    totals: tuple[Total, ...]
    batches: bool = False
    _sums: _Sums = field(init=False)
    _first: tuple[int, Said] | None = None
    _count: int = 0
    _problems: list[str] = field(default_factory=list)
    _wrong: int = 0
    #: Records in the batch that is open.
    _held: int = 0

    def __post_init__(self) -> None:
        self._sums = _Sums.zero(len(self.totals))

    def take(
        self,
        tallies: Sequence[Sequence[Tally]],
        seen: Seen | None,
        details: Int64s = _NONE,
        opened: Int64s = _NONE,
    ) -> None:
        """Take in a chunk.

        Args:
            tallies: for each promise the tallies of its entities.
            seen: the control records in it, if there are any.
            details: the numbers of the entities' records in the chunk (for batches).
            opened: the numbers of batch headers in it: sums begin anew there.
        """
        count = 0 if seen is None else len(seen.record)
        if not self.batches:
            self._sums.add(tallies, 0, _NO_END)
            if seen is not None and count and self._first is None:
                self._first = int(seen.record[0]), seen.said(0)
            self._count += count
            return
        closed = [] if seen is None else [(int(n), at) for at, n in enumerate(seen.record.tolist())]
        first = 0
        for number, at in sorted([*closed, *((int(n), -1) for n in opened.tolist())]):
            self._add(tallies, details, first, number)
            first = number + 1
            if seen is not None and at >= 0:
                self._check(number, seen.said(at))
            elif self._held:
                self._problem(f"the batch before the header in record {number} has no trailer")
            self._sums, self._held = _Sums.zero(len(self.totals)), 0
        self._add(tallies, details, first, _NO_END - 1)

    @property
    def count(self) -> int:
        """How many such records the file had so far (not counted where it has batches)."""
        return self._count

    def problems(self, first: int = 1) -> list[str]:
        """Return what is wrong, at the end of the file whose first record that counts is `first`."""
        if self.batches:
            if self._held:
                self._problem(f"the last batch has no {self.role}")
        elif self._count != 1 or self._first is None:
            return [f"the file has {self._count} {self.role} records; exactly one is expected"]
        else:
            if self.role == "header" and self._first[0] != first:
                self._problem(f"the header is record {self._first[0]}, not the first")
            self._check(*self._first)
        more = [f"… and {self._wrong - _SHOWN} problems more"] if self._wrong > _SHOWN else []
        return self._problems + more

    def _add(self, tallies: Sequence[Sequence[Tally]], details: Int64s, first: int, last: int) -> None:
        self._sums.add(tallies, first, last)
        i, j = np.searchsorted(details, [first, last + 1]).tolist()
        self._held += j - i

    def _check(self, record: int, said: Said) -> None:
        where = f" in record {record}" if self.batches else ""
        scope = "its batch" if self.batches else "the file"
        for at, (total, number) in enumerate(zip(self.totals, said, strict=True)):
            if isinstance(number, str):
                self._problem(f"the {self.role}'s {total.field}{where} cannot be read: {number}")
                continue
            held = total.held(self._sums.values[at])
            if number != held:
                unread = self._sums.unread[at]
                note = f", where {unread} values could not be read" if unread else ""
                self._problem(
                    f"the {self.role}{where} says {total.equals(number)}, {scope} holds {held}{note}"
                )

    def _problem(self, text: str) -> None:
        self._wrong += 1
        if self._wrong <= _SHOWN:
            self._problems.append(text)
