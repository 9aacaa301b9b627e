"""Where the rows of delimited text end, and where their fields are: by column, quotes included.

A quote opens a field only at its start, as RFC 4180 has it; elsewhere it is a character like others. The fast
way trusts that quotes come in pairs, checks it, and leaves what it cannot prove to a regular expression.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from adapters.compare.fingerprint import Bytes, Int64s, windows

_LF, _CR = 10, 13
#: Bytes of a row that are searched for the end of a first field; longer ones take the general way.
_NEAR = 32


@dataclass(frozen=True, slots=True)
class Dialect:
    """How fields are told apart; `quote` is None where quotes mean nothing."""

    delimiter: int = ord(",")
    quote: int | None = ord('"')


@dataclass(frozen=True, slots=True)
class Framed:
    """n rows of a piece of text, without blank lines.

    Attributes:
        starts: n offsets.
        lengths: n lengths, line ends not counted.
        used: bytes up to the end of the last whole row.
        quoted: whether any quote stands in the piece.
    """

    starts: Int64s
    lengths: Int64s
    used: int
    quoted: bool


def frame(data: Bytes, dialect: Dialect) -> Framed:
    """Find the whole rows in `data`, which begins with a row; a row ends with LF or CR LF."""
    quoted = dialect.quote is not None and bool((data == dialect.quote).any())
    ends = np.flatnonzero(data == _LF)
    if quoted:
        quotes = np.flatnonzero(data == dialect.quote)
        if _paired(data, quotes, dialect):
            ends = ends[np.searchsorted(quotes, ends) % 2 == 0]
        else:
            ends = _ends_by_regex(data, dialect)
    if not len(ends):
        none = np.empty(0, np.int64)
        return Framed(none, none, 0, quoted)
    starts = np.empty_like(ends)
    starts[0], starts[1:] = 0, ends[:-1] + 1
    lengths = ends - starts
    lengths -= (data[np.maximum(ends - 1, 0)] == _CR) & (lengths > 0)
    if not lengths.all():
        starts, lengths = starts[lengths > 0], lengths[lengths > 0]
    return Framed(starts, lengths, int(ends[-1]) + 1, quoted)


def fields(
    data: Bytes, rows: Framed, columns: tuple[int, ...], dialect: Dialect
) -> list[tuple[Int64s, Int64s]] | None:
    """Return starts and lengths of some fields of each row, or None if one cannot be had so fast.

    A field that is quoted as a whole comes without its quotes. None: a row is too short, or a field holds
    doubled quotes or text after its quotes.
    """
    if columns == (0,) and not rows.quoted:
        return [_first_field(data, rows, dialect)]
    separators = np.flatnonzero(data[: rows.used] == dialect.delimiter)
    if rows.quoted:
        assert dialect.quote is not None
        quotes = np.flatnonzero(data[: rows.used] == dialect.quote)
        if not _paired(data, quotes, dialect):
            return None
        separators = separators[np.searchsorted(quotes, separators) % 2 == 0]
    first = np.searchsorted(separators, rows.starts)
    stop = np.searchsorted(separators, rows.starts + rows.lengths)
    if int((stop - first).min(initial=max(columns))) < max(columns):
        return None
    found = []
    ends = rows.starts + rows.lengths
    padded = np.append(separators, 0)
    for column in columns:
        start = rows.starts if column == 0 else separators[first + column - 1] + 1
        end = np.where(first + column < stop, padded[np.minimum(first + column, len(separators))], ends)
        if rows.quoted:
            inside = _unquoted(data, start, end, dialect)
            if inside is None:
                return None
            start, end = inside
        found.append((start, end - start))
    return found


def _first_field(data: Bytes, rows: Framed, dialect: Dialect) -> tuple[Int64s, Int64s]:
    """Return the first field of each row where no quote stands in the piece."""
    lengths = np.empty_like(rows.lengths)
    for at in range(0, len(lengths), 4096):
        part = slice(at, at + 4096)
        near = windows(data, rows.starts[part], _NEAR) == dialect.delimiter
        found = near.argmax(axis=1)
        lengths[part] = np.where(near[:, 0] | (found > 0), found, _NEAR)
    far = np.flatnonzero((lengths == _NEAR) & (rows.lengths > _NEAR))
    if len(far):
        separators = np.append(np.flatnonzero(data[: rows.used] == dialect.delimiter), rows.used)
        lengths[far] = separators[np.searchsorted(separators, rows.starts[far])] - rows.starts[far]
    return rows.starts, np.minimum(lengths, rows.lengths)


def _unquoted(data: Bytes, start: Int64s, end: Int64s, dialect: Dialect) -> tuple[Int64s, Int64s] | None:
    """Take the quotes off fields that are quoted as a whole; None where a quote stands elsewhere in one."""
    opened = (start < end) & (data[np.minimum(start, len(data) - 1)] == dialect.quote)
    quotes = np.flatnonzero(data == dialect.quote)
    inside = np.searchsorted(quotes, end) - np.searchsorted(quotes, start)
    closed = data[np.maximum(end - 1, 0)] == dialect.quote
    if not (np.where(opened, 2, 0) == inside).all() or not closed[opened].all():
        return None
    return start + opened, end - opened


def _paired(data: Bytes, quotes: Int64s, dialect: Dialect) -> bool:
    """Return whether each opening quote begins a field (or doubles the one before it), and the rest close."""
    opening = quotes[::2]
    before = data[np.maximum(opening - 1, 0)]
    begins = (opening == 0) | (before == dialect.delimiter) | (before == _LF)
    if begins.all():
        return True
    # Inside a quoted field a doubled quote closes and opens again.
    doubled = np.isin(opening - 1, quotes[1::2], assume_unique=True)
    return bool((begins | doubled).all())


def _ends_by_regex(data: Bytes, dialect: Dialect) -> Int64s:
    """Find row ends where a quote stands inside an unquoted field: exact, and slower."""
    pattern, text, at = _row_pattern(dialect), data.tobytes(), 0
    ends = []
    while row := pattern.match(text, at):
        at = row.end()
        ends.append(at - 1)
    return np.array(ends, np.int64)


@lru_cache
def _row_pattern(dialect: Dialect) -> re.Pattern[bytes]:
    assert dialect.quote is not None
    quote, delimiter = (re.escape(bytes([b])) for b in (dialect.quote, dialect.delimiter))
    quoted = rb"%b(?:[^%b]|%b%b)*+%b(?!%b)[^%b\n]*+" % (quote, quote, quote, quote, quote, quote, delimiter)
    field = rb"(?>%b|(?!%b)[^%b\n]*+)" % (quoted, quote, delimiter)
    return re.compile(rb"%b(?:%b%b)*+\n" % (field, delimiter, field))


def slow_fields(row: bytes, columns: tuple[int, ...], dialect: Dialect) -> list[bytes | None]:
    """Return some fields of one row, one character after the other; None where the row is too short."""
    found: list[bytes] = []
    at = 0
    while True:
        field, at = _field(row, at, dialect)
        found.append(field)
        if at >= len(row):
            break
        at += 1
        if at == len(row):
            found.append(b"")
            break
    return [found[c] if c < len(found) else None for c in columns]


def _field(row: bytes, at: int, dialect: Dialect) -> tuple[bytes, int]:
    """Return the field at `at`, and where it ends."""
    out = bytearray()
    delimiter, quote = dialect.delimiter, dialect.quote
    if quote is not None and at < len(row) and row[at] == quote:
        at += 1
        while at < len(row):
            if row[at] != quote:
                out.append(row[at])
            elif at + 1 < len(row) and row[at + 1] == quote:
                out.append(quote)
                at += 1
            else:
                at += 1
                break
            at += 1
    while at < len(row) and row[at] != delimiter:
        out.append(row[at])
        at += 1
    return bytes(out), at
