"""The change event's bytes are what fastavro makes of the same records."""

from __future__ import annotations

import io
from typing import Any

import fastavro
import numpy as np
import pyarrow as pa
import pytest

from schemas import wire
from schemas.codec import Decoder, reference
from schemas.entity import Entity, Field
from schemas.envelope import EnvelopeEncoder, Source, envelope_schema

ENTITY = Entity("paymaster", "award", (Field("claim_no", "int"), Field("name", "string")), ("claim_no",))
SCHEMA = envelope_schema("uc.paymaster.award", ENTITY, "uc")
SOURCE = Source(
    "banyan-batch",
    "uc",
    "paymaster",
    "award",
    "awards",
    "ex-1",
    1_700_000_000_123,
    "business",
    1_700_000_001_000,
    file="A.D1",
)


def image(row: dict[str, Any] | None) -> bytes | None:
    return None if row is None else reference.encode([row], ENTITY.value_schema("t"))[0]


def expected(
    op: str, before: Any, after: Any, record: Any, offset: Any, total: Any, order: Any, snapshot: Any
) -> dict[str, Any]:
    ms, at = SOURCE.ts_ms, SOURCE.at_ms
    return {
        "before": before,
        "after": after,
        "source": {
            "version": "1", "connector": "banyan-batch", "name": "uc", "ts_ms": ms, "snapshot": snapshot,
            "db": "paymaster", "sequence": None, "ts_us": ms * 1000, "ts_ns": ms * 1_000_000,
            "table": "award",
            "adapter": "awards", "ts_kind": "business", "extract": "ex-1", "file": "A.D1", "operation": None,
            "message_id": None, "record": record, "offset": offset,
        },
        "transaction": {"id": "ex-1", "total_order": total, "data_collection_order": order},
        "op": op, "ts_ms": at, "ts_us": at * 1000, "ts_ns": at * 1_000_000,
    }  # fmt: skip


ONE, TWO = {"claim_no": 1, "name": "Ann"}, {"claim_no": 2, "name": None}
MIXED = [
    expected("r", None, ONE, 1, 0, 1, 1, "first"),
    expected("c", None, TWO, 70, None, 2, 200, None),
    expected("u", ONE, TWO, None, 123456789, 300, 3, None),
    expected("d", TWO, None, None, None, 4, 4, "last"),
]


@pytest.mark.parametrize("rows", [MIXED, MIXED[:2], MIXED[3:], []])
def test_equals_fastavro(rows: list[dict[str, Any]]) -> None:
    """Every mixture of operations gives the reference's bytes behind the wire header."""
    values = EnvelopeEncoder(7, SOURCE).encode(
        np.array([ord(r["op"]) for r in rows], np.uint8),
        pa.array([image(r["before"]) for r in rows], pa.binary()),
        pa.array([image(r["after"]) for r in rows], pa.large_binary()),
        record=np.array([-1 if (v := r["source"]["record"]) is None else v for r in rows], np.int64),
        offset=np.array([-1 if (v := r["source"]["offset"]) is None else v for r in rows], np.int64),
        total_order=np.array([r["transaction"]["total_order"] for r in rows], np.int64),
        order=np.array([r["transaction"]["data_collection_order"] for r in rows], np.int64),
        snapshot=[r["source"]["snapshot"] for r in rows],
    )
    assert values.to_pylist() == [wire.frame(7, v) for v in reference.encode(rows, SCHEMA)]
    assert Decoder(SCHEMA).decode(values, skip=wire.HEADER).batch.to_pylist() == rows


def test_without_transaction_and_markers() -> None:
    """The transaction block and the snapshot marker may be left out."""
    one = np.array([1], np.int64)
    value = (
        EnvelopeEncoder(1, SOURCE)
        .encode(
            np.array([ord("c")], np.uint8),
            pa.nulls(1, pa.large_binary()),
            pa.array([image(ONE)]),
            record=one,
            offset=one,
        )[0]
        .as_py()
    )
    event: Any = fastavro.schemaless_reader(io.BytesIO(value[5:]), reference.parse(SCHEMA), None)
    assert event["transaction"] is None
    assert event["source"]["snapshot"] is None


def test_field_order_is_debeziums() -> None:
    """The envelope's fields stand in Debezium's order and its records carry the topic's name."""
    assert [f["name"] for f in SCHEMA["fields"]] == [
        "before", "after", "source", "transaction", "op", "ts_ms", "ts_us", "ts_ns",
    ]  # fmt: skip
    assert SCHEMA["fields"][0]["type"][1]["namespace"] == "uc.paymaster.award"
    assert SCHEMA["fields"][1]["type"] == ["null", "uc.paymaster.award.Value"]
