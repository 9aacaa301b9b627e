"""One entity of one extract: rows come in, Kafka records and the next picture go out, part by part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import repeat
from typing import Any

import numpy as np
import pyarrow as pa

from adapters.ahead import ahead
from adapters.channel import Channel, Events
from adapters.compare.alike import differing
from adapters.delta import EVENT, apply_actions, events_of
from adapters.diff import DELETE, Bools, Changes, Int64s, compare
from adapters.extract import Extract, Reject
from adapters.extract import Rows as DecodedRows
from adapters.guard import Tally
from adapters.parts import PARTS, Rows, picture_parts
from adapters.rejects import Rejects
from adapters.snapshot import Picture, Snapshots, Stored, Storing
from adapters.spec import CompareSpec
from adapters.spool import BATCH_ROWS, SpoolEntity
from schemas.codec import Decoder

#: Rows encoded at once: the kernels' working columns then stay in the processor's cache (a third faster).
_ENCODED_ROWS = 32_768
#: Columns of a row beside those of its key.
_ROW = ("key_text", "value", "record", "offset", "action")
_CONTRADICT = "several records have this key and differ"
_UNEXPECTED = "its action does not fit what is known of its key"


@dataclass(frozen=True, slots=True)
class _Part:
    """The changes of one part, and where their rows came from."""

    changes: Changes
    keys: pa.RecordBatch | None
    record: Int64s
    offset: Int64s


class EntityDiff:
    """Compares one entity; complete when `records` is exhausted."""

    def __init__(
        self,
        channel: Channel,
        spec: CompareSpec,
        snapshots: Snapshots,
        before: Sequence[Stored] | None,
        *,
        rows: Rows,
        lost: Rows,
        rejects: Rejects,
    ) -> None:
        """Begin.

        Args:
            channel: the entity's way to Kafka.
            spec: what counts as a change.
            snapshots: where pictures are read and stored.
            before: the entity's pictures in the committed snapshot; None before the first.
            rows: where its rows wait.
            lost: where the keys of its rejected records wait.
            rejects: takes the rows that are not believed.
        """
        self.channel = channel
        self.tally = Tally()
        self.pictures: list[Storing] = []
        self._spec, self._snapshots, self._before = spec, snapshots, before
        self._rows, self._lost, self._rejects, self._rejected = rows, lost, rejects, 0
        self._mode = "full"

    @property
    def events(self) -> int:
        """Change events so far."""
        return self.tally.r + self.tally.c + self.tally.u + self.tally.d

    def add(self, rows: DecodedRows) -> None:
        """Encode rows; from here on a row is its key text and its Avro bytes."""
        channel, batch = self.channel, self.channel.canonical(rows.batch)
        if rows.action is not None and len(rows.action):
            self._mode = "events" if rows.action[0] == EVENT else "delta"
        for start in range(0, batch.num_rows, _ENCODED_ROWS):
            part = batch.slice(start, _ENCODED_ROWS)
            stop = start + part.num_rows
            keys = channel.key_columns(part)
            action = rows.action[start:stop] if rows.action is not None else np.zeros(stop - start, np.uint8)
            columns = [
                channel.key_text(part),
                channel.encode(part),
                pa.array(rows.record[start:stop], pa.int64()),
                pa.array(rows.offset[start:stop], pa.int64()),
                pa.array(action, pa.uint8()),
                *keys.columns,
            ]
            self._rows.add(pa.record_batch(columns, names=[*_ROW, *map(_key_name, keys.schema.names)]))

    def lose(self, rejects: Sequence[Reject]) -> None:
        """Take note of records that could not be decoded: nothing is said of their keys."""
        self._rejected += len(rejects)
        keys = [r.key_text for r in rejects if r.key_text is not None]
        if keys:
            self._lost.add(pa.record_batch([pa.array(keys, pa.large_string())], names=["key_text"]))

    def records(self, extract: Extract, *, absence: bool, total: int) -> Iterator[pa.RecordBatch]:
        """Yield the finished Kafka records in bounded batches, and store the pictures.

        Args:
            extract: where the rows came from.
            absence: True if a key that is not there has been deleted.
            total: change events of the extract before this entity.
        """
        self.tally = replace(self.tally, rejected=self._rejected)
        many = self._rows.many or self._lost.many
        count = PARTS if many or (self._before is not None and len(self._before) > 1) else 1
        sent, waiting = 0, None
        # One part waits until there is another with events: only the last event of all is marked as the last.
        for found in ahead(self._changed(count, absence=absence)):
            if waiting is not None:
                yield from self._batches(waiting, extract, sent, total, last=False)
                sent += len(waiting.changes.op)
            waiting = found
        if waiting is not None:
            yield from self._batches(waiting, extract, sent, total, last=True)

    def _changed(self, count: int, *, absence: bool) -> Iterator[_Part]:
        """Compare part by part and yield those with changes; in a thread, while the one before is encoded."""
        for rows, before, rejected in zip(
            self._rows.parts(count), self._pictures(count), self._lost.parts(count), strict=True
        ):
            found = self._compare(rows, before, _key_texts(rejected), absence=absence)
            if count > 1:  # what a part has used goes back: the next one may be made of other pieces
                pa.default_memory_pool().release_unused()
            if found is not None and len(found.changes.op):
                yield found

    def entity(self, system: str) -> SpoolEntity:
        """Return the figures for the manifest."""
        counts = {k: v for k, v in asdict(self.tally).items() if k not in ("known", "rows")}
        return SpoolEntity(
            collection=f"{system}.{self.channel.entity.name}",
            topic=self.channel.topic,
            key_id=self.channel.key_id,
            value_id=self.channel.value_id,
            counts=counts,
        )

    def _pictures(self, count: int) -> Iterator[Stored | Picture | None]:
        """Yield the parts of the picture before; None for an entity that was never seen."""
        if self._before is None:
            yield from repeat(None, count)
        elif len(self._before) == count:
            yield from self._before
        else:
            yield from picture_parts(self._snapshots.open(self._before[0]))

    def _compare(
        self,
        rows: pa.RecordBatch | None,
        before: Stored | Picture | None,
        rejected: pa.LargeStringArray,
        *,
        absence: bool,
    ) -> _Part | None:
        if rows is None and isinstance(before, Stored) and not absence:
            self.pictures.append(self._snapshots.kept(before))  # nothing is said of this part
            self.tally = replace(self.tally, known=self.tally.known + before.rows)
            return None
        stored = self._snapshots.open(before) if isinstance(before, Stored) else before
        old = self.channel.renewed(stored) if stored is not None else self.channel.picture()
        none = pa.array([], pa.int64())
        key_text = rows.column("key_text") if rows is not None else old.key_text.slice(0, 0)
        value = rows.column("value") if rows is not None else old.value.slice(0, 0)
        record, offset = (
            (rows.column(n) if rows is not None else none).to_numpy() for n in ("record", "offset")
        )
        changes, odd = self._changes(
            rows, old, key_text, value, rejected, absence=absence, first=before is None
        )
        self._count(changes, odd, known=len(old.key_text), records=len(key_text))
        self._tell(changes, key_text, value, record, offset)
        changed = changes.next_key_text is not old.key_text or changes.next_value is not old.value
        schema = self.channel.value_schema
        picture = Picture(schema, changes.next_key_text, changes.next_value) if changed else old
        self.pictures.append(self._snapshots.store(picture))
        return _Part(changes, _keys(rows), record, offset)

    def _changes(
        self,
        rows: pa.RecordBatch | None,
        old: Picture,
        key_text: Any,
        value: Any,
        rejected: pa.LargeStringArray,
        *,
        absence: bool,
        first: bool,
    ) -> tuple[Changes, int]:
        """Return the changes as the extract's mode has it, and how many records did not fit what is known."""
        if rows is not None and self._mode == "events":
            return events_of(old.key_text, old.value, key_text, value), 0
        if rows is not None and self._mode == "delta":
            action = rows.column("action").to_numpy()
            return apply_actions(
                old.key_text, old.value, key_text, value, action, unexpected=self._spec.unexpected
            )
        loose = self._spec.ignore or self._spec.tolerance
        changes = compare(
            old.key_text,
            old.value,
            key_text,
            value,
            rejected,
            absence=absence,
            first=first,
            duplicates=self._spec.duplicates,
            differing=self._differing if loose else None,
        )
        return changes, 0

    def _differing(self, old: pa.LargeBinaryArray, new: pa.LargeBinaryArray) -> Bools:
        """Return which of n changed values differ in what counts."""
        names = [f.name for f in self.channel.entity.fields if f.name not in self._spec.ignore]
        decoder = Decoder(self.channel.value_schema, fields=names)
        before, after = (pa.Table.from_batches([decoder.decode(column).batch]) for column in (old, new))
        return differing(before, after, tolerance=self._spec.tolerance)

    def _count(self, changes: Changes, odd: int, *, known: int, records: int) -> None:
        counts, so_far = np.bincount(changes.op, minlength=256), self.tally
        r, c, u, d = (int(counts[ord(op)]) for op in "rcud")
        # A full extract's rows are the keys that it has. In a delta file every record counts: deletes, too,
        # and those that change nothing because their key is not known.
        good = records - len(changes.conflicts) if self._mode == "delta" else changes.unchanged + r + c + u
        self.tally = Tally(
            known=so_far.known + known,
            rows=so_far.rows + good,
            r=so_far.r + r,
            c=so_far.c + c,
            u=so_far.u + u,
            d=so_far.d + d,
            rejected=so_far.rejected + len(changes.conflicts),
            unchanged=so_far.unchanged + changes.unchanged,
            unexpected=so_far.unexpected + odd,
        )

    def _tell(self, changes: Changes, key_text: Any, value: Any, record: Int64s, offset: Int64s) -> None:
        """Reject the rows that are not believed; their legacy bytes are looked up by record number later."""
        entity = self.channel.entity
        self._rejects.add(
            Reject(
                entity=entity.name,
                record=int(record[i]),
                offset=int(offset[i]),
                raw=value[i].as_py(),
                field_path=", ".join(entity.key),
                reason=_UNEXPECTED if self._mode == "delta" else _CONTRADICT,
                key_text=key_text[i].as_py(),
                decoded=True,
            )
            for i in changes.conflicts.tolist()
        )

    def _batches(
        self, part: _Part, extract: Extract, sent: int, total: int, *, last: bool
    ) -> Iterator[pa.RecordBatch]:
        """Yield a part's finished Kafka records; a delete is followed by its tombstone."""
        changes, n = part.changes, len(part.changes.op)
        for start in range(0, n, BATCH_ROWS):
            cut = slice(start, min(start + BATCH_ROWS, n))
            row, length, before = changes.row[cut], cut.stop - cut.start, sent + start
            events = Events(
                op=changes.op[cut],
                key_text=changes.key_text.slice(start, length),
                before=changes.before.slice(start, length),
                after=changes.after.slice(start, length),
                record=_at(part.record, row),
                offset=_at(part.offset, row),
                order=np.arange(before + 1, before + length + 1, dtype=np.int64),
                total=np.arange(total + before + 1, total + before + length + 1, dtype=np.int64),
                entity_events=sent + n if last else sent + n + 1,
            )
            keys = part.keys.take(pa.array(row[row >= 0])) if part.keys is not None else None
            yield _with_tombstones(self.channel.records(events, keys, extract.id, extract.origin), events.op)


