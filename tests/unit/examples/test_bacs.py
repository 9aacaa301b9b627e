"""The worked example of BACS Standard 18: totals of both sides are held against the file."""

from __future__ import annotations

import datetime
import io
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest

from adapters.batch.spec import BatchSpec
from adapters.extract import Reject
from examples.bacs.standard18 import CANCEL, CONVERT, CREDIT, DEBIT, NEW, Item, standard18

SETTINGS = Path(__file__).parents[3] / "examples/bacs/adapters/standard18/adapter.toml"
ITEMS = [Item("AWARD 1", CREDIT, 12345), Item("AWARD 2", CREDIT, 5), Item("REFUND 1", DEBIT, 999)]
FILE = standard18(ITEMS, datetime.date(2026, 11, 24))


def read(text: str) -> tuple[dict[str, dict[str, Decimal]], list[Reject], list[str]]:
    spec = BatchSpec.model_validate(tomllib.loads(SETTINGS.read_text()))
    reading = spec.read_as(SETTINGS.parent, system="payments").reading("x.bacs", len(text))
    rows: dict[str, dict[str, Decimal]] = {"debit": {}, "credit": {}, "instruction": {}}
    rejects: list[Reject] = []
    for chunk in reading.chunks(io.BytesIO(text.encode())):
        for part in chunk.rows:
            rows[part.entity] |= {r["REFERENCE"]: r["AMOUNT"] for r in part.batch.to_pylist()}
        rejects += chunk.rejects
    return rows, rejects, reading.problems()


def test_payments_and_contra_are_read() -> None:
    """Amounts in pence come exact; labels are left out; the totals of both sides agree."""
    rows, rejects, problems = read(FILE)
    assert rows["credit"] == {"AWARD 1": Decimal("123.45"), "AWARD 2": Decimal("0.05")}
    assert rows["debit"] == {"REFUND 1": Decimal("9.99"), "CONTRA": Decimal("113.51")}
    assert not rejects and not problems


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "UTL10000000012350",
            "UTL10000000012351",
            "says sum of AMOUNT of debit = 123.51, the file holds 123.50",
        ),
        ("0000000012350000000200", "0000000012350000000300", "says 3 records, the file holds 2"),
        ("UTL1", "UTLX", "has 0 trailer records"),
        ("UHL1", "UHLX", "has 0 header records"),
    ],
)
def test_a_wrong_total_holds_the_file(old: str, new: str, problem: str) -> None:
    """A trailer that does not agree, or is missing, makes the file incomplete: it deletes nothing."""
    assert old in FILE
    assert any(problem in found for found in read(FILE.replace(old, new))[2])


def test_labels_and_records_stand_where_the_standard_has_them() -> None:
    """Lengths and places of every record, as public descriptions of Standard 18 give them."""
    lines = FILE.splitlines()
    vol, hdr1, hdr2, uhl, *items, contra, eof1, eof2, utl = lines
    assert {len(line) for line in (vol, hdr1, hdr2, uhl, eof1, eof2, utl)} == {80}
    assert {len(line) for line in (*items, contra)} == {100}
    assert (vol[:10], vol[41:47], vol[79]) == ("VOL1000001", "123456", "1")
    assert hdr1[4:27] == "A123456S  1123456000001" and hdr1[27:35] == "00010001"
    assert (hdr1[41:47], hdr1[47:53]) == (" 26328", " 27053")
    assert (hdr2[4], hdr2[5:10], hdr2[10:15]) == ("F", "02000", "00100")
    assert (uhl[4:10], uhl[10:16], uhl[28:37]) == (" 26328", "999999", "1 DAILY  ")
    assert (eof1[4:], eof2[4:]) == (hdr1[4:], hdr2[4:])
    assert (contra[:14], contra[15:17], contra[64:82].rstrip()) == (contra[17:31], "17", "CONTRA")
    assert (utl[4:17], utl[17:30], utl[30:37], utl[37:44]) == (
        "0000000012350", "0000000012350", "0000002", "0000002"
    )  # fmt: skip


