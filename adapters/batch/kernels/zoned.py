"""Zoned decimal: one digit a byte, the sign overpunched or a character of its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from adapters.batch.codepage import NONE, CodePage, translate
from adapters.batch.copybook import Storage
from adapters.batch.kernels import words
from adapters.batch.kernels.integers import Bools, Integers
from adapters.batch.kernels.loose import loose
from adapters.batch.kernels.utf16 import narrowed
from adapters.batch.overpunch import Signs


def zoned(view: npt.NDArray[np.uint8], storage: Storage, page: CodePage) -> tuple[Integers, Bools]:
    """Return n numbers and the mask of those that are none, from (n, length) bytes.

    Digits are taken eight at a time, from the right. A bad row's number is 0. Twin: `reference.decode_value`.
    """
    if storage.utf16:
        view, page = narrowed(view, storage), CodePage.named("ascii")
    if storage.point is not None:
        pointless = view[:, storage.point] != page.encode(".")[0]
        found, wrong = zoned(np.delete(view, storage.point, axis=1), replace(storage, point=None), page)
        return found, wrong | pointless
    if storage.loose:
        return loose(view, storage, page)
    negative: Bools | None = None
    sign_bad: Bools | None = None
    punched: npt.NDArray[np.uint8] | None = None
    if storage.signed:
        at = 0 if storage.sign_leading else view.shape[1] - 1
        sign = view[:, at].copy()
        if storage.sign_separate:
            view = view[:, 1:] if storage.sign_leading else view[:, :-1]
            sign = translate(page.separate, sign)
            negative, sign_bad = sign == 1, sign == NONE
        else:
            signs = Signs.of(page, storage.overpunch, storage.strict)
            negative, punched = translate(signs.negative, sign) == 1, translate(signs.digit, sign)
    parts: list[words.Words] = []
    bad: Bools | None = sign_bad
    width, zero = view.shape[1], int(page.zero)
    for start in range(width % 8 or 8, width + 1, 8):
        first = max(0, start - 8)
        part = words.word(view, first, start)
        if start - first < 8:
            part |= words.fill(zero, start - first)
        if punched is not None and (first == 0 if storage.sign_leading else start == width):
            place = 8 * (start - first - 1) if storage.sign_leading else 0
            part = _punched(part, punched, place, zero)
        values, odd = words.digits(part, zero)
        if odd.any():
            bad = odd != 0 if bad is None else bad | (odd != 0)
        parts.append(words.of_digits(values))
    numbers = Integers.of_eights(parts, width)
    if bad is None:
        bad = np.zeros(len(view), np.bool_)
    elif bad.any():
        numbers = numbers.zero(np.flatnonzero(bad))
    if negative is not None and negative.any():
        numbers = numbers.negate(negative)
    return numbers, bad


def _punched(part: words.Words, digit: npt.NDArray[np.uint8], place: int, zero: int) -> words.Words:
    """Return words with the signed byte, `place` bits from the right, replaced by its digit alone."""
    plain = (digit ^ np.uint8(zero)).astype(np.uint64)
    plain <<= np.uint64(place)
    part &= np.uint64(~(0xFF << place) & (2**64 - 1))
    part |= plain
    return part
