"""Whole numbers of up to 38 digits as columns: int64 where they fit, else two 64-bit words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from adapters.batch.copybook import Storage

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
        return cls.of_pairs(_paired(digits, 10))

    @classmethod
    def of_pairs(cls, pairs: npt.NDArray[np.uint8]) -> Integers:
        """Return the numbers of (places, n) values below 100, most significant first.

        Neighbours are joined in ever wider words, so that most of the work is done on narrow ones.
        """
        if len(pairs) == 0:
            return cls(np.zeros(pairs.shape[1], np.int64))
        fours = _paired(pairs.astype(np.uint16), 100)
        eights = _paired(fours.astype(np.uint32), 10_000)
        if len(eights) == 1:
            return cls(eights[0].astype(np.int64))
        parts = eights.astype(np.uint64)
        if len(pairs) <= NARROW // 2:
            total = parts[0] * np.uint64(100_000_000) + parts[1]
            if len(parts) == 3:
                total = total * np.uint64(100_000_000) + parts[2]
            return cls(total.view(np.int64))
        low, high = np.zeros_like(parts[0]), np.zeros_like(parts[0])
        for part in parts:
            low, high = _multiply_add(low, high, 100_000_000, part)
        return cls(low.view(np.int64), high.view(np.int64))

    @property
    def words(self) -> tuple[Int64s, Int64s]:
        """The low and the high words, the numbers being 128 bits wide."""
        wide = self.widen()
        assert wide.high is not None
        return wide.low, wide.high

    def append(self, digit: npt.NDArray[np.uint8], digits: int) -> Integers:
        """Return the numbers times ten plus a digit; `digits` is how many they have then."""
        if self.high is None and digits <= NARROW:
            return Integers(self.low * np.int64(10) + digit)
        low, high = (word.view(np.uint64) for word in self.words)
        low, high = _multiply_add(low, high, 10, digit.astype(np.uint64))
        return Integers(low.view(np.int64), high.view(np.int64))

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


def _paired(values: npt.NDArray[Any], base: int) -> npt.NDArray[Any]:
    """Return neighbouring rows joined: `first * base + second`; an odd first row stays alone."""
    odd = len(values) % 2
    joined = values[odd::2] * values.dtype.type(base)
    joined += values[odd + 1 :: 2]
    return np.concatenate([values[:1], joined]) if odd else joined


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
