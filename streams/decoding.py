"""Decode a batch of change events by column, each event with the schema it was written with."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import fastavro
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.codec import Decoder
from schemas.entity import arrow_type
from schemas.errors import Terminal
from streams.batch import Blobs
from streams.shape import value_record

Int64s = npt.NDArray[np.int64]
#: n message keys or values: Python bytes, or a large binary array without nulls where they are wanted.
Binaries: TypeAlias = "Sequence[bytes | None] | pa.Array"
#: Bytes before the Avro body: magic 0 and a big-endian schema id (Confluent wire format).
HEADER = 5


@dataclass(frozen=True, slots=True)
class Group:
    """The events of a batch that share a writer schema, decoded.

    Attributes:
        index: m places in the batch, ascending.
        envelope: the writer's envelope schema.
        op: m operation letters as ASCII codes, 0 for what is no single letter.
        after: columns of the after-image by Avro name, m values each.
        before: the same of the before-image; of deletes only, null elsewhere.
        ts_ms: m times of publishing (`envelope.ts_ms`), 0 for none.
        source_ts_ms: m times of the change (`source.ts_ms`).
        has_after: m flags: there is an after-image.
        has_before: m flags: there is a before-image (told for deletes only).
    """

    index: Int64s
    envelope: Mapping[str, Any]
    op: npt.NDArray[np.uint8]
    after: Mapping[str, pa.Array]
    before: Mapping[str, pa.Array]
    ts_ms: Int64s
    source_ts_ms: Int64s
    has_after: npt.NDArray[np.bool_]
    has_before: npt.NDArray[np.bool_]

    def only(self, keep: npt.NDArray[np.bool_]) -> Group:
        """Return the events where `keep` (m flags) is true."""
        mask = pa.array(keep)
        return Group(
            self.index[keep],
            self.envelope,
            self.op[keep],
            {name: array.filter(mask) for name, array in self.after.items()},
            {name: array.filter(mask) for name, array in self.before.items()},
            self.ts_ms[keep],
            self.source_ts_ms[keep],
            self.has_after[keep],
            self.has_before[keep],
        )


@dataclass(frozen=True, slots=True)
class Decoded:
    """A batch's groups, and why each of the other events could not be decoded."""

    groups: Sequence[Group]
    bad: Mapping[int, str]


class EventDecoder:
    """Decodes values of one change topic.

    Args:
        schema_by_id: returns a registered schema; raises Terminal for an unknown id and Transient while the
            registry does not answer (then the batch is tried again, nothing is parked).
    """

    def __init__(self, schema_by_id: Callable[[int], dict[str, Any]]) -> None:
        self._schema_by_id = schema_by_id
        self._readers: dict[int, Any] = {}

    def decode(self, values: Binaries, wanted: Int64s) -> Decoded:
        """Decode the values at the places `wanted` (none of them a tombstone)."""
        bad: dict[int, str] = {}
        groups = []
        if isinstance(values, Blobs):
            values = values.array
        for header, places in _by_schema(values, wanted):
            if header is None:
                bad |= dict.fromkeys(places.tolist(), "the value does not start with a schema id")
                continue
            try:
                reader = self._reader(header)
            except Terminal as error:
                bad |= dict.fromkeys(places.tolist(), error.what)
                continue
            group, failed = reader.read(_at(values, places), places)
            bad |= failed
            if group is not None:
                groups.append(group)
        return Decoded(groups, bad)

    def _reader(self, schema_id: int) -> Any:
        if schema_id not in self._readers:
            self._readers[schema_id] = ColumnReader(self._schema_by_id(schema_id))
        return self._readers[schema_id]


