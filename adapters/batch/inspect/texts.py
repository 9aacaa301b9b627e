"""Text files of columns that separate themselves: delimited, XML, JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.batch.inspect.file_names import part
from adapters.batch.inspect.found import UNNAMED, Found
from adapters.batch.inspect.guess import Guess
from adapters.batch.inspect.lines import framing_by_lines
from adapters.batch.inspect.markup import Markup, json_like, xml
from adapters.batch.inspect.sample import Sample
from adapters.batch.inspect.separated import Separated, separated

_KEYS = ("id", "no", "nr", "number", "key", "ref", "code", "nino", "reference")


def text_report(sample: Sample, letters: Guess) -> Found | None:
    """Return what a delimited, XML or JSON file is; None where it is none."""
    if letters.value is None or letters.confidence < 0.5:
        return None
    pages = [letters.value] if letters.value != "ebcdic" else ["cp285", "cp037", "cp500"]
    text = _decoded(sample.head, str(pages[0]))
    if text is None:
        return None
    for look in (xml, json_like):
        made = look(sample.head, text) if look is xml else json_like(text)
        if made is not None:
            return _marked_up(*made, sample, letters)
    # A fixed line length and no delimiter is fixed text; a delimiter that keeps its count wins.
    family = "ebcdic" if letters.value == "ebcdic" else "ascii"
    narrow = letters.value in ("utf-16", "utf-16-le", "utf-16-be", "utf-32")
    lines = None if narrow else framing_by_lines(sample, family)
    if not narrow and lines is None:
        return None
    found = separated(_whole_lines(text, whole=sample.whole))
    if found is None:
        return None
    mixed = (
        [f"{n:,} lines end by {name} and not by {lines[1].name}" for name, n in lines[1].mixed]
        if lines
        else []
    )
    return _separated(*found, sample, letters, str(pages[0]), mixed)


def _decoded(head: bytes, codec: str) -> str | None:
    """Return the text of the head; line ends of EBCDIC as line feeds."""
    if codec == "cp1252":
        codec = "cp1252"
    try:
        text = head.decode(codec, "replace")
    except LookupError:
        return None
    return text.replace("\x85", "\n") if codec.startswith("cp") and codec != "cp1252" else text


def _whole_lines(text: str, *, whole: bool) -> str:
    return text if whole else text[: text.rfind("\n") + 1]


def _separated(
    guesses: list[Guess], table: Separated, sample: Sample, letters: Guess, page: str, warned: list[str]
) -> Found:
    if table.ragged:
        warned.append(f"{table.ragged:,} rows have another number of cells than the others")
    rows = [dict(zip(table.names, row, strict=True)) for row in table.table]
    key, sure = _key(table.columns, rows)
    if not sure:
        warned.append("no column tells the rows apart in the sample: the proposed key is a placeholder")
    warned += [
        f"{column['name']} looks like dates of the form {column['format']} and is proposed as text; if "
        f"it is so, "
        f'write {{ name = "{column["name"]}", type = "date", format = "{column["format"]}" }}'
        for column in table.columns
        if column["type"] == "date" and column["format"] != "yyyy-mm-dd"
    ]
    settings = {
        "format": "delimited", "entity": UNNAMED, "key": key,
        "delimited": _delimited(table, page),
    }  # fmt: skip
    columns = [{**column, "example": _first(rows, column["name"])} for column in table.columns]
    made = [Guess("format", "delimited", guesses[0].confidence, guesses[0].why), *guesses]
    return Found(made, settings, columns, "", _rounded(sample), sample.whole, warned)


def _delimited(table: Separated, page: str) -> dict[str, Any]:
    encoding = {"ascii": "utf-8", "utf-8-sig": "utf-8", "utf-16-le": "utf-16", "utf-16-be": "utf-16"}.get(
        page, page
    )
    made: dict[str, Any] = {"encoding": encoding, "delimiter": table.delimiter, "quote": table.quote}
    if table.escape:
        made["escape"] = table.escape
    made["header"] = table.header
    if any(column["format"] == "comma" for column in table.columns):
        made["decimal"] = ","
    made["fields"] = [
        _field(column, [row[i] for row in table.table]) for i, column in enumerate(table.columns)
    ]
    return made


def _field(column: Mapping[str, Any], cells: Sequence[str]) -> str:
    """Return a field in short: its name and its type, where the type is no matter of opinion.

    Of dates only the ISO form is proposed: 03/04/2026 is two days, and a guess would be wrong in silence.
    """
    kind = column["type"]
    if kind == "decimal":
        scale = max(
            (len(c.strip()) - 1 - max(c.rfind("."), c.rfind(",")) for c in cells if c.strip()), default=2
        )
        kind = f"decimal(18,{scale})"
    elif kind == "date" and column["format"] != "yyyy-mm-dd":
        kind = "text"
    return f"{column['name']}:{kind}"


def _marked_up(guesses: list[Guess], markup: Markup, sample: Sample, letters: Guess) -> Found:
    warned = []
    if markup.doctype:
        warned.append(
            "the XML declares a document type, which is refused: entities can be made to read files"
        )
    stated = markup.encoding.lower()
    if stated and not _agrees(stated, str(letters.value)):
        warned.append(f"the XML declaration says {stated}, the bytes look like {letters.value}")
    key, sure = _key(markup.columns, markup.rows)
    if not markup.columns:
        return Found(guesses, warnings=warned)
    if not sure:
        warned.append("no field tells the records apart in the sample: the proposed key is a placeholder")
    warned += [f"{why}: it is left out" for why in markup.left_out]
    element = re.split(r"[/.]", markup.record)[-1]
    settings: dict[str, Any] = {
        "format": markup.format, "entity": part(element) if element else UNNAMED, "key": key,
    }  # fmt: skip
    settings[markup.format] = _markup_settings(markup)
    columns = [{**column, "example": _first(markup.rows, column["name"])} for column in markup.columns]
    return Found(guesses, settings, columns, "", sample.head, sample.whole, warned)


def _markup_settings(markup: Markup) -> dict[str, Any]:
    records = markup.record
    if markup.format == "json":
        records = "lines" if markup.lines else f"{records}[]"
    return {"records": records, "fields": [_marked_up_field(column) for column in markup.columns]}


def _marked_up_field(column: Mapping[str, Any]) -> Any:
    """Return a field in short, or as a table where its path is not its name."""
    kind = column["type"]
    if kind == "decimal":
        kind = "decimal(18,2)" if column["scale"] <= 2 else f"decimal(18,{column['scale']})"
    elif kind == "date" and column["format"] != "yyyy-mm-dd":
        kind = "text"
    if column["path"] == column["name"] and not column.get("many"):
        return f"{column['name']}:{kind}"
    table = {"name": column["name"]}
    if column["path"] != column["name"]:
        table["from"] = column["path"]
    if column.get("fields"):
        return table | {"many": True, "fields": [_marked_up_field(inner) for inner in column["fields"]]}
    return table | {"type": kind} | ({"many": True} if column.get("many") else {})


def _agrees(stated: str, found: str) -> bool:
    wide = {"utf-8", "utf8", "ascii", "us-ascii"}
    return (
        stated.replace("_", "-") in (found, found.removesuffix("-sig"))
        or found == "ascii"
        or (stated in wide and found in ("utf-8", "utf-8-sig", "ascii"))
        or (stated.startswith("utf-16") and found.startswith("utf-16"))
        or (
            stated in ("iso-8859-1", "iso-8859-15", "latin-1", "windows-1252", "cp1252")
            and found in ("latin-1", "cp1252")
        )
        or found == "ebcdic"
    )


def _key(columns: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, str]]) -> tuple[list[str], bool]:
    """Return the columns that tell rows apart: the one named like a key, else the first, else several."""
    usable = [c for c in columns if not (c.get("empty") or c.get("many")) and c["type"] != "decimal"]
    names = [str(c["name"]) for c in usable]
    named = [n for n in names if part(n).split("_")[-1] in _KEYS]
    for name in [*named, *(n for n in names if n not in named)]:
        values = [row.get(name, "") for row in rows]
        if len(set(values)) == len(values) and all(values):
            return [name], True
    for count in (2, 3, 4):
        chosen = names[:count]
        values = ["\x1f".join(row.get(n, "") for n in chosen) for row in rows]
        if len(chosen) == count and len(set(values)) == len(values):
            return chosen, True
    return (names or [str(c["name"]) for c in columns])[:1], False


def _first(rows: Sequence[Mapping[str, str]], name: str) -> str:
    return next((row[name] for row in rows if row.get(name)), "")


def _rounded(sample: Sample) -> bytes:
    """Return the head up to its last line end."""
    if sample.whole:
        return sample.head
    end = max(sample.head.rfind(b"\n"), sample.head.rfind(b"\x15"), sample.head.rfind(b"\x25"))
    return sample.head[: end + 1]
