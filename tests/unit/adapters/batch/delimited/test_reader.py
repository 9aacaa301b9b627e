"""Delimited files to rows and rejects: what legacy systems really write."""

from __future__ import annotations

import datetime
import io
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.batch.format_spec import FormatSpec
from schemas.errors import SettingsError, Terminal

PEOPLE = """
format = "delimited"
entity = "person"
key = ["ID"]
century_pivot = 50
[delimited]
fields = ["ID:integer(9)", "NAME", "AMOUNT:decimal(9,2)", "BORN:date"]
"""


def settings(**more: Any) -> str:
    lines = [f"{name} = {value}" for name, value in more.items()]
    return PEOPLE.replace("[delimited]\n", "[delimited]\n" + "\n".join(lines) + "\n")


def test_rows_with_their_places(read: Any) -> None:
    """Rows come with types, record numbers and byte offsets; an empty cell is null."""
    data = b'ID,NAME,AMOUNT,BORN\r\n1,"O""Neil, Ann",12.50,1980-02-29\r\n2,Bo,,\r\n'
    found = read(PEOPLE, data)
    assert found.rows["person"] == [
        {"ID": 1, "NAME": 'O"Neil, Ann', "AMOUNT": Decimal("12.50"), "BORN": datetime.date(1980, 2, 29)},
        {"ID": 2, "NAME": "Bo", "AMOUNT": None, "BORN": None},
    ]
    assert found.places["person"] == [(2, data.index(b"1,")), (3, data.index(b"2,Bo"))]
    assert not found.rejects and not found.problems


@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_chunks_make_no_difference(read: Any, chunk: int) -> None:
    """However a file is cut into chunks, rows, rejects and places are the same."""
    data = b'id,born,name,amount\n1,1980-01-01,"a\nb",1\nx,,,\n3,1981-01-01,"q"q,2\n4,,z,3\n'
    assert read(PEOPLE, data, chunk) == read(PEOPLE, data)


def test_columns_are_found_by_name_in_any_order(read: Any) -> None:
    """Headers match without case and blanks; columns may move, and others may stand between them."""
    found = read(PEOPLE, b" born ,extra,id,Name,AMOUNT\n1980-01-01,x,7,Cy,1\n")
    assert found.rows["person"] == [
        {"ID": 7, "NAME": "Cy", "AMOUNT": Decimal("1.00"), "BORN": datetime.date(1980, 1, 1)}
    ]


@pytest.mark.parametrize(
    ("more", "header", "message"),
    [
        ({}, b"ID;NAME;AMOUNT;BORN", "no column 'ID'; it has 1: ID;NAME"),
        ({}, b"ID,NAME,AMOUNT", "no column 'BORN'"),
        ({}, b"ID,NAME,AMOUNT,BORN,Name", "2 columns 'NAME'"),
        ({"extra_columns": '"refuse"'}, b"ID,NAME,AMOUNT,BORN,SEX", "no field names: SEX"),
        ({"column_order": '"declared"'}, b"ID,AMOUNT,NAME,BORN", "another order"),
        ({}, b'ID,"NAME,AMOUNT,BORN', "header cannot be read: a quote is never closed"),
        ({}, b"\xff\xfeI\x00D\x00", "byte order mark of utf-16-le"),
    ],
)
def test_a_header_that_does_not_fit(read: Any, more: dict[str, str], header: bytes, message: str) -> None:
    """A header that lacks a column, or has it twice, fails the file and says what it has."""
    with pytest.raises(Terminal, match=message):
        read(settings(**more), header)


def test_a_missing_column_may_be_null(read: Any) -> None:
    """Where the settings say so, a column that the header lacks reads as null."""
    found = read(settings(missing_columns='"null"'), b"ID,NAME\n1,x\n")
    assert found.rows["person"] == [{"ID": 1, "NAME": "x", "AMOUNT": None, "BORN": None}]


