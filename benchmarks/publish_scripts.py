"""What an engineer writes by hand in place of the batch adapter: record by record, struct and fastavro."""

from __future__ import annotations

import io
import struct
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
from confluent_kafka import Producer

from connectors.admin import Admin
from connectors.kafka import KafkaSettings
from connectors.links import Links
from connectors.registry import Registry
from schemas.topics import Topic

RECORD = struct.Struct(">i9s14s10s8s3s5s5s4s1s")
_PARTITIONS = 4
#: The small event: the decoded row and where it comes from, in about 67 bytes.
_MONEY = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}
_DAY = {"type": "int", "logicalType": "date"}
_SMALL: dict[str, Any] = {
    "type": "record",
    "name": "Claim",
    "fields": [
        {"name": "claim_id", "type": "int"},
        {"name": "nino", "type": "string"},
        {"name": "surname", "type": "string"},
        {"name": "forename", "type": "string"},
        {"name": "born", "type": _DAY},
        {"name": "benefit", "type": "string"},
        {"name": "weekly_amt", "type": _MONEY},
        {"name": "arrears", "type": _MONEY},
        {"name": "start_date", "type": "int"},
        {"name": "status_cd", "type": "string"},
        {
            "name": "source",
            "type": {
                "type": "record",
                "name": "Source",
                "fields": [{"name": "file", "type": "string"}, {"name": "record", "type": "long"}],
            },
        },
    ],
}


@dataclass(frozen=True, slots=True)
class Sent:
    """What a script has sent, and in which time (seconds, from the first record to the last answer)."""

    records: int
    bytes: int
    seconds: float

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.seconds


def envelopes(file: Path, links: Links, topic: str, limit: int) -> Sent:
    """Publish the adapter's own envelopes, with the schemas that it registered for `topic`; idempotent."""
    registry = Registry(links.registry_url)
    value_id, value_schema = registry.latest(f"{topic}-value")
    key_id, key_schema = registry.latest(f"{topic}-key")
    value, key = fastavro.parse_schema(value_schema), fastavro.parse_schema(key_schema)
    fields = [f["name"] for f in value_schema["fields"][0]["type"][1]["fields"]]
    # Records in unions are told to fastavro by name: to let it find the branch costs it a sixth more.
    names = (f"{topic}.Value", _event_block(value_schema))
    key_name = key_schema["fields"][0]["name"]

    def message(raw: tuple[Any, ...], number: int) -> tuple[bytes, bytes]:
        row = dict(zip(fields, _decode(raw), strict=True))
        event = _event(row, names, links.prefix, file.name, number)
        return _framed(key_id, key, {key_name: row[fields[0]]}), _framed(value_id, value, event)

    return _publish(file, links.kafka, limit, message, {"enable.idempotence": True, "linger.ms": 20})


def small_events(file: Path, kafka: KafkaSettings, limit: int, *, idempotent: bool) -> Sent:
    """Publish the row and its place and nothing else: no `before`, no transaction, no time of change."""
    schema = fastavro.parse_schema(_SMALL)
    fields = [f["name"] for f in _SMALL["fields"][:-1]]

    def message(raw: tuple[Any, ...], number: int) -> tuple[bytes, bytes]:
        row = dict(zip(fields, _decode(raw), strict=True))
        row["source"] = {"file": file.name, "record": number}
        return row["nino"].encode(), _framed(1, schema, row)

    more = {"enable.idempotence": True} if idempotent else {}
    return _publish(file, kafka, limit, message, more | {"linger.ms": 50})


def _publish(
    file: Path,
    kafka: KafkaSettings,
    limit: int,
    message: Callable[[tuple[Any, ...], int], tuple[bytes, bytes]],
    configuration: dict[str, Any],
) -> Sent:
    topic = f"script{uuid.uuid4().hex[:10]}"
    Admin(kafka).ensure([Topic(topic, _PARTITIONS)])
    producer = Producer(
        kafka.librdkafka()
        | {
            "acks": "all",
            "compression.type": "lz4",
            "batch.size": 1_000_000,
            "queue.buffering.max.messages": 1_000_000,
        }
        | configuration
    )
    failed: list[Any] = []

    def answered(error: Any, _: Any) -> None:
        if error:
            failed.append(error)

    number = size = 0
    start = time.perf_counter()
    with file.open("rb") as source:
        while number < limit and (block := source.read(RECORD.size * min(10_000, limit - number))):
            for raw in RECORD.iter_unpack(block):
                key, value = message(raw, number)
                while True:
                    try:
                        producer.produce(
                            topic, value, key, partition=number % _PARTITIONS, on_delivery=answered
                        )
                        break
                    except BufferError:
                        producer.poll(0.1)
                number, size = number + 1, size + len(value)
            producer.poll(0)
    producer.flush()
    seconds = time.perf_counter() - start
    assert not failed and number == limit, (failed[:1], number)
    return Sent(number, size, seconds)


def _framed(schema_id: int, schema: Any, row: dict[str, Any]) -> bytes:
    buffer = io.BytesIO(b"\0" + struct.pack(">I", schema_id))
    buffer.seek(5)
    fastavro.schemaless_writer(buffer, schema, row)
    return buffer.getvalue()


def _decode(raw: tuple[Any, ...]) -> Iterator[Any]:
    born = raw[4].decode("cp037")
    yield raw[0]
    for text in raw[1:4]:
        yield text.decode("cp037").rstrip()
    yield date(int(born[:4]), int(born[4:6]), int(born[6:]))
    yield raw[5].decode("cp037").rstrip()
    yield Decimal(_packed(raw[6])).scaleb(-2)
    yield Decimal(_packed(raw[7])).scaleb(-2)
    yield _packed(raw[8])
    yield raw[9].decode("cp037")


def _packed(raw: bytes) -> int:
    digits = raw.hex()
    number = int(digits[:-1])
    return -number if digits[-1] == "d" else number


def _event_block(envelope: dict[str, Any]) -> str:
    [union] = [f["type"] for f in envelope["fields"] if f["name"] == "transaction"]
    space = union[1].get("namespace", envelope.get("namespace", ""))
    return f"{space}.{union[1]['name']}" if space else str(union[1]["name"])


def _event(
    row: dict[str, Any], names: tuple[str, str], prefix: str, file: str, number: int
) -> dict[str, Any]:
    at = 1_700_000_000_000
    return {
        "before": None,
        "after": (names[0], row),
        "source": {
            "version": "1",
            "connector": "banyan-batch",
            "name": prefix,
            "ts_ms": at,
            "snapshot": "true",
            "db": "legacy",
            "sequence": None,
            "ts_us": at * 1000,
            "ts_ns": at * 1_000_000,
            "table": "claim",
            "adapter": "claims",
            "ts_kind": "arrival",
            "extract": "0123456789abcdef0123456789abcdef-claims.dat",
            "file": file,
            "operation": None,
            "message_id": None,
            "record": number + 1,
            "offset": number * RECORD.size,
        },
        "transaction": (
            names[1],
            {
                "id": "0123456789abcdef0123456789abcdef-claims.dat",
                "total_order": number + 1,
                "data_collection_order": number + 1,
            },
        ),
        "op": "r",
        "ts_ms": at,
        "ts_us": at * 1000,
        "ts_ns": at * 1_000_000,
    }
