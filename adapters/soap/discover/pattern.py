"""A text that matches a pattern of XML Schema, for made-up values: the common part of the language."""

from __future__ import annotations

import re

_CLASSES = {"d": "1", "w": "a", "s": " ", "i": "a", "c": "a", "D": "a", "W": "-", "S": "a"}
_REPEAT = re.compile(r"\{(\d+)(,(\d*))?\}")


class _Unreadable(Exception):
    """Something that this reader does not know."""


def matching(pattern: str) -> str | None:
    """Return a short text that matches, or None where the pattern is beyond this.

    Of choices the first is taken, of repetitions the fewest (at least one of an optional part that stands
    alone). The caller checks the text against the type: that also catches what was read wrongly.
    """
    try:
        text, end = _choice(pattern, 0)
    except (_Unreadable, IndexError):
        return None
    return text if end == len(pattern) else None


def _choice(pattern: str, at: int) -> tuple[str, int]:
    first, at = _sequence(pattern, at)
    while at < len(pattern) and pattern[at] == "|":
        _, at = _sequence(pattern, at + 1)
    return first, at


def _sequence(pattern: str, at: int) -> tuple[str, int]:
    parts = []
    while at < len(pattern) and pattern[at] not in "|)":
        text, at = _atom(pattern, at)
        least, at = _least(pattern, at)
        parts.append(text * least)
    return "".join(parts), at


def _atom(pattern: str, at: int) -> tuple[str, int]:
    char = pattern[at]
    if char == "(":
        inner = at + 3 if pattern.startswith("(?:", at) else at + 1
        text, end = _choice(pattern, inner)
        if pattern[end] != ")":
            raise _Unreadable
        return text, end + 1
    if char == "[":
        return _set(pattern, at + 1)
    if char == "\\":
        return _escape(pattern, at + 1)
    if char in "*+?{}":
        raise _Unreadable
    return ("a" if char == "." else char), at + 1


def _escape(pattern: str, at: int) -> tuple[str, int]:
    char = pattern[at]
    if char in "pP":
        end = pattern.index("}", at) + 1
        return ("1" if pattern[at + 2 : end - 1].startswith("N") else "A"), end
    return _CLASSES.get(char, {"n": "\n", "t": "\t", "r": "\r"}.get(char, char)), at + 1


def _set(pattern: str, at: int) -> tuple[str, int]:
    """Return the first character of a set; of a negated one, one that is hardly ever excluded."""
    end = at + 1
    while pattern[end] != "]":
        end += 2 if pattern[end] == "\\" else 1
    inner = pattern[at:end]
    if inner.startswith("^"):
        return next(c for c in "a1-_ A" if c not in inner), end + 1
    return (_escape(inner, 1)[0] if inner[0] == "\\" else inner[0]), end + 1


def _least(pattern: str, at: int) -> tuple[int, int]:
    """Return how often an atom is written, and where its quantifier ends."""
    if at >= len(pattern):
        return 1, at
    if pattern[at] == "+":
        return 1, at + 1
    if pattern[at] in "*?":
        return 0, at + 1
    if found := _REPEAT.match(pattern, at):
        return int(found[1]), found.end()
    return 1, at