def test_bad_records_become_rejects_with_their_bytes(read: Any) -> None:
    """Each bad record is a reject with raw bytes, place, field and reason; its neighbours flow on."""
    lines = [
        b"ID,NAME,AMOUNT,BORN",
        b"1,a,1.234,1980-01-01",
        b"2,b,1,1980-02-30",
        b"3,c",
        b"4,d,1,1980-01-01,more",
        b"5,e,1,1980-01-01,,",
        b",f,1,1980-01-01",
        b'7,"g,1,1980-01-01',
        b'8,"h"h,1,1980-01-01',
        b"9,\xe9,1,1980-01-01",
        b"x,i,1,1980-01-01",
        b'11,"k",1,1980-01-01',
    ]
    found = read(PEOPLE, b"\n".join(lines) + b"\n")
    assert [row["ID"] for row in found.rows["person"]] == [5, 11]
    place = {i + 1: sum(len(x) + 1 for x in lines[:i]) for i in range(len(lines))}
    assert found.reasons == [
        (2, "AMOUNT", "more than 2 digits after the decimal mark"),
        (3, "BORN", "no day of the calendar in the form yyyy-mm-dd"),
        (4, "", "the record has 2 of 4 cells"),
        (5, "", "the record has 5 cells, 4 are expected"),
        (7, "ID", "the key is empty"),
        (8, "", f"text follows a closing quote (the cell opens at byte {place[8] + 2})"),
        (9, "", f"text follows a closing quote (the cell opens at byte {place[9] + 2})"),
        (10, "NAME", "byte 0xE9 is no utf-8"),
        (11, "ID", "character U+0078 is no digit"),
    ]
    for reject in found.rejects:
        assert reject.raw == lines[reject.record - 1]
        assert reject.offset == place[reject.record]
    assert [r.key_text for r in found.rejects] == ["1", "2", *[None] * 5, "9", None]


def test_short_records_may_be_null(read: Any) -> None:
    """With short_records = "null" the cells that a record lacks are null."""
    found = read('short_records = "null"\n' + PEOPLE, b"ID,NAME,AMOUNT,BORN\n1,a\n2,b,3\n")
    assert [row["AMOUNT"] for row in found.rows["person"]] == [None, Decimal("3.00")]
    assert not found.rejects


def test_a_last_line_that_was_cut_off(read: Any) -> None:
    """A last line without an end and with too few cells makes the extract incomplete."""
    data = b"ID,NAME,AMOUNT,BORN\n1,a,1,1980-01-01\n2,b,1"
    found = read(PEOPLE, data)
    why = "truncated: the last line has 3 of 4 cells and no end"
    assert found.problems == [why] and found.reasons == [(3, "", why)]
    null = read('short_records = "null"\n' + PEOPLE, data)
    assert null.problems == [why]
    assert read(settings(last_line_end='"required"'), data[:-8]).problems


def test_a_file_cut_within_quotes(read: Any) -> None:
    """A file that ends inside a quoted cell is incomplete."""
    found = read(PEOPLE, b'ID,NAME,AMOUNT,BORN\n1,"a,1,1980-01-01\n')
    assert found.problems[0] == "the quote at byte 22 is never closed"


