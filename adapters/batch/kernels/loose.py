"""Zoned decimal as Cobrix takes it: signs at any place, blanks and NULs read over."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from adapters.batch.codepage import NONE, CodePage, translate
from adapters.batch.copybook import Storage
from adapters.batch.kernels.integers import Bools, Integers
from adapters.batch.overpunch import Signs


def loose(view: npt.NDArray[np.uint8], storage: Storage, page: CodePage) -> tuple[Integers, Bools]:
    """Return n numbers and the mask of those that are none. Twin: `reference._loose`."""
    columns = np.ascontiguousarray(view.T)
    signs = Signs.of(page, storage.overpunch, storage.strict)
    digits = translate(signs.digit, columns).copy()
    separate = translate(page.separate, columns)
    blank = (columns == page.space) | (columns == 0)
    digits[blank] = NONE
    over = blank | (separate != NONE)
    bad: Bools = ((digits == NONE) & ~over).any(axis=0) | over.all(axis=0)
    # 1 plus, 2 minus, 0 says nothing; the last that says something counts.
    said = np.where(
        translate(page.digit, columns) == NONE, translate(signs.negative, columns) + np.uint8(1), 0
    )
    said = np.where(separate != NONE, separate + np.uint8(1), said)
    said[blank] = 0
    sign = np.zeros(len(view), np.uint8)
    for row in said:
        sign = np.where(row != 0, row, sign)
    digits = np.where(over | bad, np.uint8(0), digits)
    if over.any():
        # What is read over moves to the front, where it is a leading zero; the digits keep their order.
        order = np.argsort(~over, axis=0, kind="stable")
        digits = np.take_along_axis(digits, order, axis=0)
    spare = len(digits) - storage.digits
    if spare > 0:
        bad |= digits[:spare].any(axis=0)
        digits = digits[spare:]
    numbers = Integers.of_digits(digits)
    negative: Bools = sign == 2
    if not storage.signed:
        return numbers, bad | negative
    return (numbers.negate(negative) if negative.any() else numbers), bad
