"""The structure of a delimited file, one unit at a time: the slow, obvious twin of `structure.split`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.batch.delimited.notation import RFC_4180, Notation
from adapters.batch.delimited.structure import LIMIT


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its place, its cells as (begin, end, quoted), and what is wrong with it."""

    start: int
    stop: int
    cells: tuple[tuple[int, int, bool], ...]
    reason: str = ""
    at: int = -1


def records(units: Sequence[int], notation: Notation = RFC_4180, limit: int = LIMIT) -> list[Record]:
    """Return the records of a whole file."""
    found: list[Record] = []
    place = 0
    while place < len(units):
        if units[place] == notation.comment:
            place = _line(units, place, notation)
            continue
        record = _record(units, place, notation, limit)
        if (
            record.reason
            or record.cells != ((record.start, record.cells[0][1], False),)
            or (record.cells[0][0] != record.cells[0][1])
        ):
            found.append(record)
        place = record.stop
    return found


def _record(units: Sequence[int], place: int, notation: Notation, limit: int) -> Record:
    cells: list[tuple[int, int, bool]] = []
    here = opened = place

    def fault(reason: str) -> Record:
        stop = _line(units, opened, notation)
        return Record(place, stop, (), reason, opened)

    endless = f"no end of the record within {limit} units: is a quote unclosed?"
    while True:
        begin = here
        quoted = here < len(units) and units[here] == notation.quote
        if quoted:
            if here - place >= limit:
                return fault(endless)
            opened = here
            here += 1
            while True:
                if here >= len(units):
                    return fault(endless if len(units) - place > limit else "a quote is never closed")
                if units[here] == notation.escape:
                    here += 2
                elif units[here] == notation.quote:
                    if here + 1 < len(units) and units[here + 1] == notation.quote:
                        here += 2
                    else:
                        break
                elif not notation.multiline and _end(units, here, notation):
                    return fault("a quote is not closed on its line")
                else:
                    here += 1
            cells.append((begin + 1, here, True))
            here += 1
            if here < len(units) and not _end(units, here, notation) and not _delimits(units, here, notation):
                return fault("text follows a closing quote")
        else:
            while (
                here < len(units) and not _end(units, here, notation) and not _delimits(units, here, notation)
            ):
                here += 2 if units[here] == notation.escape else 1
            here = min(here, len(units))
            cells.append((begin, here, False))
        if here < len(units) and _delimits(units, here, notation):
            here += len(notation.delimiter)
            continue
        stop = here + _end(units, here, notation)
        if stop - place > limit:
            return fault(endless)
        return Record(place, stop, tuple(cells))


def _line(units: Sequence[int], here: int, notation: Notation) -> int:
    """Return the place behind the line end that follows."""
    while here < len(units):
        if width := _end(units, here, notation):
            return here + width
        here += 2 if units[here] == notation.escape else 1
    return len(units)


def _delimits(units: Sequence[int], here: int, notation: Notation) -> bool:
    return tuple(units[here : here + len(notation.delimiter)]) == notation.delimiter


def _end(units: Sequence[int], here: int, notation: Notation) -> int:
    """Return the width of the line end at `here`, 0 where there is none."""
    if here >= len(units):
        return 0
    if units[here] in notation.feeds:
        return int(notation.feed_ends)
    if notation.carriage is not None and units[here] == notation.carriage:
        if here + 1 < len(units) and units[here + 1] in notation.feeds:
            return 2
        return int(notation.carriage_ends)
    return 0
