r"""XSD patterns as Python's: `\i`, `\c`, `\p{…}`, blocks and subtraction (XSD 1.0 part 2, appendix F).

A character class is worked out as ranges of code points, so that both Python's `re` and RE2 take it. Python's
engine can be made to run for ever by a pattern with nested repetition; such a pattern runs in RE2 (linear in
the text), which Arrow brings along.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from adapters.soap.unicode_ranges import (
    ANY,
    Ranges,
    block,
    category,
    complement,
    name_characters,
    name_starts,
    normal,
    subtract,
)

_SPACE: Ranges = ((9, 10), (13, 13), (32, 32))
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_META = frozenset("\\^$.|?*+()[]{}-&~#")


@lru_cache(maxsize=4096)
def matcher(pattern: str) -> Callable[[str], bool]:
    """Return the test whether a text matches the whole pattern.

    Raises:
        ValueError: not a pattern of XSD 1.0; the argument says where.
    """
    translation = _Translation(pattern)
    text = translation.run()
    if not translation.nested:
        try:
            match = re.compile(text, re.DOTALL).fullmatch
        except (re.error, OverflowError, RecursionError):
            raise ValueError("the pattern cannot be compiled") from None
        return lambda value: match(value) is not None
    whole = f"^(?s:{text})$"
    try:
        pc.match_substring_regex(pa.array([""]), whole)
    except pa.ArrowInvalid:
        raise ValueError("the pattern repeats too often") from None
    return lambda value: bool(pc.match_substring_regex(pa.array([value]), whole)[0].as_py())


def to_python(pattern: str) -> str:
    """Return the Python pattern, to be used with `fullmatch` and DOTALL."""
    return _Translation(pattern).run()


class _Translation:
    """A cursor over one pattern. `nested` tells, after `run`, whether repetition stands in repetition."""

    def __init__(self, pattern: str) -> None:
        self._text, self._at = pattern, 0
        self.nested = False

    def run(self) -> str:
        out, _ = self._alternatives(0)
        if self._at < len(self._text):
            raise self._wrong("an unmatched ')'")
        return out

    def _alternatives(self, level: int) -> tuple[str, bool]:
        """Translate up to the end or the closing parenthesis; tell whether anything in it repeats."""
        if level > 50:
            raise self._wrong("groups nested too deep")
        out: list[str] = []
        repeats = False
        while (char := self._peek()) and char != ")":
            self._at += 1
            if char == "|":
                out.append("|")
                continue
            atom, inner = self._atom(char, level)
            quantifier = self._quantifier()
            self.nested |= inner and quantifier not in ("", "?")
            repeats |= inner or quantifier not in ("", "?")
            out.append(atom + quantifier)
        return "".join(out), repeats

    def _atom(self, char: str, level: int) -> tuple[str, bool]:
        match char:
            case "(":
                inner, repeats = self._alternatives(level + 1)
                self._take(")")
                return f"(?:{inner})", repeats
            case "[":
                return _render(self._class()), False
            case "\\":
                return _render(self._escape()), False
            case ".":
                return "[^\\n\\r]", False
            case "?" | "*" | "+" | "{" | "}":
                raise self._wrong(f"{char!r} where a character is expected")
        return _literal(char), False

    def _quantifier(self) -> str:
        char = self._peek()
        if char and char in "?*+":
            self._at += 1
            return char
        if char != "{":
            return ""
        found = re.compile(r"\{(\d{1,9})(,(\d{0,9}))?\}").match(self._text, self._at)
        if found is None:
            raise self._wrong("a quantity is expected")
        self._at = found.end()
        if found[1] == "1" and not found[2]:
            return ""
        return f"{{{found[1]}{',' + found[3] if found[2] else ''}}}"

    def _class(self) -> Ranges:
        """Read a class after its `[`, with negation and subtraction."""
        negated = self._peek() == "^"
        self._at += negated
        found: list[tuple[int, int]] = []
        first = True
        while True:
            char = self._next()
            if char == "]" and not first:
                break
            first = False
            if char == "-" and self._peek() == "[":
                self._at += 1
                minus = self._class()
                self._take("]")
                base = normal(found)
                return subtract(complement(base) if negated else base, minus)
            if char == "[":
                raise self._wrong("a '[' inside a class")
            if char == "\\":
                ranges = self._escape()
                if len(ranges) != 1 or ranges[0][0] != ranges[0][1]:
                    found += ranges
                    continue
                low = ranges[0][0]
            else:
                low = ord(char)
            found.append((low, self._range_end(low)))
        return complement(normal(found)) if negated else normal(found)

    def _range_end(self, low: int) -> int:
        if self._peek() != "-" or self._text[self._at + 1 : self._at + 2] in ("]", "[", ""):
            return low
        self._at += 1
        char = self._next()
        if char == "\\":
            ranges = self._escape()
            if len(ranges) != 1 or ranges[0][0] != ranges[0][1]:
                raise self._wrong("a range that ends in a class")
            high = ranges[0][0]
        else:
            high = ord(char)
        if high < low:
            raise self._wrong("a range that runs backwards")
        return high

    def _escape(self) -> Ranges:
        char = self._next()
        if char in _ESCAPES:
            char = _ESCAPES[char]
            return ((ord(char), ord(char)),)
        if char in "pP":
            self._take("{")
            end = self._text.find("}", self._at)
            if end < 0:
                raise self._wrong("a '}' is missing")
            name, self._at = self._text[self._at : end], end + 1
            try:
                ranges = block(name[2:]) if name.startswith("Is") else category(name)
            except KeyError:
                raise self._wrong(f"an unknown property {name!r}") from None
            return complement(ranges) if char == "P" else ranges
        ranges_of: dict[str, Callable[[], Ranges]] = {
            "s": lambda: _SPACE,
            "d": lambda: category("Nd"),
            "w": lambda: subtract(ANY, normal([*category("P"), *category("Z"), *category("C")])),
            "i": name_starts,
            "c": name_characters,
        }
        if (named := ranges_of.get(char.lower())) is not None:
            return complement(named()) if char.isupper() else named()
        if char.isalnum():
            raise self._wrong(f"an unknown escape \\{char}")
        return ((ord(char), ord(char)),)

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _next(self) -> str:
        char = self._peek()
        if not char:
            raise self._wrong("an early end")
        self._at += 1
        return char

    def _take(self, char: str) -> None:
        if self._next() != char:
            raise self._wrong(f"{char!r} is expected")

    def _wrong(self, what: str) -> ValueError:
        return ValueError(f"not an XSD pattern: {what} at character {self._at}")


def _render(ranges: Ranges) -> str:
    if not ranges:
        return "(?:a\\bb)"  # matches nothing, in both engines
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return _literal(chr(ranges[0][0]))
    parts = (
        _literal(chr(low)) if low == high else f"{_literal(chr(low))}-{_literal(chr(high))}"
        for low, high in ranges
    )
    return f"[{''.join(parts)}]"


def _literal(char: str) -> str:
    if char in _META:
        return f"\\{char}"
    return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char, char)
