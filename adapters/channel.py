"""One entity's way to Kafka: topic, schemas and ids, and its rows and changes as finished bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from adapters.diff import DELETE, READ, Int64s
from adapters.extract import Origin
from adapters.snapshot import Picture
from adapters.spec import AdapterSpec
from adapters.spool import SCHEMA
from connectors.key_secret import key_secret
from connectors.links import Links
from connectors.registry import Registry
from schemas.codec import Decoder, Encoder
from schemas.entity import Entity
from schemas.envelope import EnvelopeEncoder, Source, envelope_schema
from schemas.errors import Terminal
from schemas.key_text import key_text, pseudonyms, with_trimmed_key
from schemas.partition import partitions
from schemas.symbols import PROPERTY
from schemas.topics import Topic, subject
from schemas.wire import header

_MARKS = ("first", "true", "last")
#: What of a schema decides the bytes of a value; `doc` and the like may change freely.
_BYTES_MATTER = {
    "type",
    "name",
    "namespace",
    "fields",
    "items",
    "values",
    "logicalType",
    "precision",
    "scale",
    "symbols",
    PROPERTY,
}


@dataclass(frozen=True, slots=True)
class Events:
    """n changes of one entity, ready for their envelope.

    Attributes:
        op: n codes of `adapters.diff`.
        key_text: n key texts.
        before: n Avro values or null.
        after: n Avro values or null.
        record: n record numbers, -1 where there is none.
        offset: n byte offsets, -1 where there is none.
        order: n numbers of the event among the entity's events, from 1.
        total: n numbers of the event in the extract, from 1.
        entity_events: how many events the entity has in this extract.
    """

    op: npt.NDArray[np.uint8]
    key_text: pa.LargeStringArray
    before: pa.LargeBinaryArray
    after: pa.LargeBinaryArray
    record: Int64s
    offset: Int64s
    order: Int64s
    total: Int64s
    entity_events: int


@dataclass(frozen=True, slots=True)
class Channel:
    """An entity bound to its topic and registered schemas; `secret` only where keys are pseudonyms."""

    entity: Entity
    adapter: str
    prefix: str
    connector: str
    topic: str
    partitions: int
    value_schema: dict[str, Any]
    key_id: int
    value_id: int
    secret: bytes | None
    values: Encoder
    keys: Encoder

    def canonical(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return n rows as they are published: blanks round a key are no part of it."""
        return with_trimmed_key(self.entity, batch)

    def encode(self, batch: pa.RecordBatch) -> pa.LargeBinaryArray:
        """Return n rows as Avro values without wire header."""
        return self.values.encode(batch)

    def key_text(self, batch: pa.RecordBatch) -> pa.LargeStringArray:
        """Return n rows' key texts."""
        return key_text(self.entity, batch)

    def key_columns(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return only the key fields, in the key's order."""
        return batch.select(list(self.entity.key))

    def picture(self) -> Picture:
        """Return the picture of an entity that was never seen."""
        return Picture(self.value_schema, pa.array([], pa.large_string()), pa.array([], pa.large_binary()))

    def renewed(self, old: Picture) -> Picture:
        """Return the picture with its values in today's schema; the same object where nothing changed.

        Fields that the entity has gained are null in it, fields that it has lost are gone.

        Raises:
            Terminal: a field has changed its type, and the old values do not fit the new one.
        """
        if _shape(old.schema) == _shape(self.value_schema):
            return old
        rows = Decoder(old.schema, self.value_schema).decode(old.value)
        if rows.errors:
            raise Terminal(
                f"the type of {', '.join(_retyped(old.schema, self.value_schema))} has changed, and what the "
                "snapshot knows does not fit the new one",
                where=self.topic,
                fix="publish the field under a new name (rename), and keep or drop the old one",
            )
        return Picture(self.value_schema, old.key_text, self.encode(rows.batch))

    def records(
        self, events: Events, keys: pa.RecordBatch | None, extract: str, origin: Origin
    ) -> pa.RecordBatch:
        """Return n Kafka records (`adapters.spool.SCHEMA`): partition, key and envelope.

        Args:
            events: the changes; deletes stand after all others.
            keys: key fields of all changes, in their order, or of those that are no deletes.
            extract: the extract's id.
            origin: where it came from.
        """
        text = pseudonyms(self.secret, events.key_text) if self.secret else events.key_text
        envelopes = EnvelopeEncoder(self.value_id, self._source(extract, origin)).encode(
            events.op,
            events.before,
            events.after,
            record=events.record,
            offset=events.offset,
            total_order=events.total,
            order=events.order,
            snapshot=_markers(events),
        )
        columns = [
            pa.array(partitions(text, self.partitions)),
            self.keys.encode(self._key_batch(events, keys, text)),
            envelopes,
            pa.nulls(len(envelopes), pa.large_binary()),
        ]
        return pa.record_batch(columns, schema=SCHEMA)

    def _key_batch(
        self, events: Events, keys: pa.RecordBatch | None, text: pa.LargeStringArray
    ) -> pa.RecordBatch:
        if self.secret:
            return pa.record_batch([text.cast(pa.string())], names=["pseudonym"])
        deleted = events.op == DELETE
        if keys is not None and keys.num_rows == len(deleted):
            return keys
        before = events.before.filter(pa.array(deleted))
        gone = self.key_columns(Decoder(self.value_schema, fields=self.entity.key).decode(before).batch)
        return pa.concat_batches([keys, gone.cast(keys.schema)]) if keys is not None else gone

    def _source(self, extract: str, origin: Origin) -> Source:
        return Source(
            connector=self.connector,
            name=self.prefix,
            db=self.entity.system,
            table=self.entity.name,
            adapter=self.adapter,
            extract=extract,
            ts_ms=origin.ts_ms,
            ts_kind=origin.ts_kind,
            at_ms=origin.arrival_ms,
            file=origin.file,
            operation=origin.operation,
            message_id=origin.message_id,
        )


def topics_of(spec: AdapterSpec, entities: Mapping[str, Entity], links: Links) -> list[Topic]:
    """Return every topic that an adapter writes, as it must exist before the first record."""
    topics = links.topics
    change = [topics.change(spec.system, name, spec.partitions) for name in entities]
    return [*change, topics.transaction, topics.lifecycle, topics.adapter_state, topics.dlq(spec.system)]


def open_channels(
    spec: AdapterSpec, entities: Mapping[str, Entity], links: Links, registry: Registry
) -> dict[str, Channel]:
    """Register each entity's key and value schema and return its channel.

    Raises:
        IncompatibleSchema: a schema does not fit what is registered; nothing is published then.
        Transient: the registry does not answer.
    """
    return {name: _open(spec, entity, links, registry) for name, entity in entities.items()}


def bind(
    spec: AdapterSpec, entity: Entity, topic: str, *, prefix: str, ids: tuple[int, int], secret: bytes | None
) -> Channel:
    """Return the channel of an entity whose key and value schema have these registry ids."""
    key_schema, value_schema = entity.key_schema(topic), entity.value_schema(topic)
    return Channel(
        entity=entity,
        adapter=spec.name,
        prefix=prefix,
        connector=f"banyan-{spec.kind}",
        topic=topic,
        partitions=spec.partitions,
        value_schema=value_schema,
        key_id=ids[0],
        value_id=ids[1],
        secret=secret,
        values=Encoder(value_schema),
        keys=Encoder(key_schema, prefix=header(ids[0])),
    )


def _open(spec: AdapterSpec, entity: Entity, links: Links, registry: Registry) -> Channel:
    topic = links.topics.change(spec.system, entity.name, spec.partitions).name
    key_id = registry.register(subject(topic, "key"), entity.key_schema(topic))
    value_id = registry.register(subject(topic, "value"), envelope_schema(topic, entity, links.prefix))
    secret = key_secret(links.state / "secrets") if entity.key_privacy == "pseudonym" else None
    return bind(spec, entity, topic, prefix=links.prefix, ids=(key_id, value_id), secret=secret)


def _markers(events: Events) -> pa.DictionaryArray | None:
    """Return Debezium's snapshot marker of each event: first, true … last on a first load, else null."""
    read = events.op == READ
    if not read.any():
        return None
    marks = np.full(len(read), _MARKS.index("true"), np.int8)
    if read[0] and events.order[0] == 1:
        marks[0] = _MARKS.index("first")
    if read[-1] and events.order[-1] == events.entity_events:
        marks[-1] = _MARKS.index("last")
    return pa.DictionaryArray.from_arrays(pa.array(marks, mask=~read), pa.array(_MARKS))


def _retyped(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return the fields that both schemas have, with different types."""
    before = {f["name"]: _shape(f["type"]) for f in old["fields"]}
    return [f["name"] for f in new["fields"] if before.get(f["name"], _shape(f["type"])) != _shape(f["type"])]


def _shape(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {k: _shape(v) for k, v in schema.items() if k in _BYTES_MATTER}
    return [_shape(s) for s in schema] if isinstance(schema, list) else schema
