"""A source described once: how its bytes become records, rows and rejects. Pure; files come in as streams."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import BinaryIO

import numpy as np

from adapters.batch.actions import ActionCodes
from adapters.batch.codepage import CodePage
from adapters.batch.controls import Control
from adapters.batch.copybook import Layout
from adapters.batch.framing import CHUNK, Broken, Scanner, Spans, chunk_size
from adapters.batch.kernels.integers import Int64s
from adapters.batch.ledger import Ledger, Said, Seen, Total
from adapters.batch.lineage import Lineage
from adapters.batch.records import UNKNOWN, RecordType, assign
from adapters.batch.reference import Trim
from adapters.batch.rows import Odo, Typed, Typist
from adapters.batch.totals import Tally
from adapters.extract import Chunk, Reject, Rows
from schemas.entity import Entity
from schemas.errors import Terminal

#: Bytes of records of one type that are decoded at once, where they are short in the file and wide as rows.
_AT_ONCE = 4 * CHUNK
_NONE = np.zeros(0, np.int64)
_FOLLOW = "records follow the trailer"


class WrongCopybook(Terminal):
    """The file is no file of this copybook: what is wrong are the settings."""


@dataclass(frozen=True, slots=True)
class Source:
    """Everything that decoding a file needs: `adapters.batch.reader.Reader` for copybooks.

    Attributes:
        layout: the copybook's record.
        types: the record types, details behind their parents.
        page: code page.
        scanner: framing.
        trim: what is cut from text.
        header, trailer, batch: control records, if there are any.
        longest: bytes beyond which a record has more than the copybook says; 0: never.
        odo: how records with OCCURS DEPENDING ON lie in the file.
        actions: of a delta file, what the codes of its records mean.
    """

    layout: Layout
    types: tuple[RecordType, ...]
    page: CodePage
    scanner: Scanner
    trim: Trim = "padding"
    header: Control | None = None
    trailer: Control | None = None
    batch: Control | None = None
    longest: int = 0
    odo: Odo = "max"
    actions: ActionCodes | None = None

    @property
    def entities(self) -> Mapping[str, Entity]:
        """The entities that the files hold, by name."""
        return {t.entity.name: t.entity for t in self.types if t.entity is not None}

    def acting(self, actions: ActionCodes) -> Source:
        """Return the source of records that say what they do."""
        return replace(self, actions=actions)

    def reading(self, name: str, size: int) -> Reading:
        """Return a pass over one file."""
        return Reading(self, name, size)


@dataclass(slots=True)
class Reading:
    """One pass over one file: chunks, and afterwards what was wrong with the whole of it."""

    source: Source
    #: The file's name in errors.
    name: str
    #: Its size in bytes; 0 where nobody knows.
    size: int
    _records: int = 0
    _undecodable: int = 0
    _first_bad: str = ""
    #: How many bad values became null, by path, because settings said so.
    nulled: dict[str, int] = field(default_factory=dict)
    _after_trailer: bool = False
    _problems: list[str] = field(default_factory=list)
    _typist: Typist = field(init=False)
    _lineage: Lineage = field(init=False)
    _controls: dict[str, Control] = field(init=False)
    _ledgers: dict[str, Ledger] = field(init=False)
    #: The first header record.
    _header: bytes | None = None

    def __post_init__(self) -> None:
        source = self.source
        pad = source.scanner.pad if source.scanner.framing == "lines" else None
        self._typist = Typist(
            source.layout,
            source.types,
            source.page,
            source.trim,
            pad,
            source.longest,
            source.odo,
            source.actions,
        )
        self._lineage = Lineage(source.types)
        kinds = {"header": source.header, "trailer": source.trailer, "batch_trailer": source.batch}
        self._controls = {role: control for role, control in kinds.items() if control is not None}
        self._ledgers = {
            role: Ledger(control.name, control.totals, batches=role == "batch_trailer")
            for role, control in self._controls.items()
        }

    def chunks(self, stream: BinaryIO, chunk: int | None = None) -> Iterator[Chunk]:
        """Yield decoded chunks in file order, each of so many bytes of the file (by default what is fastest).

        Raises:
            Terminal: the file does not fit the copybook at all.
        """
        for part in self.source.scanner.scan(stream, chunk or chunk_size(self.source.layout.length)):
            if isinstance(part, Broken):
                yield Chunk(rejects=[self._broken(part)])
                continue
            made = self._chunk(part)
            if self._misfit():
                raise self._wrong_copybook(
                    f"{self._undecodable} of {self._records} records do not decode, and {self.size} bytes "
                    f"are no multiple of {self.source.layout.length}; first: {self._first_bad}"
                )
            yield made

    @property
    def unfinished(self) -> bool:
        """True where a trailer is declared and has not been seen: the file may still be growing."""
        ledger = self._ledgers.get("trailer")
        return ledger is not None and not ledger.count

    @property
    def file_number(self) -> Decimal | str | None:
        """The file's number in its header, or why it cannot be read; None before there was one."""
        control = self.source.header
        if control is None or self._header is None:
            return None
        return control.file_number(self._header, self.source.page)

    def problems(self) -> list[str]:
        """Return why this file is not complete; call when `chunks` is exhausted."""
        found = list(self._problems)
        if self._records == 0:
            found.append("the file holds no record")
        if self._undecodable * 2 > self._records:
            found.append(
                f"{self._undecodable} of {self._records} records do not decode: is this the right copybook "
                f"and code page? First: {self._first_bad}"
            )
        for role, ledger in self._ledgers.items():
            found += ledger.problems()
            if role == "header" and ledger.count == 1 and self._header is not None:
                found += self._controls[role].against_name(self._header, self.source.page, self.name)
        return found

    def _broken(self, part: Broken) -> Reject:
        self._records += 1
        reject = Reject("", part.record, part.offset, part.raw, "", part.reason, None)
        self._bad(1, reject)
        scanner = self.source.scanner
        if scanner.framing == "fixed" and scanner.measured is None and self._records == 1:
            raise self._wrong_copybook(f"the whole file is shorter than one record: {part.reason}")
        if scanner.framing != "lines" and len(self._problems) < _MOST:
            self._problems.append(f"record {part.record} at byte {part.offset}: {part.reason}")
        for ledger in self._ledgers.values():
            ledger.take([_tallies(total, {}, np.array([part.record])) for total in ledger.totals], None)
        return reject

    def _misfit(self) -> bool:
        """True where both signs of a wrong copybook stand: a length that does not divide, and bad records."""
        scanner = self.source.scanner
        spec = scanner.spec
        step = scanner.length + spec.record_start + spec.record_end
        body = self.size - spec.file_header - spec.file_trailer
        fixed = scanner.framing == "fixed" and scanner.measured is None
        ragged = fixed and self.size > 0 and body % step != 0
        return ragged and self._undecodable * 2 > self._records

    def _wrong_copybook(self, what: str) -> WrongCopybook:
        length = self.source.layout.length
        return WrongCopybook(
            f"the file does not fit {self.source.layout.source} ({length} bytes a record): {what}",
            where=self.name,
            fix="check copybook, record length, code page and framing in adapter.toml",
        )

    def _chunk(self, part: Spans) -> Chunk:
        types = self.source.types
        assigned = assign(part, types)
        self._records += len(assigned)
        rows: list[Rows] = []
        rejects = [self._unknown(part, at) for at in np.flatnonzero(assigned == UNKNOWN).tolist()]
        typed: dict[str, list[Typed]] = {}
        controls: dict[str, Int64s] = {}
        for index, kind in enumerate(types):
            at = np.flatnonzero(assigned == index)
            if kind.role == "detail":
                made = [self._typist.typed(p, index, self._lineage) for p in _pieces(part, at, kind)]
                assert kind.entity is not None  # a detail type has one
                typed[kind.entity.name] = made
                rows += [t.rows for t in made]
                rejects += [r for t in made for r in t.rejects]
                for t in made:
                    for path, n in t.nulled.items():
                        self.nulled[path] = self.nulled.get(path, 0) + n
                if bad := [r for t in made for r in t.rejects]:
                    self._bad(len(bad), bad[0])
            else:
                controls[kind.role] = at
        details = part.record[np.isin(assigned, [i for i, t in enumerate(types) if t.role == "detail"])]
        self._account(typed, details, controls, part)
        self._order(assigned)
        return Chunk(rows, sorted(rejects, key=lambda r: r.record))

    def _account(
        self,
        typed: Mapping[str, Sequence[Typed]],
        details: Int64s,
        controls: Mapping[str, Int64s],
        part: Spans,
    ) -> None:
        """Add a chunk to the control totals; `controls` are the places of control records in it, by role."""
        opened = part.record[controls.get("batch_header", _NONE)]
        for role, ledger in self._ledgers.items():
            tallies = [_tallies(total, typed, part.record) for total in ledger.totals]
            at = controls.get(role, _NONE)
            if role == "header" and len(at) and self._header is None:
                self._header = part.raw(int(at[0]))
            ledger.take(tallies, self._seen(role, part, at), details, opened)

    def _seen(self, role: str, part: Spans, at: Int64s) -> Seen:
        control, page = self._controls[role], self.source.page

        def said(number: int) -> Said:
            return control.said(part.raw(int(at[number])), page)

        return Seen(part.record[at], said)

    def _unknown(self, part: Spans, at: int) -> Reject:
        record, offset = int(part.record[at]), int(part.offset[at])
        reject = Reject("", record, offset, part.raw(at), "", "unknown record type", None)
        self._bad(1, reject)
        return reject

    def _bad(self, n: int, first: Reject) -> None:
        self._undecodable += n
        if not self._first_bad:
            self._first_bad = f"record {first.record} {first.field_path or ''}: {first.reason}".replace(
                "  ", " "
            )

    def _order(self, assigned: np.ndarray) -> None:
        """Notice records that follow the trailer: a file appended to by mistake."""
        trailers = [i for i, kind in enumerate(self.source.types) if kind.role == "trailer"]
        if not trailers:
            return
        last = np.flatnonzero(np.isin(assigned, trailers))
        first = 0 if self._after_trailer else last[0] + 1 if len(last) else len(assigned)
        if not np.isin(assigned[first:], trailers).all() and _FOLLOW not in self._problems:
            self._problems.append(_FOLLOW)
        self._after_trailer = self._after_trailer or bool(len(last))


#: Broken pieces that are written out as problems; each is a reject in any case.
_MOST = 20


def _pieces(part: Spans, at: Int64s, kind: RecordType) -> Iterator[Spans]:
    """Yield the records of one type, as many at once as bounded memory allows for rows of its width."""
    if not len(at):
        return
    chosen = part if len(at) == len(part) else part[at]
    step = len(chosen) if chosen.step else max(1, _AT_ONCE // max(kind.width, 1))
    for first in range(0, len(chosen), step):
        yield chosen if step >= len(chosen) else chosen[first : first + step]


def _tallies(total: Total, typed: Mapping[str, Sequence[Typed]], record: Int64s) -> list[Tally]:
    """Return the tallies of a chunk for one promise."""
    if total.entities is None:
        return [Tally.count(record)]
    made: list[Tally] = []
    for name in total.entities:
        for part in typed.get(name, ()):
            if total.kind == "count":
                made.append(Tally.count(part.record))
                continue
            column = part.batch.column(total.column)
            bad = part.bad_fields.get(total.column, np.zeros(len(column), np.bool_))
            made.append(total.tally(part.record, column, bad))
    return made
