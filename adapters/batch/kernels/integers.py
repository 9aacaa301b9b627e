"""Whole numbers of up to 38 digits as columns: int64 where they fit, else two 64-bit words."""

from __future__ import annotations

from collections.abc import Iterable
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
    def fold(cls, columns: Iterable[npt.NDArray[np.uint8]], base: int, digits: int, n: int) -> Integers:
        """Return the numbers whose digits in `base` are `columns`, most significant first."""
        if digits <= NARROW:
            # int32 is twice as fast where it holds the value.
            total: npt.NDArray[np.signedinteger[Any]] = np.zeros(n, np.int32 if digits <= 9 else np.int64)
            for column in columns:
                np.multiply(total, base, out=total)
                np.add(total, column, out=total)
            return cls(total.astype(np.int64, copy=False))
        low, high = np.zeros(n, np.uint64), np.zeros(n, np.uint64)
        for column in columns:
            low, high = multiply_add(low, high, base, column.astype(np.uint64))
        return cls(low.view(np.int64), high.view(np.int64))

    def append(self, digit: npt.NDArray[np.uint8]) -> Integers:
        """Return the numbers times ten plus a digit."""
        if self.high is None:
            return Integers(self.low * np.int64(10) + digit)
        low, high = multiply_add(
            self.low.view(np.uint64), self.high.view(np.uint64), 10, digit.astype(np.uint64)
        )
        return Integers(low.view(np.int64), high.view(np.int64))

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

    def replace(self, at: Int64s, some: Integers) -> Integers:
        """Return the numbers with those at the positions `at` replaced."""
        numbers = self if some.high is None else self.widen()
        numbers.low[at] = some.low
        high = some.widen().high
        if numbers.high is not None and high is not None:
            numbers.high[at] = high
        return numbers

    def shift(self, places: int) -> Integers:
        """Return the numbers times 10**places (trailing Ps of a PICTURE), as 128-bit words."""
        wide = self.widen()
        assert wide.high is not None
        low, high = wide.low.view(np.uint64), wide.high.view(np.uint64)
        nothing = np.zeros(len(low), np.uint64)
        for _ in range(places):
            # Two's complement: multiplying the words modulo 2**128 keeps the sign.
            low, high = multiply_add(low, high, 10, nothing)
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


def multiply_add(
    low: npt.NDArray[np.uint64],
    high: npt.NDArray[np.uint64],
    base: int,
    add: npt.NDArray[np.uint64] | np.uint64,
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Return (high:low) * base + add over 128 bits, by 32-bit halves so that nothing overflows."""
    factor = np.uint64(base)
    first = (low & _LOW_HALF) * factor + add
    second = (low >> _HALF) * factor + (first >> _HALF)
    return (second << _HALF) | (first & _LOW_HALF), high * factor + (second >> _HALF)
