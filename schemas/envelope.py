"""The change event: Debezium's envelope as an Avro schema, and its bytes by column (DESIGN 4.7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas import wire
from schemas.codec.encoder import Segments
from schemas.codec.interleave import Int64s, as_large_binary, interleave
from schemas.codec.varint import varint
from schemas.entity import Entity

#: Properties of the envelope from which `schemas.entity_schema` rebuilds the entity.
SYSTEM, ENTITY, PREFIX, KEY, KEY_PRIVACY = (
    "banyan.system",
    "banyan.entity",
    "banyan.prefix",
    "banyan.key",
    "banyan.key_privacy",
)
_ABSENT, _PRESENT = b"\x00", b"\x02"
_OPS = b"rcud"


@dataclass(frozen=True, slots=True)
class Source:
    """What every event of one extract says about where it comes from; times are epoch milliseconds.

    Attributes:
        connector: `banyan-batch` or `banyan-soap`.
        name: the hub's prefix.
        db: the system.
        table: the entity.
        ts_ms: when the change was true in the legacy system, as `ts_kind` says.
        at_ms: when Banyan made the event (the envelope's own `ts_ms`).
    """

    connector: str
    name: str
    db: str
    table: str
    adapter: str
    extract: str
    ts_ms: int
    ts_kind: str
    at_ms: int
    file: str | None = None
    operation: str | None = None
    message_id: str | None = None
    version: str = "1"


def envelope_schema(topic: str, entity: Entity, prefix: str) -> dict[str, Any]:
    """Return the Avro schema of a change topic's values, to be registered under `<topic>-value`."""
    block = {
        "type": "record",
        "name": "block",
        "namespace": "event",
        "fields": [
            {"name": "id", "type": "string"},
            {"name": "total_order", "type": "long"},
            {"name": "data_collection_order", "type": "long"},
        ],
    }
    return {
        "type": "record",
        "name": "Envelope",
        "namespace": topic,
        SYSTEM: entity.system,
        ENTITY: entity.name,
        PREFIX: prefix,
        KEY: list(entity.key),
        KEY_PRIVACY: entity.key_privacy,
        "fields": [
            _optional("before", entity.value_schema(topic)),
            _optional("after", f"{topic}.Value"),
            {"name": "source", "type": _source_schema(topic)},
            _optional("transaction", block),
            {"name": "op", "type": "string"},
            _optional("ts_ms", "long"),
            _optional("ts_us", "long"),
            _optional("ts_ns", "long"),
        ],
    }


class EnvelopeEncoder:
    """Puts finished Avro images, constants and counters together into finished message values.

    Args:
        schema_id: the registry's id of `envelope_schema(…)`.
        source: what is the same in all events of the extract; encoded once.
    """

    def __init__(self, schema_id: int, source: Source) -> None:
        self._source = source
        self._header = wire.header(schema_id)
        ms = source.ts_ms
        self._head = b"".join(map(_text, (source.version, source.connector, source.name))) + varint(ms)
        self._middle = (
            _text(source.db)
            + _ABSENT  # sequence: an extract has no log position
            + _long(ms * 1000)
            + _long(ms * 1_000_000)
            + b"".join(map(_text, (source.table, source.adapter, source.ts_kind, source.extract)))
            + b"".join(map(_optional_text, (source.file, source.operation, source.message_id)))
        )
        at = source.at_ms
        self._tail = _long(at) + _long(at * 1000) + _long(at * 1_000_000)

    def encode(
        self,
        op: npt.NDArray[np.uint8],
        before: pa.Array,
        after: pa.Array,
        *,
        record: Int64s,
        offset: Int64s,
        total_order: Int64s | None = None,
        order: Int64s | None = None,
        snapshot: Sequence[str | None] | pa.Array | None = None,
    ) -> pa.LargeBinaryArray:
        """Return n framed message values.

        Args:
            op: n of `ord("r")`, `"c"`, `"u"`, `"d"`.
            before: n Avro images of the value record (binary or large_binary), null where there is none.
            after: likewise.
            record: n record numbers; -1 becomes null.
            offset: n byte offsets; -1 becomes null.
            total_order: n numbers of the event in its extract; None leaves the transaction block out.
            order: n numbers of the event among its entity's events in the extract.
            snapshot: n markers (`first`, `true`, `last` or null), or a dictionary array of them; None means
                none anywhere.
        """
        n, pieces = len(op), _Pieces()
        if not n:
            return pa.array([], pa.large_binary())
        order_of_segments = self._images(pieces, before, after)
        order_of_segments.append(pieces.choices(*self._sources(snapshot, n)))
        numbers = Segments(n)
        for values in (record, offset):
            known = values >= 0
            numbers.numbers(known.astype(np.int64), None)
            numbers.numbers(values, None if known.all() else known)
        if total_order is None or order is None:
            numbers.constant(_ABSENT)
        else:
            numbers.constant(_PRESENT + _text(self._source.extract))
            numbers.numbers(total_order, None)
            numbers.numbers(order, None)
        order_of_segments.append(pieces.column(numbers.joined()))
        ends = [_text(chr(code)) + self._tail for code in _OPS]
        which = np.zeros(256, np.int64)
        which[list(_OPS)] = range(len(_OPS))
        order_of_segments.append(pieces.choices(ends, which[op]))
        return interleave(pieces.array(), order_of_segments)

    def _images(self, pieces: _Pieces, before: pa.Array, after: pa.Array) -> list[Int64s]:
        """Return the segments of header, before and after; a first load has no `before` to copy."""
        was, now = _valid(before), _valid(after)
        if not was.any():
            tags = [self._header + _ABSENT + _ABSENT, self._header + _ABSENT + _PRESENT]
            return [pieces.choices(tags, now.astype(np.int64)), pieces.column(as_large_binary(after))]
        tags = [self._header + _ABSENT, self._header + _PRESENT]
        return [
            pieces.choices(tags, was.astype(np.int64)),
            pieces.column(as_large_binary(before)),
            pieces.choices([_ABSENT, _PRESENT], now.astype(np.int64)),
            pieces.column(as_large_binary(after)),
        ]

    def _sources(
        self, snapshot: Sequence[str | None] | pa.Array | None, n: int
    ) -> tuple[list[bytes], Int64s]:
        """Return the source block up to `record` for each marker that occurs, and which one a row has."""
        if snapshot is None:
            return [self._head + _ABSENT + self._middle], np.zeros(n, np.int64)
        column = snapshot if isinstance(snapshot, pa.Array) else pa.array(snapshot, pa.string())
        coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        markers: list[str | None] = [*coded.dictionary.to_pylist(), None]
        which = coded.indices.fill_null(len(markers) - 1).to_numpy(zero_copy_only=False).astype(np.int64)
        return [self._head + _optional_text(marker) + self._middle for marker in markers], which


class _Pieces:
    """The segments that messages are taken from, each known by its index."""

    def __init__(self) -> None:
        self._arrays: list[pa.LargeBinaryArray] = []
        self._count = 0

    def choices(self, values: Sequence[bytes], which: Int64s) -> Int64s:
        """Add some constants; return n indexes of them."""
        return self._add(pa.array(values, pa.large_binary())) + which

    def column(self, values: pa.LargeBinaryArray) -> Int64s:
        """Add n values; return their n indexes."""
        return self._add(values) + np.arange(len(values), dtype=np.int64)

    def array(self) -> pa.LargeBinaryArray:
        return pa.concat_arrays(self._arrays)

    def _add(self, values: pa.LargeBinaryArray) -> int:
        self._arrays.append(values)
        self._count += len(values)
        return self._count - len(values)


def _source_schema(topic: str) -> dict[str, Any]:
    fields: list[dict[str, Any]] = [
        {"name": "version", "type": "string"},
        {"name": "connector", "type": "string"},
        {"name": "name", "type": "string"},
        {"name": "ts_ms", "type": "long"},
        _optional("snapshot", "string"),
        {"name": "db", "type": "string"},
        _optional("sequence", "string"),
        _optional("ts_us", "long"),
        _optional("ts_ns", "long"),
        *({"name": name, "type": "string"} for name in ("table", "adapter", "ts_kind", "extract")),
        *(_optional(name, "string") for name in ("file", "operation", "message_id")),
        *(_optional(name, "long") for name in ("record", "offset")),
    ]
    return {"type": "record", "name": "Source", "namespace": topic, "fields": fields}


def _optional(name: str, kind: Any) -> dict[str, Any]:
    return {"name": name, "type": ["null", kind], "default": None}


def _text(value: str) -> bytes:
    encoded = value.encode()
    return varint(len(encoded)) + encoded


def _optional_text(value: str | None) -> bytes:
    return _ABSENT if value is None else _PRESENT + _text(value)


def _long(value: int) -> bytes:
    return _PRESENT + varint(value)


def _valid(array: pa.Array) -> npt.NDArray[np.bool_]:
    return np.asarray(array.is_valid()) if array.null_count else np.ones(len(array), np.bool_)
