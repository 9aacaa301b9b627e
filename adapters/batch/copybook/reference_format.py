"""Lines of a copybook to program text: columns, indicators, comments, directives, continuation.

Source: IBM Enterprise COBOL Language Reference, "Reference format" (fixed: columns 1 to 6 and 73 to 80 are
not text, column 7 is the indicator), and ISO/IEC 1989:2014 6.2 "Free-form".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from adapters.batch.copybook.errors import CopybookError

SourceFormat = Literal["auto", "fixed", "free"]

#: Text of a fixed-format line: columns 8 to 72.
_TEXT = slice(7, 72)
#: A level number in columns 1 to 7 followed by a name can only be free format.
_FREE_ENTRY = re.compile(
    r"^ {0,6}(?:0?[1-9]|[1-4][0-9]|66|77|88)\s+[A-Za-z]"
    r"|^(?:COPY|REPLACE|EXEC|DATA|FILE|FD|SD|LINKAGE|WORKING-STORAGE|LOCAL-STORAGE)\s",
    re.MULTILINE | re.IGNORECASE,
)
#: A file that says which format it has: >>SOURCE FORMAT IS FREE, $SET SOURCEFORMAT"FIXED".
_DECLARED = re.compile(
    r"(?:>>\s*SOURCE(?:\s+FORMAT)?(?:\s+IS)?|\$\s*SET\s+SOURCEFORMAT\s*[(\"'])\s*(FREE|FIXED)", re.IGNORECASE
)
#: Lines that steer compiler and listing and say nothing about the data: EJECT, SKIP1 to SKIP3, TITLE, *CBL,
#: directives (>>, $SET), and CBL or PROCESS, which may start in column 1.
_STEERING = re.compile(
    r"\s*(?:EJECT|SKIP[123]|TITLE\b.*|\*(?:CBL|CONTROL)\b.*|>>.*|\$\s*[A-Z].*)\s*\.?\s*\Z", re.IGNORECASE
)
_OPTIONS = re.compile(r"(?:\d{1,6})?\s*(?:CBL|PROCESS)\s", re.IGNORECASE)
#: Librarian's way to write COPY, in columns 1 to 72 of its own line.
_LIBRARIAN = re.compile(r"-INC\s+([\w$#@-]+)", re.IGNORECASE)


@dataclass(slots=True)
class Stream:
    """Program text without columns and comments; `places[i]` is the line and column of character i."""

    characters: list[str] = field(default_factory=list)
    places: list[tuple[int, int]] = field(default_factory=list)

    @classmethod
    def read(cls, text: str, source_format: SourceFormat, source: str) -> Stream:
        """Return the program text of a copybook.

        Raises:
            CopybookError: an indicator that means nothing, or a continuation of nothing.
        """
        # A byte order mark, and the Ctrl-Z that ends files from DOS, are not text.
        text = text.lstrip("\ufeff").rstrip("\x1a\0")
        text = text.expandtabs(_tab_width(text))
        if source_format == "auto":
            declared = _DECLARED.search(text)
            free = declared.group(1).upper() == "FREE" if declared else bool(_FREE_ENTRY.search(text))
            source_format = "free" if free else "fixed"
        stream = cls()
        for number, raw in enumerate(re.split(r"\r\n?|\n", text), 1):
            line = raw.rstrip()
            if librarian := _LIBRARIAN.match(line):
                stream._add(f"COPY {librarian.group(1)}. ", number, 1)
            elif _OPTIONS.match(line):
                continue
            elif source_format == "fixed":
                stream._fixed_line(line, number, source)
            elif not _STEERING.match(line) and not line.lstrip().startswith("*") and line[6:7] != "/":
                stream._add(line, number, 1)
                stream._add("\n", number, len(line) + 1)
        return stream

    def _fixed_line(self, line: str, number: int, source: str) -> None:
        indicator, body = line[6:7] or " ", line[_TEXT]
        if indicator in "*/$dD" or not body.strip() or _STEERING.match(body):
            return
        if indicator == "-":
            self._continue(body, number, source)
        elif indicator == " ":
            self._add(body, number, 8)
        else:
            raise CopybookError(
                f"column 7 holds {indicator!r}, which is no indicator",
                source=source, line=number, column=7,
                fix="use ' ', '*', '/', '-' or 'D' there, or start the entries in column 1 (free format)",
            )  # fmt: skip
        self._add("\n", number, 73)

    def _continue(self, body: str, number: int, source: str) -> None:
        while self.characters and self.characters[-1] == "\n":
            self.characters.pop()
            self.places.pop()
        if not self.characters:
            raise CopybookError(
                "column 7 holds '-', but there is no line above to continue",
                source=source, line=number, column=7, fix="remove the hyphen",
            )  # fmt: skip
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


def _tab_width(text: str) -> int:
    """Return 8 as COBOL compilers take it, or 4 where 8 would push text of a tabbed line past column 72."""
    tabbed = [line for line in text.splitlines() if "\t" in line]
    return next((w for w in (8, 4) if all(len(t.expandtabs(w).rstrip()) <= 72 for t in tabbed)), 8)


def _open_quote(text: str) -> str:
    """Return the quote character of a literal still open at the end of `text`, or ''."""
    quote = ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
    return quote
