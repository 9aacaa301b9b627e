"""One data description entry: level, name and clauses up to the period."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

from adapters.batch.copybook.clauses import CLAUSES, literal, qualified
from adapters.batch.copybook.cursor import Cursor
from adapters.batch.copybook.lexer import Token
from adapters.batch.copybook.tree import Condition, Item, Renames


@dataclass(frozen=True, slots=True)
class Entry:
    """What one entry said; for level 88 and 66 `item` only holds the place."""

    item: Item
    condition: Condition | None = None
    renames: Renames | None = None


def parse_entry(cursor: Cursor) -> Entry:
    """Read one entry including its period."""
    first = cursor.next("a level number")
    if not (first.word.isascii() and first.word.isdigit()):
        cursor.fail(first, f"{first.text!r} stands where a level number should", _why_no_level(first))
    level = int(first.text[:9])
    if not (1 <= level <= 49 or level in (66, 77, 88)):
        fix = "level 78 names a constant: write the number itself" if level == 78 else ""
        cursor.fail(first, f"there is no level {first.text}", fix or "use 01 to 49, 66, 77 or 88")
    place: dict[str, Any] = {
        "level": level, "line": first.line, "column": first.column, "source": first.source
    }  # fmt: skip
    if level == 88:
        return _condition(cursor, place)
    if level == 66:
        return _renames(cursor, place)
    values = place | {"name": _item_name(cursor)}
    seen: set[str] = set()
    while cursor.kind != "period":
        token = cursor.next("a clause or the period that ends the entry")
        clause = CLAUSES.get(token.word)
        if clause is None:
            cursor.fail(token, *_no_clause(token, first))
        found = clause(cursor, token)
        if twice := [key for key in found if key in seen]:
            cursor.fail(token, f"the {twice[0].upper()} clause is given twice", "keep one")
        seen.update(found)
        values |= found
    cursor.next("a period")
    return Entry(Item(**values))


def _why_no_level(token: Token) -> str:
    if token.word in ("IDENTIFICATION", "ID", "PROCEDURE", "ENVIRONMENT"):
        return "this is a program: give the entries of its DATA DIVISION alone"
    if token.kind == "period":
        return "remove the second period"
    return "is there a period too many above, or a text in columns 1 to 6 or after 72 that is not meant?"


def _no_clause(token: Token, first: Token) -> tuple[str, str]:
    """Return what is wrong with a word where a clause should stand, and the remedy."""
    if token.word.isdigit() and token.line > first.line and len(token.word) <= 2:
        return (
            f"level {token.text} stands inside the entry of line {first.line}, which has no period",
            f"end the entry of line {first.line} by a period",
        )
    if set(token.text) == {"."}:
        return "several periods stand together", "leave one"
    close = difflib.get_close_matches(token.word, CLAUSES, 1)
    if close:
        return f"{token.text!r} is no clause of a data description", f"did you mean {close[0]}?"
    return (
        f"{token.text!r} is no clause of a data description",
        "is a period missing before it, or does it stand after column 72?",
    )


def _item_name(cursor: Cursor) -> str:
    """Return the item's name, '' for FILLER or where a clause follows the level at once."""
    if cursor.skip("FILLER") or cursor.kind == "period" or cursor.word in CLAUSES:
        return ""
    return cursor.name("a data name")


def _condition(cursor: Cursor, place: dict[str, Any]) -> Entry:
    name = cursor.name("a condition name")
    if not cursor.skip("VALUE", "VALUES"):
        cursor.fail(cursor.next("VALUE"), f"the condition {name} has no VALUE", "add VALUE …")
    cursor.skip("IS", "ARE", "=")
    values: list[tuple[str, str | None]] = []
    while cursor.kind != "period":
        if cursor.skip("WHEN", "FALSE"):  # [WHEN SET TO] FALSE IS: how SET … TO FALSE ends the condition
            cursor.until_period()
            return Entry(Item(name=name, **place), condition=Condition(name, tuple(values)))
        low = literal(cursor)
        values.append((low, literal(cursor) if cursor.skip("THRU", "THROUGH") else None))
    end = cursor.next("a period")
    if not values:
        cursor.fail(end, f"the condition {name} has no value", "give a literal after VALUE")
    return Entry(Item(name=name, **place), condition=Condition(name, tuple(values)))


def _renames(cursor: Cursor, place: dict[str, Any]) -> Entry:
    name = cursor.name("a data name")
    if not cursor.skip("RENAMES"):
        cursor.fail(cursor.next("RENAMES"), f"the level-66 item {name} has no RENAMES", "add RENAMES …")
    first = qualified(cursor)
    last = qualified(cursor) if cursor.skip("THRU", "THROUGH") else first
    if cursor.kind != "period":
        cursor.fail(
            cursor.next("a period"), "a level-66 item has only a RENAMES clause", "end it by a period"
        )
    cursor.next("a period")
    at = {key: place[key] for key in ("line", "column", "source")}
    return Entry(Item(name=name, **place), renames=Renames(name, first, last, **at))
