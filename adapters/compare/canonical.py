"""Key fields whose bytes say the same as their values: equal bytes are equal keys, other bytes other keys.

That holds for what a compiler writes: text filled up with blanks at its end, digits without overpunch, packed
numbers with the preferred sign, binary numbers within their picture. Whatever else stands there (NULs in a
text, another sign nibble) may be the same key in other bytes, or none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adapters.batch.codepage import CodePage
from adapters.batch.columns import Column
from adapters.compare.fingerprint import Bools, Bytes


@dataclass(frozen=True, slots=True)
class KeyField:
    """Where a key field lies, and what proves that it is as a compiler writes it.

    Attributes:
        offset: of the field in the record.
        length: in bytes.
        first, inner, last: which of 256 bytes may stand at its first, inner and last places.
        digits: of a binary number, which may not be greater (nor below zero); 0: any.
        little_endian: the binary number's least significant byte comes first.
    """

    offset: int
    length: int
    first: Bools
    inner: Bools
    last: Bools
    digits: int = 0
    little_endian: bool = False

    @classmethod
    def of(cls, column: Column, page: CodePage) -> KeyField | None:
        """Return the field of a column, or None where its bytes never prove anything."""
        storage, page = column.storage, column.page or page
        if storage is None or column.children or column.count is not None or column.date or column.sentinels:
            return None
        if column.named or column.raw:
            return None
        length = column.length
        none, every = np.zeros(256, np.bool_), np.ones(256, np.bool_)
        if storage.kind == "text" and not storage.justified and not page.multibyte:
            seen = _visible(page)
            blank = none.copy()
            blank[page.space] = True
            return cls(column.offset, length, seen, seen | blank, seen | blank)
        if storage.kind == "zoned" and not storage.signed and not storage.utf16:
            numerals = none.copy()
            numerals[list(page.encode("0123456789"))] = True
            return cls(column.offset, length, numerals, numerals, numerals)
        if storage.kind == "packed":
            byte = np.arange(256)
            two = (byte >> 4 <= 9) & (byte & 15 <= 9)
            last = (byte >> 4 <= 9) & (byte & 15 == (0xC if storage.signed else 0xF))
            # With an even number of digits the first half byte holds none.
            fits = every if storage.digits == 2 * length - 1 else byte >> 4 == 0
            return cls(column.offset, length, (two if length > 1 else last) & fits, two, last)
        if storage.kind == "binary" and length <= 8:
            digits = 0 if storage.full_range else storage.digits
            return cls(column.offset, length, every, every, every, digits, storage.little_endian)
        return None

    def proves(self, field: Bytes) -> bool:
        """Return whether all of n fields, shape (n, length), are as a compiler writes them."""
        return bool(
            self.first[field[:, 0]].all()
            and self.inner[field[:, 1:-1]].all()
            and (self.length == 1 or self.last[field[:, -1]].all())
            and (not self.digits or self._fits(field))
        )

    def _fits(self, field: Bytes) -> bool:
        words = np.zeros((len(field), 8), np.uint8)
        words[:, 8 - self.length :] = field[:, ::-1] if self.little_endian else field
        # Of a signed number the sign bit makes it greater than any picture allows, but for eight bytes.
        values = words.view(">u8")[:, 0]
        return bool((values < 10 ** min(self.digits, 18)).all())


def _visible(page: CodePage) -> Bools:
    """Return which bytes are characters that are seen, and that no other byte is."""
    seen = np.array([c.isprintable() and not c.isspace() for c in page.characters], np.bool_)
    once = np.array([page.characters.count(c) == 1 for c in page.characters], np.bool_)
    return seen & once
