"""Events of a topic as plain values, decoded by the registry, personal data masked."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from connectors.links import Links
from connectors.log_reader import Record, read_all
from connectors.registry import Registry

MASK = "•••"


class EventReader:
    """Decodes records for people: one dict a record, with its place.

    Args:
        links: Kafka and registry.
        reveal: show personal data; somebody asked for it on purpose (G10).
    """

    def __init__(self, links: Links, *, reveal: bool = False) -> None:
        self._links, self._reveal = links, reveal
        self._registry = Registry(links.registry_url)
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
            "key": self._value(record.key),
            "value": self._value(record.value),
        }
        if record.headers:
            shown["headers"] = {k: (v or b"").decode("utf-8", "replace") for k, v in record.headers}
        return shown

    def _value(self, data: bytes | None) -> Any:
        if data is None:
            return None
        if len(data) > 5 and data[0] == 0:
            (schema_id,) = struct.unpack(">I", data[1:5])
            schema, parsed = self._schema(schema_id)
            from fastavro import schemaless_reader

            value = schemaless_reader(io.BytesIO(data[5:]), parsed)
            return value if self._reveal else masked(schema, value)
        try:
            return json.loads(data)
        except ValueError:
            return data.hex() if self._reveal else f"{len(data)} bytes"

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
