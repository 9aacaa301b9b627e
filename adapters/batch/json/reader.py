"""JSON files as rows: lines or elements of an array, each parsed exactly, with its bytes."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import numpy as np

from adapters.batch.actions import ActionCodes
from adapters.batch.fields.account import Account
from adapters.batch.fields.documents import DocumentBlock
from adapters.batch.fields.kinds import RecordKind, acting
from adapters.batch.fields.reading import TextReading
from adapters.batch.framing import CHUNK
from adapters.batch.json.elements import ArrayScan
from adapters.batch.json.spec import LINES, JsonSpec
from adapters.batch.json.value import get, text_of, tree
from schemas.entity import Entity
from schemas.errors import Terminal


@dataclass(frozen=True, slots=True)
class JsonReader:
    """Implements `adapters.batch.reader.Reader`."""

    spec: JsonSpec
    kinds: tuple[RecordKind, ...]

    @property
    def entities(self) -> Mapping[str, Entity]:
        """The entities that the files hold, by name."""
        return {k.assembly.entity.name: k.assembly.entity for k in self.kinds if k.assembly is not None}

    def acting(self, actions: ActionCodes) -> JsonReader:
        """Return the reader of records that say what they do."""
        return replace(self, kinds=acting(self.kinds, actions))

    def reading(self, name: str, size: int, chunk: int = CHUNK) -> TextReading:
        """Return a pass over one file."""
        del size
        cut = self._lines if self.spec.records == LINES else self._elements
        account = Account("are these the right records and paths")
        return TextReading(self.kinds, lambda stream, acc: cut(stream, acc, name, chunk), account)

    def _lines(self, stream: BinaryIO, account: Account, name: str, chunk: int) -> Iterator[DocumentBlock]:
        rest, base, number = _without_mark(stream, name)
        final = False
        while not final:
            data = stream.read(chunk)
            final = not data
            rest += data
            stop = len(rest) if final else rest.rfind(b"\n") + 1
            if not stop:
                self._check_length(rest, base, name)
                continue
            places: list[tuple[int, int, int]] = []
            start = 0
            for line in rest[:stop].split(b"\n"):
                if line.strip():
                    places.append((number, start, start + len(line.rstrip(b"\r"))))
                start += len(line) + 1
                number += 1
            number -= 1  # behind the last line end nothing stands yet
            if places:
                block = self._block(rest, base, places)
                if final and len(places) - 1 in block.faults and not rest.endswith(b"\n"):
                    account.problem("truncated: the last line has no end and is no JSON")
                yield block
            base, rest = base + stop, rest[stop:]

    def _elements(self, stream: BinaryIO, account: Account, name: str, chunk: int) -> Iterator[DocumentBlock]:
        scan = ArrayScan(
            tuple(self.spec.records.removesuffix("[]").split(".")) if self.spec.records != "[]" else ()
        )
        rest, base, number = _without_mark(stream, name)
        while not scan.fault:
            data = stream.read(chunk)
            if not data:
                break
            rest += data
            elements, used = scan.take(rest)
            if elements:
                places = [(number + i, start, stop) for i, (start, stop) in enumerate(elements)]
                number += len(elements)
                yield self._block(rest, base, places)
            base, rest = base + used, rest[used:]
            self._check_length(rest, base, name)
        if scan.fault:
            account.problem(f"no JSON: {scan.fault} at byte {base}")
        elif not scan.found:
            raise Terminal(
                f"the document has no array {self.spec.records}",
                where=name,
                fix="set json.records to its path",
            )
        elif not scan.closed or scan.depth > 0:
            where = "within the array" if not scan.closed else "before its last bracket"
            account.problem(f"truncated: the document ends {where}, at byte {base + len(rest)}")
        elif scan.depth < 0 or rest.strip():
            account.problem(f"text follows the document, before byte {base + len(rest)}")

    def _check_length(self, rest: bytes, base: int, name: str) -> None:
        if len(rest) > self.spec.max_record:
            raise Terminal(
                f"no record ends in the {len(rest)} bytes after byte {base}",
                where=name,
                fix="check json.records, or raise max_record",
            )

    def _block(self, data: bytes, base: int, places: list[tuple[int, int, int]]) -> DocumentBlock:
        strict = self.spec.duplicate_keys == "reject"
        trees: list[Any] = []
        faults: dict[int, str] = {}
        for row, (_, start, stop) in enumerate(places):
            try:
                made = tree(data[start:stop], strict=strict)
                if not isinstance(made, dict):
                    made = faults.setdefault(row, "no JSON object") and None
            except ValueError as error:
                made, faults[row] = None, str(error)
            trees.append(made)
        return DocumentBlock(
            trees, get, text_of,
            np.array([p[0] for p in places]), np.array([p[1] + base for p in places]), faults,
            lambda row: data[places[row][1] : places[row][2]],
        )  # fmt: skip


def _without_mark(stream: BinaryIO, name: str) -> tuple[bytes, int, int]:
    """Return a file's first bytes without a byte order mark, their offset, and the first record's number."""
    head = stream.read(3)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise Terminal("the file is in UTF-16; JSON is UTF-8 (RFC 8259)", where=name, fix="convert it")
    if head == codecs.BOM_UTF8:
        return b"", 3, 1
    return head, 0, 1
