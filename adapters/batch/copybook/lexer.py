"""Copybook text to tokens: columns, indicators, comments, continuation, literals.

Source formats: IBM Enterprise COBOL Language Reference, "Reference format" (fixed: columns 1 to 6 and
73 to 80 are not text, column 7 is the indicator) and ISO/IEC 1989:2014 6.2 "Free-form".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from adapters.batch.copybook.errors import CopybookError

SourceFormat = Literal["auto", "fixed", "free"]
TokenKind = Literal["word", "literal", "period"]

#: Text of a fixed-format line: columns 8 to 72.
_TEXT = slice(7, 72)
#: A level number in columns 1 to 7 followed by a name can only be free format.
_FREE_ENTRY = re.compile(r"^ {0,6}(?:0?[1-9]|[1-4][0-9]|66|77|88)\s+[A-Za-z]", re.MULTILINE)
#: Lines that steer the listing, not the data (Enterprise COBOL: EJECT, SKIP1 to SKIP3, TITLE).
_LISTING = re.compile(r"\s*(?:EJECT|SKIP[123]|TITLE\b.*|>>.*)\s*\.?\s*\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Token:
    """One word, literal or period with its 1-based place in the source."""

    kind: TokenKind
    text: str
    line: int
    column: int

    @property
    def word(self) -> str:
        """The text in upper case where it is a word, else an empty string (never equal to a keyword)."""
        return self.text.upper() if self.kind == "word" else ""


def tokens(text: str, *, source_format: SourceFormat = "auto", source: str = "<copybook>") -> list[Token]:
    """Return the tokens of a copybook.

    Raises:
        CopybookError: a literal that is not closed, or an indicator that means nothing.
    """
    text = text.expandtabs(_tab_width(text))
    if source_format == "auto":
        source_format = "free" if _FREE_ENTRY.search(text) else "fixed"
    return list(_scan(_Stream.read(text, source_format, source), source))


def _tab_width(text: str) -> int:
    """Return 8 as COBOL compilers take it, or 4 where 8 would push text of a tabbed line past column 72."""
    tabbed = [line for line in text.splitlines() if "\t" in line]
    return next((w for w in (8, 4) if all(len(t.expandtabs(w).rstrip()) <= 72 for t in tabbed)), 8)


@dataclass(slots=True)
class _Stream:
    """The program text without columns and comments; `places[i]` is where character i stood."""

    characters: list[str]
    places: list[tuple[int, int]]

    @classmethod
    def read(cls, text: str, source_format: str, source: str) -> _Stream:
        stream = cls([], [])
        for number, raw in enumerate(text.splitlines(), 1):
            line = raw.rstrip()
            if source_format == "fixed":
                stream._fixed_line(line, number, source)
            elif not _LISTING.match(line) and not line.lstrip().startswith("*"):
                stream._add(line, number, 1)
                stream._add("\n", number, len(line) + 1)
        return stream

    def _fixed_line(self, line: str, number: int, source: str) -> None:
        indicator, body = line[6:7] or " ", line[_TEXT]
        if indicator in "*/$" or indicator in "dD" or not body.strip() or _LISTING.match(body):
            return
        if indicator == "-":
            self._continue(body, number)
        elif indicator == " ":
            self._add(body, number, 8)
        else:
            raise CopybookError(
                f"column 7 holds {indicator!r}, which is no indicator",
                source=source, line=number, column=7,
                fix="use ' ', '*', '/', '-' or 'D' there, or read the copybook as free format",
            )  # fmt: skip
        self._add("\n", number, 73)

    def _continue(self, body: str, number: int) -> None:
        while self.characters and self.characters[-1] == "\n":
            self.characters.pop()
            self.places.pop()
        quote = _open_quote("".join(self.characters[self._line_start() :]))
        start = len(body) - len(body.lstrip())
        if quote:
            # A literal runs on to column 72 of its line and goes on after the quote of the next one.
            line, column = self.places[-1]
            self._add(" " * max(0, 72 - column), line, column + 1)
            start += body[start : start + 1] == quote
        else:
            while self.characters and self.characters[-1] == " ":
                self.characters.pop()
                self.places.pop()
        self._add(body[start:], number, 8 + start)

    def _line_start(self) -> int:
        position = len(self.characters)
        while position and self.characters[position - 1] != "\n":
            position -= 1
        return position

    def _add(self, text: str, line: int, column: int) -> None:
        self.characters.extend(text)
        self.places.extend((line, column + i) for i in range(len(text)))


def _open_quote(text: str) -> str:
    """Return the quote character of a literal still open at the end of `text`, or ''."""
    quote = ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
    return quote


_SPACE = re.compile(r"[\s,;]*(?:(?<![^\s,;])\*>[^\n]*[\s,;]*)*")
_LITERAL = re.compile(r"""[XxNnZzGg]?(?:'(?:[^'\n]|'')*'|"(?:[^"\n]|"")*")""")
_WORD = re.compile(r"""[^\s'"]+""")


def _scan(stream: _Stream, source: str) -> Iterator[Token]:
    text, position = "".join(stream.characters), 0
    while True:
        position = _skip(text, position)
        if position >= len(text):
            return
        line, column = stream.places[position]
        if literal := _LITERAL.match(text, position):
            yield Token("literal", literal.group(), line, column)
            position = literal.end()
        elif text[position] in "'\"":
            raise CopybookError(
                "this literal is not closed", source=source, line=line, column=column, fix="close the quote"
            )
        elif text[position] == "." and text[position + 1 : position + 2] in ("", " ", "\n"):
            yield Token("period", ".", line, column)
            position += 1
        else:
            word = _WORD.match(text, position)
            assert word is not None  # nothing but spaces and quotes can fail, and both were handled
            # '.', ',' and ';' separate only before a space: inside a PICTURE they are text.
            bare = word.group().rstrip(".,;")
            yield Token("word", bare or word.group(), line, column)
            position += len(bare or word.group())


def _skip(text: str, position: int) -> int:
    """Return the position after blanks, separators and `*>` comments."""
    match = _SPACE.match(text, position)
    return match.end() if match else position
