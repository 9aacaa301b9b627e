"""A file without a copybook: framing, record types and fields by the bytes alone, and a draft copybook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from adapters.batch.inspect.alphabet import ASCII_WORDS, EBCDIC_WORDS
from adapters.batch.inspect.chain import broken_chain
from adapters.batch.inspect.cut import Cut, by_chain, by_header, by_length, by_lines
from adapters.batch.inspect.fields import Run, around, copybook, ending, example, names, runs
from adapters.batch.inspect.file_names import part
from adapters.batch.inspect.fixed_text import ENCODINGS, fixed_text
from adapters.batch.inspect.found import UNNAMED, Found
from adapters.batch.inspect.guess import Guess, cannot_tell
from adapters.batch.inspect.keys import key_of, no_key
from adapters.batch.inspect.lines import Lines
from adapters.batch.inspect.pages import code_page
from adapters.batch.inspect.period import record_length
from adapters.batch.inspect.sample import Sample
from adapters.batch.inspect.types import Types, record_types

#: From this confidence on a fixed length is believed before stranger framings are tried.
_CLEAR = 0.8


def bare(sample: Sample, letters: Guess) -> Found:
    """Return what the bytes alone tell about records of any framing."""
    ebcdic = letters.value == "ebcdic"
    guesses: list[Guess] = []
    warned: list[str] = []
    if ebcdic:
        guesses.append(code_page(np.frombuffer(b"".join(sample.pieces()), np.uint8)))
    cut, more, lines = _cut(sample, ebcdic=ebcdic, known=letters.value is not None)
    guesses += more
    if lines is not None and lines.length is None:
        warned += [f"{n:,} lines end by {name} and not by {lines.name}" for name, n in lines.mixed]
    if cut is None or not cut.candidate.matrix.length:
        if (broken := broken_chain(sample)) is not None:
            n = len(broken.links)
            warned.append(
                f"record descriptor words ({broken.chain}) lead through {n:,} records and break off at byte "
                f"{broken.end:,}: the file was cut or spoilt there"
            )
        return Found(guesses, warnings=warned)
    zero = 0xF0 if ebcdic else 0x30
    words = (EBCDIC_WORDS if ebcdic else ASCII_WORDS).copy()
    words[0x40 if ebcdic else 0x20] = False
    typed = record_types(cut.candidate.matrix, words, zero)
    types = typed[1] if typed else None
    guesses += typed[0] if typed else []
    if lines is not None and letters.value in ENCODINGS:
        found = fixed_text(cut, types, ENCODINGS[letters.value])
        if found is not None:
            return replace(found, guesses=[*guesses, *found.guesses], warnings=[*warned, *found.warnings])
    page = next((g.value for g in guesses if g.of == "code_page"), None)
    if page is None:
        page = "cp037" if ebcdic else "latin-1"
    return _drafted(cut, guesses, types, page, warned, ebcdic=ebcdic)


def _cut(sample: Sample, *, ebcdic: bool, known: bool) -> tuple[Cut | None, list[Guess], Lines | None]:
    pad = 0x40 if ebcdic else 0x20
    if chained := by_chain(sample, pad):
        return chained, [chained.guess], None
    if known and (found := by_lines(sample, "ebcdic" if ebcdic else "ascii", pad)):
        cut, lines = found
        more = [cut.guess]
        if lines.length:
            more.append(Guess("record_length", lines.length, 0.97, ["all lines are of this length"]))
        return cut, more, lines
    length = record_length(sample)
    if length.value is not None and length.confidence >= _CLEAR:
        return by_length(sample, length.value, length), [_fixed(length, sample), length], None
    if headed := by_header(sample, pad):
        return headed[0], [headed[0].guess], None
    if length.value is not None and known and length.confidence >= 0.5:
        return by_length(sample, length.value, length), [_fixed(length, sample), length], None
    why = "neither descriptor words, line ends nor a record length are found"
    return (
        None,
        [cannot_tell("framing", why), cannot_tell("record_length", *length.why, others=length.others)],
        None,
    )


def _fixed(length: Guess, sample: Sample) -> Guess:
    left = sample.size % length.value if sample.size is not None else 0
    why = [f"the kinds of bytes repeat every {length.value:,} bytes"]
    if left:
        why.append(
            f"{left:,} bytes are left over: a header or trailer of another length, or a cut-off record"
        )
    return Guess("framing", "fixed", length.confidence, why)


def _drafted(
    cut: Cut, guesses: list[Guess], types: Types | None, page: str, warned: list[str], *, ebcdic: bool
) -> Found:
    matrix = cut.candidate.matrix
    settings: dict[str, Any] = {"copybook": "draft.cpy", "code_page": page, **cut.candidate.settings}
    if types is None:
        parts = ending(runs(matrix.view, ebcdic=ebcdic), matrix.lengths)
        key, sure = key_of(matrix.view, parts)
        settings |= {"entity": UNNAMED, "key": names("FIELD", key)}
        warned += [] if sure else [no_key("the records")]
        settings = {k: v for k, v in settings.items() if k != "frame"} | _frame(settings)
        fields = _fields(matrix.view, "FIELD", parts, page)
        draft = copybook([("FIELD", parts)], matrix.length, None)
        return Found(guesses, settings, fields, draft, cut.content, cut.whole, warned)
    return _typed(cut, guesses, types, page, settings, warned, ebcdic=ebcdic)


def _typed(
    cut: Cut, guesses: list[Guess], types: Types, page: str, settings: dict[str, Any], warned: list[str],
    *, ebcdic: bool,
) -> Found:  # fmt: skip
    matrix, fields = cut.candidate.matrix, []
    groups: list[tuple[str, Sequence[Run]]] = []
    records: list[dict[str, Any]] = []
    column = matrix.view[:, types.offset : types.offset + types.width]
    values = np.array([row.tobytes() for row in column], dtype=object)
    codec = page if page != "latin-1" else "latin-1"
    for value in types.details:
        shown = value.decode(codec)
        view = matrix.view[values == value]
        apart = around(runs(view, ebcdic=ebcdic), types.offset, types.width)
        parts = ending(apart, matrix.lengths[values == value])
        stem = f"T{shown.strip().upper()}"
        key, sure = key_of(view, parts)
        group = f"{stem}-RECORD"
        groups.append((group, parts))
        records.append({
            "entity": part(f"record_{shown.strip()}"), "when": {"field": "REC-TYPE", "equals": shown},
            "group": group, "key": names(stem, key),
        })  # fmt: skip
        warned += [] if sure else [no_key(f"records of type {shown}")]
        fields += _fields(view, stem, parts, page)
    if types.trailer is not None:
        groups.append(("TRAILER-RECORD", _trailer(types, matrix.length)))
    settings |= {"records": records}
    if types.header is not None:
        settings["header"] = {"when": {"field": "REC-TYPE", "equals": types.header.decode(codec)}}
    if types.trailer is not None:
        trailer: dict[str, Any] = {"when": {"field": "REC-TYPE", "equals": types.trailer.decode(codec)}}
        if types.count:
            trailer |= {"count": f"TRAILER-{types.count[0]:04d}"}
            trailer |= {"counts": "all"} if types.counts == "all" else {}
        settings["trailer"] = trailer
    draft = copybook(groups, matrix.length, (types.offset, types.width))
    return Found(guesses, settings, fields, draft, cut.content, cut.whole, warned)


def _trailer(types: Types, length: int) -> list[Run]:
    if types.count is None:
        return [Run("blank", 0, length)]
    at, width = types.count
    parts = [Run("blank", 0, at), Run("digits", at, width), Run("blank", at + width, length - at - width)]
    return [p for p in parts if p.length]


def _frame(settings: dict[str, Any]) -> dict[str, Any]:
    return {"frame": settings["frame"]} if settings.get("frame") else {}


def _fields(view: npt.NDArray[np.uint8], stem: str, parts: Sequence[Run], page: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "offset": run.offset, "length": run.length, "type": run.kind, "picture": run.picture(),
         "example": example(view, run, page)}
        for name, run in zip(names(stem, parts), parts, strict=True)
        if run.kind != "blank"
    ]  # fmt: skip
