"""One pass over a text file of any format: blocks of records to chunks of rows and rejects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import BinaryIO

import numpy as np

from adapters.batch.fields.account import Account
from adapters.batch.fields.assemble import Assembly, Leaf, Texts
from adapters.batch.fields.block import Block
from adapters.batch.fields.convert import convert
from adapters.batch.fields.field_plan import FieldPlan
from adapters.batch.fields.kinds import UNKNOWN, RecordKind, assign
from adapters.batch.fields.parse import parse
from adapters.batch.kernels.integers import Int64s
from adapters.batch.ledger import Ledger, Said, Seen, Total
from adapters.batch.reference import BadValueError
from adapters.batch.totals import Tally
from adapters.extract import Chunk, Reject, Rows

#: Cuts a file into blocks. What is wrong with the whole of it goes to the account.
Cut = Callable[[BinaryIO, Account], Iterator[Block]]
_NONE = np.zeros(0, np.int64)
_FOLLOW = "records follow the trailer"


@dataclass(slots=True)
class TextReading:
    """Implements `adapters.batch.reader.Reading`."""

    kinds: Sequence[RecordKind]
    cut: Cut
    account: Account
    _ledgers: list[tuple[RecordKind, Ledger]] = field(init=False)
    #: The file's number in its header, or why it cannot be read; None before there was one.
    file_number: Decimal | str | None = None
    #: Number of the first record that is not left out.
    _first: int = 0
    _after_trailer: bool = False

    def __post_init__(self) -> None:
        self._ledgers = [
            (kind, Ledger(kind.role, tuple(total for _, total in kind.promises)))
            for kind in self.kinds
            if kind.role in ("header", "trailer")
        ]

    def chunks(self, stream: BinaryIO) -> Iterator[Chunk]:
        """Yield decoded chunks in file order; see `Reading`."""
        for block in self.cut(stream, self.account):
            yield self._chunk(block)

    @property
    def unfinished(self) -> bool:
        """True where a trailer is declared and has not been seen: the file may still be growing."""
        return any(kind.role == "trailer" and not ledger.count for kind, ledger in self._ledgers)

    def problems(self) -> list[str]:
        """Return why the file is not complete; call when `chunks` is exhausted."""
        return self.account.summed() + [
            p for _, ledger in self._ledgers for p in ledger.problems(self._first)
        ]

    @property
    def nulled(self) -> Mapping[str, int]:
        """Bad values that became null, by field."""
        return self.account.nulled

    def _chunk(self, block: Block) -> Chunk:
        self.account.records += len(block.record)
        assigned = assign(block, self.kinds)
        rejects: list[Reject] = []
        if block.faults and len(self.kinds) > 1:
            # Nobody knows of which kind a record is that cannot be taken apart.
            for row in block.faults:
                assigned[row] = UNKNOWN
                rejects.append(_unknown(block, row, block.faults[row]))
        rejects += [
            _unknown(block, row, "unknown record type")
            for row in np.flatnonzero(assigned == UNKNOWN).tolist()
            if row not in block.faults
        ]
        self.account.reject(sorted(rejects, key=lambda r: r.record))
        rows: list[Rows] = []
        tallies = _Tallies({total: [] for _, ledger in self._ledgers for total in ledger.totals})
        tallies.add_all(block.record)
        controls: dict[int, Int64s] = {}
        for index, kind in enumerate(self.kinds):
            at = np.flatnonzero(assigned == index)
            if not len(at):
                continue
            if kind.assembly is not None:
                good, bad = self._details(block, kind.assembly, at, tallies)
                rows.append(good)
                rejects += self.account.reject(bad)
            else:
                controls[index] = at
        for kind, ledger in self._ledgers:
            at = controls.get(self.kinds.index(kind), _NONE)
            if kind.number is not None and self.file_number is None and len(at):
                self.file_number = _number(block, at[:1], kind.number)
            ledger.take([tallies.of[total] for total in ledger.totals], _seen(block, kind, at))
        self._order(block, assigned)
        return Chunk(rows, sorted(rejects, key=lambda r: r.record))

    def _details(
        self, block: Block, assembly: Assembly, at: Int64s, tallies: _Tallies
    ) -> tuple[Rows, list[Reject]]:
        self.account.details += len(at)
        broken = _broken(block, assembly, at)
        columns = [block.column(at, one) for one in assembly.fields]
        raw = at.tolist()
        texts = Texts(columns, block.record[at], block.offset[at], lambda row: block.raw(raw[row]), broken)
        good, bad = assembly.rows(texts, self.account.nulled)
        # A reject's or a delete's row lacks what cannot be read; the totals want to know of it.
        whole = good if not bad and assembly.actions is None else None
        tallies.add(assembly, texts, whole)
        return good, bad

    def _order(self, block: Block, assigned: Int64s) -> None:
        """Notice which record is the first, and records that follow the trailer: appended by mistake."""
        if not self._first:
            left_out = [i for i, kind in enumerate(self.kinds) if kind.role == "left_out"]
            count = np.flatnonzero(~np.isin(assigned, left_out))
            self._first = int(block.record[count[0]]) if len(count) else 0
        trailers = [i for i, kind in enumerate(self.kinds) if kind.role == "trailer"]
        if not trailers:
            return
        last = np.flatnonzero(np.isin(assigned, trailers))
        first = 0 if self._after_trailer else last[0] + 1 if len(last) else len(assigned)
        if not np.isin(assigned[first:], trailers).all():
            self.account.problem(_FOLLOW)
        self._after_trailer = self._after_trailer or bool(len(last))


@dataclass(slots=True)
class _Tallies:
    """A chunk's tallies for each promise: of rejected records, too, as far as their amounts can be read."""

    of: dict[Total, list[Tally]]

    def add_all(self, record: Int64s) -> None:
        """Take in the numbers of all records, for promises about records of any kind."""
        for total, made in self.of.items():
            if total.entities is None:
                made.append(Tally.count(record))

    def add(self, assembly: Assembly, texts: Texts, rows: Rows | None) -> None:
        """Take in records of an entity, and their rows where all of them are good."""
        names = [f.name for f in assembly.fields]
        for total, made in self.of.items():
            if total.entities is None or assembly.entity.name not in total.entities:
                continue
            if total.kind == "count":
                made.append(Tally.count(texts.record))
                continue
            if rows is not None:
                values, bad = rows.batch.column(total.column), np.zeros(len(texts.record), np.bool_)
            else:
                leaf, kind = (
                    texts.columns[names.index(total.column)],
                    assembly.fields[names.index(total.column)].kind,
                )
                assert isinstance(leaf, Leaf) and kind is not None  # settings allow single values only
                values, bad = convert(leaf.texts, kind)
            made.append(total.tally(texts.record, values, bad))


