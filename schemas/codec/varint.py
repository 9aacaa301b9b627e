"""Avro's zigzag varints (Avro 1.11, "Binary encoding"), a whole column at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]

#: A 64-bit number takes at most ten groups of seven bits.
LONGEST = 10
_ONE, _SEVEN, _LOW = np.uint64(1), np.uint64(7), np.uint64(0x7F)


def varint(number: int) -> bytes:
    """Return one zigzag varint: the slow twin of `schemas.codec.cells.Number`."""
    n = (number << 1) ^ (number >> 63)
    out = bytearray()
    while n & ~0x7F:
        out.append((n & 0x7F) | 0x80)
        n >>= 7
    return bytes([*out, n])


def zigzag(numbers: Any) -> UInt64s:
    """Return n numbers in zigzag order (0, -1, 1, -2 …) as unsigned 64-bit."""
    n = np.asarray(numbers, np.int64)
    out = n >> 63
    out ^= n << 1
    return out.view(np.uint64)


def groups(zigzagged: int) -> int:
    """Return the number of bytes of one varint."""
    return max(1, -(-zigzagged.bit_length() // 7))


def read(data: Bytes, at: Int64s) -> tuple[Int64s, Int64s, npt.NDArray[np.bool_] | None]:
    """Read a varint at each position.

    Returns:
        (numbers, sizes, overlong): `overlong` is None, or marks those that have more than ten bytes or
        more than 64 bits; their number is 0 and their size 1. Bounds are the caller's: `data` must have
        ten readable bytes at each position.
    """
    first = data.take(at)
    if first.size == 0 or int(first.max()) < 0x80:
        small = first.astype(np.int64)
        return (small >> 1) ^ -(small & 1), np.ones(len(at), np.int64), None
    value = (first & 0x7F).astype(np.uint64)
    size = np.ones(len(at), np.int64)
    rows = np.flatnonzero(first & 0x80)
    overlong = None
    for group in range(1, LONGEST + 1):
        if not len(rows):
            break
        whole = len(rows) == len(at)
        byte = data.take((at if whole else at[rows]) + group)
        if (group == LONGEST - 1 and (byte > 1).any()) or group == LONGEST:
            overlong = np.zeros(len(at), np.bool_) if overlong is None else overlong
            wrong = byte > 1 if group < LONGEST else np.ones(len(rows), np.bool_)
            overlong[rows[wrong]] = True
            rows, byte = rows[~wrong], byte[~wrong]
            whole = len(rows) == len(at)
        part = (byte & 0x7F).astype(np.uint64) << np.uint64(7 * group)
        if whole:
            value |= part
            size += 1
        else:
            value[rows] |= part
            size[rows] += 1
        rows = rows[(byte & 0x80) != 0]
    numbers = (value >> _ONE).view(np.int64) ^ -(value & _ONE).view(np.int64)
    if overlong is not None:
        numbers[overlong], size[overlong] = 0, 1
    return numbers, size, overlong
