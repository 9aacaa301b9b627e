"""Program text to tokens: words, literals, periods, and the `==` around pseudo-text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from adapters.batch.copybook.errors import CopybookError
from adapters.batch.copybook.reference_format import SourceFormat, Stream

TokenKind = Literal["word", "literal", "period", "pseudo"]


@dataclass(frozen=True, slots=True)
class Token:
    """One word, literal, period or `==` with its 1-based place in the source that it stands in."""

    kind: TokenKind
    text: str
    line: int
    column: int
    source: str

    @property
    def word(self) -> str:
        """The text in upper case where it is a word, else an empty string (never equal to a keyword)."""
        return self.text.upper() if self.kind == "word" else ""

    def error(self, what: str, fix: str = "") -> CopybookError:
        """Return an error at this token."""
        return CopybookError(what, source=self.source, line=self.line, column=self.column, fix=fix)


def tokens(text: str, *, source_format: SourceFormat = "auto", source: str = "<copybook>") -> list[Token]:
    """Return the tokens of a copybook.

    Raises:
        CopybookError: a literal that is not closed, or an indicator that means nothing.
    """
    return list(_scan(Stream.read(text, source_format, source), source))


_SPACE = re.compile(r"[\s,;]*(?:(?<![^\s,;])\*>[^\n]*[\s,;]*)*")
#: A prefix says what the literal holds: X hexadecimal, N and G national, Z null-terminated, B and BX bits,
#: H, U.
_LITERAL = re.compile(r"""(?:[XNZGBHU]|[NUB]X)?(?:'(?:[^'\n]|'')*'|"(?:[^"\n]|"")*")""", re.IGNORECASE)
_WORD = re.compile(r"""(?:(?!==)[^\s'"])+""")
_PERIOD = re.compile(r"\.(?=[\s,;]|==|\Z)")


def _scan(stream: Stream, source: str) -> Iterator[Token]:
    text, position = "".join(stream.characters), 0
    while True:
        position = _skip(text, position)
        if position >= len(text):
            return
        line, column = stream.places[position]
        kind: TokenKind
        if literal := _LITERAL.match(text, position):
            kind, found = "literal", literal.group()
        elif text.startswith("==", position):
            kind, found = "pseudo", "=="
        elif _PERIOD.match(text, position):
            kind, found = "period", "."
        elif text[position] in "'\"":
            raise CopybookError(
                "this literal is not closed", source=source, line=line, column=column,
                fix="close the quote on this line, or continue it with '-' in column 7",
            )  # fmt: skip
        else:
            word = _WORD.match(text, position)
            assert word is not None  # nothing but spaces, quotes and '==' can fail, and all were handled
            # '.', ',' and ';' separate only before a space: inside a PICTURE they are text.
            kind, found = "word", word.group().rstrip(".,;") or word.group()
        yield Token(kind, found, line, column, source)
        position += len(found)


def _skip(text: str, position: int) -> int:
    """Return the position after blanks, separators and `*>` comments."""
    match = _SPACE.match(text, position)
    return match.end() if match else position
