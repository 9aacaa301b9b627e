"""Code pages: from bytes to characters and digits, as tables that the kernels index.

Single-byte pages are tables: all of Python's and of the `ebcdic` package, and Cobrix's two. Pages with
characters of several bytes (UTF-8, Shift-JIS, GBK…, and mixed EBCDIC pages with shift-out and shift-in
where the C library or somebody's codec has them) keep their tables for numbers and decode text by the codec.
"""

from __future__ import annotations

import codecs
import functools
import re
from dataclasses import dataclass
from typing import Literal

import ebcdic  # type: ignore[import-untyped]  # registers pages that Python lacks: 285, 1047…
import numpy as np
import numpy.typing as npt

from adapters.batch import iconv
from adapters.batch.common_pages import COMMON
from schemas.errors import SettingsError

Bytes = npt.NDArray[np.uint8]
#: What the EBCDIC bytes 0x15 and 0x25 are: NEL and LF (IBM's table), or LF and NEL (Unix System Services,
#: Java).
Newline = Literal["nel", "lf"]


def translate(table: Bytes, view: Bytes) -> Bytes:
    """Return `table[view]` in C order: `bytes.translate` is three times as fast as numpy's indexing."""
    return np.frombuffer(view.tobytes().translate(table.tobytes()), np.uint8).reshape(view.shape)


