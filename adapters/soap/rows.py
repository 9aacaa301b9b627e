"""Decode a list answer into Arrow columns while it arrives.

Elements of one plain form are cut by `RowTemplate`; between them, and for every list without such a form, the
parser and the per-record codec of `ListDecoder` do the work. Bytes go to the parser up to the end of an
item, so that both always know where they are: what the template takes are whole elements that stand where
the parser's last item stood, and the parser never misses them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from lxml import etree

from adapters.soap.avro_entity import EntityShape
from adapters.soap.envelope import SoapFault
from adapters.soap.errors import BadValue, BrokenAnswer
from adapters.soap.row_template import RowTemplate
from adapters.soap.stream import MAX_RAW_BYTES, Item, ListDecoder

#: Bytes looked at in one go: some thousand rows, so that columns pay, and few enough to be forgotten at once.
SLICE_BYTES = 128 << 10
#: What waits for the end of an item goes to the parser beyond this.
_MAX_WAITING = 1 << 20
#: Where an element of the item's name ends: its end tag, or an empty tag. Elements of that name in comments
#: and CDATA are found too, which does no harm: bytes are cut there, and the parser says what they were.
_END = (
    rb"</(?:[^\s<>/:]{1,100}:)?NAME\s*>"
    rb"""|<(?:[^\s<>/:]{1,100}:)?NAME(?:\s+[^\s=<>"']+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*\s*/>"""
)
#: Odd values in one slice after which the reference decodes the rest of it: each costs the template a search.
_MAX_DOUBTS = 3
#: Forms of one list that are learned before the parser does the rest.
_MAX_FORMS = 4


@dataclass(frozen=True, slots=True)
class RowBatch:
    """Consecutive items of a list.

    Attributes:
        rows: the good ones, with the columns of the entity's Arrow schema.
        numbers: their positions in the list, from 0.
        bad: position and item of those that no row can hold.
        count: all of them.
    """

    rows: pa.RecordBatch
    numbers: npt.NDArray[np.int64]
    bad: tuple[tuple[int, Item], ...]
    count: int


class RowDecoder:
    """Feed the bytes of one answer; take batches of rows; `rest()` gives all but the items, or the fault."""

    def __init__(self, items: ListDecoder, shape: EntityShape) -> None:
        self._items, self._shape = items, shape
        self._schema = shape.entity.arrow_schema()
        self._buffer = b""
        self._end = re.compile(_END.replace(b"NAME", re.escape(items.item.local.encode())))
        #: Whether the bytes can be cut; whether the next piece begins where one ended; whether the parser
        #: stands behind an item.
        self._cuts, self._whole, self._aligned = True, True, False
        self._begun = False
        self._templates: list[RowTemplate] = []
        self._position = 0
        self._rows: list[dict[str, Any]] = []
        self._numbers: list[int] = []
        self._bad: list[tuple[int, Item]] = []
        self._attempts = 0
        self._doubts, self._trusted = 0, True

    def feed(self, data: bytes) -> Iterator[RowBatch]:
        """Take more bytes; yield the rows that became whole, in the order of the list.

        Raises:
            BrokenAnswer: not well-formed, an HTML page, hostile, or endless.
        """
        if data and not self._begun:
            self._begun = True
            # Else it is UTF-16 or the like, or no XML at all.
            plain = data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
            self._cuts = plain and self._items.streams
        for start in range(0, len(data), SLICE_BYTES):
            self._buffer += data[start : start + SLICE_BYTES]
            self._doubts, self._trusted = 0, True
            yield from self._read()

    def rest(self) -> dict[str, Any] | SoapFault:
        """End the answer; return the response without its items, or the fault. Errors as in `ListDecoder`."""
        for _ in self._parse(self._buffer):
            raise BrokenAnswer("an item whose end could not be found", fix="ask the service's owner")
        self._buffer = b""
        return self._items.rest()

    def _read(self) -> Iterator[RowBatch]:
        at = 0
        while self._cuts:
            if self._aligned and self._trusted:
                batch, at = self._take(at)
                if batch is not None:
                    yield from self._flush()
                    yield batch
                    continue
            match = self._end.search(self._buffer, at)
            if match is None:
                break
            piece, at = self._buffer[at : match.end()], match.end()
            self._step(piece)
        self._buffer = self._buffer[at:]
        if not self._cuts or len(self._buffer) > _MAX_WAITING:
            piece, self._buffer = self._buffer, b""
            self._step(piece)
            self._whole = self._aligned = False
        yield from self._flush()

    def _take(self, at: int) -> tuple[RowBatch | None, int]:
        for template in self._templates:
            rows, end, whole = template.take(self._buffer, at)
            if not whole:
                self._doubts += 1
                if self._doubts > _MAX_DOUBTS:
                    self._trusted = False
            if rows is not None:
                self._items.count(self._buffer[at : at + 16], end - at)
                numbers = np.arange(self._position, self._position + len(rows), dtype=np.int64)
                self._position += len(rows)
                return RowBatch(rows, numbers, (), len(rows)), end
            if not whole:
                break
        return None, at

    def _step(self, piece: bytes) -> None:
        """Give bytes to the parser, up to the end of an item; learn its form if it is a good one."""
        self._aligned = False
        for item, node in self._parse(piece):
            self._add(item)
            self._aligned = self._whole and self._cuts
            if self._aligned and item.value is not None and self._attempts < _MAX_FORMS:
                self._learn(node, piece)
        self._whole = True

    def _parse(self, piece: bytes) -> Iterator[tuple[Item, Any]]:
        return self._items.feed_nodes(piece) if piece else iter(())

    def _learn(self, node: Any, piece: bytes) -> None:
        encoding = node.getroottree().docinfo.encoding
        if encoding is not None and encoding.upper() not in ("UTF-8", "US-ASCII"):
            return
        self._attempts += 1
        name = (f"{node.prefix}:" if node.prefix else "") + self._items.item.local
        start = piece.rfind(f"<{name}".encode())
        if start < 0:
            return
        template = RowTemplate.learn(self._items.codec, self._items.item, self._shape, node, piece[start:])
        if template is not None and template not in self._templates:
            self._templates.insert(0, template)

    def _add(self, item: Item) -> None:
        number, self._position = self._position, self._position + 1
        if item.value is not None:
            try:
                self._rows.append(self._shape.row(item.value))
                self._numbers.append(number)
                return
            except BadValue as error:
                item = self._unfit(item, error)
        self._bad.append((number, item))

    def _unfit(self, item: Item, error: BadValue) -> Item:
        """Return a decoded item that no row can hold as a bad one, its XML made again."""
        raw = bytes(etree.tostring(self._items.codec.encode(self._items.item, item.value)))
        return Item(None, error, raw[:MAX_RAW_BYTES], self._items.keys_of(item.value))

    def _flush(self) -> Iterator[RowBatch]:
        count = len(self._rows) + len(self._bad)
        if not count:
            return
        arrays = [pa.array([row[f.name] for row in self._rows], f.type) for f in self._schema]
        rows = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        batch = RowBatch(rows, np.array(self._numbers, np.int64), tuple(self._bad), count)
        self._rows, self._numbers, self._bad = [], [], []
        yield batch
