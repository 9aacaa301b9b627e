"""A site's own code page, from a file in the format of Unicode's mapping tables.

Each line is a byte and its character, `0xC1 0x0041`, and `#` begins a comment; a byte without a line has no
character. https://www.unicode.org/Public/MAPPINGS/ holds tables to start from.
"""

from __future__ import annotations

import re
from pathlib import Path

from adapters.batch.codepage import MISSING, CodePage
from schemas.errors import SettingsError

PREFIX = "file:"
_LINE = re.compile(r"0x([0-9A-Fa-f]{1,2})\s+0x([0-9A-Fa-f]{2,6})")
_FIX = "write a line for each byte, such as `0xC1 0x0041`, as Unicode's mapping tables do"


def page_from(path: Path) -> CodePage:
    """Return the code page that a file describes.

    Raises:
        SettingsError: the file cannot be read, a line is no mapping, or a digit, sign, blank or letter that
            every page has is missing.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeError) as error:
        raise SettingsError(
            f"cannot read the code page: {getattr(error, 'strerror', None) or 'it is no text'}",
            where=str(path), fix=_FIX,
        ) from None  # fmt: skip
    characters = [MISSING] * 256
    for number, line in enumerate(lines, 1):
        said = line.partition("#")[0].strip()
        found = _LINE.fullmatch(said)
        # A byte alone is one without a character, in tables of Unicode's.
        if not said or re.fullmatch(r"0x[0-9A-Fa-f]{1,2}", said):
            continue
        code = int(found[2], 16) if found else -1
        if found is None or code > 0x10FFFF or 0xD800 <= code < 0xE000:
            raise SettingsError("this line is no mapping", where=f"{path}:{number}", fix=_FIX)
        characters[int(found[1], 16)] = chr(code)
    return CodePage.of_table(path.stem, "".join(characters), where=str(path))
