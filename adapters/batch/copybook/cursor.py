"""A place in a list of tokens: what the recursive descent steps over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from adapters.batch.copybook.lexer import Token


class Cursor:
    """The tokens from here on, with the error maker."""

    def __init__(self, tokens: Sequence[Token], source: str, currency: str = "$") -> None:
        self._tokens, self._source, self._position = tokens, source, 0
        #: The sign that PICTURE strings have for money.
        self.currency = currency

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

    @property
    def starts_line(self) -> bool:
        """True if the next token is the first of its line."""
        if not self.more or not self._position:
            return True
        here, before = self._tokens[self._position], self._tokens[self._position - 1]
        return (here.line, here.source) != (before.line, before.source)

    def next(self, expected: str) -> Token:
        """Return the next token and step over it; `expected` says what should stand there."""
        if not self.more:
            last = self._tokens[-1] if self._tokens else Token("word", "", 1, 1, self._source)
            raise last.error(
                f"the copybook ends where {expected} should stand",
                fix="was it cut off? If not, end the last entry by a period",
            )
        token = self._tokens[self._position]
        self._position += 1
        return token

    def skip(self, *words: str) -> bool:
        """Step over the next word if it is one of `words`."""
        if self.word in words and self.word:
            self._position += 1
            return True
        return False

    def until_period(self) -> list[Token]:
        """Step over everything to the next period, which is stepped over too, and return it."""
        found: list[Token] = []
        while self.more and self.kind != "period":
            found.append(self.next("a period"))
        self.next("a period")
        return found

    def name(self, expected: str) -> str:
        """Return the next word as a COBOL name."""
        token = self.next(expected)
        if token.kind != "word" or not any(c.isalnum() for c in token.text):
            self.fail(token, f"{token.text!r} stands where {expected} should")
        return token.word

    def number(self, expected: str) -> int:
        """Return the next word as an unsigned integer."""
        token = self.next(expected)
        if not (token.word.isascii() and token.word.isdigit()):
            self.fail(token, f"{token.text!r} stands where {expected} should")
        return int(token.text[:20])

    def fail(self, token: Token, what: str, fix: str = "") -> NoReturn:
        """Raise a CopybookError at a token."""
        raise token.error(what, fix)
