"""Phase 1: turn an extract into a spool and a new snapshot, fsynced, in deterministic order (DESIGN 10.2).

The same extract over the same base gives the same bytes: every time in the events is the extract's own,
so a crash between the phases costs only the work.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from adapters.channel import Channel, Events
from adapters.dead_letter import spool_batch
from adapters.diff import DELETE, Changes, compare
from adapters.extract import Extract, Reject
from adapters.guard import Tally, reasons_to_hold
from adapters.snapshot import Picture, Snapshots
from adapters.spec import AdapterSpec
from adapters.spool import BATCH_ROWS, Spool, SpoolEntity, SpoolWriter
from adapters.turn import number_of
from connectors.key_secret import fingerprint

#: Rows encoded at once: the kernels' working columns then stay in the processor's cache (a third faster).
_ENCODED_ROWS = 32_768
#: A held extract's reasons quote so many rejects; all of them are dead letters.
_QUOTED = 5
#: Different problems of one extract that are told. They travel in one Kafka record, which has a limit: a
#: list whose detail calls all fail would have thousands.
_PROBLEMS = 20


@dataclass(slots=True)
class _Rows:
    """One entity's rows as they come, chunk by chunk."""

    key_text: list[pa.LargeStringArray] = field(default_factory=list)
    value: list[pa.LargeBinaryArray] = field(default_factory=list)
    keys: list[pa.RecordBatch] = field(default_factory=list)
    record: list[Any] = field(default_factory=list)
    offset: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Compared:
    """One entity after the comparison."""

    channel: Channel
    changes: Changes
    tally: Tally
    picture: Picture
    keys: pa.RecordBatch | None
    record: Any
    offset: Any
    conflicts: list[Reject]


def prepare(
    extract: Extract,
    *,
    spec: AdapterSpec,
    channels: Mapping[str, Channel],
    snapshots: Snapshots,
    base: str,
    spools: Path,
    dead_letters: str,
    secret: bytes,
    told: str = "",
    doubts: Sequence[str] = (),
) -> Spool:
    """Decode, compare, guard and write; nothing of it is published yet.

    Args:
        extract: what the adapter found; read to its end.
        spec: the adapter's settings (name, system, guard).
        channels: where each entity's events go, by entity name.
        snapshots: the adapter's snapshots.
        base: id of the committed snapshot; empty before the first.
        spools: folder for the new spool.
        dead_letters: the dead-letter topic's name.
        secret: the estate's key secret, behind the pseudonyms of keys in dead letters.
        told: digest of the rejects that the poll before has dead-lettered. A record that stays bad is in
            every poll; it is one dead letter, not one every few seconds.
        doubts: why a person must look first, whatever the extract holds.

    Returns:
        The spool. `manifest.hold` says why a person must look first; empty = publish.

    Raises:
        Terminal: the extract cannot be read with these settings.
        Transient: the source does not answer.
    """
    rows, rejects = _gather(extract, channels)
    problems = _summed(extract.problems())
    unreadable = sum(r.key_text is None for r in rejects)
    absence = not (extract.partial or problems or unreadable)
    old = snapshots.read(base) if base else {}
    compared = {
        name: _compare(channel, old.get(name), rows[name], [r for r in rejects if r.entity == name], absence)
        for name, channel in channels.items()
    }
    hold = reasons_to_hold(
        {name: c.tally for name, c in compared.items()},
        spec.guard,
        partial=extract.partial,
        unreadable_keys=unreadable,
        problems=problems,
        doubts=doubts,
    )
    rejects = sorted(
        [*rejects, *(r for c in compared.values() for r in c.conflicts)], key=lambda r: (r.record, r.offset)
    )
    if hold:
        hold += [f"record {r.record}: {r.field_path or r.entity}: {r.reason}" for r in rejects[:_QUOTED]]
    writer = SpoolWriter(spools)
    total = 0
    for one in compared.values():
        writer.add(one.channel.topic, _records(one, extract, total))
        total += len(one.changes.op)
    letters = _digest(rejects) if extract.origin.file is None else ""
    if rejects and (not letters or letters != told):
        writer.add(
            dead_letters,
            [
                spool_batch(
                    rejects, adapter=spec.name, extract=extract.id, origin=extract.origin, secret=secret
                )
            ],
        )
    return writer.close(
        adapter=spec.name,
        extract=extract.id,
        partial=extract.partial,
        base=base,
        snapshot=snapshots.write({name: c.picture for name, c in compared.items()}),
        ts_ms=extract.origin.ts_ms,
        ts_kind=extract.origin.ts_kind,
        arrival_ms=extract.origin.arrival_ms,
        file=extract.origin.file,
        sequence=number_of(extract),
        entities={name: _entity(spec.system, name, c) for name, c in compared.items()},
        rejected=len(rejects),
        letters=letters,
        secret=next((fingerprint(c.secret) for c in channels.values() if c.secret), ""),
        hold=tuple(hold),
        problems=problems,
    )


