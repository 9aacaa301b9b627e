"""Fixed text as rows: framing cuts records, fields are stretches of their characters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from adapters.batch.actions import ActionCodes
from adapters.batch.fields.account import Account
from adapters.batch.fields.assemble import Leaf
from adapters.batch.fields.encoding import Encoding
from adapters.batch.fields.field_plan import FieldPlan
from adapters.batch.fields.kinds import RecordKind, acting
from adapters.batch.fields.reading import TextReading
from adapters.batch.framing import CHUNK, Broken, Scanner, Spans
from adapters.batch.kernels.integers import Int64s
from schemas.entity import Entity


@dataclass(frozen=True, slots=True)
class FixedTextReader:
    """Implements `adapters.batch.reader.Reader`."""

    encoding: Encoding
    scanner: Scanner
    kinds: tuple[RecordKind, ...]
    #: Characters up to the last field's end.
    length: int
    short_is_null: bool

    @property
    def entities(self) -> Mapping[str, Entity]:
        """The entities that the files hold, by name."""
        return {k.assembly.entity.name: k.assembly.entity for k in self.kinds if k.assembly is not None}

    def acting(self, actions: ActionCodes) -> FixedTextReader:
        """Return the reader of records that say what they do."""
        return replace(self, kinds=acting(self.kinds, actions))

    def reading(self, name: str, size: int, chunk: int = CHUNK) -> TextReading:
        """Return a pass over one file."""
        del name, size
        account = Account("are these the right places, encoding and framing")
        return TextReading(self.kinds, lambda stream, acc: self._blocks(stream, acc, chunk), account)

    def _blocks(self, stream: BinaryIO, account: Account, chunk: int) -> Iterator[FixedBlock | BrokenBlock]:
        lines = self.scanner.framing == "lines"
        for part in self.scanner.scan(stream, chunk):
            if isinstance(part, Broken):
                if not lines or part.reason.startswith("truncated"):
                    account.problem(f"record {part.record} at byte {part.offset}: {part.reason}")
                yield BrokenBlock(part)
            elif len(part):
                yield FixedBlock(part, self.encoding, self.length, lines, self.short_is_null)


@dataclass(frozen=True, slots=True)
class FixedBlock:
    """Implements `adapters.batch.fields.block.Block`: whole records."""

    spans: Spans
    encoding: Encoding
    #: Characters that a record has.
    length: int
    lines: bool
    short_is_null: bool

    @property
    def record(self) -> Int64s:
        """The n record numbers, from 1."""
        return self.spans.record

    @property
    def offset(self) -> Int64s:
        """The n byte offsets in the file."""
        return self.spans.offset

    @property
    def faults(self) -> Mapping[int, str]:
        """Framing has taken out what is broken."""
        return {}

    def column(self, rows: Int64s, field: FieldPlan) -> Leaf:
        """Return the texts of a field in m of the records."""
        assert isinstance(field.source, tuple)  # settings give each field its place
        start, stop = field.source
        chosen = self.spans if len(rows) == len(self.spans) else self.spans[rows]
        if self.encoding.page is None:
            data = self.spans.data
            if len(data) and int(data.max()) >= 0x80:
                return self._by_character(chosen, start, stop)
        view = chosen.dense(stop, 0x20 if self.encoding.page is None else self.encoding.page.space).view
        return Leaf(*self.encoding.strings(_stretches(view[:, start:])))

    def misfits(self, rows: Int64s, fields: Sequence[FieldPlan]) -> Mapping[int, str]:
        """Return the records that end before their last field, where settings forbid it, or behind it."""
        found = self._long(rows)
        if self.lines or self.short_is_null:
            return found
        width = max(f.source[1] for f in fields if isinstance(f.source, tuple))
        length = self.spans.length[rows]
        short = np.flatnonzero(length < width).tolist()
        return found | {row: f"the record has {length[row]} of {width} bytes" for row in short}

    def raw(self, row: int) -> bytes:
        """Return the bytes of a record."""
        return self.spans.raw(row)

    def _long(self, rows: Int64s) -> dict[int, str]:
        """Return the records that have too many characters: framing has counted bytes, or none."""
        what = "line" if self.lines else "record"
        found: dict[int, str] = {}
        for row in np.flatnonzero(self.spans.length[rows] > self.length).tolist():
            raw, page = self.spans.raw(int(rows[row])), self.encoding.page
            text = (
                raw.decode(self.encoding.name, "replace")
                if page is None
                else "".join(page.characters[byte] for byte in raw)
            )
            if text[self.length :].strip(" \0"):
                found[row] = f"the {what} has {len(text)} characters; {self.length} are described"
        return found

    def _by_character(self, chosen: Spans, start: int, stop: int) -> Leaf:
        """Return a field's texts where characters of several bytes move the places."""
        texts: list[str | None] = []
        unreadable: dict[int, str] = {}
        for row in range(len(chosen)):
            try:
                texts.append(self.encoding.text(chosen.raw(row))[start:stop])
            except ValueError as error:
                texts.append(None)
                unreadable[row] = str(error)
        return Leaf(pa.array(texts, pa.string()), unreadable)


@dataclass(frozen=True, slots=True)
class BrokenBlock:
    """Implements `adapters.batch.fields.block.Block`: bytes that make no record."""

    broken: Broken

    @property
    def record(self) -> Int64s:
        """Its number."""
        return np.array([self.broken.record])

    @property
    def offset(self) -> Int64s:
        """Its byte offset."""
        return np.array([self.broken.offset])

    @property
    def faults(self) -> Mapping[int, str]:
        """What is broken."""
        return {0: self.broken.reason}

    def column(self, rows: Int64s, field: FieldPlan) -> Leaf:
        """Return nothing: it has no fields."""
        del field
        return Leaf(pa.nulls(len(rows), pa.string()))

    def misfits(self, rows: Int64s, fields: Sequence[FieldPlan]) -> Mapping[int, str]:
        """Return nothing; see `faults`."""
        del rows, fields
        return {}

    def raw(self, row: int) -> bytes:
        """Return its bytes."""
        del row
        return self.broken.raw


def _stretches(view: npt.NDArray[np.uint8]) -> pa.BinaryArray:
    """Return (n, width) bytes as n byte strings."""
    n, width = view.shape
    offsets = np.arange(n + 1, dtype=np.int32) * np.int32(width)
    return pa.BinaryArray.from_buffers(
        pa.binary(), n, [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(view).tobytes())]
    )
