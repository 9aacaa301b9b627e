"""PICTURE strings: what a character string says about category, digits and scale."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Category = Literal["text", "numeric", "edited"]

#: Enterprise COBOL with ARITH(EXTEND) has 31 digits; GnuCOBOL and Micro Focus 38, as decimal128 has.
MAX_DIGITS = 38
_REPEAT = re.compile(r"(.)\((\d+)\)", re.DOTALL)
_EDITING = set("ZB0/,.+-*$CRDE")


class PictureError(ValueError):
    """The character string is not a PICTURE; the message says why."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A parsed PICTURE.

    Attributes:
        text: as written, in upper case.
        category: `text` (X, A, N-less), `numeric` (9 S V P) or `edited` (kept as text).
        digits: digits stored (the 9s).
        scale: digits after the assumed point; negative where trailing Ps multiply.
        signed: has an S.
        length: characters when stored as DISPLAY, without a separate sign.
    """

    text: str
    category: Category
    digits: int = 0
    scale: int = 0
    signed: bool = False
    length: int = 0

    @classmethod
    def parse(cls, text: str) -> Picture:
        """Return the picture of `text`.

        Raises:
            PictureError: empty, too long, or symbols that cannot stand together.
        """
        upper = text.upper()
        expanded = _REPEAT.sub(lambda m: m.group(1) * _count(m.group(2)), upper)
        if "(" in expanded or ")" in expanded:
            raise PictureError(f"PICTURE {upper} has a repetition without a symbol or a count")
        if expanded and set(expanded) <= set("XA9") and set(expanded) & set("XA"):
            return cls(upper, "text", length=len(expanded))
        if re.fullmatch(r"S?(9+V?9*|V9+|V?P+9+|9+P+V?)", expanded):
            return cls._numeric(upper, expanded)
        if "N" in expanded or "G" in expanded:
            raise PictureError(f"PICTURE {upper} is national (double-byte) data, which is not supported yet")
        if expanded and set(expanded) <= _EDITING | set("9XAVPS") and set(expanded) & _EDITING:
            return cls(upper, "edited", length=len(expanded.replace("V", "").replace("P", "")))
        raise PictureError(f"PICTURE {upper} is not a valid character string")

    @classmethod
    def _numeric(cls, upper: str, expanded: str) -> Picture:
        body = expanded.removeprefix("S")
        digits = body.count("9")
        if digits > MAX_DIGITS:
            raise PictureError(f"PICTURE {upper} has {digits} digits; {MAX_DIGITS} are the limit")
        scaling = body.count("P")
        if scaling and not body.endswith("9"):
            scale = -scaling
        elif scaling:
            scale = scaling + digits
        else:
            scale = len(body) - body.index("V") - 1 if "V" in body else 0
        if max(digits, scale, digits - scale) > MAX_DIGITS:
            raise PictureError(f"PICTURE {upper} needs more than {MAX_DIGITS} digits")
        return cls(upper, "numeric", digits, scale, expanded.startswith("S"), digits)


def _count(text: str) -> int:
    """Return a repetition count; a limit keeps `X(999999999)` from filling the memory."""
    if not 0 < (count := int(text)) <= 32_767_000:
        raise PictureError(f"a repetition of {text} is not possible")
    return count
