"""PICTURE strings: what a character string says about category, digits and scale.

Rules: IBM Enterprise COBOL Language Reference, "PICTURE clause".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

#: `text` A X 9, `numeric` 9 S V P, `edited` numbers with editing, `text-edited` text with B 0 /, `national`
#: N, `dbcs` G (and N under DISPLAY-1).
Category = Literal["text", "numeric", "edited", "text-edited", "national", "dbcs"]

#: Enterprise COBOL with ARITH(EXTEND) has 31 digits; GnuCOBOL and Micro Focus 38, as decimal128 has.
MAX_DIGITS = 38
#: Signs of money that need no setting; another one is declared by the dialect's `currency`.
CURRENCIES = "$£¥€"
_REPEAT = re.compile(r"(.)\((\d+)\)", re.DOTALL)


class PictureError(ValueError):
    """The character string is not a PICTURE; the message says why."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A parsed PICTURE.

    Attributes:
        text: as written, in upper case.
        category: what kind of data it is.
        digits: digits stored (the 9s); of an edited number all places that can hold a digit.
        scale: digits after the assumed point; negative where trailing Ps multiply. Of an edited number that
            has a `.` or `,` as its point it depends on DECIMAL-POINT IS COMMA: see `edited.EditedPicture`.
        signed: has an S.
        length: characters when stored as DISPLAY, without a separate sign.
        symbols: the character string with its repetitions written out.
        point: digits before a point that is printed in a signed number, S9(3).99: no COBOL, but Cobrix's.
    """

    text: str
    category: Category
    digits: int = 0
    scale: int = 0
    signed: bool = False
    length: int = 0
    symbols: str = ""
    point: int | None = None

    @classmethod
    def parse(cls, text: str, currency: str = "$") -> Picture:
        """Return the picture of `text`.

        Raises:
            PictureError: empty, too long, or symbols that cannot stand together.
        """
        upper = text.upper()
        expanded = _REPEAT.sub(lambda m: m.group(1) * _count(m.group(2)), upper)
        if "(" in expanded or ")" in expanded:
            raise PictureError(f"PICTURE {upper} has a repetition without a symbol or a count")
        symbols = set(expanded)
        if re.fullmatch(r"S?(9+V?9*|V9+|V?P+9+|9+P+V?)", expanded):
            return cls._numeric(upper, expanded)
        if re.fullmatch(r"S9+\.9+", expanded):
            made = cls._numeric(upper, expanded.replace(".", "V"))
            return replace(made, length=made.digits + 1, point=made.digits - made.scale)
        if expanded and symbols <= set("XA9") and symbols & set("XA"):
            return cls(upper, "text", length=len(expanded), symbols=expanded)
        if expanded and symbols <= set("NB0/") and "N" in symbols:
            return cls(upper, "national", length=len(expanded), symbols=expanded)
        if expanded and symbols <= set("GB") and "G" in symbols:
            return cls(upper, "dbcs", length=len(expanded), symbols=expanded)
        if expanded and symbols <= set("XA9B0/") and symbols & set("XA"):
            return cls(upper, "text-edited", length=len(expanded), symbols=expanded)
        return cls._edited(upper, expanded, currency)

    @classmethod
    def _numeric(cls, upper: str, expanded: str) -> Picture:
        body = expanded.removeprefix("S")
        digits = body.count("9")
        if digits > MAX_DIGITS:
            raise PictureError(f"PICTURE {upper} has {digits} digits; {MAX_DIGITS} are the limit")
        scaling = body.count("P")
        if scaling and not body.rstrip("V").endswith("P"):
            scale = scaling + digits
        elif scaling:
            scale = -scaling
        else:
            scale = len(body) - body.index("V") - 1 if "V" in body else 0
        if max(digits, scale, digits - scale) > MAX_DIGITS:
            raise PictureError(f"PICTURE {upper} needs more than {MAX_DIGITS} digits")
        return cls(upper, "numeric", digits, scale, expanded.startswith("S"), digits, expanded)

    @classmethod
    def _edited(cls, upper: str, expanded: str, currency: str) -> Picture:
        money = CURRENCIES + currency
        if "E" in expanded and re.fullmatch(r"[+-]?9*[V.]?9*E[+-]99", expanded):
            raise PictureError(
                f"PICTURE {upper} is an external floating-point number, which is not read; describe it as "
                f"PIC X({len(expanded.replace('V', ''))})"
            )
        plain = expanded.replace("CR", "c").replace("DB", "d")
        if strange := sorted(set(plain) - set("9VPZB0/,.+-*cd" + money)):
            why = _STRANGE.get(strange[0], "that symbol has no meaning there")
            raise PictureError(
                f"PICTURE {upper} is not a valid character string: {strange[0].upper()}: {why}"
            )
        if not set(plain) & set("ZB0/,.+-*cd" + money):
            raise PictureError(
                f"PICTURE {upper} is not a valid character string: S, V and P stand in the wrong order"
            )
        if not set(plain) & set("9Z*+-" + money):
            raise PictureError(
                f"PICTURE {upper} is not a valid character string: it has no place for a digit"
            )
        if plain.count("V") > 1 or re.search(r"[cd].", plain) or ("c" in plain and "d" in plain):
            raise PictureError(
                f"PICTURE {upper} is not a valid character string: CR, DB end it, and V comes once"
            )
        length = len(expanded.replace("V", "").replace("P", ""))
        digits = sum(s in "9Z*" for s in plain) + sum(
            max(0, plain.count(s) - 1) for s in set(plain) & set("+-" + money)
        )
        if digits > MAX_DIGITS:
            raise PictureError(f"PICTURE {upper} has {digits} digits; {MAX_DIGITS} are the limit")
        return cls(upper, "edited", digits, length=length, symbols=plain)


#: Said of an S among editing symbols.
SIGNED = "a signed number that is edited has + or - instead of S"
_STRANGE = {
    "S": SIGNED,
    "X": "letters and a number's editing symbols cannot be mixed",
    "A": "letters and a number's editing symbols cannot be mixed",
    "N": "national and other characters cannot be mixed",
    "G": "double-byte and other characters cannot be mixed",
    "U": "UTF-8 items have no fixed number of bytes",
    "1": "bits (boolean data) are not read",
    "E": "floating-point editing is not read",
    "C": "is CR meant?",
    "D": "is DB meant?",
    "R": "is CR meant?",
}


def _count(text: str) -> int:
    """Return a repetition count; a limit keeps `X(999999999)` from filling the memory."""
    if len(text) > 10 or not 0 < (count := int(text)) <= 32_767_000:
        raise PictureError(f"a repetition of {text[:20]} is not possible")
    return count
