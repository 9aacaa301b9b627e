"""Change events made with fastavro, the independent writer, and a registry that is a dict."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import fastavro
import numpy as np

from schemas.entity import Entity, Field
from schemas.errors import Terminal
from streams.batch import Batch

TOPIC = "uc.esa.claim"
DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}
DATE = {"type": "int", "logicalType": "date"}
FIELDS = (
    Field("NINO", "string"),
    Field("AMOUNT", DECIMAL),
    Field("START", DATE),
    Field("N", "int"),
    Field("SEEN", {"type": "long", "logicalType": "timestamp-millis"}),
)


def entity(fields: Sequence[Field] = FIELDS, key: Sequence[str] = ("NINO",)) -> Entity:
    return Entity("esa", "claim", tuple(fields), tuple(key))


def envelope(of: Entity, topic: str = TOPIC) -> dict[str, Any]:
    source = [("version", "string"), ("connector", "string"), ("name", "string"), ("ts_ms", "long")]
    return {
        "type": "record",
        "name": "Envelope",
        "namespace": topic,
        "fields": [
            {"name": "before", "type": ["null", of.value_schema(topic)], "default": None},
            {"name": "after", "type": ["null", f"{topic}.Value"], "default": None},
            {
                "name": "source",
                "type": {
                    "type": "record",
                    "name": "Source",
                    "fields": [{"name": n, "type": t} for n, t in source],
                },
            },
            {"name": "op", "type": "string"},
            {"name": "ts_ms", "type": ["null", "long"], "default": None},
        ],
    }


class Book:
    """Schemas by id, and the newest of each subject: what a registry is to a checkpoint."""

    def __init__(self) -> None:
        self.schemas: dict[int, dict[str, Any]] = {}
        self.subjects: dict[str, int] = {}

    def register(self, subject: str, schema: dict[str, Any]) -> int:
        schema_id = len(self.schemas) + 1
        self.schemas[schema_id] = schema
        self.subjects[subject] = schema_id
        return schema_id

    def by_id(self, schema_id: int) -> dict[str, Any]:
        if schema_id not in self.schemas:
            raise Terminal("no such schema", where=str(schema_id))
        return self.schemas[schema_id]

    def latest(self, subject: str) -> tuple[int, dict[str, Any]] | None:
        schema_id = self.subjects.get(subject)
        return None if schema_id is None else (schema_id, self.schemas[schema_id])


class Writer:
    """Encodes events of one entity as an adapter publishes them."""

    def __init__(self, registry: Any, of: Entity | None = None, topic: str = TOPIC) -> None:
        self.entity = of or entity()
        value, key = envelope(self.entity, topic), self.entity.key_schema(topic)
        self._value_id = registry.register(f"{topic}-value", value)
        self._key_id = registry.register(f"{topic}-key", key)
        self._value, self._key = fastavro.parse_schema(value), fastavro.parse_schema(key)

    def key(self, row: dict[str, Any]) -> bytes:
        return _framed(self._key_id, self._key, {k: row[k] for k in self.entity.key})

    def event(
        self,
        op: str,
        before: dict[str, Any] | None,
        after: dict[str, Any] | None,
        ts_ms: int = 1_700_000_000_000,
    ) -> bytes:
        source = {"version": "1", "connector": "banyan-batch", "name": "uc", "ts_ms": ts_ms}
        record = {"before": before, "after": after, "source": source, "op": op, "ts_ms": ts_ms + 5}
        return _framed(self._value_id, self._value, record)


def row(nino: str, n: int = 1, amount: str = "84.80") -> dict[str, Any]:
    return {"NINO": nino, "AMOUNT": Decimal(amount), "START": date(2019, 4, 1), "N": n, "SEEN": None}


def batch(
    records: Sequence[tuple[bytes | None, bytes | None]],
    *,
    first: int = 0,
    start: int | None = None,
    partition: int = 0,
    end: int | None = None,
    gap: int = 1,
    topic: str = TOPIC,
) -> Batch:
    offsets = first + gap * np.arange(len(records), dtype=np.int64)
    last = int(offsets[-1]) + 1 if len(records) else first
    return Batch(
        topic,
        partition,
        0,
        first if start is None else start,
        last if end is None else end,
        offsets,
        np.full(len(records), 1_700_000_000_100, np.int64),
        [k for k, _ in records],
        [v for _, v in records],
    )


def _framed(schema_id: int, schema: Any, record: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    out.write(b"\0" + struct.pack(">I", schema_id))
    fastavro.schemaless_writer(out, schema, record)
    return out.getvalue()
