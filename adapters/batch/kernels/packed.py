"""Packed decimal (COMP-3): two digits a byte, the last nibble the sign."""

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
#: The digit before the sign; 0xFF where it is none or the low nibble is no sign (A to F).
_LAST = np.where((_HIGH < 10) & (_LOW >= 10), _HIGH, NONE).astype(np.uint8)
_NEGATIVE = ((_LOW == 0xB) | (_LOW == 0xD)).astype(np.uint8)


def packed(view: npt.NDArray[np.uint8], storage: Storage, page: CodePage) -> tuple[Integers, Bools]:
    """Return n numbers and the mask of those that are none, from (n, length) bytes.

    The leading nibble of an item with an even number of digits must be zero: its value would not fit.
    """
    n, width = view.shape
    columns = np.ascontiguousarray(view.T)
    pairs, last = translate(_PAIR, columns[:-1]), translate(_LAST, columns[-1])
    bad: Bools = last == NONE
    if width > 1 and pairs.max(initial=0) == NONE:
        bad |= pairs.max(axis=0) == NONE
    if storage.digits % 2 == 0:
        bad |= columns[0] >= 0x10
    if bad.any():
        pairs, last = np.where(bad, np.uint8(0), pairs), np.where(bad, np.uint8(0), last)
    numbers = Integers.fold(pairs, 100, storage.digits, n).append(last)
    negative: Bools = translate(_NEGATIVE, columns[-1]) == 1
    if negative.any():
        if storage.signed:
            numbers = numbers.negate(negative)
        else:
            bad |= negative & ~_zero(numbers)
    return numbers, bad


def _zero(numbers: Integers) -> Bools:
    zero: Bools = numbers.low == 0
    return zero if numbers.high is None else zero & (numbers.high == 0)
