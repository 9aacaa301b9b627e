"""REPLACING: which words of copied text become which others.

Rules: ISO/IEC 1989:2014 7.2 "Text manipulation". Text is compared word by word, in any case; `:` and
parentheses are words of their own here, so that `==:TAG:==` matches inside `:TAG:-NAME`. LEADING and
TRAILING replace a part of each word that starts or ends so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from adapters.batch.copybook.lexer import Token

_PIECES = re.compile(r"[:()]|[^:()]+")


@dataclass(frozen=True, slots=True)
class Replacement:
    """One `old BY new`; `part` for LEADING and TRAILING, where both are at most one word."""

    old: tuple[Token, ...]
    new: tuple[Token, ...]
    part: Literal["LEADING", "TRAILING"] | None = None


@dataclass(frozen=True, slots=True)
class _Piece:
    token: Token
    glued: bool  # stands right behind the piece before it, without a space


def replaced(text: Sequence[Token], replacements: Sequence[Replacement]) -> list[Token]:
    """Return `text` with the first rule that fits applied at each place; what is put in is not read again."""
    if not replacements:
        return list(text)
    pieces, out, position = _pieces(text), list[_Piece](), 0
    rules = [(_pieces(r.old), _pieces(r.new), r) for r in replacements]
    while position < len(pieces):
        for old, new, rule in rules:
            if rule.part is None and _matches(old, pieces, position):
                out.extend(_inserted(new, pieces[position]))
                rest = position + len(old)
                if not new and rest < len(pieces) and pieces[rest].glued:
                    pieces[rest] = replace(pieces[rest], glued=pieces[position].glued)
                position = rest
                break
        else:
            out.append(_partly(pieces[position], replacements))
            position += 1
    return _joined(out)


def _pieces(text: Sequence[Token]) -> list[_Piece]:
    out: list[_Piece] = []
    for token in text:
        if token.kind != "word":
            out.append(_Piece(token, False))
            continue
        for found in _PIECES.finditer(token.text):
            piece = replace(token, text=found.group(), column=token.column + found.start())
            out.append(_Piece(piece, found.start() > 0))
    return out


def _matches(old: Sequence[_Piece], pieces: Sequence[_Piece], position: int) -> bool:
    there = pieces[position : position + len(old)]
    return bool(old) and len(there) == len(old) and all(map(_same, old, there))


def _same(one: _Piece, other: _Piece) -> bool:
    if one.token.kind != other.token.kind:
        return False
    return one.token.text == other.token.text or one.token.word == other.token.word != ""


def _inserted(new: Sequence[_Piece], at: _Piece) -> list[_Piece]:
    """Return the new text at the place of the old: errors point to the line that the user can see."""
    return [
        _Piece(
            replace(piece.token, line=at.token.line, column=at.token.column, source=at.token.source),
            piece.glued if index else at.glued,
        )
        for index, piece in enumerate(new)
    ]


def _partly(piece: _Piece, replacements: Sequence[Replacement]) -> _Piece:
    token = piece.token
    if token.kind != "word":
        return piece
    for rule in replacements:
        if rule.part is None:
            continue
        old, new = rule.old[0].word, rule.new[0].text if rule.new else ""
        if rule.part == "LEADING" and token.word.startswith(old):
            return replace(piece, token=replace(token, text=new + token.text[len(old) :]))
        if rule.part == "TRAILING" and token.word.endswith(old):
            return replace(piece, token=replace(token, text=token.text[: len(token.text) - len(old)] + new))
    return piece


def _joined(pieces: Sequence[_Piece]) -> list[Token]:
    out: list[Token] = []
    for piece in pieces:
        if piece.glued and out and out[-1].kind == "word" and piece.token.kind == "word":
            out[-1] = replace(out[-1], text=out[-1].text + piece.token.text)
        elif piece.token.text:
            out.append(piece.token)
    return out