def _seen(block: Block, kind: RecordKind, at: Int64s) -> Seen:
    def said(number: int) -> Said:
        return [_number(block, at[number : number + 1], plan) for plan, _ in kind.promises]

    return Seen(block.record[at], said)


def _number(block: Block, at: Int64s, plan: FieldPlan) -> Decimal | str:
    """Return what a control record says in a field, or why it cannot be read."""
    column = block.column(at, plan)
    assert isinstance(column, Leaf) and plan.kind is not None  # settings see to it that a total is a number
    text = column.texts[0].as_py()
    if text is None:
        return "the record ends before it"
    try:
        value = parse(text, plan.kind)
    except BadValueError as error:
        return str(error)
    return "it is empty" if value is None else Decimal(str(value))


def _broken(block: Block, assembly: Assembly, at: Int64s) -> Mapping[int, str]:
    """Return what is wrong with the records of a kind as wholes, by their place in `at`."""
    broken = dict(block.misfits(at, assembly.fields))
    if block.faults:
        place = {row: i for i, row in enumerate(at.tolist())}
        broken |= {place[row]: why for row, why in block.faults.items() if row in place}
    return broken


def _unknown(block: Block, row: int, reason: str) -> Reject:
    return Reject("", int(block.record[row]), int(block.offset[row]), block.raw(row), "", reason, None)