@pytest.mark.parametrize(
    ("more", "data"),
    [
        ({"delimiter": '";"', "decimal": '","', "grouping": '"."', "date_format": '"d.m.yyyy"'},
         "ID;NAME;AMOUNT;BORN\r\n1;Zoë;1.234,50;29.2.1980\r\n"),
        ({"delimiter": '"\\t"', "quote": '""', "date_format": '"dd-mmm-yyyy"'},
         "ID\tNAME\tAMOUNT\tBORN\n1\tZoë\t1234.50\t29-Feb-1980\n"),
        ({"delimiter": '"||"', "date_format": '"yyyymmdd"'},
         "ID||NAME||AMOUNT||BORN\r1||Zoë||1234.5||19800229\r"),
        ({"delimiter": '"\\u001f"', "line_end": '"\\u001e"', "quote": '"\'"'},
         "ID\x1fNAME\x1fAMOUNT\x1fBORN\x1e1\x1f'Zoë'\x1f1234.50\x1f1980-02-29\x1e"),
        ({"delimiter": '"|"', "escape": '"\\\\"', "comment": '"#"', "date_format": '"dd/mm/yy"'},
         "# made by X\nID|NAME|AMOUNT|BORN\n1|Zo\\ë|1234.50|29/02/80\n"),
        ({"skip_top": 2, "skip_bottom": 1},
         'Report "x\n\nID,NAME,AMOUNT,BORN\n1,Zoë,1234.50,1980-02-29\n1 row\n'),
        ({}, "\ufeffID,NAME,AMOUNT,BORN\n\n01,Zoë  ,1234.50,1980-02-29\n\x1a"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "cp1252", "latin-1", "cp500", "cp1140"])
def test_dialects_and_encodings(read: Any, more: dict[str, Any], data: str, encoding: str) -> None:
    """The same rows are read from every dialect in every encoding."""
    if encoding not in ("utf-8", "utf-16-le"):
        data = data.lstrip("\ufeff")
    if encoding not in ("utf-8", "cp1252", "latin-1"):
        data = data.rstrip("\x1a")
    for chunk in (5, 1 << 20):
        found = read(settings(**more, encoding=f'"{encoding}"'), data.encode(encoding), chunk)
        assert found.rows["person"] == [
            {"ID": 1, "NAME": "Zoë", "AMOUNT": Decimal("1234.50"), "BORN": datetime.date(1980, 2, 29)}
        ]
        assert not found.rejects and not found.problems


def test_nulls_as_databases_write_them(read: Any) -> None:
    r"""`\N` is null where backslash escapes; declared spellings are null everywhere."""
    more = {"escape": '"\\\\"', "null": '["", "NULL"]', "quote": '""', "header": "false"}
    found = read(settings(**more), b"1,\\N,NULL,\n2,\\\\N,2,NULL\n")
    assert [(r["NAME"], r["AMOUNT"], r["BORN"]) for r in found.rows["person"]] == [
        (None, None, None), ("\\N", Decimal("2.00"), None),
    ]  # fmt: skip


KINDS = """
format = "delimited"
[[records]]
entity = "payment"
key = ["REF"]
when = { field = "TAG", equals = "D" }
group = "payment"
[[records]]
entity = "note"
key = ["REF"]
when = { field = "TAG", equals = ["N", "M"] }
group = "note"
[header]
when = { field = "TAG", equals = "H" }
[trailer]
when = { field = "TAG", equals = "T" }
count = "COUNT"
[delimited]
header = false
[delimited.layouts]
payment = ["TAG", "REF:integer", "AMOUNT:decimal(9,2)"]
note = ["TAG", "REF:integer", "TEXT"]
trailer = ["TAG", "COUNT:integer"]
"""


def test_record_types_by_tag_with_a_trailer(read: Any) -> None:
    """A tag in the first column selects the entity; the trailer's count must agree."""
    data = b"H,2026-11-24\nD,1,5\nN,1,hello\nD,2,bad\nT,3\n"
    found = read(KINDS, data)
    assert [row["REF"] for row in found.rows["payment"]] == [1]
    assert found.rows["note"] == [{"TAG": "N", "REF": 1, "TEXT": "hello"}]
    assert found.reasons == [(4, "AMOUNT", "character U+0062 is no digit")]
    assert not found.problems
    assert read(KINDS, data.replace(b"T,3", b"T,4")).problems == [
        "the trailer says 4 records, the file holds 3"
    ]
    assert "the file has 0 trailer records" in read(KINDS, data[:-4]).problems[0]
    assert "records follow the trailer" in read(KINDS, data + b"D,9,1\n").problems
    assert read(KINDS, b"Q,1\n" + data).reasons[0] == (1, "", "unknown record type")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('"ID:integer(9)"', '"ID:int"'), "'int' is no type"),
        (('key = ["ID"]', 'key = ["IDX"]'), "key field 'IDX'"),
        (("century_pivot = 50", "century_pivot = 50\nrename = { ID = 'x' }"), "rename is for COBOL records"),
        (("century_pivot = 50", "code_page = 'cp285'"), "code_page is for COBOL records"),
        (("century_pivot = 50", "dialect = 'gnucobol'"), "dialect is for COBOL records"),
        (("century_pivot = 50", "odo = 'max'"), "odo is for COBOL records"),
        (("century_pivot = 50", "fillers = 'name'"), "fillers is for COBOL records"),
        (("century_pivot = 50", "long_records = 'cut'"), "long_records is for COBOL records"),
        (("century_pivot = 50", "framing = 'lines'"), "framing has no meaning"),
        (("century_pivot = 50", "frame = { max_length = 9 }"), "frame has no meaning"),
        (("century_pivot = 50", "record_length = 9"), "record_length has no meaning"),
        (("century_pivot = 50", "bad_values = { NAM = 'null' }"), "bad_values: 'NAM' is no field"),
        (("[delimited]", "[delimited]\nquote = ','"), "share a character"),
        (("[delimited]", "[delimited]\nencoding = 'big5'"), "characters of several bytes"),
        (("[delimited]", "[delimited]\ndecimal = '-'"), "decimal mark"),
        (('"BORN:date"', '{ name = "BORN", type = "date", format = "yyyymm" }'), "no date format"),
        (('"BORN:date"', '{ name = "AT", type = "timestamp", format = "yyyy-mm-dd hh:mi" }'), "say no zone"),
        (("[delimited]\nfields", "[delimited]\nheader = false\nfields"), ""),
    ],
)
def test_wrong_settings_name_the_key(read: Any, change: tuple[str, str], message: str) -> None:
    """Settings that cannot work are refused before any file is read, by name."""
    assert change[0] in PEOPLE
    if not message:
        read(PEOPLE.replace(*change), b"1,a,1,1980-01-01\n")
        return
    with pytest.raises(SettingsError, match=message):
        read(PEOPLE.replace(*change), b"")