#: Marks a byte that is no ASCII character (text) or no digit (digits).
NONE = 0xFF
#: Stands in `characters` for a byte that is none.
MISSING = "\ufffe"
#: What a mixed EBCDIC page puts around pairs of bytes.
SHIFT_OUT, SHIFT_IN = b"\x0e", b"\x0f"
#: Mixed EBCDIC pages: single bytes and, between shift-out (0x0E) and shift-in (0x0F), pairs.
_MIXED = (300, 930, 931, 933, 935, 937, 939, 1364, 1371, 1388, 1390, 1399)
_NUMBERED = re.compile(r"(?:cp|ibm|ccsid)?[-_ ]?0*(\d{2,5})\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class CodePage:
    """Tables of one code page, each indexed by the byte.

    Attributes:
        name: Python's codec name.
        characters: 256 characters; U+FFFE where the page has none, or the byte is part of a longer character.
        ascii: the character as one ASCII byte, 0xFF where it is not ASCII.
        digit: 0 to 9 for the digit characters, else 0xFF.
        separate: 0 for '+', 1 for '-', else 0xFF.
        space: the byte of a space.
        zero: the byte of the digit 0; the others follow it.
        ebcdic: True for EBCDIC (digits are F0 to F9).
        multibyte: True where text must go through the codec.
    """

    name: str
    characters: str
    ascii: Bytes
    digit: Bytes
    separate: Bytes
    space: int
    zero: np.uint8
    ebcdic: bool
    multibyte: bool
    _bytes: dict[int, int]

    @property
    def shifts(self) -> bool:
        """True for mixed EBCDIC pages: pairs of bytes stand between shift-out and shift-in."""
        return self.multibyte and self.ebcdic

    def pairs(self, raw: bytes) -> str:
        """Return the text of pairs of bytes that stand without their shifts (PIC G).

        Raises:
            ValueError: bytes that are no character of a mixed page.
        """
        return (SHIFT_OUT + raw + SHIFT_IN).decode(self.name)

    def as_pairs(self, text: str) -> bytes:
        """Return the bytes of `text` without shifts.

        Raises:
            ValueError: a character that is no pair of bytes in this page.
        """
        raw = text.encode(self.name)
        inner = raw[1:-1]
        if text and (raw[:1] != SHIFT_OUT or raw[-1:] != SHIFT_IN or SHIFT_IN in inner or SHIFT_OUT in inner):
            raise ValueError("a character of one byte")
        return inner

    def encode(self, text: str) -> bytes:
        """Return the bytes of `text`.

        Raises:
            ValueError: a character that the page does not have.
        """
        return (
            text.encode(self.name)
            if self.multibyte
            else codecs.charmap_encode(text, "strict", self._bytes)[0]
        )

    def decode(self, raw: bytes) -> str:
        """Return the text of `raw`.

        Raises:
            ValueError: bytes that are no character of the page.
        """
        if self.multibyte:
            return raw.decode(self.name)
        text = "".join(self.characters[byte] for byte in raw)
        if MISSING in text:
            raise ValueError(f"byte 0x{raw[text.index(MISSING)]:02X} is no character of {self.name}")
        return text

    @classmethod
    def of_table(cls, name: str, characters: str, *, where: str) -> CodePage:
        """Return the page of 256 characters, in the order of their bytes; U+FFFE where there is none.

        Raises:
            SettingsError: digits that are not in a row, or a sign, blank or letter that is missing.
        """
        first = characters.find("0")
        if not set("+- A") <= set(characters) or characters[first : first + 10] != "0123456789":
            raise SettingsError(
                f"the code page {name!r} lacks a blank, a sign, the letter A, or digits in a row",
                where=where,
                fix="map them, as numbers need them",
            )
        if " " not in (characters[0x40], characters[0x20]):
            raise SettingsError(
                f"the code page {name!r} has no blank at 0x40 (EBCDIC) or 0x20 (ASCII)",
                where=where,
                fix="map one of them to 0x0020",
            )
        return _tabulated(name, characters)

    @classmethod
    def named(cls, name: str, *, newline: Newline = "nel") -> CodePage:
        """Return a code page by name: `cp285`, `IBM-1146`, `ascii`, `utf-8`, or IBM's bare number (`285`).

        Raises:
            SettingsError: no such page.
        """
        numbered = _NUMBERED.match(name)
        return _build(f"cp{int(numbered.group(1)):03}" if numbered else name.lower(), newline)


@functools.cache
def _build(name: str, newline: Newline) -> CodePage:
    # The ebcdic package's "ms" pages differ in 0x15 alone, which is the newline rule here; their tables are
    # broken.
    name = name.removesuffix("ms") if name in ("cp500ms", "cp1148ms") else name
    if name in COMMON:
        return _tabulated(name, COMMON[name])
    try:
        codec = _codec(name)
        characters = "".join(_character(codec, byte) for byte in range(256))
    except LookupError:
        raise _unknown(name) from None
    if not set("0123456789+- A") <= set(characters):
        raise SettingsError(
            f"in the code page {name!r} even digits have several bytes",
            where="code_page",
            fix="for UTF-16 say USAGE NATIONAL in the copybook, and name the page of the other items here",
        )
    multibyte = len(bytes(range(256)).decode(codec, "replace")) != 256 or _pairs(codec)
    if characters[0xF0] == "0":
        line_ends = "\x85\n" if newline == "nel" else "\n\x85"
        characters = (
            characters[:0x15] + line_ends[0] + characters[0x16:0x25] + line_ends[1] + characters[0x26:]
        )
    return _tabulated(codec, characters, multibyte)


def _codec(name: str) -> str:
    """Return Python's own name of a codec; some of the `ebcdic` package say a name that is not registered."""
    try:
        own = codecs.lookup(name).name
    except LookupError:
        iconv.register()
        own = codecs.lookup(name).name
    try:
        return codecs.lookup(own).name
    except LookupError:
        return name


def _character(codec: str, byte: int) -> str:
    try:
        text = bytes([byte]).decode(codec)
    except UnicodeError:
        return MISSING
    return text if len(text) == 1 else MISSING


def _pairs(codec: str) -> bool:
    """Return True if some character of the codec takes several bytes."""
    for text in ("\u00e9", "\u4e00", "\u3042", "\uac00"):
        try:
            if len(text.encode(codec)) > 1:
                return True
        except UnicodeError:
            continue
    return False


def _tabulated(name: str, characters: str, multibyte: bool = False) -> CodePage:
    at: dict[int, int] = {}
    for byte, character in enumerate(characters):
        if character != MISSING:
            at.setdefault(ord(character), byte)
    if characters[0x40] == " ":
        at[0x20] = 0x40  # pages of Cobrix have many blanks
    elif characters[0x20] == " ":
        at[0x20] = 0x20
    if at.get(0x2D) == 0xCA and characters[0x60] == "-":
        at[0x2D] = 0x60
    return CodePage(
        name, characters,
        _table({i: ord(c) for i, c in enumerate(characters) if ord(c) < 0x80}),
        _table({i: ord(c) - 0x30 for i, c in enumerate(characters) if c in "0123456789"}),
        _table({at[0x2B]: 0, at[0x2D]: 1}), at[0x20],
        np.uint8(at[0x30]), at[0x30] == 0xF0, multibyte, at,
    )  # fmt: skip


def _unknown(name: str) -> SettingsError:
    number = re.fullmatch(r"cp0*(\d+)", name)
    if number and int(number.group(1)) in _MIXED:
        return SettingsError(
            f"code page {number.group(1)} mixes single and double bytes (shift-out, shift-in), and neither "
            "Python nor this machine's C library has a codec for it",
            where="code_page",
            fix="name its single-byte part (290 Katakana, 833 Korean, 037 Chinese) if the items hold no "
            "double-byte text, have the file sent as UTF-8 or cp932, register a codec of this name, or run "
            "on a Linux with glibc and all its converters (Fedora: glibc-gconv-extra), which has "
            f"{', '.join(map(str, iconv.PAGES))}",
        )
    single = ", ".join(n.removeprefix("cp") for n in sorted(ebcdic.codec_names))
    return SettingsError(
        f"there is no code page {name!r}",
        where="code_page",
        fix=f"use for example cp285, cp037, cp1047, ascii or utf-8; EBCDIC: {single}",
    )


def _table(entries: dict[int, int]) -> Bytes:
    table = np.full(256, NONE, np.uint8)
    for byte, value in entries.items():
        table[byte] = value
    table.flags.writeable = False
    return table
