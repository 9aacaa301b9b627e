"""Where records and cells of a delimited file lie: found by column, exact to the unit.

The rules (`twin.py` says the same, one unit at a time):

* A quote opens a quoted cell only as its first unit; anywhere else in an unquoted cell it is text.
* In a quoted cell two quotes are one; a single one closes it, and a delimiter, a line end or the end of the
  file must follow.
* A record whose quotes break these rules, or that is longer than the limit, is a fault. It ends with the
  line on which the offending cell opens, so that a stray quote never swallows the lines behind it.
* Empty lines and comment lines are no records.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from adapters.batch.delimited.by_column import clean
from adapters.batch.delimited.by_record import RecordWalk
from adapters.batch.delimited.notation import RFC_4180, Notation, Units
from adapters.batch.delimited.piece import Fault, Piece
from adapters.batch.delimited.tokens import Tokens

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
#: A record longer than this, in units, has an unclosed quote.
LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Structure:
    """n records with m cells, as places in the units that were split.

    Attributes:
        begin: m first units of the cells' content, without quotes.
        end: m units behind it.
        quoted: m; the cell stood in quotes.
        escaped: m; the cell holds doubled quotes or escapes that are still to be undone.
        first: n + 1; record i has the cells first[i] to first[i + 1].
        start: n first units of the records.
        stop: n units behind the records' line ends.
        faults: record → why it has no cells.
        used: units taken; what follows is the beginning of a record that is not all there.
        ended: the last record has a line end (false only at the end of a file).
    """

    begin: Int64s
    end: Int64s
    quoted: Bools
    escaped: Bools
    first: Int64s
    start: Int64s
    stop: Int64s
    faults: dict[int, Fault]
    used: int
    ended: bool

    def __len__(self) -> int:
        return len(self.start)

    @property
    def width(self) -> Int64s:
        """The number of cells of each record."""
        return np.diff(self.first)


def split(
    units: Units, notation: Notation = RFC_4180, *, final: bool = True, limit: int = LIMIT
) -> Structure:
    """Return the structure of `units`, which start at a record.

    Args:
        units: a chunk of the file.
        notation: its marks.
        final: no more units follow, so that the last record needs no line end.
        limit: a record with no end within so many units is a fault.
    """
    tokens = Tokens.of(units, notation, final)
    walk = RecordWalk(units, notation, tokens, final, limit)
    pieces: list[Piece] = []
    span, place, at, slow = 1, 0, 0, False
    while place < len(units):
        if slow:
            # Where one record breaks the rules its neighbours often do too: to try the whole rest by column
            # after each of them would be quadratic.
            piece = walk.records(at, place, span)
            span *= 2
        else:
            piece = clean(units, notation, tokens, at, place, final, limit)
        pieces.append(piece)
        at, place, slow = piece.token, piece.place, piece.violated
        if piece.unfinished:
            break
    return _joined(pieces, place, tokens.ended)


def _joined(pieces: list[Piece], used: int, ended: bool) -> Structure:
    faults: dict[int, Fault] = {}
    n = 0
    for piece in pieces:
        faults |= {n + i: fault for i, fault in piece.faults.items()}
        n += len(piece.start)

    def whole(name: str, kind: Any) -> Any:
        parts = [np.asarray(getattr(p, name), kind) for p in pieces]
        return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, kind), *parts])

    first = np.zeros(n + 1, np.int64)
    np.cumsum(whole("counts", np.int64), out=first[1:])
    return Structure(
        begin=whole("begin", np.int64),
        end=whole("end", np.int64),
        quoted=whole("quoted", np.bool_),
        escaped=whole("escaped", np.bool_),
        first=first,
        start=whole("start", np.int64),
        stop=whole("stop", np.int64),
        faults=faults,
        used=used,
        ended=ended,
    )
