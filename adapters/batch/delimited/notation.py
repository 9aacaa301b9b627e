"""How a delimited file marks its cells, in the code units of its encoding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.errors import SettingsError

#: Code units of a file: its bytes, or the 16-bit units of UTF-16.
Units = npt.NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True, slots=True)
class Notation:
    """The marks of one file, as code units. The default is RFC 4180, with any line end.

    Attributes:
        delimiter: stands between cells; one unit or several.
        quote: opens and closes a cell that holds marks; twice inside one it means itself. None: no quotes.
        escape: takes the next unit literally, inside quotes and outside. None: no escapes.
        feeds: units that end a line, alone or after a carriage return.
        carriage: the carriage return. None: it means nothing.
        feed_ends: a line feed alone ends a line.
        carriage_ends: a carriage return alone ends a line.
        comment: at the start of a line makes it no record.
        multiline: a quoted cell may hold line ends.
    """

    delimiter: tuple[int, ...] = (0x2C,)
    quote: int | None = 0x22
    escape: int | None = None
    feeds: tuple[int, ...] = (0x0A,)
    carriage: int | None = 0x0D
    feed_ends: bool = True
    carriage_ends: bool = True
    comment: int | None = None
    multiline: bool = True

    @classmethod
    def of(
        cls,
        encoding: str = "utf-8",
        *,
        delimiter: str = ",",
        quote: str = '"',
        escape: str = "",
        line_end: str = "any",
        comment: str = "",
        multiline: bool = True,
        where: str = "",
    ) -> Notation:
        """Return the marks in the units of `encoding`.

        Args:
            encoding: a single-byte page, `utf-8`, `utf-16-le` or `utf-16-be`.
            delimiter: one character or several.
            quote: one character, or empty for none; so are `escape` and `comment`.
            escape: see `quote`.
            line_end: `any`, `lf` (with or without a carriage return before it), `crlf`, `cr`, or a character.
            comment: see `quote`.
            multiline: a quoted cell may hold line ends.
            where: stands in errors.

        Raises:
            SettingsError: a mark of the wrong length, one that the encoding lacks, or one used twice.
        """
        between = units_of(delimiter, encoding)
        if not between:
            raise _unfit("delimiter", delimiter, encoding, where)
        feeds, carriage, feed_ends, carriage_ends = _line_ends(line_end, encoding, where)
        made = cls(
            between, _one("quote", quote, encoding, where), _one("escape", escape, encoding, where),
            feeds, carriage, feed_ends, carriage_ends, _one("comment", comment, encoding, where), multiline,
        )  # fmt: skip
        marks = [u for u in (made.quote, made.escape, made.comment, made.carriage) if u is not None]
        if len({*marks, *feeds}) < len(marks) + len(feeds) or {*marks, *feeds} & {*between}:
            raise SettingsError(
                "delimiter, quote, escape, comment and line end share a character",
                where=where,
                fix="give each mark a character of its own",
            )
        return made


RFC_4180 = Notation()


def units_of(text: str, encoding: str) -> tuple[int, ...]:
    """Return the code units of `text`; none where the encoding lacks a character of it."""
    try:
        raw = text.encode(encoding)
    except UnicodeError:
        return ()
    if encoding.startswith("utf-16"):
        return tuple(np.frombuffer(raw, "<u2" if encoding.endswith("le") else ">u2").tolist())
    return tuple(raw)


def _one(name: str, mark: str, encoding: str, where: str) -> int | None:
    if not mark:
        return None
    units = units_of(mark, encoding)
    if len(mark) != 1 or len(units) != 1:
        raise _unfit(name, mark, encoding, where)
    return units[0]


def _unfit(name: str, mark: str, encoding: str, where: str) -> SettingsError:
    return SettingsError(
        f"{name} = {mark!r} cannot mark anything in {encoding}",
        where=f"{where}: {name}" if where else name,
        fix="give one character that the encoding has",
    )


def _line_ends(line_end: str, encoding: str, where: str) -> tuple[tuple[int, ...], int | None, bool, bool]:
    """Return `feeds`, `carriage`, `feed_ends` and `carriage_ends`.

    EBCDIC text ends lines by NEL (0x15) on z/OS UNIX, and by LF (0x25) after some transfers.
    """
    feeds, (carriage,) = units_of("\n", encoding), units_of("\r", encoding)
    if "A".encode(encoding) == b"\xc1":
        feeds = (0x15, 0x25)
    match line_end:
        case "any":
            return feeds, carriage, True, True
        case "lf":
            return feeds, carriage, True, False
        case "crlf":
            return feeds, carriage, False, False
        case "cr":
            return (), carriage, False, True
    end = _one("line_end", line_end, encoding, where)
    if end is None:
        raise _unfit("line_end", line_end, encoding, where)
    return (end,), None, True, False
