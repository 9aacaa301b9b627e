"""The clauses of a data description entry: each a function from the tokens after its word to what it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapters.batch.copybook.cursor import Cursor
from adapters.batch.copybook.lexer import Token
from adapters.batch.copybook.picture import Picture, PictureError
from adapters.batch.copybook.tree import Occurs, Sign, Usage

#: Every spelling of USAGE that is read. COMP-4 is BINARY on all compilers we know of.
USAGES: dict[str, Usage] = {
    "DISPLAY": "DISPLAY", "BINARY": "BINARY", "COMP": "BINARY", "COMP-4": "BINARY", "COMP-1": "COMP-1",
    "COMP-2": "COMP-2", "COMP-3": "COMP-3", "COMP-5": "COMP-5", "COMP-6": "COMP-6",
    "COMP-3U": "COMP-6", "COMP-9": "COMP-9",
    "COMP-X": "COMP-X", "COMP-N": "COMP-N", "PACKED-DECIMAL": "COMP-3", "NATIONAL": "NATIONAL",
    "DISPLAY-1": "DISPLAY-1", "POINTER": "POINTER", "PROCEDURE-POINTER": "PROCEDURE-POINTER",
    "PROGRAM-POINTER": "PROCEDURE-POINTER", "FUNCTION-POINTER": "FUNCTION-POINTER", "OBJECT": "OBJECT",
    "INDEX": "INDEX", "BINARY-CHAR": "BINARY-CHAR", "BINARY-SHORT": "BINARY-SHORT",
    "BINARY-LONG": "BINARY-LONG",
    "BINARY-INT": "BINARY-LONG", "BINARY-DOUBLE": "BINARY-DOUBLE", "BINARY-LONG-LONG": "BINARY-DOUBLE",
    "FLOAT-SHORT": "COMP-1", "FLOAT-LONG": "COMP-2",
}  # fmt: skip
USAGES |= {f"COMPUTATIONAL{name[4:]}": usage for name, usage in USAGES.items() if name.startswith("COMP")}
#: Usages that exist but are not decoded: named so that the refusal is about them, not about syntax.
_REFUSED = {
    "COMP-0": "it differs from compiler to compiler",
    "COMP-7": "it differs from compiler to compiler",
    "UTF-8": "it has no fixed number of bytes",
    "BIT": "bits do not fill bytes",
    "SQL": "SQL TYPE IS makes several items that the precompiler lays out",
    "FLOAT-EXTENDED": "128-bit floats are not read",
    "FLOAT-DECIMAL-16": "decimal floats are not read",
    "FLOAT-DECIMAL-34": "decimal floats are not read",
}
#: Clauses that exist but make the length of an item unknown, or need text that is not in the copybook.
_REFUSED_CLAUSES = {
    "TYPE": "name the items of the type instead of TYPE",
    "TYPEDEF": "name the items of the type instead of TYPEDEF",
    "LIKE": "repeat the PICTURE of the other item instead of LIKE",
    "SAME": "repeat the description of the other item instead of SAME AS",
    "DYNAMIC": "an item of dynamic length is a pointer in memory; describe what the file holds",
    "ANY": "an item of any length has none in a file; give a PICTURE",
    "SOURCE": "report items are not data of a file",
    "LINE": "screen and report items are not data of a file",
}


def _picture(cursor: Cursor, token: Token) -> dict[str, Any]:
    cursor.skip("IS")
    text = cursor.next("a PICTURE character string")
    if text.kind != "word":
        cursor.fail(text, f"{text.text} stands where a PICTURE character string should")
    try:
        return {"picture": Picture.parse(text.text, cursor.currency)}
    except PictureError as error:
        cursor.fail(text, str(error), "check the PICTURE")


def _usage(cursor: Cursor, token: Token) -> dict[str, Any]:
    if token.word in ("USAGE", "GROUP-USAGE"):
        cursor.skip("IS")
        token = cursor.next("a usage")
    if token.word in _REFUSED:
        cursor.fail(
            token, f"USAGE {token.word} is not read: {_REFUSED[token.word]}", "describe its bytes as PIC X(n)"
        )
    if token.word not in USAGES:
        cursor.fail(token, f"there is no USAGE {token.text}", f"use one of {', '.join(sorted(USAGES))}")
    found: dict[str, Any] = {"usage": USAGES[token.word]}
    pointer = token.word in ("POINTER", "OBJECT", "FUNCTION-POINTER", "PROCEDURE-POINTER")
    if pointer and cursor.skip("REFERENCE", "TO"):
        cursor.skip("TO")
        if cursor.kind == "word" and cursor.word not in CLAUSES:
            cursor.name("a class or type name")
    if USAGES[token.word].startswith("BINARY-"):
        found["unsigned"] = cursor.word == "UNSIGNED"
        cursor.skip("UNSIGNED", "SIGNED")
    cursor.skip("NATIVE")
    return found


def _sign(cursor: Cursor, token: Token) -> dict[str, Any]:
    if token.word == "SIGN":
        cursor.skip("IS")
        token = cursor.next("LEADING or TRAILING")
        if token.word not in ("LEADING", "TRAILING"):
            cursor.fail(token, f"{token.text!r} stands where LEADING or TRAILING should")
    separate = cursor.skip("SEPARATE")
    if separate:
        cursor.skip("CHARACTER")
    return {"sign": Sign(token.word == "LEADING", separate)}


_PHRASES = ("DEPENDING", "ASCENDING", "DESCENDING", "INDEXED")


def _occurs(cursor: Cursor, token: Token) -> dict[str, Any]:
    least = most = cursor.number("the number of occurrences")
    if cursor.skip("TO"):
        if cursor.word == "UNBOUNDED":
            cursor.fail(
                cursor.next("a number"), "OCCURS … TO UNBOUNDED has no greatest size",
                "write the greatest number that the file can hold",
            )  # fmt: skip
        most = cursor.number("the greatest number of occurrences")
    cursor.skip("TIMES")
    depending: tuple[str, ...] = ()
    names: dict[str, list[str]] = {"INDEXED": [], "ASCENDING": [], "DESCENDING": []}
    while cursor.word in _PHRASES:
        phrase = cursor.name("a phrase of OCCURS")
        cursor.skip("ON", "KEY", "BY")
        cursor.skip("KEY", "IS")
        cursor.skip("IS")
        if phrase == "DEPENDING":
            depending = qualified(cursor)
            continue
        names[phrase].append(qualified(cursor)[0])
        while cursor.kind == "word" and cursor.word not in CLAUSES and cursor.word not in _PHRASES:
            names[phrase].append(qualified(cursor)[0])
    if most < 1 or least > most:
        cursor.fail(
            token, f"OCCURS {least} TO {most} is not possible", "the second number must be the greater"
        )
    if depending and least == most:
        least = 0  # OCCURS n DEPENDING ON without TO: an extension that compilers read as 0 or 1 to n.
    elif least != most and not depending:
        cursor.fail(token, f"OCCURS {least} TO {most} has no DEPENDING ON", "add DEPENDING ON …")
    return {
        "occurs": Occurs(
            most, least, depending[0] if depending else None, depending[1:], tuple(names["INDEXED"]),
            tuple(names["ASCENDING"] + names["DESCENDING"]),
        )
    }  # fmt: skip


def qualified(cursor: Cursor) -> tuple[str, ...]:
    """Read `name OF group IN group …`, innermost first."""
    names = [cursor.name("a data name")]
    while cursor.skip("OF", "IN"):
        names.append(cursor.name("the name of a group"))
    return tuple(names)


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
    """Read VALUE: one literal, or for a table several, of which the first is kept."""
    cursor.skip("IS", "ARE", "=")
    first = literal(cursor)
    while cursor.kind == "literal" or (cursor.kind == "word" and cursor.word not in CLAUSES):
        if cursor.word.isdigit() and cursor.starts_line:
            break  # a level number: the period before it is missing, which the caller says
        cursor.next("a literal")
    return {"value": first}


def literal(cursor: Cursor) -> str:
    """Read a literal, with ALL or concatenated by &; quotes are taken off, prefixes (X, N, Z) stay."""
    token = cursor.next("a literal")
    if token.kind == "period":
        cursor.fail(token, "a literal is missing before the period", "give it, or remove VALUE")
    if token.kind == "word":
        return f"ALL {literal(cursor)}" if token.word == "ALL" else token.text
    quote = token.text[-1]
    prefix, _, body = token.text[:-1].partition(quote)
    text = prefix + body.replace(quote * 2, quote)
    return text + literal(cursor) if cursor.skip("&") else text


def _ignored(cursor: Cursor, token: Token) -> dict[str, Any]:
    """EXTERNAL, GLOBAL, VOLATILE and so on say nothing about bytes; IS may stand before them."""
    if token.word == "IS" and not cursor.skip("EXTERNAL", "GLOBAL"):
        cursor.fail(token, "IS stands without EXTERNAL or GLOBAL", "remove it")
    if token.word in ("EXTERNAL", "IS") and cursor.skip("AS", "BY"):
        cursor.next("a literal")
    return {}


def _refused(cursor: Cursor, token: Token) -> dict[str, Any]:
    cursor.fail(token, f"{token.word} is not read", _REFUSED_CLAUSES[token.word])


CLAUSES: dict[str, Callable[[Cursor, Token], dict[str, Any]]] = {
    "PIC": _picture, "PICTURE": _picture, "USAGE": _usage, "GROUP-USAGE": _usage,
    **dict.fromkeys([*USAGES, *_REFUSED], _usage),
    "SIGN": _sign, "LEADING": _sign, "TRAILING": _sign, "OCCURS": _occurs, "REDEFINES": _redefines,
    "SYNC": _sync, "SYNCHRONIZED": _sync, "SYNCHRONISED": _sync, "JUST": _justified, "JUSTIFIED": _justified,
    "BLANK": _blank, "VALUE": _value, "VALUES": _value,
    **dict.fromkeys(["EXTERNAL", "GLOBAL", "IS", "VOLATILE", "UNALIGNED", "ALIGNED"], _ignored),
    **dict.fromkeys(_REFUSED_CLAUSES, _refused),
}  # fmt: skip
