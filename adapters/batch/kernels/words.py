"""Up to eight bytes of each row as one 64-bit word, and the digits in it: arithmetic on all digits at once.

Several small numbers are added or multiplied side by side in one word ("SIMD within a register"; H. S.
Warren, Hacker's Delight, 2nd edition, chapter 2), which numpy does for a column at the speed of memory.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]


def word(view: npt.NDArray[np.uint8], start: int, stop: int, order: Literal["<", ">"] = ">") -> Words:
    """Return bytes `start` to `stop` (at most 8) of each row as one number, filled by zeros."""
    size = stop - start
    if size in (1, 2, 4, 8):
        return _read(view, start, size, order)
    # Two reads that overlap: where they do, their bits are the same.
    half = 4 if size > 4 else 2
    first, last = _read(view, start, half, order), _read(view, stop - half, half, order)
    shift = np.uint64(8 * (size - half))
    if order == ">":
        first <<= shift
    else:
        last <<= shift
    first |= last
    return first


def rows(view: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the rows in C order; narrow ones are copied by words, which is faster than row by row."""
    n, width = view.shape
    if width > 16 or view.strides[1] != 1:
        return np.ascontiguousarray(view)
    out, at = np.empty((n, width), np.uint8), 0
    for size in (8, 4, 2, 1):
        while width - at >= size:
            here = slice(at, at + size)
            out[:, here].view(f"u{size}")[...] = view[:, here].view(f"u{size}")
            at += size
    return out


def _read(view: npt.NDArray[np.uint8], start: int, size: int, order: str) -> Words:
    if view.strides[1] != 1:
        view = np.ascontiguousarray(view)
    raw: Words = view[:, start : start + size].view(f"{order}u{size}")[:, 0].astype(np.uint64)
    return raw


def _every(pattern: int, bits: int) -> np.uint64:
    """Return a word filled with copies of `pattern`, one every `bits` bits."""
    return np.uint64(sum(pattern << at for at in range(0, 64, bits)))


_TOP_BITS, _TO_TOP = _every(0x80, 8), _every(0x76, 8)
_PAIRS, _FOURS, _EIGHTS = _every(0x00FF, 16), _every(0x0000FFFF, 32), np.uint64(0xFFFFFFFF)
_NIBBLES = _every(0x0F, 8)
_BIT_1, _BIT_2, _BIT_3 = _every(2, 4), _every(4, 4), _every(8, 4)


def fill(byte: int, places: int) -> np.uint64:
    """Return a word with `byte` in all but the last `places` bytes."""
    return np.uint64(sum(byte << 8 * at for at in range(places, 8)))


def digits(words: Words, zero: int) -> tuple[Words, Words]:
    """Return the digits of words of characters, a byte each, and a word that is not 0 where one is none.

    `zero` is the character 0, whose low nibble must be 0.
    """
    values = words ^ _every(zero, 8)
    # Above 9 the sum reaches the top bit; where it runs over, the value had that bit itself.
    wrong = values + _TO_TOP
    wrong |= values
    wrong &= _TOP_BITS
    return values, wrong


def of_digits(values: Words) -> Words:
    """Return the number of eight digits, a byte each; destroys `values`."""
    pairs = values >> np.uint64(8)
    pairs &= _PAIRS
    pairs *= np.uint64(10)
    values &= _PAIRS
    pairs += values
    return of_pairs(pairs)


def of_pairs(pairs: Words) -> Words:
    """Return the number of four values below 100, 16 bits each; destroys `pairs`."""
    fours = pairs >> np.uint64(16)
    fours &= _FOURS
    fours *= np.uint64(100)
    pairs &= _FOURS
    fours += pairs
    eights = fours >> np.uint64(32)
    eights *= np.uint64(10_000)
    fours &= _EIGHTS
    eights += fours
    return eights


def wrong_nibbles(words: Words) -> Words:
    """Return a word that is not 0 where a nibble is above 9."""
    wrong = words & _BIT_2
    wrong <<= np.uint64(1)
    low = words & _BIT_1
    low <<= np.uint64(2)
    wrong |= low
    wrong &= words
    wrong &= _BIT_3
    return wrong


def of_nibbles(words: Words) -> Words:
    """Return the number of sixteen digits, a nibble each."""
    hundreds = words >> np.uint64(4)
    hundreds &= _NIBBLES
    hundreds *= np.uint64(10)
    hundreds += words & _NIBBLES
    # Bytes below 100: the upper and the lower four of them as 16-bit lanes each.
    lanes = hundreds >> np.uint64(8)
    lanes &= _PAIRS
    lanes *= np.uint64(100)
    hundreds &= _PAIRS
    lanes += hundreds
    fours = lanes >> np.uint64(16)
    fours &= _FOURS
    fours *= np.uint64(10_000)
    lanes &= _FOURS
    fours += lanes
    eights = fours >> np.uint64(32)
    eights *= np.uint64(100_000_000)
    fours &= _EIGHTS
    eights += fours
    return eights
