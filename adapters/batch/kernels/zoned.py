"""Zoned decimal: one digit a byte, the sign overpunched or a character of its own."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from adapters.batch.codepage import NONE, CodePage, translate
from adapters.batch.copybook import Storage
from adapters.batch.kernels.integers import Bools, Integers
from adapters.batch.kernels.loose import loose
from adapters.batch.kernels.utf16 import narrowed
from adapters.batch.overpunch import Signs


def zoned(view: npt.NDArray[np.uint8], storage: Storage, page: CodePage) -> tuple[Integers, Bools]:
    """Return n numbers and the mask of those that are none, from (n, length) bytes.

    A bad row's number is arbitrary. Twin: `reference.decode_value`.
    """
    if storage.utf16:
        view, page = narrowed(view, storage), CodePage.named("ascii")
    if storage.loose:
        return loose(view, storage, page)
    n, width = view.shape
    columns = np.ascontiguousarray(view.T)
    # Digits stand together in every page, so that a subtraction finds them; what is none wraps above 9.
    digits = columns - page.zero
    negative: Bools | None = None
    sign_bad: Bools | None = None
    if storage.signed:
        at = 0 if storage.sign_leading else width - 1
        if storage.sign_separate:
            sign = translate(page.separate, columns[at])
            negative, sign_bad = sign == 1, sign == NONE
            digits = digits[1:] if storage.sign_leading else digits[:-1]
        else:
            signs = Signs.of(page, storage.overpunch, storage.strict)
            negative = translate(signs.negative, columns[at]) == 1
            digits[at] = translate(signs.digit, columns[at])
    bad = np.zeros(n, np.bool_) if digits.max(initial=0) <= 9 else digits.max(axis=0) > 9
    if sign_bad is not None:
        bad |= sign_bad
    if bad.any():
        digits = np.where(bad, np.uint8(0), digits)
    numbers = Integers.of_digits(digits)
    if negative is not None and negative.any():
        numbers = numbers.negate(negative)
    return numbers, bad
