"""Overpunched signs: the digit and the sign that one byte of a zoned number carries.

EBCDIC: the zone nibble is the sign, C A E F plus and D B minus (z/Architecture Principles of Operation,
chapter 8, "Decimal-Number Formats"). ASCII files follow their compiler:

- `translated`: the characters that the EBCDIC bytes are, `{` and A to I, `}` and J to R: what a file has
  that was translated as text, and Micro Focus' SIGN"EBCDIC" and most Unix compilers write.
- `microfocus`: plain digits plus, `p` to `y` (zone 7) minus: SIGN"ASCII" there, and GnuCOBOL.
- `realia`: plain digits plus, blank to `)` (zone 2) minus: CA-Realia.
- `fujitsu`: zone 4 plus, zone 5 minus: NetCOBOL.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal

import numpy as np

from adapters.batch.codepage import NONE, Bytes, CodePage

Overpunch = Literal["translated", "microfocus", "realia", "fujitsu"]

#: By convention, the bytes of the digits 0 to 9 with plus and with minus; the first of each is what is
#: written.
_ASCII: dict[str, tuple[list[bytes], list[bytes]]] = {
    "translated": ([b"{ABCDEFGHI"], [b"}JKLMNOPQR"]),
    "microfocus": ([b"0123456789"], [b"pqrstuvwxy"]),
    "realia": ([b"0123456789"], [bytes(range(0x20, 0x2A))]),
    "fujitsu": ([bytes(range(0x40, 0x4A))], [bytes(range(0x50, 0x5A))]),
}
#: Zones of EBCDIC with plus and with minus, preferred first; F is a plain digit.
_ZONES = {True: (b"\x0c", b"\x0d"), False: (b"\x0c\x0a\x0e", b"\x0d\x0b")}


@dataclass(frozen=True, slots=True, eq=False)
class Signs:
    """The table of one code page and convention, indexed by the byte.

    Attributes:
        digit: the digit that a signed byte carries, else 0xFF.
        negative: 1 where its sign is minus, else 0.
        plus: the ten bytes that are written for a positive digit.
        minus: the ten bytes for a negative one.
    """

    digit: Bytes
    negative: Bytes
    plus: bytes
    minus: bytes

    @classmethod
    def of(cls, page: CodePage, convention: Overpunch, strict: bool) -> Signs:
        """Return the signs of a page; `strict` takes only the preferred ones and plain digits."""
        return _build(page.ebcdic, convention, strict)


@functools.cache
def _build(ebcdic: bool, convention: Overpunch, strict: bool) -> Signs:
    if ebcdic:
        plus, minus = (
            [bytes(zone << 4 | d for d in range(10)) for zone in zones] for zones in _ZONES[strict]
        )
        plain = bytes(range(0xF0, 0xFA))
    else:
        plus, minus = _ASCII[convention]
        plain = b"0123456789"
    digit, negative = np.full(256, NONE, np.uint8), np.zeros(256, np.uint8)
    for rows, sign in ((minus, 1), (plus, 0), ([plain], 0)):
        for row in rows:
            digit[list(row)] = np.arange(10)
            negative[list(row)] = sign
    digit.flags.writeable = negative.flags.writeable = False
    return Signs(digit, negative, plus[0], minus[0])
