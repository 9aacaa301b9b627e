"""Cobrix's two pages of its own, which it calls `common` and `common_extended`.

Both hold only characters that (nearly) all EBCDIC pages share; every other byte is a blank. The extended one
has control characters too. 0x0D is a line feed and 0x25 a carriage return in both, as in Cobrix
(CodePageCommon, CodePageCommonExt). They exist so that its published cases can be read; for real files name
the file's page.
"""

from __future__ import annotations

from collections.abc import Mapping

#: Runs of characters by their first byte.
_PRINTABLE: Mapping[int, str] = {
    0x0D: "\n", 0x25: "\r", 0x4B: ".<(+|&", 0x5A: "!$*);", 0x60: "-/", 0x6A: "|,%_>?", 0x79: "`:#@'=\"",
    0x81: "abcdefghi", 0x91: "jklmnopqr", 0xA1: "~stuvwxyz", 0xB0: "^", 0xBA: "[]", 0xC0: "{ABCDEFGHI-",
    0xD0: "}JKLMNOPQR", 0xE0: "\\", 0xE2: "STUVWXYZ", 0xF0: "0123456789",
}  # fmt: skip
_CONTROL: Mapping[int, str] = {
    0x00: "\x00\x01\x02\x03\x1a\x09\x1a", 0x08: "\x1a\x1a\x1a\x0b\x0c",
    0x0E: "\x0e\x0f\x10\x11\x12\x13\x1a\x1a",
    0x16: "\x08\x1a\x18\x19\x1a\x1a\x1c\x1d\x1e\x1f", 0x26: "\x17\x1b", 0x2D: "\x05\x06\x07", 0x32: "\x16",
    0x37: "\x04", 0x3C: "\x14\x15",
}  # fmt: skip


def _page(*runs: Mapping[int, str]) -> str:
    characters = [" "] * 256
    for start, run in (pair for part in runs for pair in part.items()):
        characters[start : start + len(run)] = run
    return "".join(characters)


#: 256 characters by page name.
COMMON: Mapping[str, str] = {
    "common": _page(_PRINTABLE),
    "common_extended": _page(_CONTROL, _PRINTABLE),
}
