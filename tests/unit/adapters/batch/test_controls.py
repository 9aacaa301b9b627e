"""Control totals and trees of records: trailers are held against the file, children find their parents."""

from __future__ import annotations

import io
import tracemalloc
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.batch.codec import RecordCodec
from adapters.batch.format_spec import FormatSpec
from adapters.batch.reference import EXACT
from adapters.batch.totals import Tally
from adapters.extract import Reject
from schemas.errors import SettingsError

COPYBOOK = """
       01  R.
           05  KIND           PIC X.
           05  BODY           PIC X(24).
           05  HEAD REDEFINES BODY.
               10  RUN-DATE   PIC 9(8).
               10  RUN-NO     PIC 9(4).
           05  COMPANY REDEFINES BODY.
               10  CO-ID      PIC X(6).
               10  CO-NAME    PIC 9(6).
           05  DEPT REDEFINES BODY.
               10  DEPT-ID    PIC 9(3).
           05  PAY REDEFINES BODY.
               10  PAY-NO     PIC 9(10).
               10  AMOUNT     PIC S9(5)V99 COMP-3.
           05  TAIL REDEFINES BODY.
               10  N          PIC 9(4).
               10  TOTAL      PIC S9(7)V99.
               10  HASH       PIC 9(4).
"""
CODEC = RecordCodec(COPYBOOK, code_page="ascii")
DETAILS = [
    {"entity": "company", "key": ["CO-ID"], "when": {"field": "KIND", "equals": "C"}, "group": "COMPANY"},
    {"entity": "dept", "key": ["CO-ID", "DEPT-ID"], "when": {"field": "KIND", "equals": "D"}, "group": "DEPT",
     "parent": "company"},
    {"entity": "pay", "key": ["CO-ID", "DEPT-ID", "PAY-NO"], "when": {"field": "KIND", "equals": "P"},
     "group": "PAY", "parent": "dept"},
]  # fmt: skip
FLAT = [{**DETAILS[2], "parent": None, "key": ["PAY-NO"]}]
TOTALS = [{"field": "TOTAL", "sum": "AMOUNT"}, {"field": "HASH", "hash": "PAY-NO"}]
TRAILER = {"when": {"field": "KIND", "equals": "T"}, "count": "N", "totals": TOTALS}
HEADER = {
    "when": {"field": "KIND", "equals": "H"}, "date": "RUN-DATE", "sequence": "RUN-NO",
    "in_name": r"F\.(?P<date>\d{8})\.(?P<sequence>\d+)",
}  # fmt: skip


def pay(number: int, amount: str = "1.50") -> bytes:
    return CODEC.encode({"KIND": "P", "PAY-NO": number, "AMOUNT": amount})


def tail(n: int, total: str, digits: int) -> bytes:
    return CODEC.encode({"KIND": "T", "N": n, "TOTAL": total, "HASH": digits})


def read(
    tmp_path: Path, content: bytes, name: str = "F", **settings: Any
) -> tuple[dict[str, list[dict[str, Any]]], list[Reject], list[str]]:
    (tmp_path / "r.cpy").write_text(COPYBOOK)
    spec = FormatSpec.model_validate({"copybook": "r.cpy", "code_page": "ascii", **settings})
    reading = spec.read_as(tmp_path, system="s").reading(name, len(content))
    rows: dict[str, list[dict[str, Any]]] = {}
    rejects: list[Reject] = []
    for chunk in reading.chunks(io.BytesIO(content), 50):  # type: ignore[call-arg]
        rejects += chunk.rejects
        for part in chunk.rows:
            rows.setdefault(part.entity, []).extend(part.batch.to_pylist())
    return rows, rejects, reading.problems()


@pytest.mark.parametrize(
    ("trailer", "problems"),
    [
        (tail(3, "4.00", 3), []),
        (tail(2, "4.00", 3), ["the trailer says 2 records, the file holds 3"]),
        (tail(3, "4.01", 3), ["the trailer says sum of AMOUNT of pay = 4.01, the file holds 4.00"]),
        (tail(3, "4.00", 4), ["the trailer says hash of PAY_NO of pay = 4, the file holds 3"]),
    ],
)
def test_a_trailer_is_held_against_the_file(tmp_path: Path, trailer: bytes, problems: list[str]) -> None:
    """Count, exact sum (negative amounts too) and hash total modulo 10^4 each have their own problem."""
    content = pay(1) + pay(1_230_001, "-2.50") + pay(9_998_770_001, "5.00") + trailer
    assert read(tmp_path, content, records=FLAT, trailer=TRAILER)[2] == problems


def test_batches_have_trailers_of_their_own(tmp_path: Path) -> None:
    """Each batch trailer covers the records since the one before; a batch without one is noticed."""
    batch = {"trailer": TRAILER}
    sound = pay(1) + pay(2) + tail(2, "3.00", 3) + pay(5) + tail(1, "1.50", 5)
    assert read(tmp_path, sound, records=FLAT, batch=batch)[2] == []
    wrong = pay(1) + tail(2, "1.50", 1) + pay(5)
    assert read(tmp_path, wrong, records=FLAT, batch=batch)[2] == [
        "the batch trailer in record 2 says 2 records, its batch holds 1",
        "the last batch has no batch trailer",
    ]


