"""Files with records of several entities, decoded by hand in one run."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from adapters.batch.conversion import decode_file, format_of, sink_for
from adapters.batch.conversion.place import Places
from hub.cli import main
from schemas.errors import SettingsError

COPYBOOK = """
       01  REC.
           05  KIND      PIC X.
           05  BODY      PIC X(6).
           05  CLAIM REDEFINES BODY.
               10  CLAIM-ID  PIC 9(3).
               10  AMOUNT    PIC 9V99.
           05  PAYEE REDEFINES BODY.
               10  PAYEE-ID  PIC 9(2).
               10  SURNAME   PIC X(4).
"""
RECORDS = (
    'records=[{entity="claim", when={field="KIND", equals=["C"]}, group="CLAIM", key=["CLAIM-ID"]},'
    '{entity="payee", when={field="KIND", equals=["P"]}, group="PAYEE", key=["PAYEE-ID"]}]'
)
#: A claim, a payee, a kind that nobody knows, a claim with a bad amount, a claim, a payee.
LINES = ["C001100", "P01ADA ", "X99XXXX", "C0022X0", "C003300", "P02BOB "]

Write = Callable[[list[str]], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    (tmp_path / "rec.cpy").write_text(COPYBOOK)

    def written(lines: list[str]) -> Path:
        path = tmp_path / "data"
        path.write_bytes("".join(lines).encode("cp037"))
        return path

    return written


def decoded(path: Path, *pairs: str, to: str = "jsonl", **options: Any) -> tuple[bytes, Any]:
    out = io.BytesIO()
    spec = format_of(["code_page=037", RECORDS, *pairs], path.parent / "rec.cpy")
    outcome = decode_file(path, spec, lambda schema: sink_for(to, out, schema), **options)
    return out.getvalue(), outcome


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


def test_rows_stand_in_the_order_of_the_file_with_their_entity(write: Write) -> None:
    """Each line names its entity, and bad records stand where the file has them."""
    text, outcome = decoded(write(LINES))
    rows = [json.loads(line) for line in text.splitlines()]
    assert [row.get("_entity") for row in rows] == ["claim", "payee", None, None, "claim", "payee"]
    assert rows[0] == {"_entity": "claim", "KIND": "C", "CLAIM_ID": 1, "AMOUNT": "1.00"}
    assert rows[1] == {"_entity": "payee", "KIND": "P", "PAYEE_ID": 1, "SURNAME": "ADA"}
    assert [row["_record"] for row in rows if "_error" in row] == [3, 4]
    assert (outcome.records, outcome.bad) == (6, 2)


def test_rejects_in_a_file_of_their_own(write: Write) -> None:
    """With a file for bad records only rows are left, still in their order."""
    bad = io.BytesIO()
    text, _ = decoded(write(LINES), rejects=bad)
    assert [json.loads(line)["_entity"] for line in text.splitlines()] == ["claim", "payee", "claim", "payee"]
    assert len(bad.getvalue().splitlines()) == 2


def test_a_limit_and_places(write: Write) -> None:
    """A limit counts records of all kinds; places stand behind the entity."""
    text, outcome = decoded(write(LINES), limit=2, places=Places())
    rows = [json.loads(line) for line in text.splitlines()]
    assert [(row["_entity"], row["_record"], row["_offset"]) for row in rows] == [
        ("claim", 1, 0),
        ("payee", 2, 7),
    ]
    assert outcome.records == 2


def test_an_empty_file_gives_nothing(write: Write) -> None:
    """A file without a record gives no line, and says so."""
    text, outcome = decoded(write([]))
    assert text == b"" and outcome.problems == ["the file holds no record"]


@pytest.mark.parametrize("to", ["csv", "parquet"])
def test_one_table_cannot_hold_them(write: Write, to: str) -> None:
    """Rows of several entities do not fit one table; the message says what does."""
    with pytest.raises(SettingsError, match="do not fit one table") as caught:
        decoded(write(LINES), to=to)
    assert "{entity}" in caught.value.fix


def test_segments_are_numbered_in_one_entity_only(write: Write) -> None:
    """Numbering segments needs one entity that holds them all."""
    with pytest.raises(SettingsError, match="2 entities"):
        decoded(write(LINES), places=Places.parse("KIND=C,P"))


def test_a_file_for_each_entity(write: Write, tmp_path: Path) -> None:
    """`{entity}` in the name of the output makes a table of each entity's rows; bad records end with 1."""
    common = ["decode", str(write(LINES)), "-c", str(tmp_path / "rec.cpy"), "--set", "code_page=037"]
    common += ["--set", RECORDS]
    assert run(*common, "--to", "csv", "-o", str(tmp_path / "out-{entity}.csv")) == 1
    rows = {p.name: list(csv.DictReader(p.open())) for p in tmp_path.glob("out-*.csv")}
    assert rows == {
        "out-claim.csv": [
            {"KIND": "C", "CLAIM_ID": "1", "AMOUNT": "1.00"},
            {"KIND": "C", "CLAIM_ID": "3", "AMOUNT": "3.00"},
        ],
        "out-payee.csv": [
            {"KIND": "P", "PAYEE_ID": "1", "SURNAME": "ADA"},
            {"KIND": "P", "PAYEE_ID": "2", "SURNAME": "BOB"},
        ],
    }
    assert run(*common, "--to", "parquet", "-o", str(tmp_path / "{entity}.parquet")) == 1
    assert pq.read_table(tmp_path / "payee.parquet").column("SURNAME").to_pylist() == ["ADA", "BOB"]


def test_good_files_end_with_zero_and_a_wrong_folder_with_two(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file of known records is done; an output that cannot be written is wrong use and names its file."""
    common = ["decode", str(write(["C001100", "P01ADA "])), "-c", str(tmp_path / "rec.cpy")]
    common += ["--set", "code_page=037", "--set", RECORDS]
    assert run(*common, "-o", str(tmp_path / "{entity}.jsonl")) == 0
    assert json.loads((tmp_path / "claim.jsonl").read_text())["CLAIM_ID"] == 1
    assert run(*common, "-o", str(tmp_path / "no" / "{entity}.jsonl")) == 2
    assert "claim.jsonl" in capsys.readouterr().err
