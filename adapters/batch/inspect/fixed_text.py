"""Lines of text with fields at fixed places: proposed as fixed text, which needs no copybook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from adapters.batch.inspect.cut import Cut
from adapters.batch.inspect.fields import Run, around, ending, example, runs
from adapters.batch.inspect.file_names import part
from adapters.batch.inspect.found import UNNAMED, Found
from adapters.batch.inspect.guess import Guess
from adapters.batch.inspect.keys import key_of, no_key
from adapters.batch.inspect.separated import kind_of
from adapters.batch.inspect.types import Types

Bytes = npt.NDArray[np.uint8]
#: By what the alphabet is called; of one byte a character, so that places in bytes are places of characters.
ENCODINGS = {"ascii": "utf-8", "latin-1": "latin-1", "cp1252": "cp1252"}
#: Digits of a date without marks, and different dates that are needed to believe them.
_DATE, _DATES = 8, 5
#: Share of the records that have a blank before a field: words of a text do not begin in one column.
_ALIGNED = 0.8
_WHY = "lines with fields at fixed places, and no number that only COBOL writes"


def fixed_text(cut: Cut, types: Types | None, encoding: str) -> Found | None:
    """Return the proposal for lines of text; None where numbers are packed, binary or overpunched.

    Args:
        cut: the lines.
        types: the record types, if there are several.
        encoding: what `fixed_text.encoding` will be.
    """
    matrix, codec = cut.candidate.matrix, "latin-1" if encoding == "utf-8" else encoding
    values = _values(matrix.view, types)
    layouts: dict[str, list[dict[str, Any]]] = {}
    records: list[dict[str, Any]] = []
    shown: list[dict[str, Any]] = []
    warned: list[str] = []
    for value in types.details if types else (b"",):
        mine = values == value
        view, found = matrix.view[mine], runs(matrix.view[mine], ebcdic=False)
        found = around(found, types.offset, types.width) if types else found
        parts = list(_dated(view, list(_aligned(view, ending(found, matrix.lengths[mine])))))
        if any(run.kind not in ("text", "digits", "blank") or run.signed for run in parts):
            return None
        text = value.decode(codec)
        name = part(f"type_{text.strip()}") if types else ""
        fields = [_field(view, run, codec) for run in parts if run.kind != "blank"]
        layouts[name] = [*([_type_field(types)] if types else []), *fields]
        key, sure = key_of(view, parts)
        warned += [] if sure else [no_key(f"records of type {text}" if types else "the records")]
        several = types is not None and len(types.details) > 1
        record: dict[str, Any] = {"entity": part(f"record_{text.strip()}") if several else UNNAMED}
        record["key"] = [_name(run) for run in key]
        records.append(record | ({"when": _when(text), "group": name} if types else {}))
        shown += [
            {"name": f["name"], "offset": f["start"] - 1, "length": f["length"], "type": f["type"],
             "format": f.get("format", ""), "example": example(view, run, codec)}
            for f, run in zip(fields, (run for run in parts if run.kind != "blank"), strict=True)
        ]  # fmt: skip
    settings: dict[str, Any] = {"format": "fixed_text"}
    settings |= {k: v for k, v in cut.candidate.settings.items() if k == "frame"}
    settings |= {"records": records, **_ends(types, layouts, codec)} if types else records[0]
    table: dict[str, Any] = {"encoding": encoding}
    settings["fixed_text"] = table | ({"layouts": layouts} if types else {"fields": layouts[""]})
    guesses = [Guess("format", "fixed_text", cut.guess.confidence, [_WHY])]
    return Found(guesses, settings, shown, "", cut.content, cut.whole, warned)


def _values(view: Bytes, types: Types | None) -> npt.NDArray[np.object_]:
    """Return the record type of each record."""
    if types is None:
        return np.full(len(view), b"", dtype=object)
    column = view[:, types.offset : types.offset + types.width]
    return np.array([row.tobytes() for row in column], dtype=object)


def _ends(types: Types, layouts: dict[str, list[dict[str, Any]]], codec: str) -> dict[str, Any]:
    """Return the tables of header and trailer, and add their layouts."""
    made: dict[str, Any] = {}
    if types.header is not None:
        layouts["header"] = [_type_field(types)]
        made["header"] = {"when": _when(types.header.decode(codec))}
    if types.trailer is not None:
        layouts["trailer"] = [_type_field(types)]
        made["trailer"] = {"when": _when(types.trailer.decode(codec))}
        if types.count:
            at, width = types.count
            layouts["trailer"].append(
                {"name": "record_count", "start": at + 1, "length": width, "type": f"integer({width})"}
            )
            made["trailer"] |= {"count": "record_count"} | (
                {"counts": "all"} if types.counts == "all" else {}
            )
    return made


def _type_field(types: Types) -> dict[str, Any]:
    return {"name": "record_type", "start": types.offset + 1, "length": types.width, "type": "text"}


def _when(text: str) -> dict[str, str]:
    return {"field": "record_type", "equals": text.strip()}


def _name(run: Run) -> str:
    """Return a draft name: where the field starts is what a person can look up."""
    return f"field_{run.offset + 1:04d}"


def _field(view: Bytes, run: Run, codec: str) -> dict[str, Any]:
    """Return a field's settings; digits are a number unless some value has a zero in front."""
    column = view[:, run.offset : run.offset + run.length]
    cells = [row.tobytes().decode(codec, "replace") for row in column] if run.kind == "digits" else []
    kind, form = kind_of(cells)
    made: dict[str, Any] = {"name": _name(run), "start": run.offset + 1, "length": run.length}
    if kind == "date":
        return made | {"type": "date", "format": form}
    return made | {"type": f"integer({min(run.length, 18)})" if kind == "integer" else "text"}


def _aligned(view: Bytes, parts: Sequence[Run]) -> Iterator[Run]:
    """Yield the runs, texts cut where each record has something and most have blanks before it."""
    blank = view == 0x20
    for run in parts:
        start = run.offset
        for at in range(run.offset + 1, run.offset + run.length) if run.kind == "text" else ():
            if not blank[:, at].any() and blank[:, at - 1].mean() >= _ALIGNED:
                yield Run("text", start, at - start)
                start = at
        yield Run(run.kind, start, run.offset + run.length - start, run.signed)


def _dated(view: Bytes, parts: Sequence[Run]) -> Iterator[Run]:
    """Yield the runs, those of digits cut where a date of eight digits stands among them."""
    for run in parts:
        at = _date_in(view, run) if run.kind == "digits" else None
        if at is None:
            yield run
            continue
        end = run.offset + run.length
        for start, stop in ((run.offset, at), (at, at + _DATE), (at + _DATE, end)):
            if start < stop:
                yield Run("digits", start, stop - start)


def _date_in(view: Bytes, run: Run) -> int | None:
    """Return where all records have a date such as 20261102 among the digits of a run."""
    for at in range(run.offset, run.offset + run.length - _DATE + 1):
        cells = {row.tobytes().decode("latin-1") for row in view[:, at : at + _DATE]}
        if len(cells) >= _DATES and kind_of(sorted(cells)) == ("date", "yyyymmdd"):
            return at
    return None
