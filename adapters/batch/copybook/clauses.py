"""One data description entry: level, name and clauses up to the period."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from adapters.batch.copybook.errors import CopybookError
from adapters.batch.copybook.lexer import Token
from adapters.batch.copybook.picture import Picture, PictureError
from adapters.batch.copybook.tree import Condition, Item, Occurs, Renames, Sign, Usage


@dataclass(frozen=True, slots=True)
class Entry:
    """What one entry said; for level 88 and 66 `item` only holds the place."""

    item: Item
    condition: Condition | None = None
    renames: Renames | None = None


class Cursor:
    """A place in the token list, with the error maker."""

    def __init__(self, tokens: Sequence[Token], source: str) -> None:
        self._tokens, self.source, self._position = tokens, source, 0

    @property
    def more(self) -> bool:
        """True until all tokens are read."""
        return self._position < len(self._tokens)

    @property
    def word(self) -> str:
        """The next token in upper case if it is a word, else ''."""
        return self._tokens[self._position].word if self.more else ""

    @property
    def kind(self) -> str:
        """The next token's kind, '' at the end."""
        return self._tokens[self._position].kind if self.more else ""

    def next(self, expected: str) -> Token:
        """Return the next token and step over it; `expected` says what should stand there."""
        if not self.more:
            last = self._tokens[-1]
            raise CopybookError(
                f"the copybook ends where {expected} should stand",
                source=self.source, line=last.line, column=last.column, fix="is a period missing?",
            )  # fmt: skip
        token = self._tokens[self._position]
        self._position += 1
        return token

    def skip(self, *words: str) -> bool:
        """Step over the next word if it is one of `words`."""
        if self.word in words and self.word:
            self._position += 1
            return True
        return False

    def name(self, expected: str) -> str:
        """Return the next word as a COBOL name."""
        token = self.next(expected)
        if token.kind != "word" or not any(c.isalnum() for c in token.text):
            self.fail(token, f"{token.text!r} stands where {expected} should", "")
        return token.word

    def number(self, expected: str) -> int:
        """Return the next word as an unsigned integer."""
        token = self.next(expected)
        if not token.word.isdigit():
            self.fail(token, f"{token.text!r} stands where {expected} should", "")
        return int(token.text)

    def fail(self, token: Token, what: str, fix: str) -> NoReturn:
        """Raise a CopybookError at a token."""
        raise CopybookError(what, source=self.source, line=token.line, column=token.column, fix=fix)


def parse_entry(cursor: Cursor) -> Entry:
    """Read one entry including its period."""
    first = cursor.next("a level number")
    if first.word == "COPY":
        cursor.fail(first, "COPY is not supported yet", "paste the copied text in its place")
    if first.word in ("EXEC", "REPLACE"):
        cursor.fail(first, f"{first.word} does not describe data", "give the data description only")
    if not first.word.isdigit():
        cursor.fail(first, f"{first.text!r} stands where a level number should", "is a period missing above?")
    level = int(first.text)
    if not (1 <= level <= 49 or level in (66, 77, 88)):
        cursor.fail(first, f"there is no level {first.text}", "use 01 to 49, 66, 77 or 88")
    place: dict[str, Any] = {"level": level, "line": first.line, "column": first.column}
    if level == 88:
        return _condition(cursor, place)
    if level == 66:
        return _renames(cursor, place)
    values = place | {"name": _item_name(cursor)}
    seen: dict[str, Token] = {}
    while cursor.kind != "period":
        token = cursor.next("a clause or the period that ends the entry")
        clause = _CLAUSES.get(token.word)
        if clause is None:
            close = difflib.get_close_matches(token.word, _CLAUSES, 1)
            hint = (
                f"did you mean {close[0]}?"
                if close
                else "is a period missing before it, or does it stand after column 72?"
            )
            cursor.fail(token, f"{token.text!r} is no clause of a data description", hint)
        found = clause(cursor, token)
        if twice := [key for key in found if key in seen]:
            cursor.fail(token, f"the {twice[0].upper()} clause is given twice", "keep one")
        seen |= dict.fromkeys(found, token)
        values |= found
    cursor.next("a period")
    return Entry(Item(**values))