def _gather(extract: Extract, channels: Mapping[str, Channel]) -> tuple[dict[str, _Rows], list[Reject]]:
    """Encode every chunk as it comes; from here on a row is its key text and its Avro bytes."""
    rows = {name: _Rows() for name in channels}
    rejects: list[Reject] = []
    for chunk in extract.chunks():
        for part in chunk.rows:
            channel, into = channels[part.entity], rows[part.entity]
            rows_of = channel.canonical(part.batch)
            for start in range(0, rows_of.num_rows, _ENCODED_ROWS):
                batch = rows_of.slice(start, _ENCODED_ROWS)
                into.key_text.append(channel.key_text(batch))
                into.value.append(channel.encode(batch))
            into.keys.append(channel.key_columns(rows_of))
            into.record.append(part.record)
            into.offset.append(part.offset)
        rejects += chunk.rejects
    return rows, rejects


def _digest(rejects: Sequence[Reject]) -> str:
    """Return a digest of what was rejected and why, wherever in the list it stood; empty for nothing."""
    facts = sorted(repr((r.entity, r.field_path, r.reason, r.raw)).encode() for r in rejects)
    return hashlib.sha256(b"\n".join(facts)).hexdigest()[:32] if facts else ""


def _summed(problems: Sequence[str]) -> tuple[str, ...]:
    """Return the different problems, each with how often it came, and how many more there are."""
    counts = Counter(problems)
    told = [what if n == 1 else f"{what} ({n} times)" for what, n in list(counts.items())[:_PROBLEMS]]
    more = len(counts) - len(told)
    return (*told, f"and {more} more problems") if more else tuple(told)


def _compare(
    channel: Channel, old: Picture | None, rows: _Rows, rejects: list[Reject], absence: bool
) -> _Compared:
    key_text = pa.concat_arrays([pa.array([], pa.large_string()), *rows.key_text])
    value = pa.concat_arrays([pa.array([], pa.large_binary()), *rows.value])
    record = np.concatenate([np.empty(0, np.int64), *rows.record])
    offset = np.concatenate([np.empty(0, np.int64), *rows.offset])
    before = channel.renewed(old) if old else channel.picture()
    rejected = [r.key_text for r in rejects if r.key_text is not None]
    changes = compare(
        before.key_text,
        before.value,
        key_text,
        value,
        pa.array(rejected, pa.large_string()),
        absence=absence,
        first=old is None,
    )
    changed = changes.next_key_text is not before.key_text or changes.next_value is not before.value
    counts = np.bincount(changes.op, minlength=256)
    conflicts = _conflicts(channel, changes, key_text, value, record, offset)
    tally = Tally(
        known=len(before.key_text),
        rows=changes.unchanged + int(counts[ord("r")] + counts[ord("c")] + counts[ord("u")]),
        **{op: int(counts[ord(op)]) for op in "rcud"},
        rejected=len(rejects) + len(conflicts),
        unchanged=changes.unchanged,
    )
    picture = Picture(channel.value_schema, changes.next_key_text, changes.next_value) if changed else before
    keys = pa.concat_batches(rows.keys) if rows.keys else None
    return _Compared(channel, changes, tally, picture, keys, record, offset, conflicts)


def _conflicts(
    channel: Channel, changes: Changes, key_text: Any, value: Any, record: Any, offset: Any
) -> list[Reject]:
    """Make dead letters of rows that contradict each other; their legacy bytes are found by record number."""
    return [
        Reject(
            entity=channel.entity.name,
            record=int(record[i]),
            offset=int(offset[i]),
            raw=value[i].as_py(),
            field_path=", ".join(channel.entity.key),
            reason="several records have this key and differ; the value here is the Avro form of this one",
            key_text=key_text[i].as_py(),
        )
        for i in changes.conflicts.tolist()
    ]


def _records(one: _Compared, extract: Extract, total: int) -> Iterator[pa.RecordBatch]:
    """Yield an entity's finished Kafka records in bounded batches; a delete is followed by its tombstone."""
    changes, n = one.changes, len(one.changes.op)
    for start in range(0, n, BATCH_ROWS):
        part = slice(start, min(start + BATCH_ROWS, n))
        row = changes.row[part]
        length = part.stop - part.start
        events = Events(
            op=changes.op[part],
            key_text=changes.key_text.slice(start, length),
            before=changes.before.slice(start, length),
            after=changes.after.slice(start, length),
            record=_at(one.record, row),
            offset=_at(one.offset, row),
            order=np.arange(start + 1, start + length + 1, dtype=np.int64),
            total=np.arange(total + start + 1, total + start + length + 1, dtype=np.int64),
            entity_events=n,
        )
        keys = one.keys.take(pa.array(row[row >= 0])) if one.keys is not None else None
        yield _with_tombstones(one.channel.records(events, keys, extract.id, extract.origin), events.op)


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


def _at(numbers: Any, row: Any) -> Any:
    """Return `numbers[row]`, and -1 where `row` is -1 (a delete has no record)."""
    return np.where(row < 0, -1, numbers[row]) if len(numbers) else np.full(len(row), -1, np.int64)


def _entity(system: str, name: str, one: _Compared) -> SpoolEntity:
    counts = {k: v for k, v in asdict(one.tally).items() if k not in ("known", "rows")}
    return SpoolEntity(
        collection=f"{system}.{name}",
        topic=one.channel.topic,
        key_id=one.channel.key_id,
        value_id=one.channel.value_id,
        counts=counts,
    )
