"""Whole files by hand: decoded to JSON lines, CSV and Parquet, and written back."""

from __future__ import annotations

import csv
import datetime
import gzip
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.batch.codec import RecordCodec
from adapters.batch.conversion import Outcome, decode_file, encode_file, format_of, sink_for
from adapters.batch.conversion.json_lines import joined, json_lines
from adapters.batch.encode import EncodeError
from schemas.errors import SettingsError

COPYBOOK = """
       01  REC.
           05  ID        PIC 9(3).
           05  N         PIC 9.
           05  TABLE-A   OCCURS 0 TO 2 DEPENDING ON N.
               10  AMT   PIC S9(3)V99 COMP-3.
           05  BORN      PIC X(2).
           05  B2 REDEFINES BORN PIC 99.
           05  FILLER    PIC X.
"""
CODEC = RecordCodec(COPYBOOK, code_page="cp285")
GOOD = CODEC.encode({"ID": 7, "N": 1, "TABLE-A": [{"AMT": "-1.5"}], "BORN": "19"})


class Files:
    """A folder with a copybook and a data file."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data, self.copybook = folder, folder / "data", folder / "rec.cpy"
        self.copybook.write_text(COPYBOOK)
        self.data.write_bytes(GOOD + b"\x00" * CODEC.length + GOOD + b"cut")

    def decode(self, *pairs: str, to: str = "jsonl", **options: Any) -> tuple[bytes, Outcome]:
        out = io.BytesIO()
        spec = format_of(["code_page=285", *pairs], self.copybook)
        outcome = decode_file(self.data, spec, lambda schema: sink_for(to, out, schema), **options)
        return out.getvalue(), outcome

    def rows(self, *pairs: str, **options: Any) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.decode(*pairs, **options)[0].splitlines()]

    def encode(self, lines: bytes, *pairs: str) -> bytes:
        path, out = self.folder / "lines.jsonl", io.BytesIO()
        path.write_bytes(lines)
        encode_file(path, format_of(["code_page=285", *pairs], self.copybook), out)
        return out.getvalue()


def test_a_file_without_a_key_may_have_a_first_field_that_is_null(tmp_path: Path) -> None:
    """Who names no key wants every record; the field that stands for one may be null, and is written back."""
    files = Files(tmp_path)
    files.copybook.write_text("01 R. 05 A PIC X(2). 05 B PIC 9(2).")
    files.data.write_bytes(b"\0\0\xf1\xf2" + b"\xc1\x40\x40\x40")
    lines, outcome = files.decode("dialect=cobrix")
    assert [json.loads(line) for line in lines.splitlines()] == [{"A": None, "B": 12}, {"A": "A", "B": None}]
    assert outcome.bad == 0
    # Blanks and LOW-VALUES are both null in a number; what is written is LOW-VALUES.
    assert files.encode(lines, "dialect=cobrix") == b"\0\0\xf1\xf2" + b"\xc1\x40\0\0"
    parquet, _ = files.decode("dialect=cobrix", to="parquet")
    assert pq.read_table(io.BytesIO(parquet)).column("A").to_pylist() == [None, "A"]
    _, outcome = files.decode("dialect=cobrix", "key=A")
    assert outcome.first_bad == "record 1: A: a key field is empty"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_json_lines_hold_good_and_bad_records_in_order(files: Files) -> None:
    """Decimals are strings at their scale; a bad record has its place, reason and bytes in hexadecimal."""
    lines, outcome = files.decode()
    rows = [json.loads(line) for line in lines.splitlines()]
    assert rows[0] == rows[2] == {"ID": 7, "N": 1, "TABLE_A": [{"AMT": "-1.50"}], "BORN": "19"}
    assert rows[1] == {
        "_record": 2, "_offset": 13, "_error": "ID: byte 0x00 at position 1 is no digit", "_raw": "00" * 13,
    }  # fmt: skip
    assert rows[3]["_error"].startswith("truncated")
    assert (outcome.records, outcome.bad) == (4, 2)
    assert outcome.first_bad == "record 2: ID: byte 0x00 at position 1 is no digit"
    assert any("truncated" in problem for problem in outcome.problems)
    assert files.rows("group=B2")[0]["B2"] == 19


def test_bad_records_go_to_a_file_of_their_own(files: Files) -> None:
    """With a file for rejects only good records stand in the output."""
    bad = io.BytesIO()
    assert [r["ID"] for r in files.rows(rejects=bad)] == [7, 7]
    assert [json.loads(line)["_record"] for line in bad.getvalue().splitlines()] == [2, 4]


def test_a_limit_counts_bad_records_too(files: Files) -> None:
    """After so many records nothing more is read, and a file that was not read whole has no problems."""
    lines, outcome = files.decode(limit=2)
    assert [("_error" in json.loads(line)) for line in lines.splitlines()] == [False, True]
    assert (outcome.records, outcome.bad, outcome.problems) == (2, 1, [])


def test_csv_and_parquet_hold_the_same_rows(files: Files) -> None:
    """CSV has a header and lists as JSON; Parquet keeps the types."""
    text, outcome = files.decode(to="csv")
    assert outcome.bad == 2
    rows = list(csv.DictReader(io.StringIO(text.decode())))
    assert rows == [{"ID": "7", "N": "1", "TABLE_A": '[{"AMT":"-1.50"}]', "BORN": "19"}] * 2
    data, _ = files.decode(to="parquet")
    assert (
        pq.read_table(io.BytesIO(data)).to_pylist()
        == [{"ID": 7, "N": 1, "TABLE_A": [{"AMT": Decimal("-1.50")}], "BORN": "19"}] * 2
    )


def test_what_was_decoded_is_encoded_to_the_same_bytes(files: Files) -> None:
    """Rejected records go back as they were, and with kept bytes so does everything else."""
    files.data.write_bytes(GOOD + b"\x00" * CODEC.length + GOOD)
    lines, _ = files.decode()
    assert files.encode(lines) == files.data.read_bytes()
    odd = bytearray(GOOD)
    odd[-1] = 0x77  # a FILLER
    odd[6] = 0x0F  # F for +
    files.data.write_bytes(bytes(odd) + b"\x00" * CODEC.length)
    rows = files.rows(keep_raw=True)
    assert rows[0]["_raw"] == {"TABLE_A[1].AMT".replace("_", "-"): odd[4:7].hex(), "@12": "77"}
    assert rows[1]["ID"] is None
    assert files.encode(files.decode(keep_raw=True)[0]) == files.data.read_bytes()


def test_an_edited_line_is_written(files: Files) -> None:
    """A changed value is written, the kept bytes of other items beside it."""
    odd = GOOD[:-1] + b"\x77"
    files.data.write_bytes(odd)
    (row,) = files.rows(keep_raw=True)
    changed = files.encode(json.dumps(row | {"ID": 8}).encode())
    assert CODEC.decode(changed)["ID"] == 8
    assert changed[-1:] == b"\x77"


def test_dates_and_sentinels_survive_the_way_back(files: Files) -> None:
    """A declared date is written in its format, and null as the sentinel that it was."""
    files.copybook.write_text("01 R. 05 ID PIC 9. 05 D PIC 9(8). 05 T PIC X(10).")
    codec = RecordCodec(files.copybook.read_text(), code_page="cp285")
    raw = codec.encode({"ID": 1, "D": 20241124, "T": "24/11/2024"}) + codec.encode(
        {"ID": 2, "D": 99999999, "T": ""}
    )
    files.data.write_bytes(raw)
    pairs = ["dates.D=yyyymmdd", "dates.T=dd/mm/yyyy", "sentinels.D=99999999", "sentinels.T=SPACES"]
    lines, _ = files.decode(*pairs)
    assert [json.loads(line) for line in lines.splitlines()] == [
        {"ID": 1, "D": "2024-11-24", "T": "2024-11-24"},
        {"ID": 2, "D": None, "T": None},
    ]
    assert files.encode(lines, *pairs) == raw


def test_variable_records_come_back(files: Files) -> None:
    """Records behind descriptor words with entries in use only are read and written the same."""
    short = RecordCodec(COPYBOOK, code_page="cp285", odo="shift")
    records = [short.encode({"ID": n, "N": n, "TABLE-A": [{"AMT": n}] * n, "BORN": "19"}) for n in range(3)]
    files.data.write_bytes(b"".join(bytes([0, len(r) + 4, 0, 0]) + r for r in records))
    lines, outcome = files.decode("framing=rdw", "odo=shift")
    assert outcome.bad == 0
    assert [len(json.loads(line)["TABLE_A"]) for line in lines.splitlines()] == [0, 1, 2]
    assert files.encode(lines, "framing=rdw", "odo=shift") == files.data.read_bytes()


def test_values_that_do_not_fit_name_their_line(files: Files) -> None:
    """An error of encoding says line and item, and never the value."""
    for line, message, place in (
        (b'{"ID": 1}\n{"ID": 12345}', "more than 3 digits", "lines.jsonl:2: ID"),
        (b"[1]", "no JSON object", "lines.jsonl:1"),
        (b"{", "no JSON", "lines.jsonl:1"),
        (b'{"_raw": {"XX": "00"}}', "no item 'XX'", "lines.jsonl:1"),
        (b'{"_raw": {"ID": "zz"}}', "hexadecimal", "lines.jsonl:1"),
    ):
        with pytest.raises((EncodeError, SettingsError)) as caught:
            files.encode(line)
        assert message in caught.value.what
        assert caught.value.where.startswith(place)
        assert "12345" not in str(caught.value)


def test_settings_are_those_of_adapters(files: Files) -> None:
    """`--set` takes each key of an adapter's format, tables by dots, lists by commas or as TOML."""
    spec = format_of(
        ["profile=ibm-ieee", "frame.rdw_inclusive=false", "framing=rdw", "drop=N,BORN", 'key=["ID"]',
         "bad_values.BORN=null", "century_pivot=50"],
        files.copybook,
    )  # fmt: skip
    assert (spec.dialect, spec.frame.rdw_inclusive, spec.drop) == ("ibm-ieee", False, ("N", "BORN"))
    assert (spec.key, spec.bad_values, spec.century_pivot) == (("ID",), {"BORN": "null"}, 50)
    assert format_of([], files.copybook).key == ()
    for pairs in (["codepage=x"], ["framing=vb"], ["trim=right"], ["framing"], ["drop=[1"]):
        with pytest.raises(SettingsError):
            format_of(pairs, files.copybook)
    with pytest.raises(SettingsError, match="no record 'NOPE'"):
        files.decode("record=NOPE")
    with pytest.raises(SettingsError, match="no output format"):
        files.decode(to="xlsx")
    with pytest.raises(SettingsError, match="no column"):
        files.decode(to="csv", keep_raw=True)


