"""Records and cells of delimited files, by column and by the twin."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.batch.delimited.notation import Notation
from adapters.batch.delimited.structure import Structure, split
from adapters.batch.delimited.twin import Record, records
from schemas.errors import SettingsError

NOTATIONS = [
    Notation.of(),
    Notation.of(delimiter=";", quote="'", line_end="lf"),
    Notation.of(delimiter="||", line_end="crlf"),
    Notation.of(delimiter="|~", quote=""),
    Notation.of(escape="\\", comment="#"),
    Notation.of(escape="\\", quote="", line_end="cr"),
    Notation.of(multiline=False, comment="#"),
    Notation.of(delimiter="\x1f", line_end="\x1e"),
]
#: Few characters, most of them marks: what breaks rules is then common.
TEXTS = st.text(alphabet="ab,;|~'\"\\#\n\r\x1e\x1f", max_size=60)


def found(structure: Structure) -> list[Record]:
    """Return a structure as the twin's records."""
    out = []
    for i in range(len(structure)):
        span = range(structure.first[i], structure.first[i + 1])
        cells = [(int(structure.begin[c]), int(structure.end[c]), bool(structure.quoted[c])) for c in span]
        fault = structure.faults.get(i)
        out.append(
            Record(
                int(structure.start[i]), int(structure.stop[i]),
                tuple(cells),
                fault.reason if fault else "", fault.at if fault else -1,
            )
        )  # fmt: skip
    return out


def units(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), np.uint8)


@given(TEXTS, st.sampled_from(NOTATIONS), st.sampled_from([1 << 20, 12, 5]))
def test_split_equals_its_twin(text: str, notation: Notation, limit: int) -> None:
    """Whatever the bytes, the columns say what the unit-by-unit reader says."""
    assert found(split(units(text), notation, limit=limit)) == records(list(text.encode()), notation, limit)


@given(TEXTS, st.sampled_from(NOTATIONS), st.integers(1, 12))
def test_chunks_make_no_difference(text: str, notation: Notation, step: int) -> None:
    """A file read in chunks of any size has the records of the file read at once."""
    data, rest, base, got = text.encode(), b"", 0, []
    for start in range(0, len(data) + 1, step):
        rest += data[start : start + step]
        final = start + step > len(data)
        part = split(np.frombuffer(rest, np.uint8), notation, final=final)
        for r in found(part):
            moved = tuple((b + base, e + base, q) for b, e, q in r.cells)
            got.append(
                Record(r.start + base, r.stop + base, moved, r.reason, r.at + base if r.at >= 0 else -1)
            )
        base, rest = base + part.used, rest[part.used :]
    assert got == records(list(data), notation)


@given(st.lists(st.lists(st.text(alphabet='ab,"\n\r é', max_size=5), min_size=2, max_size=4), max_size=6))
def test_what_pythons_csv_writes_is_read_back(rows: list[list[str]]) -> None:
    """The cells of RFC 4180 files are those that were written."""
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    data = out.getvalue().encode()
    made = split(np.frombuffer(data, np.uint8))
    got = []
    for i in range(len(made)):
        cells = [
            data[made.begin[c] : made.end[c]].decode().replace('""', '"')
            if made.escaped[c] else data[made.begin[c] : made.end[c]].decode()
            for c in range(made.first[i], made.first[i + 1])
        ]  # fmt: skip
        got.append(cells)
    assert got == rows


def test_a_stray_quote_damages_its_line_only() -> None:
    """A quote that is never closed costs the line on which it opens, not the rest of the file."""
    text = 'a,b\n1,"x\n2,y\n3,"z"\n4,w\n'
    made = split(units(text))
    assert [text[s:e] for s, e in zip(made.start, made.stop, strict=True)] == [
        "a,b\n", '1,"x\n', "2,y\n", '3,"z"\n', "4,w\n",
    ]  # fmt: skip
    assert made.faults[1].at == text.index('"')


def test_many_stray_quotes_take_time_in_line_with_the_file() -> None:
    """A file full of broken quotes is read to its end, each bad line a fault."""
    made = split(units('1,"x"y\n' * 5000))
    assert len(made.faults) == 5000


def test_utf_16_is_split_by_its_units() -> None:
    """Files in UTF-16 have the same structure, in units of two bytes."""
    text = 'é,"a,b"\r\nc,d\r\n'
    made = split(np.frombuffer(text.encode("utf-16-le"), "<u2"), Notation.of("utf-16-le"))
    assert found(made) == records(list(text.encode("latin-1")))


@pytest.mark.parametrize(
    ("marks", "what"),
    [
        ({"delimiter": ""}, "delimiter"),
        ({"quote": "''"}, "quote"),
        ({"delimiter": '"'}, "share"),
        ({"line_end": "lfcr"}, "line_end"),
        ({"encoding": "cp037", "quote": "€"}, "cp037"),
    ],
)
def test_unfit_marks_are_refused(marks: dict[str, str], what: str) -> None:
    """A mark that cannot work is a settings error that names it."""
    with pytest.raises(SettingsError, match=what):
        Notation.of(**marks)  # type: ignore[arg-type]
