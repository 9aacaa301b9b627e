"""What each resource answers: a row, a page, an export, a document. All of it blocks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connectors.readmodel.reader import Facts, Row, RowReader
from connectors.readmodel.table import Table
from connectors.readmodel.values import as_stored
from streams.api.cursor import Cursors
from streams.api.export import CHUNK, exported
from streams.api.message import Answer, Problem, Request, dumped
from streams.api.position import token
from streams.api.question import question, row_fields
from streams.document import Document
from streams.join import assemble
from streams.models import LiveModels

#: Tells "this key has no row" from the 404 of a URL that is not there at all: only the first is an answer.
NO_ROW = {"Banyan-Not-Found": "row"}


@dataclass(frozen=True, slots=True)
class Collection:
    """The rows of one projection's live version."""

    name: str
    base: str
    models: LiveModels
    cursors: Cursors

    def row(self, request: Request, segments: Sequence[str]) -> Answer:
        """Answer with one row."""
        projection, reader = self.models.open(self.name)
        facts = reader.facts  # before the row: what the header promises is in it
        columns = row_fields(request.query, facts.table) if request.query else ()
        row = _row(reader, facts, segments, columns)
        # Version and width are in it, because the same event shows differently under another shape.
        tag = f"{projection.version}-{row.partition}-{row.offset}-{len(facts.table.columns)}"
        if columns:
            tag += f"-{hashlib.blake2b(','.join(columns).encode(), digest_size=4).hexdigest()}"
        return Answer(dumped(row.values), headers=_headers(tag, [facts], row))

    def page(self, request: Request) -> Answer:
        """Answer with a page of rows."""
        reader = self.models[self.name]
        facts = reader.facts
        asked = question(request.query, facts.table, self.cursors, self.name)
        limit = asked.selection.limit or 0
        # One more than asked for, which tells whether there is a next page.
        rows = reader.select(replace(asked.selection, limit=limit + 1), facts=facts)
        following = None
        if len(rows) > limit:
            rows = rows[:limit]
            following = asked.following(self.base, self.cursors.make(asked.bound, rows[-1].at))
        body = dumped({"items": [r.values for r in rows], "next": following})
        return Answer(body, headers=_headers(_digest(body), [facts]))

    def export(self, request: Request, kind: str) -> tuple[Iterator[bytes], dict[str, str]]:
        """Return the bytes of an export, made as they are taken, and headers."""
        reader = self.models[self.name]
        facts = reader.facts
        selection = question(request.query, facts.table, self.cursors, self.name, paged=False).selection
        columns = [facts.table.column(n) for n in selection.names]
        chunks = reader.stream(selection, CHUNK)
        name = f'attachment; filename="{self.base.rpartition("/")[2]}.{kind}"'
        headers = {
            "Content-Disposition": name,
            "Cache-Control": "no-store",
            "Banyan-Position": _position([facts]),
        }
        return _closing(exported(chunks, columns, kind), chunks), headers


@dataclass(frozen=True, slots=True)
class DocumentResource:
    """A document: a root row with what belongs to it."""

    document: Document
    models: Mapping[str, RowReader]

    def one(self, request: Request, segments: Sequence[str]) -> Answer:
        """Answer with one document."""
        for name, _ in request.query:
            if name != "wait":
                raise Problem(400, f"unknown parameter {name!r}; a document takes: wait")
        names = dict.fromkeys((self.document.root, *(e.projection for e in self.document.embed)))
        readers = {name: self.models[name] for name in names}  # one version each for the whole answer
        facts = {name: reader.facts for name, reader in readers.items()}
        row = _row(readers[self.document.root], facts[self.document.root], segments, ())
        body = dumped(assemble(self.document, row, readers))
        return Answer(body, headers=_headers(_digest(body), list(facts.values()), row))


def key_of(table: Table, segments: Sequence[str]) -> list[Any]:
    """Return the key in the path, as stored.

    Raises:
        Problem: it has another number of parts, or a part that no row has (404).
    """
    if len(segments) != len(table.key):
        raise Problem(404, f"the key has {len(table.key)} parts: {'/'.join(table.key)}")
    try:
        return [as_stored(text, table.column(k)) for text, k in zip(segments, table.key, strict=True)]
    except (ValueError, OverflowError):
        raise Problem(404, "no row has this key", headers=NO_ROW) from None


def _row(reader: RowReader, facts: Facts, segments: Sequence[str], columns: tuple[str, ...]) -> Row:
    row = reader.row(key_of(facts.table, segments), facts=facts, columns=columns)
    if row is None:
        raise Problem(404, "no row has this key", headers=NO_ROW | {"Banyan-Position": _position([facts])})
    return row


def _headers(tag: str, facts: Sequence[Facts], row: Row | None = None) -> dict[str, str]:
    headers = {"ETag": f'"{tag}"', "Cache-Control": "no-cache", "Banyan-Position": _position(facts)}
    if row is not None:
        headers["Banyan-Source-Offset"] = f"{row.topic}:{row.partition}:{row.offset}"
    return headers


def _position(facts: Sequence[Facts]) -> str:
    if len(facts) == 1:
        return facts[0].said_as(token)
    return token({place: offset for one in facts for place, offset in one.next.items()})


def _digest(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=12).hexdigest()


def _closing(made: Iterator[bytes], chunks: Any) -> Iterator[bytes]:
    """Let the snapshot go however the export ends."""
    try:
        yield from made
    finally:
        chunks.close()