def _item_name(cursor: Cursor) -> str:
    """Return the item's name, '' for FILLER or where a clause follows the level at once."""
    if cursor.skip("FILLER") or cursor.kind == "period" or cursor.word in _CLAUSES:
        return ""
    return cursor.name("a data name")


def _condition(cursor: Cursor, place: dict[str, Any]) -> Entry:
    name = cursor.name("a condition name")
    if not cursor.skip("VALUE", "VALUES"):
        cursor.fail(cursor.next("VALUE"), f"the condition {name} has no VALUE", "add VALUE …")
    cursor.skip("IS", "ARE")
    values: list[tuple[str, str | None]] = []
    while cursor.kind != "period":
        low = _literal(cursor)
        values.append((low, _literal(cursor) if cursor.skip("THRU", "THROUGH") else None))
    cursor.next("a period")
    return Entry(Item(name=name, **place), condition=Condition(name, tuple(values)))


def _renames(cursor: Cursor, place: dict[str, Any]) -> Entry:
    name = cursor.name("a data name")
    if not cursor.skip("RENAMES"):
        cursor.fail(cursor.next("RENAMES"), f"the level-66 item {name} has no RENAMES", "add RENAMES …")
    first = cursor.name("a data name")
    last = cursor.name("a data name") if cursor.skip("THRU", "THROUGH") else first
    if cursor.kind != "period":
        cursor.fail(
            cursor.next("a period"), "a level-66 item has only a RENAMES clause", "end it by a period"
        )
    cursor.next("a period")
    return Entry(Item(name=name, **place), renames=Renames(name, first, last))


def _literal(cursor: Cursor) -> str:
    token = cursor.next("a literal")
    if token.kind == "period":
        cursor.fail(token, "a literal is missing before the period", "")
    if token.kind == "word":
        return f"ALL {_literal(cursor)}" if token.word == "ALL" else token.text
    quote = token.text[-1]
    prefix, _, body = token.text[:-1].partition(quote)
    return prefix + body.replace(quote * 2, quote)


def _picture(cursor: Cursor, token: Token) -> dict[str, Any]:
    cursor.skip("IS")
    text = cursor.next("a PICTURE character string")
    try:
        return {"picture": Picture.parse(text.text)}
    except PictureError as error:
        cursor.fail(text, str(error), "check the PICTURE")


#: Every spelling of USAGE that is decoded. COMP-4 is BINARY on all compilers we know of.
_USAGES: dict[str, Usage] = {
    "DISPLAY": "DISPLAY", "BINARY": "BINARY",
    "COMP": "BINARY", "COMPUTATIONAL": "BINARY", "COMP-4": "BINARY", "COMPUTATIONAL-4": "BINARY",
    "COMP-1": "COMP-1", "COMPUTATIONAL-1": "COMP-1", "COMP-2": "COMP-2", "COMPUTATIONAL-2": "COMP-2",
    "COMP-3": "COMP-3", "COMPUTATIONAL-3": "COMP-3", "PACKED-DECIMAL": "COMP-3",
    "COMP-5": "COMP-5", "COMPUTATIONAL-5": "COMP-5",
}  # fmt: skip
#: Usages that exist but are not decoded: named so that the refusal is about them, not about syntax.
_REFUSED = (
    "COMP-0", "COMP-6", "COMPUTATIONAL-6", "COMP-X", "COMPUTATIONAL-X", "NATIONAL", "POINTER", "INDEX",
    "DISPLAY-1", "PROCEDURE-POINTER", "FUNCTION-POINTER", "OBJECT",
)  # fmt: skip


def _usage(cursor: Cursor, token: Token) -> dict[str, Any]:
    if token.word == "USAGE":
        cursor.skip("IS")
        token = cursor.next("a usage")
    if token.word in _REFUSED:
        cursor.fail(token, f"USAGE {token.word} is not supported yet", "describe it as PIC X(n) to skip it")
    if token.word not in _USAGES:
        cursor.fail(token, f"there is no USAGE {token.text}", f"use one of {', '.join(sorted(_USAGES))}")
    cursor.skip("NATIVE")
    return {"usage": _USAGES[token.word]}


