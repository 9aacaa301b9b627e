"""The fast half of reading a list: bytes of plain, repeated elements → columns, without a tree.

Services write the elements of a list one like the other. From the schema and the first element that the
parser has read comes a regular expression for such an element (the prefix, the white space, the order of
the columns); as long as what follows has that very form, one pass in C cuts it into columns, and whole
columns are converted by Arrow. Whatever else comes (another form, a character reference in a number, a
value outside its facets) is left to the parser and the per-record codec, which is the reference: this
kernel takes a part of what that takes, and must never give another value.
"""

from __future__ import annotations

import re
from collections import deque
from itertools import islice
from typing import Any

import pyarrow as pa

from adapters.soap.avro_entity import EntityShape
from adapters.soap.codec import XmlCodec
from adapters.soap.column_text import Unfit
from adapters.soap.row_pattern import BLANK, Block, Slot, Writer, arrays_of
from adapters.soap.xsd_types import Element

#: A message with one of these is never cut by the kernel: not text in XML, or a noncharacter.
_FORBIDDEN = (b"]]>", b"\xef\xbf\xbe", b"\xef\xbf\xbf")


class RowTemplate:
    """The form of one list's elements. Build with `learn`."""

    def __init__(self, shape: EntityShape, parts: tuple[Slot | Block, ...], pattern: bytes) -> None:
        self._shape, self._parts = shape, parts
        self._schema = shape.entity.arrow_schema()
        self._find = re.compile(rb"(?:" + BLANK + pattern + rb")|([\x00-\xff]+)")

    @classmethod
    def learn(
        cls, codec: XmlCodec, element: Element, shape: EntityShape, node: Any, raw: bytes
    ) -> RowTemplate | None:
        """Return the form of elements like `node`, whose bytes are `raw`; None if it has no plain one."""
        kind = codec.schema.complex(element)
        if kind is None:
            return None
        try:
            pattern, parts = Writer(codec, node).item(kind, shape.record, raw)
        except Unfit:
            return None
        return cls(shape, parts, pattern)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RowTemplate) and self._find.pattern == other._find.pattern

    def __hash__(self) -> int:
        return hash(self._find.pattern)

    def take(self, data: bytes, at: int) -> tuple[pa.RecordBatch | None, int, bool]:
        """Return the rows of the elements of this form at `at`, where they end, and whether that is all.

        Not all: the element at the end has this form, and a value that the reference has to judge.
        """
        if any(mark in data for mark in _FORBIDDEN):
            return None, at, False
        found = self._find.findall(data, at)
        end = len(data)
        if found and found[-1][-1]:
            end -= len(found.pop()[-1])
        if not found:
            return None, at, True
        try:
            return self._columns(found), end, True
        except Unfit:
            good = self._good(found)
        if not good:
            return None, at, False
        last = deque(islice(self._find.finditer(data, at), good), maxlen=1)[0]
        return self._columns(found[:good]), last.end(), False

    def _good(self, found: list[tuple[bytes, ...]]) -> int:
        """Return how many rows come before the first that is unfit."""
        low, high = 0, len(found)
        while high - low > 1:
            middle = (low + high) // 2
            try:
                self._columns(found[low:middle])
            except Unfit:
                high = middle
            else:
                low = middle
        return low

    def _columns(self, found: list[tuple[bytes, ...]]) -> pa.RecordBatch:
        captures = iter(zip(*found, strict=True))
        arrays = arrays_of(self._parts, list(self._schema), captures, len(found))
        batch = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        if any(batch.column(key).null_count for key in self._shape.entity.key):
            raise Unfit
        return batch
