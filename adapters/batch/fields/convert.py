"""Texts to values by column: plain rows by kernels, the others one by one. Twin: `parse`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from adapters.batch.dates import DateFormat
from adapters.batch.fields.numbers import numbers
from adapters.batch.fields.parse import BLANKS, parse
from adapters.batch.fields.value_type import ValueType
from adapters.batch.kernels.integers import Bools
from adapters.batch.kernels.text import trimmed
from adapters.batch.moments import MomentFormat
from adapters.batch.reference import BadValueError
from schemas.entity import arrow_type


def convert(texts: pa.StringArray, kind: ValueType) -> tuple[pa.Array, Bools]:
    """Return the Arrow array of n texts (null stays null) and the mask of bad ones, whose values are null."""
    edges = _Edges.of(texts)
    bare = pc.ascii_trim(texts, BLANKS) if edges.blank(first=True) or edges.blank() else texts
    null = edges.length == 0 if bare is texts else np.asarray(pc.binary_length(bare).fill_null(0)) == 0
    if kind.null != ("",):
        spelled = pc.is_in(bare, pa.array(kind.null, pa.string()))
        null = np.asarray(spelled.to_numpy(zero_copy_only=False), np.bool_)
    if texts.null_count:
        null = null | np.asarray(texts.is_null().to_numpy(zero_copy_only=False), np.bool_)
    nothing: Bools = null
    empty = pa.scalar(None, arrow_type(kind.avro))
    if kind.kind == "text":
        values = _trimmed(texts, kind, edges)
        if nothing.any():
            values = pc.if_else(pa.array(nothing), empty, values)
        return values, np.zeros(len(texts), np.bool_)
    if not nothing.any():
        return _values(bare, kind)
    at = np.flatnonzero(~nothing)
    values, wrong = _values(bare.take(pa.array(at)), kind)
    bad: Bools = np.zeros(len(texts), np.bool_)
    bad[at[wrong]] = True
    place = np.cumsum(~nothing) - 1
    return values.take(pa.array(place, mask=nothing)) if len(at) else pa.nulls(len(texts), empty.type), bad


@dataclass(frozen=True, slots=True)
class _Edges:
    """Lengths of n texts, and the bytes at their edges: few texts have blanks there, so few are cut."""

    data: npt.NDArray[np.uint8]
    start: npt.NDArray[np.int32]
    length: npt.NDArray[np.int32]

    @classmethod
    def of(cls, texts: pa.StringArray) -> _Edges:
        _, offsets, data = texts.buffers()
        places = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
        if not len(texts):
            return cls(np.empty(0, np.uint8), places[:0], places[:0])
        content = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
        return cls(content, places[:-1], np.diff(places))

    def blank(self, *, first: bool = False) -> bool:
        """Return whether any text ends (or begins) with a blank or a control character below it."""
        full = self.length > 0
        start, length = (self.start, self.length) if full.all() else (self.start[full], self.length[full])
        if not len(start):
            return False
        return bool((self.data[start if first else start + length - 1] <= 0x20).any())


def _trimmed(texts: pa.StringArray, kind: ValueType, edges: _Edges) -> pa.StringArray:
    sides = {"none": [], "padding": [False], "left": [True]}.get(kind.trim, [True, False])
    return trimmed(texts, kind.trim) if any(edges.blank(first=first) for first in sides) else texts


def _values(texts: pa.StringArray, kind: ValueType) -> tuple[pa.Array, Bools]:
    """Return the values of n texts that are not null and have no blanks around them."""
    if kind.kind in ("integer", "decimal"):
        values, sure = numbers(texts, kind)
        return _mended(texts, values, sure, kind)
    form = kind.date or kind.moment
    if form is not None and form.fixed:
        values, sure = _fixed(texts, form, kind)
        return _mended(texts, values, sure, kind)
    return _distinct(texts, kind)


def _mended(texts: pa.StringArray, values: pa.Array, sure: Bools, kind: ValueType) -> tuple[pa.Array, Bools]:
    """Return the values with those rows read one by one of which the kernel is not sure."""
    if sure.all():
        return values, ~sure
    at = np.flatnonzero(~sure)
    read, bad = _distinct(texts.take(pa.array(at)), kind)
    wrong: Bools = np.zeros(len(texts), np.bool_)
    wrong[at[bad]] = True
    return pc.replace_with_mask(values, pa.array(~sure), read), wrong


def _distinct(texts: pa.StringArray, kind: ValueType) -> tuple[pa.Array, Bools]:
    """Return the values of n texts, each different text read once."""
    coded = texts.dictionary_encode()
    known = []
    wrong = []
    for text in coded.dictionary.to_pylist():
        try:
            known.append(parse(text, kind))
            wrong.append(False)
        except BadValueError:
            known.append(None)
            wrong.append(True)
    code = coded.indices.to_numpy(zero_copy_only=False)
    bad: Bools = np.array(wrong, np.bool_)[code] if len(wrong) else np.zeros(len(texts), np.bool_)
    return pa.array(known, arrow_type(kind.avro)).take(coded.indices), bad


def _fixed(texts: pa.StringArray, form: DateFormat | MomentFormat, kind: ValueType) -> tuple[pa.Array, Bools]:
    """Return dates or time stamps of texts that are as long as their form, and which are sure."""
    width = len(form.text)
    fits = np.asarray(pc.binary_length(texts)) == width
    if not fits.all():
        texts = pc.if_else(pa.array(fits), texts, " " * width)
    _, offsets, data = texts.buffers()
    n = len(texts)
    start = int(np.frombuffer(offsets, np.int32)[texts.offset]) if n else 0
    view = (
        np.frombuffer(data, np.uint8, n * width, start).reshape(n, width)
        if n
        else np.empty((0, width), np.uint8)
    )
    counts, bad = form.characters(view)
    if isinstance(form, DateFormat):
        return pa.array(counts).cast(pa.date32()), ~bad & fits
    if kind.digits != 6:
        bad = bad | (counts % 1000 != 0)
        counts = counts // 1000
    return pa.array(counts).cast(arrow_type(kind.avro)), ~bad & fits
