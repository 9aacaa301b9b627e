"""One pass over a text file of any format: blocks of records to chunks of rows and rejects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from adapters.batch.fields.account import Account
from adapters.batch.fields.assemble import Assembly, Branch, Leaf, Texts
from adapters.batch.fields.block import Block
from adapters.batch.fields.controls import Controls
from adapters.batch.fields.convert import convert
from adapters.batch.fields.kinds import UNKNOWN, RecordKind, assign
from adapters.batch.kernels.integers import Bools, Int64s
from adapters.extract import Chunk, Reject, Rows

#: Cuts a file into blocks. What is wrong with the whole of it goes to the account.
Cut = Callable[[BinaryIO, Account], Iterator[Block]]
_FOLLOW = "records follow the trailer"


@dataclass(slots=True)
class TextReading:
    """Implements `adapters.batch.reader.Reading`."""

    kinds: Sequence[RecordKind]
    cut: Cut
    account: Account
    _controls: list[Controls] = field(init=False)
    _after_trailer: bool = False

    def __post_init__(self) -> None:
        self._controls = [Controls(kind) for kind in self.kinds if kind.role in ("header", "trailer")]

    def chunks(self, stream: BinaryIO) -> Iterator[Chunk]:
        """Yield decoded chunks in file order; see `Reading`."""
        for block in self.cut(stream, self.account):
            yield self._chunk(block)

    @property
    def unfinished(self) -> bool:
        """True where a trailer is declared and has not been seen: the file may still be growing."""
        return any(c.kind.role == "trailer" and not c.met for c in self._controls)

    def problems(self) -> list[str]:
        """Return why the file is not complete; call when `chunks` is exhausted."""
        return self.account.summed() + [p for c in self._controls for p in c.problems()]

    @property
    def nulled(self) -> Mapping[str, int]:
        """Bad values that became null, by field."""
        return self.account.nulled

    def _chunk(self, block: Block) -> Chunk:
        n = len(block.record)
        self.account.records += n
        for controls in self._controls:
            controls.count(n)
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
        for index, kind in enumerate(self.kinds):
            at = np.flatnonzero(assigned == index)
            if not len(at):
                continue
            if kind.assembly is not None:
                good, bad = self._details(block, kind.assembly, at)
                rows.append(good)
                rejects += self.account.reject(bad)
            else:
                self._control(block, kind, at)
        self._order(assigned)
        return Chunk(rows, sorted(rejects, key=lambda r: r.record))

    def _details(self, block: Block, assembly: Assembly, at: Int64s) -> tuple[Rows, list[Reject]]:
        self.account.details += len(at)
        broken = _broken(block, assembly, at)
        columns = [block.column(at, one) for one in assembly.fields]
        raw = at.tolist()
        texts = Texts(columns, block.record[at], block.offset[at], lambda row: block.raw(raw[row]), broken)
        good, bad = assembly.rows(texts, self.account.nulled)
        self._add(assembly, len(at), columns, good, bool(bad))
        return good, bad

    def _add(
        self, assembly: Assembly, n: int, columns: Sequence[Leaf | Branch], good: Rows, rejected: bool
    ) -> None:
        """Count records towards the totals: rejected ones too, as far as their amounts can be read."""
        name = assembly.entity.name
        names = [f.name for f in assembly.fields]
        for controls in self._controls:
            summed: dict[str, tuple[pa.Array, Bools]] = {}
            for wanted in controls.wants(name):
                leaf, kind = columns[names.index(wanted)], assembly.fields[names.index(wanted)].kind
                assert isinstance(leaf, Leaf) and kind is not None  # settings allow single values only
                if rejected:
                    summed[wanted] = convert(leaf.texts, kind)
                else:
                    summed[wanted] = good.batch.column(wanted), np.zeros(n, np.bool_)
            controls.take(name, n, summed)

    def _control(self, block: Block, kind: RecordKind, at: Int64s) -> None:
        for controls in self._controls:
            if controls.kind is not kind:
                continue
            columns = []
            for total in kind.totals:
                column = block.column(at, total.field)
                assert isinstance(column, Leaf)  # a total is one number
                columns.append(column.texts.to_pylist())
            for row in range(len(at)):
                controls.seen(tuple(column[row] for column in columns))

    def _order(self, assigned: Int64s) -> None:
        """Notice records that follow the trailer: a file appended to by mistake."""
        trailers = [i for i, kind in enumerate(self.kinds) if kind.role == "trailer"]
        if not trailers:
            return
        last = np.flatnonzero(np.isin(assigned, trailers))
        first = 0 if self._after_trailer else last[0] + 1 if len(last) else len(assigned)
        if not np.isin(assigned[first:], trailers).all():
            self.account.problem(_FOLLOW)
        self._after_trailer = self._after_trailer or bool(len(last))


def _broken(block: Block, assembly: Assembly, at: Int64s) -> Mapping[int, str]:
    """Return what is wrong with the records of a kind as wholes, by their place in `at`."""
    broken = dict(block.misfits(at, assembly.fields))
    if block.faults:
        place = {row: i for i, row in enumerate(at.tolist())}
        broken |= {place[row]: why for row, why in block.faults.items() if row in place}
    return broken


def _unknown(block: Block, row: int, reason: str) -> Reject:
    return Reject("", int(block.record[row]), int(block.offset[row]), block.raw(row), "", reason, None)
