"""Texts of numbers to whole numbers at a scale, by column; what is not plain is left to the twin."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from adapters.batch.fields.value_type import ValueType
from adapters.batch.kernels.integers import NARROW, Bools, Integers

#: Texts longer than this are left to the twin: a decimal has 38 digits, a sign and a mark.
_WIDEST = 40
_ZERO, _PLUS, _MINUS = 0x30, 0x2B, 0x2D


def numbers(texts: pa.StringArray, kind: ValueType) -> tuple[pa.Array, Bools]:
    """Return the Arrow array of n texts, none null and without blanks around, and which of them are sure.

    Sure are digits with at most a sign before or behind and one decimal mark, within the type; other rows
    hold zero.
    """
    n = len(texts)
    sure = np.ones(n, np.bool_)
    if kind.grouping:
        texts = _ungrouped(texts, kind, sure)
    length = np.asarray(pc.binary_length(texts))
    # One column at least: of a text of grouping marks alone nothing is left.
    width = max(int(length.max(initial=0)), 1)
    if width > _WIDEST:
        sure &= length <= _WIDEST
        texts = pc.if_else(pa.array(sure), texts, "0")
        length, width = np.asarray(pc.binary_length(texts)), _WIDEST
    rows = _right_aligned(texts, width)
    negative, sure = np.zeros(n, np.bool_), sure & (length > 0)
    rows, length = _without_trailing_sign(rows, length, negative)
    low = np.zeros(n, np.int64)
    high = np.zeros(n, np.int64) if kind.digits > NARROW else None
    places = _places(rows, kind.decimal, sure)
    for place in np.flatnonzero(np.bincount(places + 1)).tolist():
        at = np.flatnonzero(places == place - 1)
        every = len(at) == n
        made, good, minus = _fold(
            rows if every else rows[at], length if every else length[at], place - 1, kind
        )
        sure[at] &= good
        negative[at] |= minus
        low[at] = made.low
        if high is not None:
            high[at] = _high(made)
    found = Integers(low, high)
    if negative.any():
        found = found.negate(negative)
    return _arrow(found, sure, kind), sure


def _ungrouped(texts: pa.StringArray, kind: ValueType, sure: Bools) -> pa.StringArray:
    """Return the texts without grouping marks; rows where these stand elsewhere are not sure."""
    marked = pc.match_substring(texts, kind.grouping)
    if not pc.any(marked).as_py():
        return texts
    group, point = re.escape(kind.grouping), re.escape(kind.decimal)
    plain = rf"^[+-]?[0-9]{{1,3}}(?:{group}[0-9]{{3}})*(?:{point}[0-9]*)?[+-]?$"
    odd = pc.and_(marked, pc.invert(pc.match_substring_regex(texts, plain)))
    sure &= ~np.asarray(odd.to_numpy(zero_copy_only=False), np.bool_)
    return pc.replace_substring(texts, kind.grouping, "")


def _right_aligned(texts: pa.StringArray, width: int) -> npt.NDArray[np.uint8]:
    """Return n texts as (n, width) bytes, padded with blanks on the left."""
    padded = pc.ascii_lpad(texts, width, " ")
    _, offsets, data = padded.buffers()
    start = np.frombuffer(offsets, np.int32)[padded.offset] if len(padded) else 0
    count = len(padded) * width
    raw = np.frombuffer(data, np.uint8, count, int(start)) if count else np.empty(0, np.uint8)
    return raw.reshape(len(padded), width)


def _without_trailing_sign(
    rows: npt.NDArray[np.uint8], length: npt.NDArray[np.int32], negative: Bools
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """Return the rows with a sign at their end moved off, and mark the negative ones."""
    if not rows.shape[1]:
        return rows, length
    last = rows[:, -1]
    signed = ((last == _MINUS) | (last == _PLUS)) & (length > 1)
    if not signed.any():
        return rows, length
    negative |= signed & (last == _MINUS)
    rows = rows.copy()
    rows[signed, 1:] = rows[signed, :-1]
    rows[signed, 0] = 0x20
    return rows, length - signed


def _places(rows: npt.NDArray[np.uint8], decimal: str, sure: Bools) -> npt.NDArray[np.int64]:
    """Return how many digits follow each row's decimal mark, -1 where it has none."""
    marks = rows == ord(decimal)
    count = marks.sum(axis=1, dtype=np.uint8) if marks.any() else np.zeros(len(rows), np.uint8)
    if not count.any():
        return np.full(len(rows), -1)
    sure &= count <= 1
    return np.where(count > 0, np.argmax(marks[:, ::-1], axis=1), -1)


def _fold(
    rows: npt.NDArray[np.uint8], length: npt.NDArray[np.int32], place: int, kind: ValueType
) -> tuple[Integers, Bools, Bools]:
    """Return n numbers whose decimal mark stands at one place, which are sure, and which are negative."""
    n, width = rows.shape
    columns = np.ascontiguousarray(rows.T)
    if place >= 0:
        columns = np.delete(columns, width - 1 - place, axis=0)
        length = length - 1
    lead = rows[np.arange(n), np.clip(width - length - (place >= 0), 0, width - 1)] if width else rows[:, 0]
    minus: Bools = lead == _MINUS
    signed = minus | (lead == _PLUS)
    digits = columns - np.uint8(_ZERO)
    valid = digits < 10
    count = valid.sum(axis=0, dtype=np.int32)
    good: Bools = (count + signed == length) & (count > 0)
    digits[~valid] = 0
    missing = 0 if kind.implied and place < 0 else kind.scale - max(place, 0)
    if missing < 0:
        # More decimals than the type has: only zeros may be cut.
        good &= (digits[missing:] == 0).all(axis=0)
        digits = digits[:missing]
        missing = 0
    limit = kind.digits - missing
    if len(digits) > limit:
        # As many leading digits as the type lacks must be zeros.
        good &= (digits[: len(digits) - limit] == 0).all(axis=0)
        digits = digits[len(digits) - limit :] if limit > 0 else digits[:0]
    zeros = np.zeros((missing, n), np.uint8)
    return Integers.of_digits(np.concatenate((digits, zeros))), good, minus & good


def _arrow(found: Integers, sure: Bools, kind: ValueType) -> pa.Array:
    low = np.where(sure, found.low, 0)
    if kind.kind == "integer" and kind.digits <= NARROW:
        return pa.array(low.astype(np.int32) if kind.digits <= 9 else low)
    wide = Integers(low, None if found.high is None else np.where(sure, found.high, 0)).widen()
    words = np.empty((len(low), 2), np.int64)
    words[:, 0], words[:, 1] = wide.low, _high(wide)
    return pa.Array.from_buffers(
        pa.decimal128(kind.digits, kind.scale), len(low), [None, pa.py_buffer(words)]
    )


def _high(found: Integers) -> npt.NDArray[np.int64]:
    """Return the upper words of the numbers."""
    wide = found.widen().high
    assert wide is not None
    return wide
