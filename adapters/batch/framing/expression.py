"""Whole-number expressions of settings: `REC-LEN + 4`, `b3 + 256 * b4`. Parsed, never run as code."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from schemas.errors import SettingsError

#: Longer than any sensible rule; it bounds the depth of the parse.
_LONGEST = 200
_TOKEN = re.compile(r"\s*(?:(\d+)|([A-Za-z][A-Za-z0-9_]*(?:[-.][A-Za-z0-9_]+)*)|([-+*/()]))")
_OPERATORS: dict[str, Callable[[int, int], int]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.floordiv,
}  # fmt: skip
#: A number, a name, or (operator, left, right).
_Node = int | str | tuple[str, "_Node", "_Node"]


@dataclass(frozen=True, slots=True)
class Expression:
    """Numbers and names with `+ - * /` (division rounds down) and parentheses.

    A `-` between two names needs a blank before it, as in COBOL: `A-B` is one name.
    """

    text: str
    names: tuple[str, ...]
    _root: _Node

    @classmethod
    def parse(cls, text: str, where: str) -> Expression:
        """Return the expression.

        Raises:
            SettingsError: the text is none.
        """
        parser = _Parser(text, _tokens(text, where), where)
        root = parser.sum()
        if parser.at < len(parser.tokens):
            raise parser.error()
        return cls(text, tuple(dict.fromkeys(t for t in parser.tokens if t[0].isalpha())), root)

    def value(self, values: Mapping[str, int]) -> int:
        """Return the result for the values of all `names`.

        Raises:
            ZeroDivisionError: a divisor is zero.
        """
        return _value(self._root, values)


def _value(node: _Node, values: Mapping[str, int]) -> int:
    if isinstance(node, int):
        return node
    if isinstance(node, str):
        return values[node]
    sign, left, right = node
    return _OPERATORS[sign](_value(left, values), _value(right, values))


def _tokens(text: str, where: str) -> list[str]:
    tokens: list[str] = []
    at = 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None or len(text) > _LONGEST:
            raise SettingsError(
                f"{text[:_LONGEST]!r} is no expression",
                where=where,
                fix=f"use numbers, names, + - * / and parentheses, in at most {_LONGEST} characters",
            )
        tokens.append(found[0].strip())
        at = found.end()
    return tokens


@dataclass(slots=True)
class _Parser:
    text: str
    tokens: list[str]
    where: str
    at: int = 0

    def sum(self) -> _Node:
        node = self.product()
        while self.next in ("+", "-"):
            node = (self.take(), node, self.product())
        return node

    def product(self) -> _Node:
        node = self.atom()
        while self.next in ("*", "/"):
            node = (self.take(), node, self.atom())
        return node

    def atom(self) -> _Node:
        word = self.take()
        if word == "-":
            return ("-", 0, self.atom())
        if word == "(":
            node = self.sum()
            if self.take() != ")":
                raise self.error()
            return node
        if word.isdigit():
            return int(word)
        if not word[:1].isalpha():
            raise self.error()
        return word

    @property
    def next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.next
        self.at += 1
        return token

    def error(self) -> SettingsError:
        return SettingsError(
            f"{self.text!r} is no expression: look near item {min(self.at, len(self.tokens))} of "
            f"{' '.join(self.tokens) or 'nothing'}",
            where=self.where,
            fix="write it as in `REC-LEN + 4` or `b3 + 256 * b4`",
        )
