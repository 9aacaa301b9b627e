"""Binary integers (COMP, COMP-4, COMP-5, COMP-X, BINARY, INDEX) of 1 to 16 bytes."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from adapters.batch.codepage import CodePage
from adapters.batch.copybook import Storage
from adapters.batch.kernels.integers import Bools, Integers
from adapters.batch.kernels.words import word


def binary(view: npt.NDArray[np.uint8], storage: Storage, page: CodePage) -> tuple[Integers, Bools]:
    """Return n numbers and the mask of those beyond their PICTURE, from (n, length) bytes."""
    if storage.length > 8:
        return _wide(view, storage)
    words = word(view, 0, storage.length, "<" if storage.little_endian else ">")
    if not storage.signed and storage.length == 8:
        numbers = Integers(words.view(np.int64), np.zeros(len(words), np.int64))
        bad = words > np.uint64(10**storage.digits - 1) if not storage.full_range else None
    else:
        values = words.view(np.int64)
        if storage.signed and storage.length < 8:
            # The sign bit at the top, and back again with copies of it.
            spare = np.int64(64 - 8 * storage.length)
            values <<= spare
            values >>= spare
        numbers = Integers(values)
        bad = None
        if not storage.full_range:
            limit = np.int64(10**storage.digits - 1)
            bad = values > limit
            if storage.signed:
                bad |= values < -limit
    return numbers, np.zeros(len(view), np.bool_) if bad is None else bad


def _wide(view: npt.NDArray[np.uint8], storage: Storage) -> tuple[Integers, Bools]:
    length = storage.length
    order: Literal["<", ">"] = "<" if storage.little_endian else ">"
    if storage.little_endian:
        low, high = word(view, 0, 8, order), word(view, 8, length, order).view(np.int64)
    else:
        low, high = word(view, length - 8, length, order), word(view, 0, length - 8, order).view(np.int64)
    if storage.signed:
        spare = np.int64(128 - 8 * length)
        high <<= spare
        high >>= spare
    numbers = Integers(low.view(np.int64), high)
    negative = high < 0 if storage.signed else np.zeros(len(view), np.bool_)
    sizes = numbers.negate(negative) if negative.any() else numbers
    size_low, size_high = (part.view(np.uint64) for part in sizes.words)
    limit = 10**storage.digits
    top, rest = np.uint64(limit >> 64), np.uint64(limit % 2**64)
    bad: Bools = (size_high > top) | ((size_high == top) & (size_low >= rest))
    return numbers, bad