@pytest.mark.parametrize(
    ("name", "day", "number", "problem"),
    [
        ("F.20261101.7", 20261101, 7, ""),
        ("F.20261102.7", 20261101, 7, "the header's date is 2026-11-01, the file's name says 20261102"),
        ("F.20261101.8", 20261101, 7, "the header's sequence is 7, the file's name says 8"),
        ("F.20261101.7", 20261399, 7, "the header's HEAD.RUN-DATE cannot be read"),
    ],
)
def test_a_header_agrees_with_the_name(
    tmp_path: Path, name: str, day: int, number: int, problem: str
) -> None:
    """Date and sequence of the header are those in the file's name, else the file is held."""
    head = CODEC.encode({"KIND": "H", "RUN-DATE": day, "RUN-NO": number})
    problems = read(tmp_path, head + pay(1), name, records=FLAT, header=HEADER)[2]
    assert len(problems) == bool(problem)
    assert "".join(problems).startswith(problem)


def test_a_header_is_first_and_alone(tmp_path: Path) -> None:
    """No header, two of them, or one that is not the first record: the file is held."""
    head = CODEC.encode({"KIND": "H", "RUN-DATE": 20261101, "RUN-NO": 7})
    for content, problem in (
        (pay(1), "has 0 header records"),
        (head + head + pay(1), "has 2 header records"),
        (pay(1) + head, "the header is record 2, not the first"),
    ):
        assert problem in read(tmp_path, content, records=FLAT, header=HEADER)[2][0]


def test_a_file_of_nothing_but_trailers_is_counted_not_kept(tmp_path: Path) -> None:
    """However many trailers a file has, one is kept; all are counted."""
    (tmp_path / "r.cpy").write_text(COPYBOOK)
    spec = FormatSpec.model_validate(
        {"copybook": "r.cpy", "code_page": "ascii", "records": FLAT, "trailer": TRAILER}
    )
    content = tail(0, "0.00", 0) * 50_000
    reading = spec.read_as(tmp_path, system="s").reading("F", len(content))
    tracemalloc.start()
    for _ in reading.chunks(io.BytesIO(content), 25_000):  # type: ignore[call-arg]
        pass
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "the file has 50000 trailer records; exactly one is expected" in reading.problems()
    assert held < 500_000


def test_children_carry_their_parents_key(tmp_path: Path) -> None:
    """In a tree each row has the key of all above it; an orphan, or a child of a reject, is rejected."""

    def company(name: str) -> bytes:
        return CODEC.encode({"KIND": "C", "CO-ID": name, "CO-NAME": 1})

    def dept(number: int) -> bytes:
        return CODEC.encode({"KIND": "D", "DEPT-ID": number})

    bad = bytearray(dept(9))
    bad[1] = ord("x")
    content = (
        dept(1) + company("A") + dept(1) + pay(1) + pay(2) + dept(2) + pay(3)
        + company("B") + pay(4) + bytes(bad) + pay(5)
    )  # fmt: skip
    rows, rejects, _ = read(tmp_path, content, records=DETAILS)
    assert [(r["CO_ID"], r["DEPT_ID"]) for r in rows["dept"]] == [("A", 1), ("A", 2)]
    found = [(r["CO_ID"], r["DEPT_ID"], r["PAY_NO"]) for r in rows["pay"]]
    assert found == [("A", 1, 1), ("A", 1, 2), ("A", 2, 3)]
    assert [(r.record, r.key_text) for r in rejects] == [(1, None), (9, None), (10, None), (11, None)]
    assert "no company record stands before it" in rejects[0].reason
    assert "no dept record stands before it" in rejects[1].reason
    assert rejects[3].reason == "its dept, record 10, is rejected, so its key is not known"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"records": DETAILS[1:]}, "does not stand before it"),
        (
            {"records": FLAT, "trailer": {**TRAILER, "totals": [{"field": "N", "sum": "CO-ID"}]}},
            "is no field",
        ),
        ({"records": FLAT, "trailer": {**TRAILER, "totals": [{"field": "N", "of": "x"}]}}, "no entity 'x'"),
    ],
)
def test_wrong_settings_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    """A parent behind its child, a sum of no field and a total of no entity are settings errors."""
    with pytest.raises(SettingsError, match=message):
        read(tmp_path, b"", **changes)


@given(
    values=st.lists(st.decimals(-(10**30), 10**30, places=2, allow_nan=False) | st.none(), max_size=30),
    data=st.data(),
)
def test_tallies_are_exact(values: list[Decimal | None], data: st.DataObject) -> None:
    """Any run of any decimals is summed as Python sums them; unread values count apart."""
    bad = np.array([data.draw(st.booleans()) for _ in values], np.bool_)
    record = np.arange(1, len(values) + 1) * 3
    tally = Tally.of(record, pa.array(values, pa.decimal128(38, 2)), bad)
    first, last = data.draw(st.integers(0, 100)), data.draw(st.integers(0, 100))
    inside = [i for i, n in enumerate(record.tolist()) if first <= n <= last]
    total = sum(int((values[i] or Decimal(0)).scaleb(2, EXACT)) for i in inside if not bad[i])
    if first <= last:
        assert tally.between(first, last) == (total, int(bad[inside].sum()))
