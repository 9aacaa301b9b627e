"""Exact totals over columns: prefix sums in 32-bit limbs, so that no sum of any part ever overflows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from adapters.batch.kernels.integers import Bools, Int64s

_MASK = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
#: Decimal digits that an int64 always holds.
_NARROW = 18


@dataclass(frozen=True, slots=True)
class Tally:
    """n numbers in the order of their records; any run of records is summed at once.

    Attributes:
        record: n record numbers, ascending.
        limbs: prefix sums (n + 1) of the numbers' 32-bit limbs, lowest first, the last one signed.
        unread: prefix sums (n + 1) of how many could not be read.
    """

    record: Int64s
    limbs: tuple[Int64s, ...]
    unread: Int64s

    @classmethod
    def count(cls, record: Int64s) -> Tally:
        """Return a tally in which every record is one."""
        n = len(record)
        return cls(record, (np.arange(n + 1),), np.zeros(n + 1, np.int64))

    @classmethod
    def of(cls, record: Int64s, column: pa.Array, bad: Bools) -> Tally:
        """Return the tally of whole numbers or decimals (as unscaled integers); nulls count as zero."""
        keep = ~bad
        if column.null_count:
            keep &= np.asarray(column.is_valid())
        limbs = _limbs(column)
        return cls(record, tuple(_prefix(np.where(keep, limb, 0)) for limb in limbs), _prefix(bad))

    @classmethod
    def hashed(cls, record: Int64s, column: pa.Array, bad: Bools, digits: int) -> Tally:
        """Return the tally of each value's digits as a number, modulo 10 to the `digits`."""
        numbers = _digits(column, digits)
        keep = np.where(bad, 0, numbers & 0xFFFFFFFF), np.where(bad, 0, numbers >> 32)
        return cls(record, tuple(_prefix(limb) for limb in keep), _prefix(bad))

    def between(self, first: int, last: int) -> tuple[int, int]:
        """Return the sum, and the number of unread ones, of the records from `first` to `last`."""
        i, j = np.searchsorted(self.record, [first, last + 1]).tolist()
        total = sum(int(limb[j] - limb[i]) << 32 * place for place, limb in enumerate(self.limbs))
        return total, int(self.unread[j] - self.unread[i])


def _prefix(values: npt.NDArray[np.generic]) -> Int64s:
    out = np.zeros(len(values) + 1, np.int64)
    np.cumsum(values, out=out[1:], dtype=np.int64)
    return out


def _limbs(column: pa.Array) -> Sequence[Int64s]:
    """Return 32-bit limbs of each value's unscaled integer, lowest first, the last one with the sign."""
    if not pa.types.is_decimal(column.type):
        whole = pc.fill_null(column, 0).to_numpy(zero_copy_only=False).astype(np.int64)
        return whole & 0xFFFFFFFF, whole >> 32
    words = np.frombuffer(column.buffers()[1], np.uint64)[2 * column.offset :][: 2 * len(column)].reshape(
        -1, 2
    )
    low, high = words[:, 0], words[:, 1]
    parts = (low & _MASK, low >> _HALF, high & _MASK)
    return *(part.astype(np.int64) for part in parts), high.view(np.int64) >> 32


def _digits(column: pa.Array, digits: int) -> Int64s:
    """Return the last `digits` digits of each value as a number; at most 18 of them fit."""
    text = column if pa.types.is_string(column.type) else pc.cast(_unscaled(column), pa.string())
    only = pc.replace_substring_regex(text, "[^0-9]", "")
    last = pc.utf8_slice_codeunits(only, -min(digits, _NARROW))
    whole = pc.if_else(pc.equal(pc.fill_null(last, ""), ""), "0", last)
    numbers: Int64s = pc.cast(whole, pa.int64()).to_numpy(zero_copy_only=False)
    return numbers


def _unscaled(column: pa.Array) -> pa.Array:
    """Return a decimal without its point: its digits are what a hash total adds."""
    if not pa.types.is_decimal(column.type) or column.type.scale == 0:
        return column
    kind = pa.decimal128(column.type.precision, 0)
    return pa.Array.from_buffers(kind, len(column), column.buffers(), offset=column.offset)
