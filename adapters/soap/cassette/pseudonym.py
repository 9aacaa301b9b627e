"""Made-up texts of the same shape: a digit for a digit, a letter for a letter, a date for a date.

The same text gives the same pseudonym under the same secret, so keys in a list still lead to their details.
The secret lives as long as one recording, so nobody can try names until a pseudonym fits.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta

from adapters.soap.xsd_types import SimpleType

#: A pattern may fit one shape in a hundred; beyond that a person has to decide.
_TRIES = 200
#: Birthdays of made-up people lie in these days after 1930-01-01.
_DAYS = 30_000
_DATE = re.compile(r"(-?\d{4,})-(\d\d)-(\d\d)(.*)", re.DOTALL)


class Pseudonyms:
    """Makes pseudonyms under one secret."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def of(self, kind: SimpleType, text: str, fits: Callable[[str], bool]) -> str | None:
        """Return a text that stands for `text`; None = none was found that fits its type.

        Args:
            kind: the declared type; only its base, enumeration and variety shape the result.
            text: as it came.
            fits: whether a text is valid for the type.
        """
        if not text.strip():
            return text
        for attempt in range(_TRIES):
            stream = self._stream(f"{kind.base}\0{text}\0{attempt}")
            made = self._made(kind, text, stream)
            if fits(made):
                return made
        return None

    def shape(self, text: str) -> str:
        """Return a text of the same shape, where no type is known."""
        return _shaped(text, self._stream(f"string\0{text}\0{0}"))

    def _made(self, kind: SimpleType, text: str, stream: Iterator[int]) -> str:
        if kind.variety == "list" and kind.item is not None:
            item, parts = kind.item, text.split()
            return " ".join(self.of(item, part, lambda _: True) or part for part in parts)
        if kind.enumeration:
            return kind.enumeration[_number(stream) % len(kind.enumeration)]
        match kind.base:
            case "boolean":
                return "true" if next(stream) % 2 else "false"
            case "date" | "dateTime":
                return _dated(text, stream)
            case "time" | "gYear" | "gYearMonth" | "gMonthDay" | "gMonth" | "gDay" | "duration":
                return text  # without a date beside it, it tells nobody from another
            case "base64Binary":
                return _binary(text, stream)
            case "QName" | "NOTATION":
                return text
        return _shaped(text, stream)

    def _stream(self, text: str) -> Iterator[int]:
        """Yield bytes that depend on the secret and the text alone."""
        counter = 0
        while True:
            block = hmac.digest(self._secret, f"{counter}\0{text}".encode(), hashlib.sha256)
            yield from block
            counter += 1


def _shaped(text: str, stream: Iterator[int]) -> str:
    made = []
    digits = False
    for character in text:
        if character.isdigit():
            # A number keeps its length, so its first digit is no zero unless it was.
            low = 1 if not digits and character != "0" else 0
            made.append(str(low + next(stream) % (10 - low)))
            digits = True
            continue
        digits = digits and character in ".,"
        if character.isalpha():
            first = "A" if character.isupper() else "a"
            made.append(chr(ord(first) + next(stream) % 26))
        else:
            made.append(character)
    return "".join(made)


def _dated(text: str, stream: Iterator[int]) -> str:
    match = _DATE.fullmatch(text.strip())
    if match is None:
        return text
    day = date(1930, 1, 1) + timedelta(days=_number(stream) % _DAYS)
    return f"{day.isoformat()}{match[4]}"


def _binary(text: str, stream: Iterator[int]) -> str:
    try:
        size = len(base64.b64decode("".join(text.split()), validate=True))
    except (binascii.Error, ValueError):
        return text
    return base64.b64encode(bytes(next(stream) for _ in range(size))).decode()


def _number(stream: Iterator[int]) -> int:
    return next(stream) << 24 | next(stream) << 16 | next(stream) << 8 | next(stream)
