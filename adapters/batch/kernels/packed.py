"""Packed decimal (COMP-3, COMP-6): two digits a byte, the last nibble the sign where there is one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from adapters.batch.codepage import CodePage, translate
from adapters.batch.copybook import Storage
from adapters.batch.kernels import words
from adapters.batch.kernels.integers import Bools, Integers

_LOW = np.arange(256, dtype=np.uint8) & 15
#: By the last byte: 0 plus, 1 minus, 2 no sign; A to F are signs, or C, D and F alone.
_SIGN = np.where(_LOW < 10, 2, (_LOW == 0xB) | (_LOW == 0xD)).astype(np.uint8)
_STRICT = np.where(np.isin(_LOW, (0xC, 0xD, 0xF)), _SIGN, 2).astype(np.uint8)
#: Up to so many bytes a table over the last two is faster than arithmetic.
_SMALL = 4
_BAD, _MINUS = np.uint16(0xFFFF), np.uint16(0x8000)


def _pairs() -> npt.NDArray[np.uint16]:
    """Return by two bytes the number of their four digits, 0xFFFF where a nibble is none."""
    both = np.arange(65536)
    nibbles = [both >> shift & 15 for shift in (12, 8, 4, 0)]
    number = ((nibbles[0] * 10 + nibbles[1]) * 10 + nibbles[2]) * 10 + nibbles[3]
    return np.where(np.max(nibbles, axis=0) > 9, _BAD, number).astype(np.uint16)


def _lasts(signs: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
    """Return by the last two bytes the number of their three digits, the top bit set where it is negative."""
    both = np.arange(65536)
    number, sign = _PAIRS[both >> 4], signs[both & 0xFF]
    return np.where((number == _BAD) | (sign == 2), _BAD, number | np.where(sign == 1, _MINUS, 0)).astype(
        np.uint16
    )


_PAIRS = _pairs()
_LAST, _LAST_STRICT = _lasts(_SIGN), _lasts(_STRICT)


def packed(view: npt.NDArray[np.uint8], storage: Storage, page: CodePage) -> tuple[Integers, Bools]:
    """Return n numbers and the mask of those that are none, from (n, length) bytes.

    The leading nibble of an item with an even number of digits must be zero: its value would not fit.
    """
    if view.shape[1] <= _SMALL:
        return _looked_up(view, storage)
    sign = translate(_STRICT if storage.strict else _SIGN, view[:, -1].copy())
    negative: Bools = sign == 1
    bad: Bools = sign == 2
    numbers, bad = _nibbles(view, storage.digits, bad, signed=True)
    if negative.any():
        if storage.signed:
            numbers = numbers.negate(negative)
        else:
            bad |= negative & ~_zero(numbers)
    return numbers, bad


def _looked_up(view: npt.NDArray[np.uint8], storage: Storage) -> tuple[Integers, Bools]:
    """Return n numbers and the mask of those that are none, from (n, 1 to 4) bytes."""
    width = view.shape[1]
    last = _pair(view, max(0, width - 2), width)
    found = (_LAST_STRICT if storage.strict else _LAST).take(last)
    bad: Bools = found == _BAD
    negative: Bools = (found & _MINUS) != 0
    found &= np.uint16(0x7FFF)
    values = found.astype(np.int64)
    if width > 2:
        first = _PAIRS.take(_pair(view, 0, width - 2))
        bad |= first == _BAD
        values += first.astype(np.int64) * np.int64(1000)
    if storage.digits % 2 == 0:
        bad |= view[:, 0] >= 0x10
    if bad.any():
        values[bad] = 0
    numbers = Integers(values)
    if not storage.signed:
        return numbers, bad | (negative & (values != 0))
    return (numbers.negate(negative) if negative.any() else numbers), bad


def _pair(view: npt.NDArray[np.uint8], start: int, stop: int) -> npt.NDArray[np.uint16]:
    """Return one or two bytes of each row as a number."""
    if stop - start == 1:
        return view[:, start].astype(np.uint16)
    if view.strides[1] != 1:
        view = np.ascontiguousarray(view)
    number: npt.NDArray[np.uint16] = view[:, start:stop].view(">u2")[:, 0].astype(np.uint16)
    return number


def unsigned_packed(view: npt.NDArray[np.uint8], storage: Storage, page: CodePage) -> tuple[Integers, Bools]:
    """Return n numbers and the mask of those that are none, from (n, length) bytes without a sign nibble."""
    return _nibbles(view, storage.digits, np.zeros(len(view), np.bool_), signed=False)


def _nibbles(view: npt.NDArray[np.uint8], digits: int, bad: Bools, *, signed: bool) -> tuple[Integers, Bools]:
    """Return the numbers of the nibbles (but the last, where that is a sign), and more bad rows.

    Eight bytes at a time, from the right; where the last nibble is a sign each word begins a nibble earlier.
    """
    width = view.shape[1]
    parts: list[words.Words] = []
    stop = width
    while stop > 0:
        # With a sign the last word holds 15 digits; those before it are whole bytes again.
        first = max(0, stop - 8)
        part = words.word(view, first, stop)
        if signed and stop == width:
            part >>= np.uint64(4)
        wrong = words.wrong_nibbles(part)
        if wrong.any():
            bad = bad | (wrong != 0)
        if first == 0 and (2 * width - signed) > digits:
            bad = bad | (view[:, 0] >= 0x10)
        parts.insert(0, words.of_nibbles(part))
        stop = first
    numbers = Integers.of_sixteens(parts, 15 if signed else 16, digits)
    return (numbers.zero(np.flatnonzero(bad)) if bad.any() else numbers), bad


def _zero(numbers: Integers) -> Bools:
    zero: Bools = numbers.low == 0
    return zero if numbers.high is None else zero & (numbers.high == 0)
