"""Level 88 as a check: values that no condition name of an item speaks of are bad, where settings say so.

As COBOL compares: numbers by value; text by its bytes in the file's own collating order, the shorter one
padded with spaces (Enterprise COBOL Language Reference, "Relation conditions").
"""

from __future__ import annotations

import functools
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from adapters.batch.codepage import CodePage
from adapters.batch.copybook import Storage
from adapters.batch.kernels.integers import Bools
from adapters.batch.reference import EXACT, Value

#: Lowest and highest value of each range; equal for a single value.
Ranges = tuple[tuple[str, str | None], ...]
NOT_NAMED = "no level 88 of the item names this value"
_ZERO = ("ZERO", "ZEROS", "ZEROES")


def is_named(raw: bytes, decoded: Value, ranges: Ranges, storage: Storage, page: CodePage) -> bool:
    """Return whether one value lies in a range. The twin of `named`."""
    if isinstance(decoded, str):
        return any(low <= raw <= high for low, high in _texts(ranges, storage.length, page))
    number = Decimal(decoded)
    return any(low <= number <= high for low, high in _numbers(ranges))


def named(
    view: npt.NDArray[np.uint8], values: pa.Array, ranges: Ranges, storage: Storage, page: CodePage
) -> Bools:
    """Return which of n values lie in a range, from (n, length) bytes and the values decoded from them."""
    found: Bools = np.zeros(len(view), np.bool_)
    if pa.types.is_string(values.type):
        for start, end in _texts(ranges, storage.length, page):
            below, above = _compared(view, start)
            if end != start:
                above = _compared(view, end)[1]
            found |= ~(below | above)
        return found
    for low, high in _numbers(ranges):
        if (ends := _ends(low, high, values.type)) is not None:
            first, last = (pa.scalar(end, values.type) for end in ends)
            inside = pc.and_(pc.greater_equal(values, first), pc.less_equal(values, last))
            found |= inside.fill_null(False).to_numpy(zero_copy_only=False)
    return found


@functools.lru_cache(1024)
def _texts(ranges: Ranges, length: int, page: CodePage) -> tuple[tuple[bytes, bytes], ...]:
    """Return the ranges as bytes of the item's length; what the page cannot write names nothing."""
    found = []
    for low, high in ranges:
        try:
            first = _padded(low, length, page)
            found.append((first, first if high is None else _padded(high, length, page)))
        except ValueError:
            continue
    return tuple(found)


def _padded(text: str, length: int, page: CodePage) -> bytes:
    word = text.upper().removesuffix("S")
    fill = {"SPACE": page.space, "LOW-VALUE": 0, "HIGH-VALUE": 0xFF}.get(word)
    if fill is not None:
        return bytes([fill]) * length
    if text.upper() in _ZERO:
        return page.encode("0") * length
    if text.startswith("ALL "):
        part = page.encode(text[4:])
        return (part * (length // max(len(part), 1) + 1))[:length]
    return page.encode(text).ljust(length, bytes([page.space]))[:length]


@functools.lru_cache(1024)
def _numbers(ranges: Ranges) -> tuple[tuple[Decimal, Decimal], ...]:
    """Return the ranges as numbers; a text names no number."""
    found = []
    for low, high in ranges:
        try:
            first = _number(low)
            found.append((first, first if high is None else _number(high)))
        except InvalidOperation:
            continue
    return tuple(found)


def _number(text: str) -> Decimal:
    return Decimal(0) if text.upper() in _ZERO else Decimal(text)


def _ends(low: Decimal, high: Decimal, kind: pa.DataType) -> tuple[object, object] | None:
    """Return the ends of a range as values of an Arrow type; None where no value of it lies between them."""
    if pa.types.is_floating(kind):
        return float(low), float(high)
    scale = kind.scale if pa.types.is_decimal(kind) else 0
    limit = (
        Decimal(10) ** kind.precision - 1
        if pa.types.is_decimal(kind)
        else Decimal(2 ** (kind.bit_width - 1) - 1)
    )
    first = max(low.scaleb(scale, EXACT).to_integral_value(ROUND_CEILING), -limit)
    last = min(high.scaleb(scale, EXACT).to_integral_value(ROUND_FLOOR), limit)
    if first > last:
        return None
    if pa.types.is_decimal(kind):
        return first.scaleb(-scale, EXACT), last.scaleb(-scale, EXACT)
    return int(first), int(last)


def _compared(view: npt.NDArray[np.uint8], limit: bytes) -> tuple[Bools, Bools]:
    """Return which rows come before, and which after, some bytes."""
    undecided: Bools = np.ones(len(view), np.bool_)
    below: Bools = np.zeros(len(view), np.bool_)
    above: Bools = np.zeros(len(view), np.bool_)
    for at, byte in enumerate(limit):
        column = view[:, at]
        below |= undecided & (column < byte)
        above |= undecided & (column > byte)
        undecided &= column == byte
        if not undecided.any():
            break
    return below, above
