"""Publish to a change topic, run a worker on it, and recompute the truth from the log."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastavro

from connectors.admin import Admin
from connectors.kafka import TransactionalProducer
from connectors.links import Links
from connectors.log_reader import read_all
from connectors.readmodel.reader import NotReady
from connectors.registry import Registry
from schemas.entity import Entity
from streams.projection import row_projection
from tests.unit.streams.events import Writer, entity

_WORKER = Path(__file__).with_name("worker_process.py")
PARTITIONS = 4


class Flow:
    """One entity `esa.claim` from topic to read model."""

    def __init__(self, links: Links, of: Entity | None = None, name: str = "claim") -> None:
        self.links = links
        self.projection = row_projection(name, source=f"esa.{name}", collection=name)
        self.topic = self.projection.topic(links.prefix)
        self.admin = Admin(links.kafka)
        self.registry = Registry(links.registry_url)
        self.reader = links.read_models.reader(name, 1)
        self._producer: TransactionalProducer | None = None
        self._of = of or entity()
        self._writer: Writer | None = None

    @property
    def writer(self) -> Writer:
        if self._writer is None:
            self._writer = Writer(self.registry, self._of, self.topic)
        return self._writer

    def make_topic(self) -> None:
        self.admin.ensure([self.links.topics.change("esa", self.projection.name, PARTITIONS)])

    def publish(self, records: list[tuple[bytes, bytes | None]], *, commit: bool = True) -> None:
        """Publish in one transaction; a key always goes to the same partition."""
        if self._producer is None:
            self._producer = TransactionalProducer(self.links.kafka, f"{self.links.prefix}.test")
        self._producer.begin()
        for key, value in records:
            # Without the schema id, so that an evolved key schema would not move keys.
            self._producer.send(self.topic, sum(key[5:]) % PARTITIONS, key, value)
        self._producer.flush()
        self._producer.commit() if commit else self._producer.abort()

    def create(self, row: dict[str, Any], op: str = "c") -> tuple[bytes, bytes]:
        return self.writer.key(row), self.writer.event(op, None, row)

    def delete(self, row: dict[str, Any]) -> list[tuple[bytes, bytes | None]]:
        key = self.writer.key(row)
        return [(key, self.writer.event("d", row, None)), (key, None)]

    def rows(self) -> dict[str, int]:
        return {r.values["nino"]: r.values["n"] for r in self.reader.rows({})}

    def truth(self) -> dict[str, int]:
        """Fold the committed log with fastavro, one record after the other."""
        rows: dict[str, int] = {}
        parsed: dict[int, Any] = {}
        for record in read_all(self.links.kafka, self.topic):
            if record.value is None:
                key = self._decode(record.key or b"", parsed)
                rows.pop(key["NINO"], None)
                continue
            event = self._decode(record.value, parsed)
            if event["op"] == "d":
                rows.pop(event["before"]["NINO"], None)
            else:
                rows[event["after"]["NINO"]] = event["after"]["N"]
        return rows

    def worker(self, entities: str | None = None) -> subprocess.Popen[bytes]:
        links = self.links
        names = entities or self.projection.name
        arguments = [
            links.prefix,
            links.kafka.bootstrap,
            links.registry_url,
            str(links.state),
            names,
            links.read_model_url,
        ]
        return subprocess.Popen([sys.executable, str(_WORKER), *arguments])

    def wait(self, seconds: float = 60.0) -> None:
        """Wait until everything that is committed now is in the read model."""
        ends: dict[int, int] = {}
        for record in read_all(self.links.kafka, self.topic):
            ends[record.partition] = record.offset + 1

        def caught_up() -> bool:
            try:
                stored = self.reader.status()["offsets"]
            except NotReady:
                return False
            return all(stored.get(str(p), 0) >= end for p, end in ends.items())

        until(caught_up, seconds)

    def _decode(self, value: bytes, parsed: dict[int, Any]) -> dict[str, Any]:
        schema_id = int.from_bytes(value[1:5], "big")
        if schema_id not in parsed:
            parsed[schema_id] = fastavro.parse_schema(self.registry.by_id(schema_id))
        record: Any = fastavro.schemaless_reader(io.BytesIO(value[5:]), parsed[schema_id], None)
        return dict(record)


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for a condition; fail when it does not come."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
