"""Whole numbers of up to 38 digits as columns: int64 where they fit, else two 64-bit words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from adapters.batch.copybook import Storage
from adapters.batch.kernels.words import Words

Bools = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]
#: Digits that an int64 always holds.
NARROW = 18


@dataclass(frozen=True, slots=True)
class Integers:
    """n whole numbers; with `high` they are 128-bit two's complement words, else int64 in `low`."""

    low: Int64s
    high: Int64s | None = None

    @classmethod
    def of_digits(cls, digits: npt.NDArray[np.uint8]) -> Integers:
        """Return the numbers of (places, n) digits, most significant first; none may be above 9."""
        if len(digits) <= NARROW:
            total = np.zeros(digits.shape[1], np.int64)
            for row in digits:
                total *= 10
                total += row
            return cls(total)
        low, high = np.zeros(digits.shape[1], np.uint64), np.zeros(digits.shape[1], np.uint64)
        for row in digits:
            low, high = _multiply_add(low, high, 10, row.astype(np.uint64))
        return cls(low.view(np.int64), high.view(np.int64))

    @classmethod
    def of_eights(cls, parts: Sequence[Words], digits: int) -> Integers:
        """Return the numbers whose digits, eight by eight from the right, are `parts`."""
        return cls._joined(parts, [8] * len(parts), digits)

    @classmethod
    def of_sixteens(cls, parts: Sequence[Words], last: int, digits: int) -> Integers:
        """Return the numbers whose digits, sixteen by sixteen, are `parts`; the last part has `last`."""
        return cls._joined(parts, [*[16] * (len(parts) - 1), last], digits)

    @classmethod
    def _joined(cls, parts: Sequence[Words], places: Sequence[int], digits: int) -> Integers:
        total = parts[0]
        if digits <= NARROW:
            for part, more in zip(parts[1:], places[1:], strict=True):
                total *= np.uint64(10**more)
                total += part
            return cls(total.view(np.int64))
        high = np.zeros_like(total)
        for part, more in zip(parts[1:], places[1:], strict=True):
            # A factor may have 32 bits, so 16 places are two steps.
            for step in (8, more - 8) if more > 9 else (more,):
                total, high = _multiply_add(total, high, 10**step, np.zeros_like(total))
            total += part
            high += total < part
        return cls(total.view(np.int64), high.view(np.int64))

    @property
    def words(self) -> tuple[Int64s, Int64s]:
        """The low and the high words, the numbers being 128 bits wide."""
        wide = self.widen()
        assert wide.high is not None
        return wide.low, wide.high

    def zero(self, rows: npt.NDArray[np.intp]) -> Integers:
        """Return the numbers with 0 in these rows."""
        low, high = self.low.copy(), None if self.high is None else self.high.copy()
        low[rows] = 0
        if high is not None:
            high[rows] = 0
        return Integers(low, high)

    def negate(self, where: Bools) -> Integers:
        """Return the numbers with the sign changed in the rows of `where`."""
        if self.high is None:
            return Integers(np.where(where, -self.low, self.low))
        low, high = self.low.view(np.uint64), self.high.view(np.uint64)
        minus_low = ~low + np.uint64(1)
        minus_high = ~high + (minus_low == 0).astype(np.uint64)
        return Integers(
            np.where(where, minus_low, low).view(np.int64), np.where(where, minus_high, high).view(np.int64)
        )

    def shift(self, places: int) -> Integers:
        """Return the numbers times 10**places (trailing Ps of a PICTURE), as 128-bit words."""
        wide = self.widen()
        assert wide.high is not None
        low, high = wide.low.view(np.uint64), wide.high.view(np.uint64)
        nothing = np.zeros(len(low), np.uint64)
        for _ in range(places):
            # Two's complement: multiplying the words modulo 2**128 keeps the sign.
            low, high = _multiply_add(low, high, 10, nothing)
        return Integers(low.view(np.int64), high.view(np.int64))

    def widen(self) -> Integers:
        """Return the numbers as 128-bit words."""
        return self if self.high is not None else Integers(self.low, self.low >> np.int64(63))

    def to_arrow(self, storage: Storage) -> pa.Array:
        """Return int32, int64 or decimal128, as `storage.avro` says."""
        if storage.avro == "int":
            return pa.array(self.low.astype(np.int32, copy=False))
        if storage.avro == "long":
            return pa.array(self.low)
        wide = self.widen()
        assert wide.high is not None
        words = np.empty((len(wide.low), 2), np.int64)
        words[:, 0], words[:, 1] = wide.low, wide.high
        kind = pa.decimal128(storage.precision, max(storage.scale, 0))
        return pa.Array.from_buffers(kind, len(words), [None, pa.py_buffer(words)])


_LOW_HALF = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def _multiply_add(
    low: npt.NDArray[np.uint64], high: npt.NDArray[np.uint64], base: int, add: npt.NDArray[np.uint64]
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Return (high:low) * base + add over 128 bits, by 32-bit halves so that nothing overflows."""
    factor = np.uint64(base)
    first = (low & _LOW_HALF) * factor + add
    second = (low >> _HALF) * factor + (first >> _HALF)
    return (second << _HALF) | (first & _LOW_HALF), high * factor + (second >> _HALF)
