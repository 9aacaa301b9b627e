"""Key text, its twin, and pseudonyms."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.entity import Entity, Field
from schemas.errors import Terminal
from schemas.key_text import key_text, key_text_of, pseudonym, pseudonyms

FIELDS = (
    Field("text", "string"),
    Field("number", "long"),
    Field("money", {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 2}),
    Field("fine", {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 9}),
    Field("day", {"type": "int", "logicalType": "date"}),
    Field("moment", {"type": "long", "logicalType": "timestamp-millis"}),
    Field("flag", "boolean"),
    Field("raw", "bytes"),
)
EVERY = Entity("s", "e", FIELDS, tuple(f.name for f in FIELDS))

ROWS = st.fixed_dictionaries(
    {
        "text": st.text(max_size=8) | st.sampled_from(["  a b ", "\x00", "é\t"]),
        "number": st.integers(-(2**63), 2**63 - 1),
        "money": st.integers(-(10**20) + 1, 10**20 - 1).map(lambda n: Decimal(n).scaleb(-2)),
        "fine": st.integers(-(10**12) + 1, 10**12 - 1).map(lambda n: Decimal(n).scaleb(-9)),
        "day": st.dates(),
        "moment": st.datetimes(timezones=st.just(UTC)).map(
            lambda d: d.replace(microsecond=d.microsecond // 1000 * 1000)
        ),
        "flag": st.booleans(),
        "raw": st.binary(max_size=4),
    }
)


@settings(max_examples=60, deadline=None)
@given(st.lists(ROWS, max_size=6))
def test_equals_its_twin(rows: list[dict[str, Any]]) -> None:
    """The column form gives the scalar form's text for every type that may be a key."""
    batch = pa.RecordBatch.from_pylist(rows, schema=EVERY.arrow_schema())
    assert key_text(EVERY, batch).to_pylist() == [key_text_of(EVERY, row) for row in rows]


def test_the_text_itself() -> None:
    """Texts are trimmed, decimals stand at their declared scale, dates are ISO, U+001F separates."""
    row = {
        "text": " QQ12 ",
        "number": -7,
        "money": Decimal("84.8"),
        "fine": Decimal("0.000000001"),
        "day": date(2023, 4, 1),
        "moment": datetime(2023, 4, 1, 12, tzinfo=UTC),
        "flag": True,
        "raw": b"\x0f",
    }
    assert key_text_of(EVERY, row).split("\x1f") == [
        "QQ12", "-7", "84.80", "0.000000001", "2023-04-01", "2023-04-01T12:00:00.000Z", "true", "0f",
    ]  # fmt: skip


def test_declared_order_not_column_order() -> None:
    """The key's order decides, whatever the batch's."""
    entity = Entity("s", "e", (Field("a", "string"), Field("b", "string")), ("b", "a"))
    assert key_text(entity, pa.record_batch({"a": ["1"], "b": ["2"]})).to_pylist() == ["2\x1f1"]


def test_null_in_the_key() -> None:
    """A null key field is refused by both forms, without showing any content."""
    entity = Entity("s", "e", (Field("a", "string"),), ("a",))
    with pytest.raises(Terminal, match="'a' is null"):
        key_text(entity, pa.record_batch([pa.array(["secret", None])], names=["a"]))
    with pytest.raises(Terminal, match="'a' is null"):
        key_text_of(entity, {"a": None})


def test_pseudonym_is_hmac_sha256() -> None:
    """A pseudonym is RFC 4231's HMAC-SHA256 (test case 2) and the column form agrees."""
    digest = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert pseudonym(b"Jefe", "what do ya want for nothing?") == digest
    assert pseudonyms(b"Jefe", pa.array(["what do ya want for nothing?"])).to_pylist() == [digest]
