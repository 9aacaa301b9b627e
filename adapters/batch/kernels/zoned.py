"""Zoned decimal: one digit a byte, the sign overpunched or a character of its own."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from adapters.batch.codepage import NONE, CodePage, translate
from adapters.batch.copybook import Storage
from adapters.batch.kernels.integers import Bools, Integers


def zoned(view: npt.NDArray[np.uint8], storage: Storage, page: CodePage) -> tuple[Integers, Bools]:
    """Return n numbers and the mask of those that are none, from (n, length) bytes.

    A bad row's number is arbitrary. Twin: `reference.decode_value`.
    """
    n, width = view.shape
    columns = np.ascontiguousarray(view.T)
    digits = translate(page.digit, columns)
    negative: Bools | None = None
    sign_bad: Bools | None = None
    if storage.signed:
        at = 0 if storage.sign_leading else width - 1
        if storage.sign_separate:
            sign = page.separate[columns[at]]
            negative, sign_bad = sign == 1, sign == NONE
            digits = np.delete(digits, at, axis=0)
        else:
            negative = translate(page.sign_negative, columns[at]) == 1
            digits = digits.copy()
            digits[at] = translate(page.sign_digit, columns[at])
    bad = np.zeros(n, np.bool_) if digits.max(initial=0) != NONE else digits.max(axis=0) == NONE
    if sign_bad is not None:
        bad |= sign_bad
    if bad.any():
        digits = np.where(bad, np.uint8(0), digits)
        if storage.blank_when_zero:
            bad &= ~(columns == page.space).all(axis=0)
    numbers = Integers.fold(digits, 10, storage.digits, n)
    if negative is not None and negative.any():
        numbers = numbers.negate(negative)
    return numbers, bad
