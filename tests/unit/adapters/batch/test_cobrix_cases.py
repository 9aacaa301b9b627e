"""Public Cobrix cases that fit fixed-length files: the decoder says what their expected files say."""

from __future__ import annotations

import json
import os
import unicodedata
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapters.batch.codepage import CodePage
from adapters.batch.copybook import layouts, parse
from adapters.batch.decoder import decode
from adapters.batch.plan import plan
from adapters.batch.reference import Trim

CORPORA = os.environ.get("BANYAN_CORPORA", "")
pytestmark = pytest.mark.skipif(
    not CORPORA, reason="BANYAN_CORPORA is not set: the corpora are not in this repo"
)


def rows(copybook: str, data: str, page: str, trim: Trim = "both", **options: Any) -> list[dict[str, Any]]:
    folder = Path(CORPORA) / "cobrix"
    (layout,) = layouts(parse((folder / copybook).read_text(), source=copybook))
    made = plan(layout, system="s", entity="e", **options)
    raw = np.frombuffer((folder / data).read_bytes(), np.uint8)
    found = decode(raw.reshape(-1, layout.length), made, CodePage.named(page), trim)
    assert not found.bad
    return found.batch.to_pylist()


def expected(name: str) -> list[dict[str, Any]]:
    text = (Path(CORPORA) / "cobrix" / name).read_text(encoding="utf-8")
    return [json.loads(line, parse_float=Decimal) for line in text.split("\n") if line]


def flat(row: dict[str, Any]) -> dict[str, Any]:
    """Return an expected row without its groups, as our rows are; tables stay."""
    out: dict[str, Any] = {}
    for name, value in row.items():
        out |= flat(value) if isinstance(value, dict) else {name: value}
    return out


def test_case_3_trims_as_told() -> None:
    """Case 3: DISPLAY text, a digit and a scaled BINARY, with and without trimming."""
    for trim, name in (("none", "test3_trim_none"), ("both", "test3_trim_both")):
        found = rows(
            "test3_copybook.cob", "test3_data/TRAN2.AUG31.DATA.dat", "cp037", trim, key=["COMPANY-ID"]
        )
        wanted = [r for r in found if r["SIGNATURE"] == "S9276511"][:60]
        for row in wanted:
            # The expected file shows LOW-VALUES as blanks; `none` gives them as they are.
            row["COMPANY_NAME"] = row["COMPANY_NAME"].replace("\0", " ")
        assert wanted == expected(f"test3_expected/{name}.txt")


def shown(value: Any) -> str:
    """Return text with control characters as blanks, trimmed: not every expected file shows them."""
    return "".join(" " if unicodedata.category(c) == "Cc" else c for c in str(value)).strip()


@pytest.mark.parametrize("page", ["cp037", "cp273", "cp500", "cp1140", "cp1141", "cp1148"])
def test_case_9_has_each_code_page(page: str) -> None:
    """Case 9: every character of each page that is no control character, and no difference but one."""
    found = rows("test9_copybook.cob", "test9_data/TRAN.APR14.NPT.DATA.dat", page, "none", key=["COMPANY-ID"])
    wanted = [r for r in found if r["SIGNATURE"] == "S9276511"][:60]
    for ours, theirs in zip(wanted, expected(f"test9_expected/test9_{page}.txt"), strict=True):
        # 0xBC of page 273: an overline in Python's table, a macron in Java's.
        assert {k: shown(v).replace("\u203e", "\u00af") for k, v in ours.items()} == {
            k: shown(v) for k, v in theirs.items()
        }


def test_case_1_has_redefinitions_and_a_counted_table() -> None:
    """Case 1: COMP, COMP-3, REDEFINES, and OCCURS DEPENDING ON at its greatest size."""
    found = rows(
        "test1_copybook.cob", "test1_data/example.bin", "cp037", key=["ID"],
        redefinitions=["COMPANY-ID-STR", "ACCOUNT-TYPE-X"],
    )  # fmt: skip
    for row in found:
        # Case 1's page shows control characters of the redefinitions as blanks.
        row["COMPANY_ID_STR"] = "".join(c for c in row["COMPANY_ID_STR"] if c.isprintable()).strip()
        for item in row["ACCOUNT_DETAIL"]:
            item["ACCOUNT_TYPE_X"] = "".join(c for c in item["ACCOUNT_TYPE_X"] if c.isprintable()).strip()
    assert found == [flat(row) for row in expected("test1_expected/test1.txt")]
