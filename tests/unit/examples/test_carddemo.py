"""The CardDemo estate against the ASCII twins of its EBCDIC files."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from adapters.batch.commands import layout_rows
from adapters.batch.spec import BatchSpec
from adapters.catalogue import load_adapter

ESTATE = Path(__file__).parents[3] / "examples" / "carddemo"
CORPORA = os.environ.get("BANYAN_CORPORA", "")
pytestmark = pytest.mark.skipif(
    not CORPORA, reason="BANYAN_CORPORA is not set: the corpora are not in this repo"
)

#: adapter, its ASCII twin, and the fields that really differ, by row (from 0)
TWINS: list[tuple[str, str, dict[int, set[str]]]] = [
    ("accounts", "acctdata", {48: {"ACCT_ADDR_ZIP"}}),
    ("cards", "carddata", {}),
    ("card_xrefs", "cardxref", {}),
    ("customers", "custdata", {}),
    ("daily_transactions", "dailytran", {}),
    ("disclosure_groups", "discgrp", {33: {"DIS_INT_RATE"}}),
    ("category_balances", "tcatbal", {}),
    ("transaction_categories", "trancatg", {}),
    ("transaction_types", "trantype", {}),
]


@pytest.fixture(autouse=True)
def absolute_corpora(monkeypatch: pytest.MonkeyPatch) -> None:
    """An estate's paths start at the adapter's folder, so the variable must hold an absolute path."""
    monkeypatch.setenv("BANYAN_CORPORA", str(Path(CORPORA).resolve()))


def spec_of(name: str) -> BatchSpec:
    spec = load_adapter(ESTATE / "adapters" / name)
    assert isinstance(spec, BatchSpec)
    return spec


def decoded(name: str) -> dict[str, pa.Table]:
    """Return the rows of an adapter's file by entity, refusing any reject or problem."""
    adapter = spec_of(name).open(ESTATE / "adapters" / name)
    (extract,) = adapter.poll()
    batches: dict[str, list[pa.RecordBatch]] = {entity: [] for entity in adapter.entities}
    for chunk in extract.chunks():
        assert not chunk.rejects
        for rows in chunk.rows:
            batches[rows.entity].append(rows.batch)
    assert not extract.problems()
    return {entity: pa.Table.from_batches(parts) for entity, parts in batches.items()}


def twin_rows(twin: str, copybook: Path) -> Iterator[dict[str, Any]]:
    """Read the ASCII twin with string slices only: nothing of the decoder under test."""
    fields = [r for r in layout_rows(copybook.read_text()) if r["picture"] and r["name"] != "FILLER"]
    text = (Path(CORPORA) / "carddemo" / "ASCII" / f"{twin}.txt").read_text(encoding="ascii")
    for line in text.replace("\r", "").splitlines():
        yield {
            f["name"].replace("-", "_"): _slice(line[f["offset"] : f["offset"] + f["length"]], f["picture"])
            for f in fields
        }


def _slice(text: str, picture: str) -> Any:
    if picture.startswith("X"):
        return text.rstrip(" \0")
    if picture.startswith("9"):
        return int(text)
    digit, sign = (text[-1], 1) if text[-1].isdigit() else (None, 0)
    if digit is None:
        plus = "{ABCDEFGHI"
        sign = 1 if text[-1] in plus else -1
        digit = str((plus if sign > 0 else "}JKLMNOPQR").index(text[-1]))
    return sign * Decimal(int(text[:-1] + digit)).scaleb(-2)


@pytest.mark.parametrize(("name", "twin", "differing"), TWINS)
def test_each_field_of_each_row_equals_the_ascii_twin(
    name: str, twin: str, differing: dict[int, set[str]]
) -> None:
    """Every field of every EBCDIC row equals its ASCII twin, apart from the two rows that really differ."""
    spec = spec_of(name)
    (table,) = decoded(name).values()
    dated = {field.upper().replace("-", "_") for field in spec.dates}
    expected = list(twin_rows(twin, Path(spec.copybook)))
    actual = table.to_pylist()
    assert len(actual) == len(expected)
    found = {}
    for index, (ours, theirs) in enumerate(zip(actual, expected, strict=True)):
        theirs = {k: datetime.date.fromisoformat(v) if k in dated else v for k, v in theirs.items()}
        assert set(ours) == set(theirs)
        if unequal := {name for name in ours if ours[name] != theirs[name]}:
            found[index] = unequal
    assert found == differing


def test_the_export_holds_five_entities() -> None:
    """The export's 500 records become five entities by redefinition, COMP and COMP-3 among their fields."""
    tables = decoded("export")
    assert {name: len(t) for name, t in tables.items()} == {
        "export_customer": 50,
        "export_account": 50,
        "export_transaction": 300,
        "export_card_xref": 50,
        "export_card": 50,
    }
    transactions = {r["EXP_TRAN_ID"]: r for r in tables["export_transaction"].to_pylist()}
    daily = decoded("daily_transactions")["daily_transaction"].to_pylist()
    assert {r["DALYTRAN_ID"]: abs(r["DALYTRAN_AMT"]) for r in daily} == {
        k: abs(r["EXP_TRAN_AMT"]) for k, r in transactions.items()
    }
    lines = tables["export_customer"].to_pylist()[0]["EXP_CUST_ADDR_LINES"]
    assert [line["EXP_CUST_ADDR_LINE"] for line in lines] == [
        "618 DESHAUN ROUTE",
        "APT. 802",
        "ALTENWERTHSHIRE",
    ]


def test_a_wrong_copybook_is_refused_with_the_remedy() -> None:
    """A copybook of another record length is told at once: what, where, and what to do."""
    spec = spec_of("accounts").model_copy(
        update={"copybook": spec_of("cards").copybook, "key": ("CARD-NUM",), "dates": {}}
    )
    with pytest.raises(Exception, match="record_length says 300"):
        spec.open(ESTATE / "adapters" / "accounts")
