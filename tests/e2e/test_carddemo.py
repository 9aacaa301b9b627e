"""CardDemo's real files through Kafka to the API: every field equals the ASCII twin."""

import os
from decimal import Decimal
from pathlib import Path

import pytest

from adapters.batch.commands import layout_rows
from schemas.names import api_name, avro_name

ESTATE = "carddemo"
CORPORA = os.environ.get("BANYAN_CORPORA")
pytestmark = [
    pytest.mark.timeout(400),
    pytest.mark.skipif(not CORPORA, reason="BANYAN_CORPORA does not name the corpora"),
]
#: Collection, EBCDIC file, ASCII twin, copybook, key fields, rows that really differ between the twins.
FILES = [
    ("accounts", "ACCTDATA", "acctdata", "CVACT01Y", ["acct_id"], 1),
    ("cards", "CARDDATA", "carddata", "CVACT02Y", ["card_num"], 0),
    ("card_xrefs", "CARDXREF", "cardxref", "CVACT03Y", ["xref_card_num"], 0),
    ("customers", "CUSTDATA", "custdata", "CVCUS01Y", ["cust_id"], 0),
    ("daily_transactions", "DALYTRAN", "dailytran", "CVTRA06Y", ["dalytran_id"], 0),
    ("disclosure_groups", "DISCGRP", "discgrp", "CVTRA02Y", None, 1),
    ("category_balances", "TCATBALF", "tcatbal", "CVTRA01Y", None, 0),
    ("transaction_categories", "TRANCATG", "trancatg", "CVTRA04Y", None, 0),
    ("transaction_types", "TRANTYPE", "trantype", "CVTRA03Y", None, 0),
]
#: Overpunch of ASCII zoned decimals: the last character holds digit and sign.
POSITIVE, NEGATIVE = "{ABCDEFGHI", "}JKLMNOPQR"


@pytest.mark.parametrize(("collection", "file", "twin", "copybook", "key", "differing"), FILES)
def test_every_field_of_every_row_equals_its_ascii_twin(
    running, collection, file, twin, copybook, key, differing
) -> None:
    """Each row at the API equals the ASCII twin's, field by field, apart from the row that really differs."""
    text = _twin(twin).read_text("latin-1")
    rows = layout_rows((Path(CORPORA) / "carddemo" / "cpy" / f"{copybook}.cpy").read_text())
    fields = [r for r in rows if r["picture"] and r["name"] != "FILLER"]
    wanted = sorted(_row(line, fields) for line in text.splitlines() if line.strip())

    def served():
        found = running.rows(collection)
        return found if len(found) == len(wanted) else None

    found = running.until(served, f"{len(wanted)} rows of {collection}")
    names = [api_name(avro_name(f["name"])) for f in fields]
    shown = sorted(tuple(_text(row[name]) for name in names) for row in found)
    assert len(set(wanted) - set(shown)) == differing
    assert len(set(shown) - set(wanted)) == differing


def test_every_exported_record_is_served(running) -> None:
    """The export file's records of five types are rows of five collections, none lost."""
    size = next((Path(CORPORA) / "carddemo" / "EBCDIC").glob("*EXPORT*")).stat().st_size
    collections = [f"export_{n}s" for n in ("customer", "account", "transaction", "card_xref", "card")]
    running.until(
        lambda: sum(len(running.rows(c)) for c in collections) == size // 500,
        "all exported records are served",
    )


def test_a_customer_is_one_document(running) -> None:
    """A customer's document holds the accounts, cards and transactions that hang on the customer's cards."""
    customer = running.until(lambda: running.rows("customers"), "customers are served")[0]["cust_id"]
    status, document, _ = running.get("api", f"/v1/customer_documents/{customer}")
    assert status == 200
    cards = {x["xref_card_num"] for x in running.rows("card_xrefs") if x["xref_cust_id"] == customer}
    assert {c["card_num"] for c in document["cards"]} == cards
    transactions = [
        t["dalytran_id"] for t in running.rows("daily_transactions") if t["dalytran_card_num"] in cards
    ]
    assert sorted(t["dalytran_id"] for t in document["transactions"]) == sorted(transactions)


def _twin(name: str) -> Path:
    folder = Path(CORPORA) / "carddemo" / "ASCII"
    return next(p for p in folder.iterdir() if p.stem.lower() == name)


def _row(line, fields):
    return tuple(_value(line[f["offset"] : f["offset"] + f["length"]], f["picture"].upper()) for f in fields)


def _value(text: str, picture: str) -> str:
    """Read a DISPLAY field of an ASCII record without any code of ours."""
    if "X" in picture or "A" in picture:
        return text.strip()
    scale = _digits(picture.split("V")[1]) if "V" in picture else 0
    sign = 1
    if picture.startswith("S"):
        last = text[-1]
        if last in NEGATIVE:
            sign, text = -1, text[:-1] + str(NEGATIVE.index(last))
        elif last in POSITIVE:
            text = text[:-1] + str(POSITIVE.index(last))
    return str((Decimal(sign) * Decimal(int(text))).scaleb(-scale)) if scale else str(sign * int(text))


def _digits(picture: str) -> int:
    count, i = 0, 0
    while i < len(picture):
        if picture[i : i + 2] == "9(":
            end = picture.index(")", i)
            count, i = count + int(picture[i + 2 : end]), end + 1
        else:
            count, i = count + (picture[i] == "9"), i + 1
    return count


def _text(value) -> str:
    return "" if value is None else str(value).strip()
