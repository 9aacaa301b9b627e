"""XML files as rows: streamed by expat, each record with its place and bytes; memory is that of a chunk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import BinaryIO
from xml.parsers import expat

import numpy as np

from adapters.batch.actions import ActionCodes
from adapters.batch.fields.account import Account
from adapters.batch.fields.documents import DocumentBlock
from adapters.batch.fields.kinds import RecordKind, acting
from adapters.batch.fields.reading import TextReading
from adapters.batch.framing.frames import KEPT
from adapters.batch.xml.paths import Node, Path, text_of
from adapters.batch.xml.spec import XmlSpec
from schemas.entity import Entity
from schemas.errors import Terminal

#: Bytes parsed at once: as trees they are some twenty times as large.
CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class XmlReader:
    """Implements `adapters.batch.reader.Reader`."""

    spec: XmlSpec
    kinds: tuple[RecordKind, ...]
    records: Path
    #: Every path of a field, by its text.
    paths: Mapping[str, Path]

    @property
    def entities(self) -> Mapping[str, Entity]:
        """The entities that the files hold, by name."""
        return {k.assembly.entity.name: k.assembly.entity for k in self.kinds if k.assembly is not None}

    def acting(self, actions: ActionCodes) -> XmlReader:
        """Return the reader of records that say what they do."""
        return replace(self, kinds=acting(self.kinds, actions))

    def reading(self, name: str, size: int, chunk: int = CHUNK) -> TextReading:
        """Return a pass over one file."""
        del size
        account = Account("are these the right records and paths")
        return TextReading(
            self.kinds, lambda stream, acc: _Pass(self, name, acc).blocks(stream, chunk), account
        )


@dataclass(slots=True)
class _Pass:
    """One pass over one file: the parser's events make records.

    No DTD is read, so there are no entities but XML's own five, and nothing is fetched.
    """

    reader: XmlReader
    name: str
    account: Account
    _parser: expat.XMLParserType = field(init=False)
    _names: list[str] = field(default_factory=list)
    #: Open elements of the record that is being read.
    _open: list[Node] = field(default_factory=list)
    _start: int = 0
    _done: list[tuple[Node, int, int]] = field(default_factory=list)
    _number: int = 1

    def __post_init__(self) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        self._parser = parser

    def blocks(self, stream: BinaryIO, chunk: int) -> Iterator[DocumentBlock]:
        """Yield the records.

        Raises:
            Terminal: a DTD, or what is beyond the limits.
        """
        data, base = b"", 0
        final = False
        while not final:
            piece = stream.read(chunk)
            final = not piece
            data += piece
            broken = ""
            try:
                self._parser.Parse(piece, final)
            except expat.ExpatError as error:
                at = self._parser.ErrorByteIndex
                what = expat.ErrorString(error.code)
                broken = f"broken XML at byte {at} (line {error.lineno}): {what}"
                self.account.problem(broken)
                final = True
            except (LookupError, ValueError) as error:
                raise Terminal(
                    "the XML declares an encoding that cannot be read",
                    where=self.name,
                    fix="have it exported in UTF-8, UTF-16 or a single-byte encoding",
                ) from error
            if self._done or broken:
                yield self._block(data, base, broken)
            behind = self._start if self._open else max(self._parser.CurrentByteIndex, 0)
            data, base = data[max(behind - base, 0) :], max(behind, base)
            if self._open and len(data) > self.reader.spec.max_record:
                raise self._beyond(
                    f"a record has more than {self.reader.spec.max_record} bytes", "max_record"
                )

    def _doctype(self, *_: object) -> None:
        raise Terminal(
            "the file has a DTD, which is never read",
            where=f"{self.name}: line {self._parser.CurrentLineNumber}",
            fix="have it exported without a document type",
        )

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        spec = self.reader.spec
        self._names.append(name)
        if len(self._names) > spec.max_depth:
            raise self._beyond(f"elements nest deeper than {spec.max_depth}", "max_depth")
        if len(attributes) > spec.max_attributes:
            raise self._beyond(f"an element has {len(attributes)} attributes", "max_attributes")
        if self._open:
            node = Node(name, attributes)
            self._open[-1].children.append(node)
            self._open.append(node)
        elif self.reader.records.leads_to(self._names):
            self._open.append(Node(name, attributes))
            self._start = self._parser.CurrentByteIndex

    def _end(self, name: str) -> None:
        del name
        self._names.pop()
        if self._open:
            node = self._open.pop()
            if not self._open:
                self._done.append((node, self._start, self._parser.CurrentByteIndex))

    def _text(self, text: str) -> None:
        if self._open:
            self._open[-1].text.append(text)

    def _beyond(self, what: str, setting: str) -> Terminal:
        return Terminal(
            what,
            where=f"{self.name}: byte {self._parser.CurrentByteIndex}",
            fix=f"raise xml.{setting} if it may",
        )

    def _block(self, data: bytes, base: int, broken: str) -> DocumentBlock:
        """Return the finished records, and behind them the one in which the document breaks."""
        done, self._done = self._done, []
        starts = [start for _, start, _ in done]
        ends = [end for _, _, end in done]
        trees: list[Node | None] = [node for node, _, _ in done]
        faults = {}
        if broken:
            starts.append(self._start if self._open else min(base + len(data), self._parser.ErrorByteIndex))
            ends.append(-1)
            faults[len(trees)] = broken
            trees.append(None)
        numbers = self._number + np.arange(len(trees))
        self._number += len(done)

        def raw(row: int) -> bytes:
            start = max(starts[row] - base, 0)
            if ends[row] < 0:
                return data[start : start + KEPT]
            return data[start : _behind(data, ends[row] - base, trees[row])]

        paths = self.reader.paths
        return DocumentBlock(
            trees, lambda tree, path, many: paths[path].find(tree, many), text_of,
            numbers, np.array(starts, np.int64), faults, raw,
        )  # fmt: skip


def _behind(data: bytes, at: int, node: Node | None) -> int:
    """Return the place behind an element whose end was reported at `at`.

    That is where its end tag begins; of an element that is one tag it is where the tag ends.
    """
    # In UTF-16 every other byte of a tag is NUL.
    before = data[max(at - 4, 0) : at].replace(b"\0", b"")
    if node is not None and not node.children and not node.text and before.endswith(b"/>"):
        return at
    end = data.find(b">", at)
    return len(data) if end < 0 else end + 1 + (data[end + 1 : end + 2] == b"\0")
