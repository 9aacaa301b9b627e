"""Rejected records on the dead-letter topic: raw bytes as value, place and reason as headers (G5)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from adapters.extract import Origin, Reject
from adapters.spool import SCHEMA
from connectors.kafka import Headers
from connectors.links import Links
from connectors.log_reader import read_all
from schemas.key_text import pseudonym

#: Bytes of a rejected record that a dead letter carries: with its headers it stays below the megabyte that
#: Kafka takes by default. A longer one would be refused, and the extract with it, again and again.
RAW_BYTES = 900_000


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One rejected record as it stands on the topic. `raw` holds personal data; the rest does not."""

    offset: int
    adapter: str
    entity: str
    extract: str
    file: str
    record: int
    byte_offset: int
    field: str
    reason: str
    key: str
    at_ms: int
    raw: bytes


def list_dead_letters(links: Links, system: str) -> Iterator[DeadLetter]:
    """Yield the dead letters of a system, oldest first.

    Raises:
        Transient: Kafka does not answer.
    """
    for record in read_all(links.kafka, links.topics.dlq(system).name):
        header = {name: value.decode() for name, value in record.headers}
        yield DeadLetter(
            offset=record.offset,
            adapter=header.get("banyan.adapter", ""),
            entity=header.get("banyan.entity", ""),
            extract=header.get("banyan.extract", ""),
            file=header.get("banyan.file", ""),
            record=int(header.get("banyan.record", -1)),
            byte_offset=int(header.get("banyan.offset", -1)),
            field=header.get("banyan.field", ""),
            reason=header.get("banyan.reason", ""),
            key=header.get("banyan.key", ""),
            at_ms=int(header.get("banyan.at_ms", record.timestamp_ms)),
            raw=record.value or b"",
        )


def spool_batch(
    rejects: Sequence[Reject], *, adapter: str, extract: str, origin: Origin, secret: bytes
) -> pa.RecordBatch:
    """Return the rejects as a spool batch; headers travel as JSON in their column.

    Of a record beyond `RAW_BYTES` the first bytes are kept; the header
    `banyan.cut_from` says how many there were.

    Args:
        rejects: what could not be decoded.
        adapter: the adapter's name.
        extract: the extract's id.
        origin: where it came from.
        secret: the estate's key secret; headers name a key by its pseudonym only.
    """
    headers = [_headers(reject, adapter, extract, origin, secret) for reject in rejects]
    n = len(rejects)
    columns = [
        pa.array([0] * n, pa.int32()),
        pa.nulls(n, pa.large_binary()),
        pa.array([r.raw[:RAW_BYTES] for r in rejects], pa.large_binary()),
        pa.array(headers, pa.large_binary()),
    ]
    return pa.record_batch(columns, schema=SCHEMA)


def kafka_headers(text: bytes) -> Headers:
    """Return the headers column's JSON as Kafka headers."""
    return [(name, value.encode()) for name, value in json.loads(text).items()]


def _headers(reject: Reject, adapter: str, extract: str, origin: Origin, secret: bytes) -> bytes:
    cut = {"banyan.cut_from": str(len(reject.raw))} if len(reject.raw) > RAW_BYTES else {}
    return json.dumps(
        {
            "banyan.adapter": adapter,
            "banyan.entity": reject.entity,
            "banyan.extract": extract,
            "banyan.file": origin.file or "",
            "banyan.record": str(reject.record),
            "banyan.offset": str(reject.offset),
            "banyan.field": reject.field_path,
            "banyan.reason": reject.reason,
            # A plain hash would give the key away to whoever tries all national numbers.
            "banyan.key": "" if reject.key_text is None else pseudonym(secret, reject.key_text),
            "banyan.at_ms": str(origin.arrival_ms),
            **cut,
        }
    ).encode()