class KeyDecoder:
    """Decodes message keys; few are needed (tombstones), so one by one."""

    def __init__(self, schema_by_id: Callable[[int], dict[str, Any]]) -> None:
        self._schema_by_id = schema_by_id
        self._parsed: dict[int, Any] = {}

    def decode(self, keys: Sequence[bytes]) -> list[dict[str, Any]]:
        """Return the key records.

        Raises:
            ValueError: a key is no Avro record of a known schema.
        """
        return [self._one(key) for key in keys]

    def _one(self, key: bytes) -> dict[str, Any]:
        if len(key) < HEADER or key[0] != 0:
            raise ValueError("the key does not start with a schema id")
        schema_id = int.from_bytes(key[1:HEADER], "big")
        if schema_id not in self._parsed:
            try:
                self._parsed[schema_id] = fastavro.parse_schema(self._schema_by_id(schema_id))
            except Terminal as error:
                raise ValueError(error.what) from error
        try:
            record: Any = fastavro.schemaless_reader(io.BytesIO(key[HEADER:]), self._parsed[schema_id], None)
        except Exception as error:  # fastavro raises whatever the bytes lead to
            raise ValueError(f"the key is no Avro record of its schema ({type(error).__name__})") from error
        if not isinstance(record, dict):
            raise ValueError("the key is no record")
        return record


class RecordReader:
    """The slow, obvious reader: fastavro record by record. It also names the bad record of a bad batch."""

    def __init__(self, envelope: dict[str, Any]) -> None:
        self._envelope = envelope
        self._parsed = fastavro.parse_schema(envelope)
        self._types = {f["name"]: arrow_type(f["type"]) for f in value_record(envelope)["fields"]}

    def read(self, values: Sequence[bytes | None], index: Int64s) -> tuple[Group | None, dict[int, str]]:
        """Decode m values that stand at the places `index`; return the good ones, and reasons by place."""
        records: list[dict[str, Any]] = []
        good: list[int] = []
        bad: dict[int, str] = {}
        for place, value in zip(index.tolist(), values, strict=True):
            stream = io.BytesIO((value or b"")[HEADER:])
            try:
                record: Any = fastavro.schemaless_reader(stream, self._parsed, None)
            except Exception as error:  # fastavro raises whatever the bytes lead to
                bad[place] = f"not an Avro record of its schema ({type(error).__name__})"
                continue
            if stream.read(1):
                bad[place] = "bytes are left after the Avro record"
                continue
            records.append(record)
            good.append(place)
        return (self._group(records, good) if records else None), bad

    def _group(self, records: list[dict[str, Any]], good: list[int]) -> Group:
        def images(which: str) -> dict[str, pa.Array]:
            rows = [r[which] or {} for r in records]
            return {n: pa.array([row.get(n) for row in rows], t) for n, t in self._types.items()}

        def code(letter: str | None) -> int:
            return ord(letter) if letter and len(letter) == 1 and letter.isascii() else 0

        def times(values: list[int | None]) -> Int64s:
            return np.asarray([v or 0 for v in values], np.int64)

        return Group(
            np.asarray(good, np.int64),
            self._envelope,
            np.asarray([code(r["op"]) for r in records], np.uint8),
            images("after"),
            images("before"),
            times([r.get("ts_ms") for r in records]),
            times([(r.get("source") or {}).get("ts_ms") for r in records]),
            np.asarray([r["after"] is not None for r in records]),
            np.asarray([r["before"] is not None for r in records]),
        )


