"""Delimited text: delimiter, quote, header, and what the columns hold."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.batch.inspect.guess import Guess

#: Delimiters in the order of preference, which settles a tie.
DELIMITERS = (",", ";", "\t", "|", "^", "~", "\x1f", "\x01", "§", "¬", "¦", ":")
#: Stands in times of fixed-width records, always at the same place.
_IN_TIMES = (":",)
#: Rows that are looked at.
ROWS = 4000
_NAMES = {"\t": "tab", "\x1f": "U+001F", "\x01": "U+0001"}
_DATES = (
    (r"\d{4}-\d\d-\d\d", "yyyy-mm-dd"),
    (r"\d\d/\d\d/\d{4}", "dd/mm/yyyy"),
    (r"\d\d\.\d\d\.\d{4}", "dd.mm.yyyy"),
    (r"\d\d-\d\d-\d{4}", "dd-mm-yyyy"),
    (r"\d{4}/\d\d/\d\d", "yyyy/mm/dd"),
    (r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])", "yyyymmdd"),
)
_INTEGER = re.compile(r"[+-]?\d{1,18}")
_POINT = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)\.\d+")
_COMMA = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+),\d+")
_NAME = re.compile(r"[^\W\d][\w .\-/()#%£$]*")


@dataclass(frozen=True, slots=True)
class Separated:
    """How a delimited file is written.

    Attributes:
        delimiter, quote, escape: one character each; quote and escape may be ''.
        header: the first row names the columns.
        names: of the columns, from the header, else `column_1`….
        columns: one dict a column: `name`, `type`, `format`, `empty` (share), `distinct`.
        rows: rows seen, without the header.
        ragged: rows of another width.
    """

    delimiter: str
    quote: str
    escape: str
    header: bool
    names: tuple[str, ...]
    columns: tuple[Mapping[str, Any], ...]
    rows: int
    ragged: int
    table: tuple[tuple[str, ...], ...]


def separated(text: str) -> tuple[list[Guess], Separated] | None:
    """Guess `delimiter`, `quote` and `header` of a text; None where no delimiter makes rows of one width."""
    tried = [t for d in DELIMITERS if d in text for t in (_tried(text, d),) if t is not None]
    if not tried:
        return None
    tried.sort(key=lambda t: (-t[0], DELIMITERS.index(t[1])))
    score, delimiter, quote, rows = tried[0]
    escape = "\\" if quote and _escapes(text, quote) else ""
    width = Counter(map(len, rows)).most_common(1)[0][0]
    good = [row for row in rows if len(row) == width]
    # A header or trailer record of its own width stands outside the table.
    ragged = len(rows) - len(good)
    header, why_header, sure_header = _header(good)
    names = tuple(_clean(good[0])) if header else tuple(f"column_{i + 1}" for i in range(width))
    body = good[1:] if header else good
    columns = tuple(_column(name, [row[i] for row in body]) for i, name in enumerate(names))
    shown = _NAMES.get(delimiter, delimiter)
    others = [
        Guess("delimiter", other, round(0.5 * points, 2), [f"rows of one width: {points:.0%}"])
        for points, other, _, _ in tried[1:3]
        if points > 0.5
    ]
    guesses = [
        Guess(
            "delimiter", delimiter, min(0.98, score * (0.97 if len(rows) > 2 else 0.8)),
            [f"{len(good):,} of {len(rows):,} rows have {width} cells between {shown!r}"], others,
        ),
        Guess("header", header, sure_header, [why_header]),
    ]  # fmt: skip
    if quote:
        guesses.insert(1, Guess("quote", quote, 0.95, [f"cells stand in {quote}"]))
    else:
        guesses.insert(1, Guess("quote", "", 0.6, ["no cell stands in quotes"]))
    made = Separated(
        delimiter, quote, escape, header, names, columns, len(body), ragged, tuple(map(tuple, body))
    )
    return guesses, made


def _tried(text: str, delimiter: str) -> tuple[float, str, str, list[list[str]]] | None:
    """Return (share of rows of the usual width, delimiter, quote, rows)."""
    quote = next(
        (q for q in ('"', "'") if re.search(rf"(?:^|{re.escape(delimiter)}){q}", text, re.MULTILINE)
         and re.search(rf"{q}(?:{re.escape(delimiter)}|\r?$)", text, re.MULTILINE)),
        "",
    )  # fmt: skip
    options: dict[str, Any] = {"delimiter": delimiter, "doublequote": True}
    options |= {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE}
    if quote and _escapes(text, quote):
        options |= {"escapechar": "\\", "doublequote": False}
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), **options):
            if row:
                rows.append(row)
            if len(rows) >= ROWS:
                break
    except csv.Error:
        return None
    widths = Counter(map(len, rows))
    if not rows:
        return None
    width, times = widths.most_common(1)[0]
    if width < 2 or (delimiter in _IN_TIMES and _in_place(rows)):
        return None
    outside = sum(len(row) != width for row in (rows[0], rows[-1])) if len(rows) > 3 else 0
    share = times / max(1, len(rows) - outside)
    if share < 0.8 or (len(rows) < 2 and width < 3):
        return None
    # More cells of one width say more; a colon or a comma inside prose rarely keeps a width.
    return min(1.0, share * (1 - 0.3 / width)), delimiter, quote, rows


def _in_place(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether each cell has its own fixed width: then the mark is part of a field, as in 19:27:53."""
    return len(rows) > 1 and len({tuple(map(len, row)) for row in rows}) == 1


