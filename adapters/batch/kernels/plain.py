"""Numbers in the form that nearly all have, eight bytes a step: the fast way before the careful kernels.

A plain number has digits only, and the sign that compilers write. Whatever else a compiler or a legacy
program may store (blanks, other signs, rubbish) is not decided here: such rows are marked, and the kernel
of the usage, which knows the dialect's rules, reads them. So a rule about odd values stands in one place.

Digits are summed inside 64-bit words ("SIMD within a register"): all pairs of neighbours at once, then all
pairs of pairs, and so on; see Lemire, "Quickly parsing eight digits" (2018).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from adapters.batch.codepage import NONE, Bytes, CodePage, translate
from adapters.batch.copybook import Storage
from adapters.batch.kernels.integers import NARROW, Bools, Integers, multiply_add

Words = npt.NDArray[np.unsignedinteger[Any]]


def gather(view: Bytes, kind: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return the n numbers of type `kind` at the start of n rows of bytes, in native order.

    Reading them where they are is five times as fast as copying a column of a few bytes out first.
    """
    if view.strides[-1] != 1:
        view = np.ascontiguousarray(view)
    return view[:, : kind.itemsize].view(kind)[:, 0].astype(kind.newbyteorder("="))


def plain(view: Bytes, storage: Storage, page: CodePage) -> tuple[Integers, Bools] | None:
    """Return n numbers and the mask of the rows that are not plain; None for a usage without a fast way.

    The number of a marked row is arbitrary.
    """
    if storage.kind == "packed":
        return _packed(view, storage)
    if storage.kind == "zoned" and page.zone is not None:
        return _zoned(view, storage, page, page.zone)
    return None


def _packed(view: Bytes, storage: Storage) -> tuple[Integers, Bools]:
    total = _Total(len(view))
    odd: Bools = np.zeros(len(view), np.bool_)
    negative = odd
    pieces = list(_words(view))
    for index, (word, width) in enumerate(pieces):
        nibbles = 2 * width
        if index == 0 and storage.digits % 2 == 0:
            odd |= word >> (8 * width - 4) != 0
        if index == len(pieces) - 1:
            sign = word.astype(np.uint8) & 0x0F
            negative = sign == 0x0D
            odd |= ~(negative | (sign == 0x0C) | (sign == 0x0F))
            word >>= 4
            nibbles -= 1
        over = word << 1
        over |= word << 2
        over &= word
        over &= _repeat(0x88, word.dtype)
        if over.any():
            odd |= over != 0
        total.append(_sum(word, nibbles, 4), nibbles)
    if not storage.signed:
        return total.numbers, odd | negative
    return (total.numbers.negate(negative) if negative.any() else total.numbers), odd


def _zoned(view: Bytes, storage: Storage, page: CodePage, zone: int) -> tuple[Integers, Bools]:
    total = _Total(len(view))
    odd: Bools = np.zeros(len(view), np.bool_)
    negative: Bools | None = None
    digit: Bytes | None = None
    if storage.signed:
        at = 0 if storage.sign_leading else view.shape[1] - 1
        byte = np.ascontiguousarray(view[:, at])
        if storage.sign_separate:
            sign = page.separate[byte]
            odd |= sign == NONE
        else:
            digit, sign = translate(page.sign_digit, byte), translate(page.sign_negative, byte)
            odd |= digit == NONE
        negative = sign == 1
        view = view[:, 1:] if storage.sign_leading else view[:, :-1]
        if digit is not None and storage.sign_leading:
            total.append(digit, 1)
    for word, width in _words(view):
        word ^= _repeat(zone, word.dtype) >> (8 * (word.dtype.itemsize - width))
        over = word + _repeat(0x76, word.dtype)
        over |= word
        over &= _repeat(0x80, word.dtype)
        if over.any():
            odd |= over != 0
        total.append(_sum(word, width, 8), width)
    if digit is not None and not storage.sign_leading:
        total.append(digit, 1)
    if negative is not None and negative.any():
        return total.numbers.negate(negative), odd
    return total.numbers, odd


def _words(view: Bytes) -> Iterator[tuple[Words, int]]:
    """Yield the rows' bytes from the left as big-endian words, each with its number of bytes.

    The first may be short; the others have eight. All are fresh arrays.
    """
    width = view.shape[1]
    short = width % 8
    if short:
        yield _short(view, short), short
    for start in range(short, width, 8):
        yield gather(view[:, start:], np.dtype(">u8")), 8


def _short(view: Bytes, short: int) -> Words:
    """Return the first `short` bytes of each row as the low bytes of a word of 4 or 8 bytes."""
    if short == 1:
        return view[:, 0].astype(np.uint32)
    if short == 2:
        return gather(view, np.dtype(">u2")).astype(np.uint32)
    if short == 4:
        whole: Words = gather(view, np.dtype(">u4"))
        return whole
    if view.shape[1] >= 8:
        whole = gather(view, np.dtype(">u8"))
        return whole >> np.uint64(64 - 8 * short)
    # Two reads that overlap: the bytes in both land on themselves.
    half = 2 if short == 3 else 4
    kind = np.dtype(f">u{half}")
    first: Words = gather(view, kind).astype(np.uint32 if short == 3 else np.uint64)
    first <<= 8 * (short - half)
    first |= gather(view[:, short - half :], kind)
    return first


def _sum(word: Words, digits: int, bits: int) -> Words:
    """Return the number whose decimal digits, at most `digits`, stand in lanes of `bits`.

    Each step makes one lane of two: high half times the base plus low half, which is the lane less
    high half times (2**bits - base).
    """
    base, step = 10, 1
    while step < digits:
        word -= ((word >> bits) & _lanes(bits, word.dtype)) * ((1 << bits) - base)
        base, bits, step = base * base, bits * 2, step * 2
    return word


class _Total:
    """A number that grows at its right end: 64 bits as long as they do, then 128."""

    def __init__(self, n: int) -> None:
        self._digits = 0
        self._low: npt.NDArray[np.uint64] = np.zeros(n, np.uint64)
        self._high: npt.NDArray[np.uint64] | None = None

    def append(self, word: npt.NDArray[np.unsignedinteger[Any]], digits: int) -> None:
        """Add `digits` more decimal digits."""
        add = word.astype(np.uint64, copy=False)
        before, self._digits = self._digits, self._digits + digits
        if before == 0:
            self._low = add
        elif self._digits <= NARROW:
            self._low = self._low * 10**digits + add
        else:
            high = self._high if self._high is not None else np.zeros(len(add), np.uint64)
            if digits > 8:
                self._low, high = multiply_add(self._low, high, 10 ** (digits - 8), np.uint64(0))
            self._low, self._high = multiply_add(self._low, high, 10 ** min(digits, 8), add)

    @property
    def numbers(self) -> Integers:
        """What came together."""
        return Integers(self._low.view(np.int64), None if self._high is None else self._high.view(np.int64))


def _repeat(byte: int, kind: np.dtype[Any]) -> int:
    return int.from_bytes(bytes([byte]) * kind.itemsize, "big")


def _lanes(bits: int, kind: np.dtype[Any]) -> int:
    """Return a mask of the low half of each lane of twice `bits`."""
    if bits * 2 > kind.itemsize * 8:
        return (1 << bits) - 1
    lane = (1 << bits) - 1
    return sum(lane << shift for shift in range(0, kind.itemsize * 8, bits * 2))