class ColumnReader:
    """The fast reader: numpy kernels, only the parts of the envelope that a row needs.

    The before-image is decoded for deletes alone: it names the row to delete.
    """

    def __init__(self, envelope: dict[str, Any]) -> None:
        self._envelope = envelope
        known = [f["name"] for f in envelope["fields"]]
        self._main = Decoder(envelope, fields=[n for n in ("after", "source", "op", "ts_ms") if n in known])
        self._before = Decoder(envelope, fields=["before"])

    def read(self, values: Binaries, index: Int64s) -> tuple[Group | None, dict[int, str]]:
        """Decode m values that stand at the places `index`; return the good ones, and reasons by place."""
        given = values if isinstance(values, pa.Array) else [v or b"" for v in values]
        decoded = self._main.decode(given, skip=HEADER)
        bad = {int(index[row]): reason for row, reason in decoded.errors}
        if not len(decoded.rows):
            return None, bad
        batch, rows = decoded.batch, decoded.rows
        op = _codes(batch.column("op"))
        deletes = np.flatnonzero(op == ord("d"))
        before, has_before = self._befores(given, rows, deletes)
        source = batch.column("source")
        none = np.zeros(len(rows), np.int64)
        group = Group(
            index[rows],
            self._envelope,
            op,
            _images(batch.column("after")),
            before,
            _times(batch.column("ts_ms")) if "ts_ms" in batch.schema.names else none,
            _times(source.field("ts_ms")) if source.type.get_field_index("ts_ms") >= 0 else none,
            np.asarray(batch.column("after").is_valid()),
            has_before,
        )
        return group, bad

    def _befores(
        self, values: Any, rows: Int64s, deletes: Int64s
    ) -> tuple[dict[str, pa.Array], npt.NDArray[np.bool_]]:
        has_before = np.ones(len(rows), np.bool_)
        if not len(deletes):
            return {}, has_before
        decoded = self._before.decode(_at(values, rows[deletes]), skip=HEADER)
        image = decoded.batch.column("before")
        place = np.full(len(rows), -1, np.int64)
        place[deletes[decoded.rows]] = np.arange(len(decoded.rows))
        take = pa.array(place, mask=place < 0)
        has_before[deletes] = False
        has_before[deletes[decoded.rows]] = np.asarray(image.is_valid())
        return {name: column.take(take) for name, column in _images(image).items()}, has_before


def _by_schema(values: Binaries, wanted: Int64s) -> list[tuple[int | None, Int64s]]:
    """Return the places by schema id, each ascending; under None those of values that have none."""
    if not len(wanted):
        return []
    if isinstance(values, pa.Array):
        offsets = np.frombuffer(values.buffers()[1], np.int64, len(values) + 1, 8 * values.offset)
        starts, lengths = offsets[wanted], (offsets[1:] - offsets[:-1])[wanted]
        body = values.buffers()[2]
        data = np.frombuffer(body if body is not None else b"", np.uint8)
        whole = lengths >= HEADER
        heads = np.full((len(wanted), HEADER), 0xFF, np.uint8)
        heads[whole] = data[starts[whole, None] + np.arange(HEADER)]
    else:
        joined = b"".join([(values[i] or b"")[:HEADER].ljust(HEADER, b"\xff") for i in wanted.tolist()])
        heads = np.frombuffer(joined, np.uint8).reshape(-1, HEADER)
        whole = np.fromiter((len(values[i] or b"") >= HEADER for i in wanted.tolist()), np.bool_, len(wanted))
    ids = heads[:, 1:].copy().view(">u4").reshape(-1).astype(np.int64)
    ids[(heads[:, 0] != 0) | ~whole] = -1
    if (ids == ids[0]).all():
        return [(None if ids[0] < 0 else int(ids[0]), wanted)]
    return [(None if one < 0 else int(one), wanted[ids == one]) for one in np.unique(ids).tolist()]


def _at(values: Binaries, places: Int64s) -> Any:
    """Return the values at some places, as a list or an array as they are."""
    if isinstance(values, pa.Array):
        if len(places) == len(values):
            return values
        return values.take(pa.array(places))
    return [values[i] for i in places.tolist()]


def _codes(op: pa.Array) -> npt.NDArray[np.uint8]:
    """Return operation letters as ASCII codes, 0 for what is no single letter."""
    lengths = np.asarray(pc.fill_null(pc.binary_length(op), 0))
    if len(op) and op.offset == 0 and (lengths == 1).all():
        return np.frombuffer(op.buffers()[2], np.uint8, len(op))
    first = [v if v and len(v) == 1 and v.isascii() else "\0" for v in op.to_pylist()]
    return np.frombuffer("".join(first).encode(), np.uint8)


def _images(image: pa.StructArray) -> dict[str, pa.Array]:
    names = [image.type.field(i).name for i in range(image.type.num_fields)]
    return dict(zip(names, image.flatten(), strict=True))


def _times(array: pa.Array) -> Int64s:
    return np.asarray(pc.fill_null(array.cast(pa.int64()), 0).to_numpy(zero_copy_only=False))