TEXTS = {
    "delimited": (b"ID,NAME\n,Ann\n2,Bob\n", ["delimited.fields=ID:decimal(9,0), NAME"]),
    "fixed_text": (b"   Ann\n2  Bob\n", ['fixed_text.fields=[{name="ID", length=3, type="decimal(9,0)"}, '
                                         '{name="NAME", length=3}]']),
    "xml": (b"<r><p><ID/><NAME>Ann</NAME></p><p><ID>2</ID><NAME>Bob</NAME></p></r>",
            ["xml.records=/r/p", "xml.fields=ID:decimal(9,0),NAME"]),
    "json": (b'{"NAME": "Ann"}\n{"ID": 2, "NAME": "Bob"}\n', ["json.fields=ID:decimal(9,0),NAME"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", TEXTS)
def test_text_formats_need_no_key(tmp_path: Path, kind: str) -> None:
    """A file that is only looked at has no key, so that its first field may be empty, packed files too."""
    content, pairs = TEXTS[kind]
    spec = format_of([f"format={kind}", *pairs], None)
    for name, data in (("plain", content), ("packed.gz", gzip.compress(content))):
        path, out = tmp_path / name, io.BytesIO()
        path.write_bytes(data)
        outcome = decode_file(path, spec, lambda schema, out=out: sink_for("jsonl", out, schema))  # type: ignore[misc]
        assert outcome.clean, outcome
        assert out.getvalue() == b'{"ID":null,"NAME":"Ann"}\n{"ID":"2","NAME":"Bob"}\n'


def test_settings_of_any_depth_are_set(files: Files) -> None:
    """Dots lead through tables of tables; the name of a field may have dots of its own."""
    spec = format_of(
        ["header.when.field=ID", "header.when.equals=0", "bad_values.TABLE-A.AMT=null", "entity=x"],
        files.copybook,
    )
    assert spec.header is not None and (spec.header.when.field, spec.header.when.equals) == ("ID", "0")
    assert spec.bad_values == {"TABLE-A.AMT": "null"}
    spec = format_of(["format=delimited", "delimited.layouts.a=X,Y:decimal(5,2)"], None)
    assert spec.delimited is not None
    assert [f.type for f in spec.delimited.layouts["a"]] == ["text", "decimal(5,2)"]
    for pair, what in (
        ("trim.x=1", "trim has no settings of its own"),
        ("delimited.feilds=A", "no setting 'delimited.feilds'"),
        ("delimited.fields=true", "delimited.fields: Input should be a list"),
    ):
        with pytest.raises(SettingsError) as caught:
            format_of(["format=delimited", pair], None)
        assert caught.value.what == what and caught.value.where == "--set"


def test_bad_values_that_became_null_are_counted(files: Files, tmp_path: Path) -> None:
    """What settings let pass is told, by field, in records of bytes and in texts."""
    _, outcome = files.decode("bad_values.ID=null", "bad_values.N=null", limit=3)
    assert outcome.nulled == {"ID": 1, "N": 1}
    path, out = tmp_path / "claims.csv", io.BytesIO()
    path.write_bytes(b"A,B\nx,1\n2,y\nz,3\n")
    spec = format_of(
        ["format=delimited", "delimited.fields=A:integer,B:integer", "bad_value_default=null"], None
    )
    outcome = decode_file(path, spec, lambda schema: sink_for("jsonl", out, schema))
    assert (outcome.nulled, outcome.bad) == ({"A": 2, "B": 1}, 0)


def test_a_file_that_does_not_fit_is_an_answer(files: Files) -> None:
    """What is wrong with the file is its outcome; what is wrong with the settings is an error of theirs."""
    files.data.write_bytes(gzip.compress(GOOD * 3)[:-9])
    for keep_raw in (False, True):
        _, outcome = files.decode(keep_raw=keep_raw)
        assert outcome.refused is not None and "cut off" in outcome.refused.what and not outcome.clean
    files.data.write_bytes(GOOD[:5])
    _, outcome = files.decode()
    assert outcome.refused is not None and "shorter than one record" in outcome.refused.what
    with pytest.raises(SettingsError) as caught:
        files.decode("key=NOPE")
    assert "NOPE" in caught.value.what


def test_kept_bytes_are_those_of_the_unpacked_file(files: Files) -> None:
    """A compressed file is unpacked before its bytes are kept."""
    files.data.write_bytes(gzip.compress(GOOD))
    assert files.encode(files.decode(keep_raw=True)[0]) == GOOD


VALUES = st.fixed_dictionaries(
    {
        "text": st.none() | st.text(max_size=5),
        "whole": st.none() | st.integers(-(2**63), 2**63 - 1),
        "money": st.none() | st.decimals(-999, 999, places=2),
        "tiny": st.none() | st.decimals(-9, 9, places=12),
        "real": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "day": st.none() | st.dates(datetime.date(1000, 1, 1)),
        "list": st.none() | st.lists(st.none() | st.text(max_size=3), max_size=3),
    }
)
SCHEMA = pa.schema(
    [
        ("text", pa.string()), ("whole", pa.int64()), ("money", pa.decimal128(5, 2)),
        ("tiny", pa.decimal128(20, 12)), ("real", pa.float64()), ("day", pa.date32()),
        ("list", pa.list_(pa.string())),
    ]
)  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(st.lists(VALUES, max_size=4), st.integers(0, 2))
def test_json_by_column_is_json(rows: list[dict[str, Any]], first: int) -> None:
    """Every line parses to the values of its row, whatever stands in them, in slices too."""
    batch = pa.RecordBatch.from_pylist(rows, schema=SCHEMA).slice(first)
    lines = bytes(joined(json_lines(batch))).split(b"\n")[:-1]
    assert len(lines) == max(len(rows) - first, 0)
    for line, row in zip(lines, rows[first:], strict=True):
        expected = {k: f"{v:f}" if isinstance(v, Decimal) else v for k, v in row.items()}
        expected["day"] = None if row["day"] is None else row["day"].isoformat()
        for name, scale in (("money", 2), ("tiny", 12)):
            if row[name] is not None:
                expected[name] = f"{row[name]:.{scale}f}"
        assert json.loads(line) == expected
