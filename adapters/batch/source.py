"""A source described once: how its bytes become records, rows and rejects. Pure; files come in as streams."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np

from adapters.batch.codepage import CodePage
from adapters.batch.copybook import Layout
from adapters.batch.decoder import decode
from adapters.batch.framing import CHUNK, Broken, Frames, Framing, fixed, lines
from adapters.batch.records import UNKNOWN, RecordType, assign
from adapters.batch.reference import BadValueError, Trim, decode_value
from adapters.extract import Chunk, Reject, Rows
from schemas.entity import Entity
from schemas.errors import Terminal
from schemas.key_text import key_text


@dataclass(frozen=True, slots=True)
class Source:
    """Everything that decoding a file needs: `adapters.batch.reader.Reader` for copybooks."""

    layout: Layout
    types: tuple[RecordType, ...]
    page: CodePage
    framing: Framing = "fixed"
    trim: Trim = "padding"
    count_all: bool = False

    @property
    def entities(self) -> Mapping[str, Entity]:
        """The entities that the files hold, by name."""
        return {t.plan.entity.name: t.plan.entity for t in self.types if t.plan is not None}

    def reading(self, name: str, size: int) -> Reading:
        """Return a pass over one file."""
        return Reading(self, name, size)

    def frames(self, stream: BinaryIO, chunk: int = CHUNK) -> Iterator[Frames | Broken]:
        """Yield the records of a file."""
        if self.framing == "lines":
            return lines(stream, self.layout.length, self.page, chunk)
        return fixed(stream, self.layout.length, chunk)


_FOLLOW = "records follow the trailer"


@dataclass(slots=True)
class Reading:
    """One pass over one file: chunks, and afterwards what was wrong with the whole of it."""

    source: Source
    #: The file's name in errors.
    name: str
    size: int
    _details: int = 0
    _records: int = 0
    _undecodable: int = 0
    _first_bad: str = ""
    _trailers: list[bytes] = field(default_factory=list)
    _after_trailer: bool = False
    _problems: list[str] = field(default_factory=list)

    def chunks(self, stream: BinaryIO, chunk: int = CHUNK) -> Iterator[Chunk]:
        """Yield decoded chunks in file order.

        Raises:
            Terminal: the file does not fit the copybook at all.
        """
        for part in self.source.frames(stream, chunk):
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
        return not self._trailers and any(kind.role == "trailer" for kind in self.source.types)

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
        return found + self._trailer_problems()

    def _broken(self, part: Broken) -> Reject:
        self._records += 1
        reject = Reject("", part.record, part.offset, part.raw, "", part.reason, None)
        self._bad(1, reject)
        if self.source.framing == "fixed":
            if self._records == 1:
                raise self._wrong_copybook(f"the whole file is shorter than one record: {part.reason}")
            self._problems.append(f"record {part.record} at byte {part.offset}: {part.reason}")
        return reject

    def _misfit(self) -> bool:
        """True where both signs of a wrong copybook stand: a length that does not divide, and bad records."""
        ragged = self.source.framing == "fixed" and self.size % self.source.layout.length != 0
        return ragged and self._undecodable * 2 > self._records

    def _wrong_copybook(self, what: str) -> Terminal:
        length = self.source.layout.length
        return Terminal(
            f"the file does not fit {self.source.layout.source} ({length} bytes a record): {what}",
            where=self.name,
            fix="check copybook, record length, code page and framing in adapter.toml",
        )

    def _chunk(self, part: Frames) -> Chunk:
        assigned = assign(part.view, self.source.types)
        self._records += len(assigned)
        rows: list[Rows] = []
        rejects = [self._unknown(part, at) for at in np.flatnonzero(assigned == UNKNOWN).tolist()]
        for index, kind in enumerate(self.source.types):
            at = np.flatnonzero(assigned == index)
            if kind.role == "detail" and len(at):
                self._details += len(at)
                good, bad = self._decode(part, kind, at)
                rows.append(good)
                rejects += bad
            elif kind.role == "trailer":
                self._trailers += [part.view[i].tobytes() for i in at]
        self._order(assigned)
        return Chunk(rows, sorted(rejects, key=lambda r: r.record))

    def _decode(self, part: Frames, kind: RecordType, at: np.ndarray) -> tuple[Rows, list[Reject]]:
        assert kind.plan is not None  # a detail type has one
        whole = len(at) == len(part.view)
        view = part.view if whole else part.view[at]
        record, offset = part.record[at], part.offset[at]
        decoded = decode(view, kind.plan, self.source.page, self.source.trim)
        entity = kind.plan.entity
        schema = entity.arrow_schema()
        if not decoded.bad:
            return Rows(entity.name, decoded.batch.cast(schema), record, offset), []
        wrong = np.array(sorted(decoded.bad))
        keyed = np.ones(len(at), np.bool_)
        for name in entity.key:
            keyed &= ~decoded.bad_fields.get(name, np.zeros(len(at), np.bool_))
        with_key = wrong[keyed[wrong]]
        texts = key_text(entity, decoded.batch.take(with_key)).to_pylist()
        text_of = dict(zip(with_key.tolist(), texts, strict=True))
        rejects = [
            Reject(
                entity.name, int(record[i]), int(offset[i]), view[i].tobytes(),
                decoded.bad[i].path, decoded.bad[i].reason, text_of.get(i),
            )
            for i in wrong.tolist()
        ]  # fmt: skip
        self._bad(len(wrong), rejects[0])
        good = np.ones(len(at), np.bool_)
        good[wrong] = False
        kept = decoded.batch.take(np.flatnonzero(good)).cast(schema)
        return Rows(entity.name, kept, record[good], offset[good]), rejects

    def _unknown(self, part: Frames, at: int) -> Reject:
        reject = Reject(
            "",
            int(part.record[at]),
            int(part.offset[at]),
            part.view[at].tobytes(),
            "",
            "unknown record type",
            None,
        )
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

    def _trailer_problems(self) -> list[str]:
        trailer = next((kind for kind in self.source.types if kind.role == "trailer"), None)
        if trailer is None:
            return []
        if len(self._trailers) != 1:
            return [f"the file has {len(self._trailers)} trailer records; exactly one is expected"]
        if trailer.count is None:
            return []
        slot = trailer.count
        assert slot.storage is not None
        raw = self._trailers[0][slot.offset : slot.offset + slot.length]
        try:
            said = int(decode_value(raw, slot.storage, self.source.page) or 0)
        except BadValueError as error:
            return [f"the trailer's {slot.path} cannot be read: {error}"]
        held = self._records if self.source.count_all else self._details
        return [] if said == held else [f"the trailer says {said} records, the file holds {held}"]
