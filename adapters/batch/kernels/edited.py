"""Numeric-edited items as numbers: each position of the PICTURE is a table over the byte there."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from adapters.batch.codepage import NONE, Bytes, CodePage
from adapters.batch.copybook import Storage
from adapters.batch.copybook.edited import EditedPicture
from adapters.batch.kernels.integers import Bools, Integers
from adapters.batch.kernels.utf16 import narrowed

#: In a position's table: a character that adds nothing, and one that makes the number negative.
_FILLER, _MINUS = 10, 11


def edited(view: npt.NDArray[np.uint8], storage: Storage, page: CodePage) -> tuple[Integers, Bools]:
    """Return n numbers and the mask of those that editing cannot have written, from (n, length) bytes."""
    assert storage.edited is not None
    picture = storage.edited
    if storage.utf16:
        view, page = narrowed(view, storage), CodePage.named("ascii")
    n = len(view)
    bad, negative, started = (np.zeros(n, np.bool_) for _ in range(3))
    digits: list[npt.NDArray[np.uint8]] = []
    found = np.zeros(n, np.uint8)
    for at, (table, holds_digit) in enumerate(zip(_tables(picture, page), picture.digit_places, strict=True)):
        before, found = found, table[view[:, at]]
        bad |= found == NONE
        negative |= found == _MINUS
        if holds_digit:
            is_digit = found <= 9
            bad |= started & ~is_digit
            started |= is_digit
            digits.append(np.where(is_digit, found, np.uint8(0)))
    if picture.symbols[-1] in "CD":
        # Both letters or none: the first of CR and DB is the minus, the second a filler that is no blank.
        bad |= (before == _MINUS) != (view[:, -1] != page.space)
    numbers = Integers.of_digits(np.array(digits))
    return (numbers.negate(negative) if negative.any() else numbers), bad


@functools.cache
def _tables(picture: EditedPicture, page: CodePage) -> list[Bytes]:
    """Return for each position what each byte is: 0 to 9, filler, minus, or nothing that may stand there."""
    tables = []
    for symbol, allowed, holds_digit in zip(
        picture.symbols, picture.allowed, picture.digit_places, strict=True
    ):
        table = np.full(256, NONE, np.uint8)
        for byte, character in enumerate(page.characters):
            if holds_digit and character in "0123456789":
                table[byte] = int(character)
            elif character in allowed:
                minus = character == "-" or (character in "CD" and symbol in "cd")
                table[byte] = _MINUS if minus else _FILLER
        tables.append(table)
    return tables