def test_records_may_have_days_of_their_own() -> None:
    """In a file of the kind MULTI records have 106 characters, and each its processing day."""
    text = standard18(ITEMS, datetime.date(2026, 11, 24), multi=True)
    assert {len(line) for line in text.splitlines()} == {80, 106}
    spec = BatchSpec.model_validate(tomllib.loads(SETTINGS.read_text()))
    reading = spec.read_as(SETTINGS.parent, system="payments").reading("x.bacs", len(text))
    days = {
        row["PROCESSING_DAY"]
        for chunk in reading.chunks(io.BytesIO(text.encode()))
        for part in chunk.rows
        for row in part.batch.to_pylist()
    }
    assert days == {datetime.date(2026, 11, 24)} and not reading.problems()


def test_a_cut_file_is_incomplete() -> None:
    """Wherever a file is cut, it is never taken for a whole one."""
    for stop in range(0, len(FILE) - 40, 13):
        assert read(FILE[:stop])[2]


MIXED = standard18(
    [*ITEMS, Item("RENT 1", NEW, 0), Item("RENT 2", CANCEL, 0), Item("RENT 3", CONVERT, 0)],
    datetime.date(2026, 11, 24),
)


def test_instructions_are_read_beside_payments() -> None:
    """Codes 0N, 0C and 0S are instructions of their own kind: no money, no part of either side's total."""
    rows, rejects, problems = read(MIXED)
    assert rows["instruction"] == dict.fromkeys(("RENT 1", "RENT 2", "RENT 3"), Decimal("0.00"))
    assert set(rows["debit"]) == {"REFUND 1", "CONTRA"} and set(rows["credit"]) == {"AWARD 1", "AWARD 2"}
    assert not rejects and not problems


def test_a_file_of_instructions_alone_has_no_contra() -> None:
    """Where no money moves there is nothing to balance; both sides' totals are zero."""
    text = standard18([Item("RENT 1", NEW, 0)], datetime.date(2026, 11, 24), multi=True)
    assert "CONTRA" not in text
    assert text.splitlines()[-1] == f"UTL1{0:040}{'':8}0000001{'':21}"
    rows, rejects, problems = read(text)
    assert rows == {"debit": {}, "credit": {}, "instruction": {"RENT 1": Decimal("0.00")}}
    assert not rejects and not problems


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (f"{'':8}0000003", f"{'':8}0000002", "says 2 records, the file holds 3"),
        ("00N", "00X", "says 3 records, the file holds 2"),
    ],
)
def test_wrong_instructions_hold_the_file(old: str, new: str, problem: str) -> None:
    """A count of instructions that does not agree, or a code that the standard does not have, is told."""
    assert old in MIXED
    assert any(problem in found for found in read(MIXED.replace(old, new))[2])


def test_a_code_that_nobody_knows_is_a_reject() -> None:
    """A record with another transaction code is a reject, not a payment."""
    _, [reject], problems = read(MIXED.replace("00N", "00X"))
    assert reject.reason == "unknown record type" and problems


def test_a_blank_count_of_instructions_is_told() -> None:
    """A label that says nothing of instructions promises nothing, so the file is not taken for whole."""
    _, rejects, [problem] = read(FILE.replace(f"{'':8}0000000{'':21}", f"{'':36}"))
    assert problem == "the trailer's INSTRUCTION-COUNT cannot be read: it is empty" and not rejects


def test_an_unreadable_amount_is_a_reject() -> None:
    """A bad amount is a reject with its key, and the total says that it is missing."""
    rows, rejects, problems = read(FILE.replace("00000012345", "0000001X345"))
    assert rejects[0].key_text == "AWARD 1" and rejects[0].field_path == "AMOUNT"
    assert "could not be read" in problems[0] and "AWARD 1" not in rows["credit"]
