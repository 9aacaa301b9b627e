"""Control records: what headers and trailers say about a file, held against what it holds."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

import numpy as np

from adapters.batch.codepage import CodePage
from adapters.batch.copybook import Slot
from adapters.batch.dates import DateFormat
from adapters.batch.kernels.integers import Int64s
from adapters.batch.reference import EXACT, BadValueError, decode_value
from adapters.batch.totals import Tally

#: Problems that are written out; a file that is wrong all over would fill the log.
_SHOWN = 20
#: Behind every record number.
_NO_END = 1 << 62


@dataclass(frozen=True, slots=True)
class Total:
    """One promise of a control record.

    Attributes:
        slot: the field that holds it.
        kind: `count` of records, `sum` of a column, or `hash`: sum of a column's digits modulo 10**digits.
        column: the column (not for counts).
        entities: whose records count; None: every record of the file, header and trailer too.
        scale: decimals of the column.
        digits: of a hash total.
    """

    slot: Slot
    kind: Literal["count", "sum", "hash"]
    entities: frozenset[str] | None
    column: str = ""
    scale: int = 0
    digits: int = 18

    @property
    def name(self) -> str:
        """What is totalled, in words."""
        whose = "" if self.entities is None else f" of {', '.join(sorted(self.entities))}"
        return f"{self.kind} of {self.column}{whose}" if self.column else "records"


@dataclass(frozen=True, slots=True)
class Control:
    """A kind of control record: where it stands, and its promises.

    Attributes:
        name: `header`, `trailer`, `batch header` or `batch trailer`.
        totals: its promises about the file, or about its batch.
        date, date_format: the business date.
        sequence: the file's number.
        in_name: what the file's name says about date and sequence.
    """

    name: str
    totals: tuple[Total, ...] = ()
    date: Slot | None = None
    date_format: DateFormat | None = None
    sequence: Slot | None = None
    in_name: re.Pattern[str] | None = None


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


@dataclass(frozen=True, slots=True)
class Seen:
    """A control record that was read."""

    record: int
    raw: bytes


@dataclass(slots=True)
class Ledger:
    """Holds the promises of one kind of trailer (or header) against the records, chunk by chunk.

    With `batches` a promise covers the records since the trailer (or batch header) before, else the file.
    """

    control: Control
    page: CodePage
    batches: bool = False
    _sums: _Sums = field(init=False)
    _seen: list[Seen] = field(default_factory=list)
    _problems: list[str] = field(default_factory=list)
    _wrong: int = 0
    #: Records in the batch that is open.
    _held: int = 0

    def __post_init__(self) -> None:
        self._sums = _Sums.zero(len(self.control.totals))

    def take(
        self, tallies: Sequence[Sequence[Tally]], details: Int64s, seen: Sequence[Seen], opened: Int64s
    ) -> None:
        """Take in a chunk.

        Args:
            tallies: for each promise the tallies of its entities.
            details: the numbers of the entities' records in the chunk.
            seen: the control records in it.
            opened: the numbers of batch headers in it: sums begin anew there.
        """
        first, last = 0, _NO_END
        if not self.batches:
            self._sums.add(tallies, first, last)
            self._seen += seen
            return
        events = sorted([(s.record, s) for s in seen] + [(int(n), None) for n in opened], key=lambda e: e[0])
        for number, trailer in events:
            self._add(tallies, details, first, number)
            first = number + 1
            if trailer is not None:
                self._check(trailer)
            elif self._held:
                self._problem(f"the batch before the header in record {number} has no trailer")
            self._sums, self._held = _Sums.zero(len(self.control.totals)), 0
        self._add(tallies, details, first, last)

    @property
    def seen(self) -> int:
        """How many control records of this kind the file had so far (not counted where it has batches)."""
        return len(self._seen)

    def problems(self, name: str) -> list[str]:
        """Return what is wrong, at the end of the file `name`."""
        if self.batches:
            if self._held:
                self._problem(f"the last batch has no {self.control.name}")
        elif len(self._seen) != 1:
            count = len(self._seen)
            return [f"the file has {count} {self.control.name} records; exactly one is expected"]
        else:
            if self.control.name == "header" and self._seen[0].record != 1:
                self._problem(f"the header is record {self._seen[0].record}, not the first")
            self._check(self._seen[0])
            self._check_name(self._seen[0], name)
        more = [f"… and {self._wrong - _SHOWN} problems more"] if self._wrong > _SHOWN else []
        return self._problems + more

    def _add(self, tallies: Sequence[Sequence[Tally]], details: Int64s, first: int, last: int) -> None:
        self._sums.add(tallies, first, last)
        i, j = np.searchsorted(details, [first, last + 1]).tolist()
        self._held += j - i

    def _check(self, seen: Seen) -> None:
        where = f" in record {seen.record}" if self.batches else ""
        scope = "its batch" if self.batches else "the file"
        for at, total in enumerate(self.control.totals):
            try:
                said = self._number(seen.raw, total.slot)
            except BadValueError as error:
                self._problem(f"the {self.control.name}'s {total.slot.path}{where} cannot be read: {error}")
                continue
            held = Decimal(self._sums.values[at]).scaleb(-total.scale, EXACT)
            if total.kind == "hash":
                held = Decimal(self._sums.values[at] % 10**total.digits)
            if said == held:
                continue
            what = f"{said} records" if total.kind == "count" else f"{total.name} = {said}"
            unread = self._sums.unread[at]
            note = f", where {unread} values could not be read" if unread else ""
            self._problem(f"the {self.control.name}{where} says {what}, {scope} holds {held}{note}")

    def _check_name(self, seen: Seen, name: str) -> None:
        """Compare the header's date and sequence with those in the file's name."""
        control = self.control
        match = control.in_name.search(name) if control.in_name else None
        groups: Mapping[str, str | None] = match.groupdict() if match else {}
        if control.date is not None:
            self._compare("date", seen.raw, control.date, groups.get("date"))
        if control.sequence is not None:
            self._compare("sequence", seen.raw, control.sequence, groups.get("sequence"))

    def _compare(self, what: str, raw: bytes, slot: Slot, named: str | None) -> None:
        try:
            said = self._day(raw) if what == "date" else self._number(raw, slot)
        except BadValueError as error:
            self._problem(f"the {self.control.name}'s {slot.path} cannot be read: {error}")
            return
        if named is not None and said != (_iso(named) if what == "date" else Decimal(named)):
            self._problem(f"the {self.control.name}'s {what} is {said}, the file's name says {named}")

    def _day(self, raw: bytes) -> datetime.date:
        assert self.control.date is not None and self.control.date_format is not None  # declared together
        text = self._text(raw, self.control.date)
        return self.control.date_format.value(text)

    def _number(self, raw: bytes, slot: Slot) -> Decimal:
        value = self._value(raw, slot)
        if isinstance(value, str):
            if not value.strip().isdecimal():
                raise BadValueError("it is no number")
            return Decimal(value.strip())
        return Decimal(str(value))

    def _text(self, raw: bytes, slot: Slot) -> str:
        value = self._value(raw, slot)
        assert slot.storage is not None  # find() returns elementary items
        return value if isinstance(value, str) else f"{value:0{slot.storage.digits}d}"

    def _value(self, raw: bytes, slot: Slot) -> object:
        assert slot.storage is not None  # find() returns elementary items
        piece = raw[slot.offset : slot.offset + slot.length]
        if len(piece) < slot.length:
            raise BadValueError("the record ends before it")
        return decode_value(piece, slot.storage, self.page, "both")

    def _problem(self, text: str) -> None:
        self._wrong += 1
        if self._wrong <= _SHOWN:
            self._problems.append(text)


def _iso(text: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return None
