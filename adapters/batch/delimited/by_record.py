"""The careful way: token by token, for records whose quotes break a rule, and for their neighbours."""

from __future__ import annotations

from dataclasses import dataclass, field

from adapters.batch.delimited.notation import Notation, Units
from adapters.batch.delimited.piece import Fault, Piece
from adapters.batch.delimited.tokens import END, QUOTE, Tokens


@dataclass(slots=True)
class RecordWalk:
    """Records one by one over the tokens of a chunk."""

    units: Units
    notation: Notation
    tokens: Tokens
    final: bool
    limit: int
    _kind: list[int] = field(default_factory=list)
    _pos: list[int] = field(default_factory=list)
    _after: list[int] = field(default_factory=list)

    def records(self, at: int, place: int, count: int) -> Piece:
        """Return up to `count` records (or empty or comment lines) from token `at` and unit `place`."""
        if not self._kind:
            self._kind, self._pos = self.tokens.kind.tolist(), self.tokens.pos.tolist()
            self._after = self.tokens.after.tolist()
        piece = Piece(at, place)
        while count and piece.place < len(self.units) and not piece.unfinished:
            if self.units[piece.place] == self.notation.comment:
                end = self._line(piece.token)
                self._end(piece, end)
            else:
                self._record(piece)
            count -= 1
        return piece

    def _record(self, piece: Piece) -> None:
        kind, pos, after = self._kind, self._pos, self._after
        place, at = piece.place, piece.token
        cells: list[tuple[int, int, bool, bool]] = []
        cell = opened = place
        opener = at
        while at < len(kind):
            if kind[at] == QUOTE:
                if pos[at] != cell:
                    at += 1
                    continue
                if cell - place >= self.limit:
                    return self._fault(piece, opener, opened, self._endless)
                opener, opened, close = at, cell, self._closing(at + 1)
                if close == len(kind) or (not self.final and after[close] == len(self.units)):
                    over = len(self.units) - place > self.limit
                    if over or self.final:
                        why = self._endless if over else "a quote is never closed"
                        return self._fault(piece, opener, opened, why)
                    piece.unfinished = True
                    return None
                if kind[close] == END:
                    return self._fault(piece, opener, opened, "a quote is not closed on its line")
                if close + 1 == len(kind) or pos[close + 1] != after[close]:
                    return self._fault(piece, opener, opened, "text follows a closing quote")
                cells.append((cell + 1, pos[close], True, QUOTE in kind[at + 1 : close]))
                at = close + 1
            else:
                cells.append((cell, pos[at], False, False))
            cell = after[at]
            if kind[at] == END:
                break
            at += 1
        if at == len(kind) and len(self.units) - place <= self.limit:
            piece.unfinished = True
            return None
        if at == len(kind) or cell - place > self.limit:
            return self._fault(piece, opener, opened, self._endless)
        self._end(piece, at)
        if len(cells) > 1 or cells[0][0] != cells[0][1] or cells[0][2]:
            self._add(piece, place, cell, cells)
        return None

    @property
    def _endless(self) -> str:
        return f"no end of the record within {self.limit} units: is a quote unclosed?"

    def _closing(self, at: int) -> int:
        """Return the quote that closes a cell, or the line end that may not be in it; len(kind) for none."""
        kind, pos = self._kind, self._pos
        # The end of a file is a token too, and closes nothing.
        stop = len(kind) - self.final
        while at < stop:
            if kind[at] == QUOTE:
                if at + 1 == len(kind) or kind[at + 1] != QUOTE or pos[at + 1] != pos[at] + 1:
                    return at
                at += 1
            elif kind[at] == END and not self.notation.multiline:
                return at
            at += 1
        return len(kind)

    def _line(self, at: int) -> int:
        """Return the first line end from token `at` on; the number of tokens where there is none."""
        try:
            return self._kind.index(END, at)
        except ValueError:
            return len(self._kind)

    def _end(self, piece: Piece, end: int) -> None:
        """Move behind the line end `end`."""
        if end == len(self._kind):
            piece.unfinished = True
        else:
            piece.token, piece.place = end + 1, self._after[end]

    def _fault(self, piece: Piece, opener: int, opened: int, reason: str) -> None:
        """Add a record without cells that ends with the line on which the token `opener` stands."""
        start = piece.place
        self._end(piece, self._line(opener))
        if not piece.unfinished:
            piece.faults[len(piece.start)] = Fault(reason, opened)
            self._add(piece, start, piece.place, [])

    def _add(self, piece: Piece, start: int, stop: int, cells: list[tuple[int, int, bool, bool]]) -> None:
        piece.start.append(start)
        piece.stop.append(stop)
        piece.counts.append(len(cells))
        for begin, end, quoted, doubled in cells:
            piece.begin.append(begin)
            piece.end.append(end)
            piece.quoted.append(quoted)
            piece.escaped.append(doubled or self.tokens.holds_escape(begin, end))
