"""What `banyan layout` and `banyan decode` say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adapters.batch.codec import RecordCodec
from adapters.batch.commands import decode_file, layout_rows
from schemas.errors import SettingsError

COPYBOOK = """
       01  REC.
           05  ID        PIC 9(3).
           05  N         PIC 9.
           05  TABLE-A   OCCURS 0 TO 2 DEPENDING ON N.
               10  AMT   PIC S9(3)V99 COMP-3.
           05  BORN      PIC X(2).
               88  OLD   VALUE '19'.
           05  B2 REDEFINES BORN PIC 99.
"""


def test_layout_rows_tell_each_item() -> None:
    """Each item has its level, place, length with all occurrences, picture, usage and type."""
    rows = {row["path"]: row for row in layout_rows(COPYBOOK)}
    assert list(rows) == ["REC", "ID", "N", "TABLE-A", "TABLE-A.AMT", "BORN", "B2"]
    table = rows["TABLE-A"]
    assert (table["offset"], table["length"], table["occurs"], table["depends_on"]) == (4, 6, "0 to 2", "N")
    assert rows["TABLE-A.AMT"]["type"] == "decimal(5, 2)"
    assert rows["TABLE-A.AMT"]["usage"] == "COMP-3"
    assert rows["B2"]["redefines"] == "BORN"
    assert rows["BORN"]["conditions"] == ["OLD: 19"]
    json.dumps(layout_rows(COPYBOOK))


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    codec = RecordCodec(COPYBOOK, code_page="cp285")
    good = codec.encode({"ID": 7, "N": 1, "TABLE-A": [{"AMT": "-1.5"}], "BORN": "19"})
    (tmp_path / "rec.cpy").write_text(COPYBOOK)
    (tmp_path / "data").write_bytes(good + b"\x00" * codec.length + b"cut")
    return tmp_path / "data", tmp_path / "rec.cpy"


def test_decode_gives_json_ready_records_and_names_bad_ones(files: tuple[Path, Path]) -> None:
    """Good records are dicts that JSON takes; a bad one has its place, reason and raw bytes instead."""
    data, copybook = files
    rows = list(decode_file(data, copybook, {"code_page": "285"}))
    assert rows[0] == {"ID": 7, "N": 1, "TABLE_A": [{"AMT": "-1.50"}], "BORN": "19"}
    assert (rows[1]["_record"], rows[1]["_offset"]) == (2, 12)
    assert rows[1]["_error"] == "ID: byte 0x00 at position 1 is no digit"
    assert rows[2]["_error"].startswith("truncated")
    json.dumps(rows)
    assert next(iter(decode_file(data, copybook, {"group": "B2"})))["B2"] == 19


def test_decode_refuses_settings_that_are_none(files: tuple[Path, Path]) -> None:
    """A setting that does not exist or cannot have that value is refused."""
    for settings in ({"codepage": "x"}, {"framing": "vb"}, {"trim": "left"}, {"record": "NOPE"}):
        with pytest.raises(SettingsError):
            list(decode_file(*files, settings))