def _key_texts(rows: pa.RecordBatch | None) -> pa.LargeStringArray:
    return rows.column("key_text") if rows is not None else pa.array([], pa.large_string())


def _key_name(field: str) -> str:
    """Return the name of a key column in a row; a field may be called `value`, too."""
    return f"key.{field}"


def _keys(rows: pa.RecordBatch | None) -> pa.RecordBatch | None:
    if rows is None:
        return None
    names = [n for n in rows.schema.names if n.startswith("key.")]
    columns = [rows.column(n) for n in names]
    return pa.record_batch(columns, names=[n.removeprefix("key.") for n in names])


def _with_tombstones(records: pa.RecordBatch, op: Any) -> pa.RecordBatch:
    deleted = op == DELETE
    if not deleted.any():
        return records
    repeats = np.repeat(np.arange(len(op)), np.where(deleted, 2, 1))
    tomb = np.zeros(len(repeats), dtype=bool)
    tomb[1:] = repeats[1:] == repeats[:-1]
    doubled = records.take(pa.array(repeats))
    value = records.column("value").take(pa.array(repeats, mask=tomb))
    return doubled.set_column(doubled.schema.get_field_index("value"), "value", value)


def _at(numbers: Int64s, row: Int64s) -> Int64s:
    """Return `numbers[row]`, and -1 where `row` is -1 (a delete has no record)."""
    return np.where(row < 0, -1, numbers[row]) if len(numbers) else np.full(len(row), -1, np.int64)
