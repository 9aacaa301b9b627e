"""Delimited files as rows: the file cut into blocks, each block's cells by column."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from adapters.batch.actions import ActionCodes
from adapters.batch.delimited.cells import Cells
from adapters.batch.delimited.header import by_name, by_number
from adapters.batch.delimited.notation import Notation, Units
from adapters.batch.delimited.spec import DelimitedSpec
from adapters.batch.delimited.structure import Structure, split
from adapters.batch.delimited.tokens import END, Tokens
from adapters.batch.fields.account import Account
from adapters.batch.fields.assemble import Leaf
from adapters.batch.fields.encoding import Encoding
from adapters.batch.fields.field_plan import FieldPlan
from adapters.batch.fields.kinds import RecordKind, acting
from adapters.batch.fields.reading import TextReading
from adapters.batch.framing import CHUNK
from adapters.batch.kernels.integers import Int64s
from schemas.entity import Entity
from schemas.errors import SettingsError, Terminal

Places = Mapping[str | int | tuple[int, int], int | None]


@dataclass(frozen=True, slots=True)
class DelimitedReader:
    """Implements `adapters.batch.reader.Reader`."""

    spec: DelimitedSpec
    encoding: Encoding
    kinds: tuple[RecordKind, ...]
    #: Every field of every layout, control records' too.
    fields: tuple[FieldPlan, ...]
    short_is_null: bool
    where: str

    @property
    def entities(self) -> Mapping[str, Entity]:
        """The entities that the files hold, by name."""
        return {k.assembly.entity.name: k.assembly.entity for k in self.kinds if k.assembly is not None}

    def acting(self, actions: ActionCodes) -> DelimitedReader:
        """Return the reader of records that say what they do."""
        return replace(self, kinds=acting(self.kinds, actions))

    def reading(self, name: str, size: int, chunk: int = CHUNK) -> TextReading:
        """Return a pass over one file."""
        del size
        account = Account("are these the right delimiter, quote and encoding")
        return TextReading(
            self.kinds, lambda stream, acc: _Cut(self, name, acc, chunk).blocks(stream), account
        )

    def notation(self, encoding: Encoding) -> Notation:
        """Return the marks of a file, once its encoding is known.

        Raises:
            SettingsError: a mark that cannot work.
        """
        spec = self.spec
        return Notation.of(
            encoding.name, delimiter=spec.delimiter, quote=spec.quote, escape=spec.escape,
            line_end=spec.line_end, comment=spec.comment, multiline=spec.multiline,
            where=f"{self.where}: delimited",
        )  # fmt: skip


@dataclass(slots=True)
class _Cut:
    """The state of one pass: what is read and not yet taken, and where it stands in the file."""

    reader: DelimitedReader
    name: str
    account: Account
    chunk: int
    encoding: Encoding = field(init=False)
    notation: Notation = field(init=False)
    rest: bytes = b""
    base: int = 0
    number: int = 1
    places: Places | None = None
    width: int | None = None

    def blocks(self, stream: BinaryIO) -> Iterator[DelimitedBlock]:
        """Yield the file's records.

        Raises:
            Terminal: a byte order mark, a header or a line length that does not fit the settings.
        """
        self._begin(stream)
        skip = self.reader.spec.skip_top
        final = False
        while not final:
            data = stream.read(self.chunk)
            final = not data
            self.rest += data
            if final:
                # What MS-DOS programs put at the end of a text.
                self.rest = self.rest.rstrip(b"\x1a") if self.encoding.size == 1 else self.rest
            if skip:
                skip = self._skip(skip, final)
                if skip and not final:
                    continue
            block = self._block(final)
            if block is not None:
                yield block

    def _begin(self, stream: BinaryIO) -> None:
        head = stream.read(4)
        try:
            self.encoding, mark = self.reader.encoding.at_start(head)
        except SettingsError as error:
            raise Terminal(error.what, where=self.name, fix=error.fix) from None
        self.notation = self.reader.notation(self.encoding)
        self.rest, self.base = head[mark:], mark
        if not self.reader.spec.header:
            self.places = by_number(self.reader.fields)

    def _units(self) -> Units:
        odd = len(self.rest) % self.encoding.size
        return self.encoding.units(self.rest[: len(self.rest) - odd])

    def _take(self, units: int) -> None:
        size = units * self.encoding.size
        self.base, self.rest = self.base + size, self.rest[size:]

    def _skip(self, lines: int, final: bool) -> int:
        """Leave out whole lines, whatever is in them; return how many are still to come."""
        plain = dataclasses.replace(self.notation, quote=None, escape=None)
        tokens = Tokens.of(self._units(), plain, final)
        after = tokens.after[tokens.kind == END][:lines]
        if len(after):
            self._take(int(after[-1]))
        self.number += len(after)
        return lines - len(after)

    def _block(self, final: bool) -> DelimitedBlock | None:
        spec = self.reader.spec
        units = self._units()
        structure = split(units, self.notation, final=final, limit=spec.max_record)
        left = len(units) - structure.used
        if left > spec.max_record and not final:
            raise Terminal(
                f"no line end in the {left} bytes after byte {self.base + structure.used}",
                where=self.name,
                fix="check line_end and encoding, or raise max_record",
            )
        if final and len(self.rest) % self.encoding.size:
            self.account.problem("the file ends within a character")
        stop = len(structure) - spec.skip_bottom
        first = 0
        if self.places is None:
            if stop < 1:
                if final:
                    self._keep(structure, units, stop, final)
                    self.account.problem("the file has no header")
                return None
            self._read_header(structure)
            first = 1
        if stop <= first:
            if first:
                self._keep(structure, units, first, final)
            return None
        rows = np.arange(first, stop)
        block = DelimitedBlock(
            self._cells(structure), rows, self.number + np.arange(len(rows)) + first, self.base, self.rest,
            self.places or {}, self._expected(), self.reader.short_is_null, spec.long_records == "cut",
            self.encoding.size,
        )  # fmt: skip
        if final and not spec.skip_bottom:
            self._check_end(structure, block)
        self._keep(structure, units, stop, final)
        return block

    def _keep(self, structure: Structure, units: Units, stop: int, final: bool) -> None:
        """Go on behind the first `stop` records; those held back are read again."""
        self.number += max(stop, 0)
        if final:
            self.rest = b""
        else:
            self._take(int(structure.start[stop]) if stop < len(structure) else structure.used)

    def _cells(self, structure: Structure) -> Cells:
        return Cells.of(self.rest, structure, self.notation, self.encoding)

    def _read_header(self, structure: Structure) -> None:
        if 0 in structure.faults:
            raise Terminal(
                f"the header cannot be read: {structure.faults[0].reason}",
                where=self.name,
                fix="check quote and encoding, or set header = false",
            )
        cells = self._cells(structure)
        count = int(structure.width[0])
        one = np.zeros(1, np.int64)
        names = [cells.column(one, at).texts[0].as_py() or "" for at in range(count)]
        self.places = by_name(names, self.reader.fields, self.reader.spec, self.name)
        while names and not names[-1].strip():
            names.pop()
        self.width = len(names)

    def _expected(self) -> int | None:
        return self.width if self.width is not None else self.reader.spec.columns

    def _check_end(self, structure: Structure, block: DelimitedBlock) -> None:
        """Notice a file that was cut off."""
        last = len(structure) - 1
        if last in structure.faults and structure.stop[last] == structure.used:
            fault = structure.faults[last]
            where = self.base + fault.at * self.encoding.size
            if "never closed" in fault.reason:
                self.account.problem(f"the quote at byte {where} is never closed")
        if structure.ended:
            return
        if self.reader.spec.last_line_end == "required":
            self.account.problem("the last line has no end: was the file cut off?")
        block.unended = self.account


@dataclass(slots=True)
class DelimitedBlock:
    """Implements `adapters.batch.fields.block.Block`."""

    cells: Cells
    rows: Int64s
    record: Int64s
    base: int
    data: bytes
    places: Places
    expected: int | None
    short_is_null: bool
    long_is_cut: bool
    size: int
    #: Where to say that the last record was cut off, if it has no line end.
    unended: Account | None = None

    @property
    def offset(self) -> Int64s:
        """The n byte offsets in the file."""
        return self.cells.structure.start[self.rows] * self.size + self.base

    @property
    def faults(self) -> Mapping[int, str]:
        """Row → why the record cannot be taken apart, and where in the file the offending cell opens."""
        first = int(self.rows[0])
        return {
            at - first: f"{fault.reason} (the cell opens at byte {self.base + fault.at * self.size})"
            for at, fault in self.cells.structure.faults.items()
            if 0 <= at - first < len(self.rows)
        }

    def column(self, rows: Int64s, field: FieldPlan) -> Leaf:
        """Return the texts of a field in m of the records."""
        place = self.places[field.source]
        if place is None:
            return Leaf(pa.nulls(len(rows), pa.string()))
        return self.cells.column(self.rows[rows], place)

    def misfits(self, rows: Int64s, fields: Sequence[FieldPlan]) -> Mapping[int, str]:
        """Return the records with too few or too many cells."""
        structure = self.cells.structure
        at = self.rows[rows]
        width = structure.width[at]
        expected = self.expected
        if expected is None:
            expected = max((p for f in fields if (p := self.places[f.source]) is not None), default=0) + 1
        found: dict[int, str] = {}
        odd = np.flatnonzero(width != expected)
        if not len(odd):
            return found
        content = np.concatenate([[0], np.cumsum(structure.end - structure.begin + structure.quoted)])
        first = structure.first[at[odd]]
        behind = content[first + width[odd]] - content[np.minimum(first + expected, first + width[odd])]
        for row, cells, more in zip(odd.tolist(), width[odd].tolist(), behind.tolist(), strict=True):
            if cells == 0:
                continue  # a fault, told elsewhere
            if cells < expected:
                cut = self.unended is not None and rows[row] == len(self.rows) - 1
                if cut and self.unended is not None:
                    why = f"truncated: the last line has {cells} of {expected} cells and no end"
                    self.unended.problem(why)
                    found[row] = why
                elif not self.short_is_null:
                    found[row] = f"the record has {cells} of {expected} cells"
            elif more and not self.long_is_cut:
                found[row] = f"the record has {cells} cells, {expected} are expected"
        return found

    def raw(self, row: int) -> bytes:
        """Return the bytes of a record, without its line end."""
        at, structure, notation = int(self.rows[row]), self.cells.structure, self.cells.notation
        start, stop = int(structure.start[at]), int(structure.stop[at])
        units = self.cells.encoding.units(self.data[start * self.size : stop * self.size])
        length = len(units)
        if length and units[-1] in notation.feeds:
            length -= 1
        if length and units[length - 1] == notation.carriage:
            length -= 1
        return self.data[start * self.size : (start + length) * self.size]
