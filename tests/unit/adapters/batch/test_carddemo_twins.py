"""CardDemo's files: each EBCDIC file and its ASCII twin give the same rows, but for two rows that differ."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from adapters.batch.format_spec import FormatSpec

CORPORA = os.environ.get("BANYAN_CORPORA", "")
pytestmark = pytest.mark.skipif(
    not CORPORA, reason="BANYAN_CORPORA is not set: the corpora are not in this repo"
)
FOLDER = Path(CORPORA) / "carddemo"


def rows(data: str, **settings: Any) -> list[dict[str, Any]]:
    spec = FormatSpec.model_validate({"entity": "row", **settings} if "records" not in settings else settings)
    path = FOLDER / data
    reading = spec.read_as(FOLDER / "cpy", system="carddemo").reading(path.name, path.stat().st_size)
    found: dict[int, dict[str, Any]] = {}
    with path.open("rb") as stream:
        for chunk in reading.chunks(stream):
            assert not chunk.rejects
            for part in chunk.rows:
                found |= zip(part.record.tolist(), part.batch.to_pylist(), strict=True)
    assert reading.problems() == []
    return [found[n] for n in sorted(found)]


@pytest.mark.parametrize(
    ("ebcdic", "ascii_file", "copybook", "key", "different"),
    [
        ("ACCTDATA", "acctdata", "CVACT01Y", "ACCT-ID", 1),
        ("CARDDATA", "carddata", "CVACT02Y", "CARD-NUM", 0),
        ("CARDXREF", "cardxref", "CVACT03Y", "XREF-CARD-NUM", 0),
        ("CUSTDATA", "custdata", "CVCUS01Y", "CUST-ID", 0),
        ("DALYTRAN", "dailytran", "CVTRA06Y", "DALYTRAN-ID", 0),
        ("DISCGRP", "discgrp", "CVTRA02Y", "DIS-ACCT-GROUP-ID", 1),
        ("TCATBALF", "tcatbal", "CVTRA01Y", "TRANCAT-ACCT-ID", 0),
        ("TRANCATG", "trancatg", "CVTRA04Y", "TRAN-TYPE-CD", 0),
        ("TRANTYPE", "trantype", "CVTRA03Y", "TRAN-TYPE", 0),
    ],
)
def test_twins_are_equal(ebcdic: str, ascii_file: str, copybook: str, key: str, different: int) -> None:
    """The fixed EBCDIC file and the ASCII lines have equal rows, but for one of ACCTDATA and DISCGRP each."""
    settings = {"copybook": f"{copybook}.cpy", "key": [key]}
    one = rows(f"EBCDIC/AWS.M2.CARDDEMO.{ebcdic}.PS", code_page="cp037", **settings)
    other = rows(f"ASCII/{ascii_file}.txt", code_page="ascii", framing="lines", **settings)
    assert len(one) == len(other)
    assert sum(a != b for a, b in zip(one, other, strict=True)) == different


def test_the_export_has_five_record_types() -> None:
    """EXPORT has no twin: each of its 500 records is of one of five types, and all decode."""
    types = {"C": "CUSTOMER", "A": "ACCOUNT", "X": "CARD-XREF", "T": "TRANSACTION", "D": "CARD"}
    records = [
        {"entity": f"type_{letter.lower()}", "key": ["EXPORT-SEQUENCE-NUM"], "group": f"EXPORT-{name}-DATA",
         "when": {"field": "EXPORT-REC-TYPE", "equals": letter}}
        for letter, name in types.items()
    ]  # fmt: skip
    assert len(rows("EBCDIC/AWS.M2.CARDDEMO.EXPORT.DATA.PS", copybook="CVEXPORT.cpy", records=records)) == 500