def test_a_bad_value_may_be_null_or_fail_the_file(read: Any) -> None:
    """bad_values says field by field what becomes of a value that cannot be read."""
    data = b"ID,NAME,AMOUNT,BORN\n1,a,x,1980-01-01\n"
    null = PEOPLE.replace("[delimited]", "bad_values = { AMOUNT = 'null' }\n[delimited]")
    assert read(null, data).rows["person"][0]["AMOUNT"] is None
    with pytest.raises(Terminal, match="AMOUNT: character"):
        read(null.replace("'null'", "'fail'"), data)


def test_a_file_without_line_ends_fails(read: Any) -> None:
    """A file in which no record ends is refused, not read into memory."""
    with pytest.raises(Terminal, match="no line end in the"):
        read(settings(max_record="100"), b"ID,NAME,AMOUNT,BORN" * 50, 64)


@pytest.mark.parametrize(
    "more",
    ["date_format = 'ddmmyyyy'", "in_name = '(?P<sequence>[0-9]+)'", "sequence = 'REF'", "date = 'REF'"],
)
def test_what_a_header_would_not_check_is_refused(read: Any, more: str) -> None:
    """A check that text formats do not make is refused, not left out."""
    settings = KINDS.replace("[header]", f"[header]\n{more}")
    assert settings != KINDS
    with pytest.raises(SettingsError, match=f"header.{more.split()[0]} is for COBOL records"):
        read(settings, b"")


def test_a_file_without_its_trailer_may_still_be_growing() -> None:
    """A declared trailer that has not come says so, whatever the format; the adapter then waits."""
    reader = FormatSpec.model_validate(tomllib.loads(KINDS)).read_as(Path(), system="legacy")
    seen = {}
    for data in (b"H,2026-11-24\nD,1,5\n", b"H,2026-11-24\nD,1,5\nT,2\n"):
        reading = reader.reading("f", len(data))
        list(reading.chunks(io.BytesIO(data)))
        seen[data[-4:]] = getattr(reading, "unfinished", False)
    assert list(seen.values()) == [True, False]


def test_a_number_of_grouping_marks_alone_is_a_reject(read: Any) -> None:
    """A number of which nothing is left without its marks rejects its record, not the file."""
    marks = settings(grouping='"\u00a0"', delimiter="';'", decimal="','")
    assert len(read(marks, "ID;NAME;AMOUNT;BORN\n1;a;\u00a0;\n".encode()).rejects) == 1
