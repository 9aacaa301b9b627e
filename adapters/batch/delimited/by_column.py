"""The quick way: quotes by parity, for all records up to the first whose quotes break a rule."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from adapters.batch.delimited.notation import Notation, Units
from adapters.batch.delimited.piece import Piece
from adapters.batch.delimited.tokens import END, QUOTE, Tokens

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def clean(
    units: Units, notation: Notation, tokens: Tokens, at: int, place: int, final: bool, limit: int
) -> Piece:
    """Return the records from token `at` and unit `place` up to the first that breaks a rule.

    A mark counts where an even number of quotes stands before it. That is right as long as every quote that
    opens touches what is before it, and every one that closes touches what follows.
    """
    kind, pos, after = tokens.kind[at:], tokens.pos[at:], tokens.after[at:]
    quote: Bools = kind == QUOTE
    bad = len(kind)
    if quote.any():
        quotes = np.cumsum(quote, dtype=np.int32)
        inside = (quotes & 1).astype(np.bool_)
        bad = _first_bad(kind, pos, after, quote, inside, place, len(units))
        if not notation.multiline:
            broken = np.flatnonzero(inside & (kind == END))
            bad = min(bad, int(broken[0]) if len(broken) else bad)
        cells = np.flatnonzero(~(quote | inside)[:bad])
    else:
        quotes, cells = np.zeros(len(kind), np.int32), np.arange(len(kind))
    ends: Int64s = np.flatnonzero(kind[cells] == END)
    violated = bad < len(kind)
    stop = after[cells[ends]]
    start = np.concatenate([[place], stop[:-1]])[: len(stop)]
    comment = _comments(units, notation, start)
    # Quotes mean nothing in a comment, but the parity has counted them.
    wrong = (comment & (np.diff(quotes[cells[ends]], prepend=0) > 0)) | (stop - start > limit)
    if wrong.any():
        violated, keep = True, int(np.argmax(wrong))
        ends, stop, start, comment = ends[:keep], stop[:keep], start[:keep], comment[:keep]
    cells = cells[: int(ends[-1]) + 1 if len(ends) else 0]
    token, behind = (int(cells[-1]) + 1, int(stop[-1])) if len(cells) else (0, place)
    rest = len(units) - behind
    if len(quotes) and quotes[-1] & 1 and rest and (rest > limit or final):
        violated = True
    piece = Piece(at + token, behind, violated=violated, unfinished=not violated)
    counts = np.diff(ends, prepend=-1)
    opened = np.diff(quotes[cells], prepend=0)
    quoted: Bools = opened > 0
    begin = np.concatenate([[place], after[cells[:-1]]])[: len(cells)] + quoted
    end = pos[cells] - quoted
    escaped = (opened > 2) | tokens.has_escape(begin, end)
    blank: Bools = counts == 1
    blank[blank] = ((begin == end) & ~quoted)[ends[blank]]
    drop = blank | comment
    if drop.any():
        kept = ~np.repeat(drop, counts)
        begin, end, quoted, escaped = begin[kept], end[kept], quoted[kept], escaped[kept]
        start, stop, counts = start[~drop], stop[~drop], counts[~drop]
    piece.begin, piece.end, piece.quoted, piece.escaped = begin, end, quoted, escaped
    piece.start, piece.stop, piece.counts = start, stop, counts
    return piece


def _first_bad(
    kind: npt.NDArray[np.uint8],
    pos: Int64s,
    after: Int64s,
    quote: Bools,
    inside: Bools,
    place: int,
    length: int,
) -> int:
    """Return the first quote that breaks a rule; len(kind) where none does.

    One that opens (or is the second of two) must touch the mark before it, one that closes the mark behind
    it; a closing quote at the very end of a chunk may still be the first of two.
    """
    at = np.flatnonzero(quote)
    touches_before = np.concatenate([[place], after[:-1]])[at] == pos[at]
    touches_next = np.concatenate([pos[1:], [length]])[at] == after[at]
    wrong = at[np.where(inside[at], ~touches_before, ~touches_next)]
    return int(wrong[0]) if len(wrong) else len(kind)


def _comments(units: Units, notation: Notation, start: Int64s) -> Bools:
    """Return which records are comments."""
    if notation.comment is None:
        return np.zeros(len(start), np.bool_)
    # The empty last line of a file starts behind its last unit.
    comment: Bools = units[np.minimum(start, len(units) - 1)] == notation.comment
    return comment & (start < len(units))