def _escapes(text: str, quote: str) -> bool:
    return f"\\{quote}" in text and f"{quote}{quote}" not in text.replace(f"{quote}{quote},", "")


def kind_of(cells: Sequence[str]) -> tuple[str, str]:
    """Return (type, date format) that all cells with something in them have: `text` where they differ."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    if not filled:
        return "text", ""
    for pattern, style in _DATES:
        if all(re.fullmatch(pattern, cell) for cell in filled):
            return "date", _order(filled, style)
    # A leading zero is part of a number that names something, such as a sort code.
    if all(_INTEGER.fullmatch(cell) for cell in filled):
        named = any(len(c.lstrip("+-")) > 1 and c.lstrip("+-").startswith("0") for c in filled)
        return ("text" if named else "integer"), ""
    if all(_POINT.fullmatch(c) or _INTEGER.fullmatch(c) for c in filled):
        return "decimal", "point"
    if all(_COMMA.fullmatch(c) or _INTEGER.fullmatch(c) for c in filled):
        return "decimal", "comma"
    return "text", ""


def _order(cells: Sequence[str], style: str) -> str:
    """Return the style with month first where a day above 12 stands second."""
    if not style.startswith("dd"):
        return style
    if any(int(cell[3:5]) > 12 for cell in cells) and all(int(cell[:2]) <= 12 for cell in cells):
        return f"mm{style[2]}dd{style[5:]}"
    return style


def _column(name: str, cells: Sequence[str]) -> Mapping[str, Any]:
    kind, style = kind_of(cells)
    empty = sum(not cell.strip() for cell in cells) / len(cells) if cells else 0.0
    return {
        "name": name, "type": kind, "format": style, "empty": round(empty, 3), "distinct": len(set(cells)),
        "longest": max(map(len, cells), default=0),
    }  # fmt: skip


def _header(rows: Sequence[Sequence[str]]) -> tuple[bool, str, float]:
    first, body = rows[0], rows[1:]
    if not all(_NAME.fullmatch(cell.strip()) for cell in first):
        return False, "the first row holds a cell that is no name", 0.95
    if len({cell.strip().lower() for cell in first}) < len(first):
        return False, "the first row holds one value twice", 0.8
    if not body:
        return True, "the only row holds names", 0.5
    kinds = [kind_of([row[i] for row in body])[0] for i in range(len(first))]
    if any(kind != "text" for kind in kinds):
        return True, "the first row holds names where the others hold numbers or dates", 0.97
    again = sum(first[i] in {row[i] for row in body} for i in range(len(first)))
    if again:
        return False, "a value of the first row comes again below it", 0.85
    lengths = [len(row[i]) for row in body for i in range(len(first))]
    typical = sum(map(len, first)) / len(first)
    alike = sum(lengths) / len(lengths) if lengths else 0
    if all("_" in c or c.islower() or c.isupper() for c in first) and len(body) > 2:
        return True, "the first row reads like names of columns and none comes again below", 0.75
    return (
        True,
        f"no value of the first row comes again below ({typical:.0f} and {alike:.0f} characters a cell)",
        0.55,
    )


def _clean(cells: Sequence[str]) -> list[str]:
    return [cell.strip() for cell in cells]
