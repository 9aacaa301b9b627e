"""Cells of a chunk to columns of texts, without a Python object a value."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from adapters.batch.delimited.notation import Notation
from adapters.batch.delimited.structure import Structure
from adapters.batch.fields.assemble import Leaf
from adapters.batch.fields.encoding import Encoding

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Cells:
    """All cells of a chunk as one Arrow array over its bytes: cell, gap, cell, gap…, nothing copied."""

    structure: Structure
    notation: Notation
    encoding: Encoding
    stretches: pa.BinaryArray

    @classmethod
    def of(cls, data: bytes, structure: Structure, notation: Notation, encoding: Encoding) -> Cells:
        """Return the cells of `data`, whose units were split into `structure`."""
        places = np.empty(2 * len(structure.begin) + 1, np.int32)
        places[0:-1:2], places[1::2] = structure.begin, structure.end
        places[-1] = structure.end[-1] if len(structure.end) else 0
        if encoding.size > 1:
            places *= encoding.size
        made = pa.BinaryArray.from_buffers(
            pa.binary(), len(places) - 1, [None, pa.py_buffer(places), pa.py_buffer(data)]
        )
        return cls(structure, notation, encoding, made)

    def column(self, records: Int64s, position: int) -> Leaf:
        """Return the texts of one column (from 0) of n records; null where a record is too short."""
        first, width = self.structure.first, self.structure.width
        cell = first[records] + position
        absent = position >= width[records]
        if self.notation.escape is not None:
            absent = absent | self._null_mark(cell, absent)
        some = bool(absent.any())
        index = pa.array(2 * cell, mask=absent) if some else pa.array(2 * cell)
        texts, unreadable = self.encoding.strings(self.stretches.take(index))
        if len(self.structure.escaped):
            safe = np.where(absent, 0, cell) if some else cell
            escaped = self.structure.escaped[safe] & ~absent
            if escaped.any():
                texts = self._undone(texts, escaped, self.structure.quoted[safe])
        return Leaf(texts, unreadable)

    def _undone(
        self, texts: pa.StringArray, escaped: npt.NDArray[np.bool_], quoted: npt.NDArray[np.bool_]
    ) -> pa.StringArray:
        """Return the texts with doubled quotes made single and escapes taken off."""
        quote, escape = (self._character(unit) for unit in (self.notation.quote, self.notation.escape))
        for rows, pair in ((escaped & quoted, quote), (escaped & ~quoted, "")):
            if not rows.any():
                continue
            mask = pa.array(rows)
            found = texts.filter(mask)
            if not escape:
                mended = pc.replace_substring(found, quote * 2, quote)
            else:
                mark = re.escape(escape)
                pattern, instead = rf"(?s){mark}(.)", r"\1"
                if pair:
                    pattern, instead = rf"{pattern}|({re.escape(pair)}){re.escape(pair)}", r"\1\2"
                mended = pc.replace_substring_regex(found, pattern, instead)
            texts = pc.replace_with_mask(texts, mask, mended)
        return texts

    def _null_mark(self, cell: Int64s, absent: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        r"""Return which cells are `\N`, as databases write a null where they write escapes."""
        assert self.notation.escape is not None
        safe = np.where(absent, 0, cell)
        if not len(self.structure.begin):
            return np.zeros(len(cell), np.bool_)
        two = (self.structure.end - self.structure.begin)[safe] == 2
        rows = np.flatnonzero(two & self.structure.escaped[safe] & ~self.structure.quoted[safe])
        found = np.zeros(len(cell), np.bool_)
        if len(rows):
            raw = self.stretches.take(pa.array(2 * safe[rows])).to_pylist()
            mark = (self._character(self.notation.escape) + "N").encode(self.encoding.name)
            found[rows] = [value == mark for value in raw]
        return found

    def _character(self, unit: int | None) -> str:
        if unit is None:
            return ""
        if self.encoding.size > 1:
            return chr(unit)
        return self.encoding.text(bytes([unit]))
