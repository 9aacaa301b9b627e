"""The marks of a chunk, in order: everything in it that is not the text of a cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adapters.batch.delimited.notation import Notation, Units

Int64s = npt.NDArray[np.int64]
DELIMITER, END, QUOTE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Tokens:
    """k delimiters, line ends and quotes, escaped ones left out.

    Attributes:
        kind: DELIMITER, END or QUOTE.
        pos: first unit of each.
        after: the unit behind it.
        escapes: places of the escape unit.
        ended: the last real token is a line end, with nothing behind it.
    """

    kind: npt.NDArray[np.uint8]
    pos: Int64s
    after: Int64s
    escapes: Int64s
    ended: bool

    @classmethod
    def of(cls, units: Units, notation: Notation, final: bool) -> Tokens:
        """Return the tokens of a chunk; a final one ends with a line end of no width."""
        pos, escapes = _candidates(units, notation)
        value = units[pos]
        kind = _kinds(value, notation)
        after = pos + 1
        keep = None
        if notation.carriage is not None and (not notation.feed_ends or (value == notation.carriage).any()):
            keep = np.ones(len(pos), np.bool_)
            _pair(units, notation, final, value, kind, pos, after, keep)
        if len(notation.delimiter) > 1:
            keep = np.ones(len(pos), np.bool_) if keep is None else keep
            _lengthen(notation, kind, pos, after, keep)
        if keep is not None and not keep.all():
            kept = np.flatnonzero(keep)
            kind, pos, after = kind[kept], pos[kept], after[kept]
        ended = bool(len(kind)) and kind[-1] == END and int(after[-1]) == len(units)
        if final:
            kind = np.append(kind, np.uint8(END))
            pos, after = np.append(pos, len(units)), np.append(after, len(units))
        return cls(kind, pos, after, escapes, ended)

    def has_escape(self, begin: Int64s, end: Int64s) -> npt.NDArray[np.bool_]:
        """Return which of m stretches of units hold an escape."""
        if not len(self.escapes):
            return np.zeros(len(begin), np.bool_)
        has: npt.NDArray[np.bool_] = np.searchsorted(self.escapes, begin) < np.searchsorted(self.escapes, end)
        return has

    def holds_escape(self, begin: int, end: int) -> bool:
        """Return whether one stretch of units holds an escape."""
        if not len(self.escapes):
            return False
        return bool(np.searchsorted(self.escapes, begin) < np.searchsorted(self.escapes, end))


def _kinds(value: Units, notation: Notation) -> npt.NDArray[np.uint8]:
    """Return the kind of each mark."""
    if value.dtype == np.uint8:
        table = bytearray([END]) * 256
        table[notation.delimiter[0]] = DELIMITER
        if notation.quote is not None:
            table[notation.quote] = QUOTE
        return np.frombuffer(value.tobytes().translate(table), np.uint8)
    quote = value == (-1 if notation.quote is None else notation.quote)
    kind = np.where(quote, np.uint8(QUOTE), np.uint8(END))
    return np.where(value == notation.delimiter[0], np.uint8(DELIMITER), kind)


def _candidates(units: Units, notation: Notation) -> tuple[Int64s, Int64s]:
    """Return the places of units that may be marks, and those of escapes."""
    first, *more = notation.delimiter
    mask = units == first
    for i, unit in enumerate(more, 1):
        mask[:-i] &= units[i:] == unit
        mask[-i:] = False
    for single in (*notation.feeds, notation.carriage, notation.quote):
        if single is not None:
            mask |= units == single
    pos = np.flatnonzero(mask)
    if notation.escape is None:
        return pos, np.empty(0, np.int64)
    escapes = np.flatnonzero(units == notation.escape)
    if not len(escapes):
        return pos, escapes
    # In a run of escapes every second one is itself escaped.
    index = np.arange(len(escapes))
    begins = np.diff(escapes, prepend=-2) != 1
    within = index - np.maximum.accumulate(np.where(begins, index, 0))
    return pos[~np.isin(pos, escapes[within % 2 == 0] + 1)], escapes


def _pair(
    units: Units,
    notation: Notation,
    final: bool,
    value: Units,
    kind: npt.NDArray[np.uint8],
    pos: Int64s,
    after: Int64s,
    keep: npt.NDArray[np.bool_],
) -> None:
    """Make one line end of a carriage return and the line feed behind it; drop those that are data."""
    carriage = value == notation.carriage
    feed = (kind == END) & ~carriage
    if carriage.any():
        pair = carriage[:-1] & feed[1:] & (pos[1:] == after[:-1])
        after[:-1][pair] += 1
        keep[1:][pair] = False
        alone = carriage.copy()
        alone[:-1] &= ~pair
        # At the end of a chunk nobody knows yet what follows.
        keep[alone] = notation.carriage_ends & (final | (after[alone] < len(units)))
        feed[1:] &= ~pair
    if not notation.feed_ends:
        keep[feed] = False


def _lengthen(
    notation: Notation, kind: npt.NDArray[np.uint8], pos: Int64s, after: Int64s, keep: npt.NDArray[np.bool_]
) -> None:
    """Give delimiters of several units their width; of overlapping ones the first counts."""
    width = len(notation.delimiter)
    at = np.flatnonzero(kind == DELIMITER)
    after[at] += width - 1
    if (np.diff(pos[at]) < width).any():
        last = -width
        for i in at.tolist():
            if pos[i] - last < width:
                keep[i] = False
            else:
                last = int(pos[i])
