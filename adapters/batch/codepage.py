"""Code pages: from bytes to characters and digits, as tables that the kernels index."""

from __future__ import annotations

import codecs
import functools
from dataclasses import dataclass

import ebcdic  # type: ignore[import-untyped]  # noqa: F401  (registers pages that Python lacks: 285, 1047…)
import numpy as np
import numpy.typing as npt

from schemas.errors import SettingsError

Bytes = npt.NDArray[np.uint8]


def translate(table: Bytes, view: Bytes) -> Bytes:
    """Return `table[view]` in C order: `bytes.translate` is three times as fast as numpy's indexing."""
    return np.frombuffer(view.tobytes().translate(table.tobytes()), np.uint8).reshape(view.shape)


#: Marks a byte that is no ASCII character (text) or no digit (digits).
NONE = 0xFF
_SIGNS = {"+": 0, "-": 1}


@dataclass(frozen=True, slots=True, eq=False)
class CodePage:
    """Tables of one single-byte code page, each indexed by the byte.

    Attributes:
        name: Python's codec name.
        characters: 256 characters; U+FFFE where the page has none.
        ascii: the character as one ASCII byte, 0xFF where it is not ASCII.
        digit: 0 to 9 for the digit characters, else 0xFF.
        sign_digit: the digit of a byte that carries an overpunched sign, else 0xFF.
        sign_negative: 1 where that sign is minus, 2 where the byte carries no sign (zone F, a plain digit).
        separate: 0 for '+', 1 for '-', else 0xFF.
        space: the byte of a space.
        zone: what the ten digit bytes have in common, as a byte (0xF0, 0x30); None where they are no row.
    """

    name: str
    characters: str
    ascii: Bytes
    digit: Bytes
    sign_digit: Bytes
    sign_negative: Bytes
    separate: Bytes
    space: int
    zone: int | None = None

    def encode(self, text: str) -> bytes:
        """Return the bytes of `text`.

        Raises:
            ValueError: a character that the page does not have.
        """
        return text.encode(self.name)

    @classmethod
    def named(cls, name: str) -> CodePage:
        """Return a code page by name: `cp285`, `ascii`, `latin-1`, or IBM's bare number (`285`).

        Raises:
            SettingsError: no such page, or one with double-byte characters.
        """
        return _build(f"cp{int(name):03}" if name.isdigit() else name)


@functools.cache
def _build(name: str) -> CodePage:
    try:
        codec = codecs.lookup(name)
        characters = bytes(range(256)).decode(codec.name, "replace").replace("\ufffd", "\ufffe")
        single = len(characters) == 256 and len("AB1".encode(codec.name)) == 3
    except (LookupError, UnicodeError):
        raise SettingsError(
            f"there is no code page {name!r}",
            where="code_page",
            fix="use for example cp285, cp037, cp1047 or ascii",
        ) from None
    if not single:
        raise SettingsError(
            f"the code page {name!r} has characters of several bytes",
            where="code_page",
            fix="use a single-byte page",
        )
    return CodePage(
        codec.name,
        characters,
        _table({i: ord(c) for i, c in enumerate(characters) if ord(c) < 0x80}),
        _table({i: ord(c) - 0x30 for i, c in enumerate(characters) if c in "0123456789"}),
        *_overpunch(codec.name),
        _table({" +-".encode(codec.name)[i]: v for i, v in ((1, 0), (2, 1))}),
        " ".encode(codec.name)[0],
        _zone("0123456789".encode(codec.name)),
    )


def _zone(digits: bytes) -> int | None:
    first = digits[0]
    return first if first & 0x0F == 0 and digits == bytes(range(first, first + 10)) else None


def _overpunch(name: str) -> tuple[Bytes, Bytes]:
    """Return digit and sign tables of the last (or first) byte of a signed zoned number.

    EBCDIC: the zone nibble is the sign, C A E F plus and D B minus (z/Architecture Principles of Operation,
    chapter 8). On ASCII files the characters that these bytes are in EBCDIC: `{` and A to I, `}` and J to R.
    """
    digit: dict[int, int] = {}
    negative: dict[int, int] = {}
    if "0".encode(name) == b"\xf0":
        for zone, sign in ((0xA, 0), (0xB, 1), (0xC, 0), (0xD, 1), (0xE, 0), (0xF, 2)):
            for value in range(10):
                digit[zone << 4 | value] = value
                negative[zone << 4 | value] = sign
    else:
        for characters, sign in (("{ABCDEFGHI", 0), ("}JKLMNOPQR", 1), ("0123456789", 2)):
            for value, character in enumerate(characters):
                digit[ord(character)] = value
                negative[ord(character)] = sign
    return _table(digit), _table(negative)


def _table(entries: dict[int, int]) -> Bytes:
    table = np.full(256, NONE, np.uint8)
    for byte, value in entries.items():
        table[byte] = value
    table.flags.writeable = False
    return table
