"""Packed decimal (COMP-3, COMP-6): two digits a byte, the last nibble the sign where there is one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from adapters.batch.codepage import NONE, CodePage, translate
from adapters.batch.copybook import Storage
from adapters.batch.kernels.integers import Bools, Integers

_BYTES = np.arange(256, dtype=np.uint8)
_HIGH, _LOW = _BYTES >> 4, _BYTES & 15
#: Two digits as 0 to 99, 0xFF where a nibble is none.
_PAIR = np.where((_HIGH < 10) & (_LOW < 10), _HIGH * 10 + _LOW, NONE).astype(np.uint8)
#: The digit before the sign; 0xFF where it is none or the low nibble is no sign: A to F, or C, D and F alone.
_LAST = np.where((_HIGH < 10) & (_LOW >= 10), _HIGH, NONE).astype(np.uint8)
_STRICT = np.where(np.isin(_LOW, (0xC, 0xD, 0xF)), _LAST, NONE).astype(np.uint8)
_NEGATIVE = ((_LOW == 0xB) | (_LOW == 0xD)).astype(np.uint8)


def packed(view: npt.NDArray[np.uint8], storage: Storage, page: CodePage) -> tuple[Integers, Bools]:
    """Return n numbers and the mask of those that are none, from (n, length) bytes.

    The leading nibble of an item with an even number of digits must be zero: its value would not fit.
    """
    columns = np.ascontiguousarray(view.T)
    pairs = translate(_PAIR, columns[:-1])
    last = translate(_STRICT if storage.strict else _LAST, columns[-1])
    bad = _bad_pairs(pairs, columns, storage.digits % 2 == 0)
    bad |= last == NONE
    if bad.any():
        pairs, last = np.where(bad, np.uint8(0), pairs), np.where(bad, np.uint8(0), last)
    numbers = Integers.of_pairs(pairs).append(last, storage.digits)
    negative: Bools = translate(_NEGATIVE, columns[-1]) == 1
    if negative.any():
        if storage.signed:
            numbers = numbers.negate(negative)
        else:
            bad |= negative & ~_zero(numbers)
    return numbers, bad


def unsigned_packed(view: npt.NDArray[np.uint8], storage: Storage, page: CodePage) -> tuple[Integers, Bools]:
    """Return n numbers and the mask of those that are none, from (n, length) bytes without a sign nibble."""
    columns = np.ascontiguousarray(view.T)
    pairs = translate(_PAIR, columns)
    bad = _bad_pairs(pairs, columns, storage.digits % 2 == 1)
    if bad.any():
        pairs = np.where(bad, np.uint8(0), pairs)
    return Integers.of_pairs(pairs), bad


def _bad_pairs(pairs: npt.NDArray[np.uint8], columns: npt.NDArray[np.uint8], spare: bool) -> Bools:
    """Return the rows with a nibble that is no digit, or one too many where the first nibble is spare."""
    n = columns.shape[1]
    bad = np.zeros(n, np.bool_) if pairs.max(initial=0) != NONE else pairs.max(axis=0) == NONE
    return bad | (columns[0] >= 0x10) if spare else bad


def _zero(numbers: Integers) -> Bools:
    zero: Bools = numbers.low == 0
    return zero if numbers.high is None else zero & (numbers.high == 0)
