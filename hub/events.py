"""Records of a topic as plain values: events decoded by the registry, personal data masked."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from connectors.links import Links
from connectors.log_reader import Record, read_all
from connectors.registry import Registry
from schemas.errors import Terminal

MASK = "•••"
#: So much of a raw record tells an Avro event, JSON, XML, EBCDIC and a length field apart, and nobody's name.
_TOLD_BYTES = 2


class EventReader:
    """Decodes records for people: one dict a record, with its place.

    Args:
        links: Kafka and registry.
        reveal: show personal data; somebody asked for it on purpose (G10).
    """

    def __init__(self, links: Links, *, reveal: bool = False) -> None:
        self._links, self._reveal = links, reveal
        self._registry = Registry(links.registry_url)
        topics = links.topics
        #: Facts about the flow in JSON, without personal data; the dead letters are none of them.
        self._own = {
            t.name
            for t in (
                topics.transaction,
                topics.lifecycle,
                topics.adapter_state,
                topics.operations,
                topics.decisions,
                topics.verdicts,
            )
        }
        self._schemas: dict[int, tuple[dict[str, Any], Any]] = {}

    def read(self, topic: str, start: Mapping[int, int] | None = None) -> Iterator[dict[str, Any]]:
        """Yield the records of `topic` up to its present end."""
        for record in read_all(self._links.kafka, topic, start=start):
            yield self.show(record)

    def show(self, record: Record) -> dict[str, Any]:
        """Return one record as plain values."""
        shown: dict[str, Any] = {
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "timestamp_ms": record.timestamp_ms,
            "key": self._value(record.topic, record.key),
            "value": self._value(record.topic, record.value),
        }
        if record.headers:
            shown["headers"] = {k: (v or b"").decode("utf-8", "replace") for k, v in record.headers}
        return shown

    def _value(self, topic: str, data: bytes | None) -> Any:
        if data is None:
            return None
        if topic in self._own:
            try:
                return json.loads(data)
            except ValueError:  # a key: the name of an adapter or an operation
                return data.decode("utf-8", "replace")
        if topic.startswith(f"{self._links.prefix}.") and len(data) > 5 and data[0] == 0:
            with suppress(Terminal, ValueError, LookupError, EOFError, struct.error, TypeError):
                return self._decoded(data)
        # A dead letter is what legacy sent, or an event that cannot be decoded. Nobody has classified it, so
        # all of it is personal (10.14).
        return data.hex() if self._reveal else f"{len(data)} bytes, {data[:_TOLD_BYTES].hex()}…"

    def _decoded(self, data: bytes) -> Any:
        from fastavro import schemaless_reader

        (schema_id,) = struct.unpack(">I", data[1:5])
        schema, parsed = self._schema(schema_id)
        value = schemaless_reader(io.BytesIO(data[5:]), parsed)
        return value if self._reveal else masked(schema, value)

    def _schema(self, schema_id: int) -> tuple[dict[str, Any], Any]:
        if schema_id not in self._schemas:
            from fastavro import parse_schema

            schema = self._registry.by_id(schema_id)
            self._schemas[schema_id] = (schema, parse_schema(schema))
        return self._schemas[schema_id]


def masked(schema: Any, value: Any) -> Any:
    """Return `value` with every personal leaf as `•••`; null stays null, so that absence can be seen.

    A field counts as personal when its schema property `classification` says so; the envelope's own
    fields carry none and stay readable (10.14).
    """
    named: dict[str, Any] = {}
    _collect(schema, named)
    return _masked(schema, value, named, personal=False)


def _collect(schema: Any, named: dict[str, Any]) -> None:
    """Note every record by its name: a null first image must not hide what the second one refers to."""
    if isinstance(schema, list):
        for branch in schema:
            _collect(branch, named)
    elif isinstance(schema, dict):
        if schema["type"] == "record":
            named[schema["name"]] = named[f"{schema.get('namespace', '')}.{schema['name']}".lstrip(".")] = (
                schema
            )
        for inner in (schema.get("items"), *(f["type"] for f in schema.get("fields", ()))):
            _collect(inner, named)
        if not isinstance(schema["type"], str):
            _collect(schema["type"], named)


def _masked(schema: Any, value: Any, named: dict[str, Any], *, personal: bool) -> Any:
    if value is None:
        return None
    if isinstance(schema, list):
        branches = [b for b in schema if b != "null"]
        return _masked(branches[0], value, named, personal=personal) if len(branches) == 1 else MASK
    if isinstance(schema, str) and schema in named:
        schema = named[schema]
    kind = schema if isinstance(schema, str) else schema["type"]
    if kind == "record":
        return {
            f["name"]: _masked_field(f, value[f["name"]], named, personal=personal) for f in schema["fields"]
        }
    if kind == "array":
        return [_masked(schema["items"], item, named, personal=personal) for item in value]
    if not isinstance(kind, str):
        return _masked(kind, value, named, personal=personal)
    return MASK if personal else value


def _masked_field(field: dict[str, Any], value: Any, named: dict[str, Any], *, personal: bool) -> Any:
    classified = field.get("classification", "personal" if personal else "open")
    return _masked(field["type"], value, named, personal=classified == "personal")
