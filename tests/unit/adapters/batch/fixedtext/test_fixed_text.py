"""Fixed text to rows: fields by their places, without a copybook."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.errors import SettingsError

PEOPLE = """
format = "fixed_text"
entity = "person"
key = ["ID"]
[fixed_text]
date_format = "ddmmyyyy"
fields = [
    { name = "ID", type = "integer(5)", length = 5 },
    { name = "NAME", length = 8 },
    { name = "PAID", type = "decimal(7,2)", implied_decimals = true, start = 15, end = 20 },
    { name = "BORN", type = "date", length = 8 },
]
"""
ROW = {"ID": 1, "NAME": "Zoë", "PAID": Decimal("-1.25"), "BORN": datetime.date(1980, 2, 29)}


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "cp285", "cp1047"])
@pytest.mark.parametrize("framing", ["lines", "fixed"])
def test_fields_by_place_in_any_encoding(read: Any, encoding: str, framing: str) -> None:
    """Places count characters; the same rows come from lines and from records of one length."""
    if encoding == "utf-8" and framing == "fixed":
        return
    text = ["00001Zoë     *  -12529021980", "00002Bo      *      01012000"]
    end = "" if framing == "fixed" else "\n"
    data = "".join(line + " " * (28 - len(line)) + end for line in text).encode(encoding)
    more = f'framing = "{framing}"\nrecord_length = 28\n' + PEOPLE.replace(
        "[fixed_text]", f'[fixed_text]\nencoding = "{encoding}"'
    )
    found = read(more, data, 64)
    assert found.rows["person"] == [
        ROW,
        {"ID": 2, "NAME": "Bo", "PAID": None, "BORN": datetime.date(2000, 1, 1)},
    ]
    assert not found.rejects and not found.problems


def test_bad_records_become_rejects_with_their_bytes(read: Any) -> None:
    """Each bad line is a reject with its bytes and place; trailing blanks may be missing."""
    lines = [
        b"00001Ann",
        b"0000xBo      *   12501012000",
        b"00003Cy      *   12531022000",
        b"00004Di      *   12501012000 too long",
        b"     Ed      *   12501012000",
    ]
    found = read(PEOPLE, b"\n".join(lines) + b"\n")
    assert [row["NAME"] for row in found.rows["person"]] == ["Ann"]
    assert found.reasons == [
        (2, "ID", "character U+0078 is no digit"),
        (3, "BORN", "no day of the calendar in the form ddmmyyyy"),
        (4, "", "the line has 37 characters; the record has 28"),
        (5, "ID", "the key is empty"),
    ]
    assert [r.raw for r in found.rejects] == lines[1:]
    assert found.rejects[1].key_text == "3"


def test_a_short_block_at_the_end(read: Any) -> None:
    """A file of fixed length that ends within a record is incomplete."""
    data = b"00001Ann     *   12501012000" * 2
    found = read('framing = "fixed"\n' + PEOPLE, data[:-3])
    assert len(found.rows["person"]) == 1
    assert found.problems == ["record 2 at byte 28: truncated: the last record has 25 of 28 bytes"]
    assert found.rejects[0].raw == data[28:-3]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ('length = 8 },\n    { name = "PAID"', 'length = 8, end = 9 },\n    { name = "PAID"'),
            "either length or end",
        ),
        (("start = 15", "start = 30"), "ends before it starts"),
        (("[fixed_text]", "[fixed_text]\nencoding = 'utf-16'"), "cannot be in utf-16"),
        (("[fixed_text]", "record_length = 20\n[fixed_text]"), "last field ends at 28"),
        (("[fixed_text]", "framing = 'length_map'\n[fixed_text]"), "is for COBOL records"),
        (('type = "integer(5)"', 'type = "integer(5)", implied_decimals = true'), "no implied decimals"),
    ],
)
def test_wrong_settings_name_the_key(read: Any, change: tuple[str, str], message: str) -> None:
    """Places that cannot be are refused before any file is read."""
    assert change[0] in PEOPLE
    with pytest.raises((SettingsError, ValidationError), match=message):
        read(PEOPLE.replace(*change), b"")