def _sign(cursor: Cursor, token: Token) -> dict[str, Any]:
    if token.word == "SIGN":
        cursor.skip("IS")
        token = cursor.next("LEADING or TRAILING")
        if token.word not in ("LEADING", "TRAILING"):
            cursor.fail(token, f"{token.text!r} stands where LEADING or TRAILING should", "")
    separate = cursor.skip("SEPARATE")
    if separate:
        cursor.skip("CHARACTER")
    return {"sign": Sign(token.word == "LEADING", separate)}


def _occurs(cursor: Cursor, token: Token) -> dict[str, Any]:
    least = most = cursor.number("the number of occurrences")
    if cursor.skip("TO"):
        most = cursor.number("the greatest number of occurrences")
    cursor.skip("TIMES")
    depending_on: str | None = None
    while cursor.word in ("DEPENDING", "ASCENDING", "DESCENDING", "INDEXED"):
        kind = cursor.name("a phrase of OCCURS")
        cursor.skip("ON", "KEY", "BY")
        cursor.skip("IS")
        names = [cursor.name("a data name")]
        if kind == "DEPENDING":
            depending_on = names[0]
            continue
        while (
            cursor.kind == "word"
            and cursor.word not in _CLAUSES
            and cursor.word not in ("DEPENDING", "ASCENDING", "DESCENDING", "INDEXED")
        ):
            names.append(cursor.name("a data name"))
    if most < 1 or least > most:
        cursor.fail(
            token, f"OCCURS {least} TO {most} is not possible", "the second number must be the greater"
        )
    if depending_on and least == most:
        least = 0  # OCCURS n DEPENDING ON without TO: an extension that compilers read as 0 or 1 to n.
    elif least != most and not depending_on:
        cursor.fail(token, f"OCCURS {least} TO {most} has no DEPENDING ON", "add DEPENDING ON …")
    return {"occurs": Occurs(most, least, depending_on)}


def _redefines(cursor: Cursor, token: Token) -> dict[str, Any]:
    return {"redefines": cursor.name("the name of the redefined item")}


def _sync(cursor: Cursor, token: Token) -> dict[str, Any]:
    cursor.skip("LEFT", "RIGHT")
    return {"sync": True}


def _justified(cursor: Cursor, token: Token) -> dict[str, Any]:
    cursor.skip("RIGHT")
    return {"justified": True}


def _blank(cursor: Cursor, token: Token) -> dict[str, Any]:
    cursor.skip("WHEN")
    if not cursor.skip("ZERO", "ZEROS", "ZEROES"):
        cursor.fail(token, "BLANK stands without WHEN ZERO", "write BLANK WHEN ZERO")
    return {"blank_when_zero": True}


def _value(cursor: Cursor, token: Token) -> dict[str, Any]:
    cursor.skip("IS", "ARE")
    return {"value": _literal(cursor)}


def _ignored(cursor: Cursor, token: Token) -> dict[str, Any]:
    """EXTERNAL and GLOBAL, with or without IS, say nothing about bytes."""
    if token.word == "IS" and not cursor.skip("EXTERNAL", "GLOBAL"):
        cursor.fail(token, "IS stands without EXTERNAL or GLOBAL", "remove it")
    return {}


_CLAUSES: dict[str, Callable[[Cursor, Token], dict[str, Any]]] = {
    "PIC": _picture, "PICTURE": _picture, "USAGE": _usage, **dict.fromkeys([*_USAGES, *_REFUSED], _usage),
    "SIGN": _sign, "LEADING": _sign, "TRAILING": _sign, "OCCURS": _occurs, "REDEFINES": _redefines,
    "SYNC": _sync, "SYNCHRONIZED": _sync, "SYNCHRONISED": _sync, "JUST": _justified, "JUSTIFIED": _justified,
    "BLANK": _blank, "VALUE": _value, "VALUES": _value,
    "EXTERNAL": _ignored, "GLOBAL": _ignored, "IS": _ignored,
}  # fmt: skip
