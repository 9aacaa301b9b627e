"""The one object that turns a batch into stored rows and offsets, in a numbered order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from connectors.readmodel.store import (
    Answer,
    Change,
    Parked,
    Place,
    ReadModel,
    Request,
    RowRefused,
    key_identity,
)
from connectors.readmodel.table import Table
from schemas.entity import arrow_type
from schemas.errors import SettingsError, Terminal
from streams.aside import WAITS, batch_of, records, wait_behind, without
from streams.batch import Batch
from streams.decoding import Decoded, EventDecoder, KeyDecoder
from streams.fold import Folded, fold
from streams.owners import KeyOwners
from streams.projection import Projection
from streams.shape import stored, table_of


class Schemas(Protocol):
    """What is asked of the schema registry."""

    def by_id(self, schema_id: int) -> dict[str, Any]:
        """Return the schema with this id; Terminal for none, Transient while there is no answer."""
        ...

    def latest(self, subject: str) -> tuple[int, dict[str, Any]] | None:
        """Return id and newest schema of a subject, None where there is no such subject."""
        ...


class Gap(Terminal):
    """A batch does not begin where the one before it ended: one was lost on the way from the fetch."""


class Poisoned(Terminal):
    """An event cannot be applied, and its projection is to stop rather than go on without it."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch that waits to be stored.

    Attributes:
        batch: what was fetched.
        change: what it does to the store.
        letters: the events to dead-letter before.
        stop: why nothing after this batch may be applied.
        aside: places in the batch of events whose key was parked before, with the reason.
        refusals: how many times the store had refused rows when this was made.
    """

    batch: Batch
    change: Change
    letters: Sequence[Parked] = ()
    stop: Poisoned | None = None
    aside: Mapping[int, str] = field(default_factory=dict)
    refusals: int = 0


class Checkpoint:
    """Commits batches of one projection version.

    The order, for each batch of a partition. `prepare` does 1 to 5, `commit` 6 and 7, so that one thread can
    prepare the next batch while another stores this one:

    1. Leave out what is stored already; refuse a batch that does not begin where the last one ended.
    2. Set aside the events of parked keys.
    3. Decode the others by column, each with its writer's schema.
    4. Apply the projection's policy to what cannot be decoded or folded: park it and later events of its key,
       leave it out, or end the batch before it.
    5. Fold to the newest event of each row key.
    6. Dead-letter what failed for its own sake, and wait until Kafka has it.
    7. In one transaction of the store: move the offset if it is still the expected one (the fence), write
       rows, deletes, parked events and statistics.

    A row that the store can never hold (a text too long for its index) fails like an event that cannot be
    folded: it is found by trial, and 4 to 7 are done again, also for the batch that was prepared meanwhile.

    A crash before 7 repeats all of it from the stored offset: the only thing that can then be there twice
    is a dead letter, which carries its event's place to tell. `answer` takes the same way for what people
    decide about parked events, with an offset that stays.
    """

    def __init__(
        self,
        projection: Projection,
        topic: str,
        store: ReadModel,
        schemas: Schemas,
        dead_letter: Callable[[Sequence[Parked]], None],
        secret: bytes = b"",
    ) -> None:
        self._projection = projection
        self._topic = topic
        self._store = store
        self._schemas = schemas
        self._dead_letter = dead_letter
        self._events = EventDecoder(schemas.by_id)
        self._keys = KeyDecoder(schemas.by_id)
        self._table = store.table
        self._known: dict[int, Table] = {}
        self._key_schema: dict[str, Any] | None = None
        self._next: dict[Place, int] = {}
        #: By `key_identity`.
        self._parked: set[bytes] = set()
        self._owners = KeyOwners(self._keys, secret)
        #: Keys parked because the store refused a row, and how often that has happened.
        self._refused: set[bytes] = set()
        self._refusals = 0
        #: `prepare` and a second preparation in `commit` run in two threads and share decoders and table.
        self._preparing = Lock()
        #: Something was answered, and `_parked` has not been looked up since.
        self._answering = False
        #: By partition, what is stored for sure (moves in `commit`).
        self.stored: dict[Place, int] = {}

    def ensure_table(self) -> bool:
        """Make or widen the table from the newest registered schemas; False where there are none yet."""
        value = self._schemas.latest(f"{self._topic}-value")
        key = self._schemas.latest(f"{self._topic}-key")
        if value is None or key is None:
            return False
        table = table_of(self._projection, value[1], key[1])
        self._key_schema = key[1]
        self._store.ensure(table)
        self._table = self._store.table
        return True

    def claim(self, places: Sequence[Place]) -> dict[Place, int]:
        """Take over partitions: return the offsets to seek to. Call it when nothing is in flight."""
        offsets = dict(self._store.claim(places))
        self._next = dict(offsets)
        self.stored = dict(offsets)
        self._parked = self._store.parked_keys(places)
        self._refused = set()
        # Another worker may have widened the table for events that these partitions go on from.
        self._table = self._store.table or self._table
        return offsets

    def prepare(self, batch: Batch) -> Prepared | None:
        """Steps 1 to 5; None where all of the batch is stored already, or is not ours any more.

        Raises:
            Gap: a batch was lost between fetch and here. Start again from the stored offset.
            Transient: the registry does not answer. Nothing has changed; call again.
        """
        # 1. Leave out what is stored already.
        expected = self._next.get(batch.place)
        if expected is None or batch.end <= expected:
            return None
        if batch.start > expected:
            raise Gap(
                f"the batch begins at {batch.start}, the one before it ended at {expected}",
                where=f"{batch.topic}:{batch.partition}",
                fix="nothing: the worker starts again from the stored offset",
            )
        batch = batch.since(expected)
        # 2. Set aside the events of parked keys.
        aside = self._of_keys(batch, self._parked)
        prepared = self._prepared(batch, expected, aside, {})
        self._next[batch.place] = prepared.change.next
        return prepared

    def commit(self, prepared: Prepared) -> Prepared:
        """Steps 6 and 7; return what was stored, which is less where the store refused a row.

        Raises:
            Fenced: another worker wrote this partition.
            StoreUnavailable: nothing was stored; call again.
            BrokerUnavailable: the dead letters were not taken; call again.
        """
        if prepared.refusals < self._refusals:  # a row of the batch before it was refused meanwhile
            aside = {**prepared.aside, **self._of_keys(prepared.batch, self._refused)}
            prepared = self._prepared(prepared.batch, prepared.change.expected, aside, {})
        refused: dict[int, str] = {}
        sent: set[int] = set()
        while True:
            change = prepared.change
            # 6. Dead-letter what failed for its own sake.
            if letters := [letter for letter in prepared.letters if letter.offset not in sent]:
                self._dead_letter(letters)
                sent.update(letter.offset for letter in letters)
            # 7. One transaction: fence, rows, parked events, statistics.
            if not (found := self._apply(change)):
                self.stored[change.place] = change.next
                return prepared
            refused |= found
            prepared = self._without_refused(prepared, refused)

    def _without_refused(self, prepared: Prepared, refused: Mapping[int, str]) -> Prepared:
        """Prepare a batch again, where these events (reason by offset) have failed in the store."""
        batch = prepared.batch
        places = {int(np.searchsorted(batch.offsets, offset)): why for offset, why in refused.items()}
        if self._projection.on_poison == "park_key":
            self._refused.update(key_identity(batch.keys[i] or b"") for i in places)
        self._refusals += 1
        return self._prepared(batch, prepared.change.expected, prepared.aside, places)

    def _apply(self, change: Change) -> dict[int, str]:
        """Store a change, or return, by offset, the events whose rows the store refuses: then nothing was."""
        try:
            self._store.apply(change)
        except RowRefused:
            if not (found := self._culprits(change)):
                raise
            return found
        return {}

    def _culprits(self, change: Change) -> dict[int, str]:
        """Return, by offset, the events whose rows the store refuses: found by halves, as they are few."""

        def search(rows: Sequence[tuple[Any, ...]]) -> dict[int, str]:
            assert change.table is not None
            try:
                self._store.probe(change.table, rows)
            except RowRefused as error:
                if len(rows) == 1:
                    return {int(rows[0][-2]): error.what}
                half = len(rows) // 2
                return search(rows[:half]) | search(rows[half:])
            return {}

        return search(change.upserts) if change.table is not None and len(change.upserts) else {}

    def _of_keys(self, batch: Batch, identities: set[bytes]) -> dict[int, str]:
        if not identities:
            return {}
        return {i: WAITS for i, key in enumerate(batch.keys) if key_identity(key or b"") in identities}

    def _prepared(
        self, batch: Batch, expected: int, aside: Mapping[int, str], refused: Mapping[int, str]
    ) -> Prepared:
        with self._preparing:
            return self._prepare(batch, expected, aside, refused)

    def _prepare(
        self, batch: Batch, expected: int, aside: Mapping[int, str], refused: Mapping[int, str]
    ) -> Prepared:
        """Steps 3 to 5."""
        refusals = self._refusals
        parked = dict(aside)
        # 3. Decode, 4. apply the policy, 5. fold.
        decoded = self._decode(batch, parked)
        table, folded, failed = self._fold(batch, decoded, parked, refused)
        stop: Poisoned | None = None
        if failed and self._projection.on_poison == "stop":
            stop = self._poisoned(batch, failed)
            batch = batch.until(int(batch.offsets[min(failed)]))
            decoded = self._decode(batch, parked := {i: r for i, r in parked.items() if i < len(batch)})
            table, folded, failed = self._fold(batch, decoded, parked)
        letters = records(batch, failed)
        skips = self._projection.on_poison == "skip"
        waiting = records(batch, parked if skips else {**parked, **failed})
        if not skips:
            self._parked.update(key_identity(batch.keys[i] or b"") for i in failed)
        change = Change(
            batch.place,
            expected,
            batch.end,
            table,
            folded.upserts,
            folded.deletes,
            waiting,
            len(batch),
            max((int(g.source_ts_ms.max()) for g in decoded.groups), default=0),
            int(batch.timestamps.max()) if len(batch) else 0,
            np.concatenate([g.ts_ms[g.ts_ms > 0] for g in decoded.groups]) if decoded.groups else (),
            batch.timestamps,
            skipped=len(letters) if skips else 0,
        )
        return Prepared(batch, change, letters, stop, dict(aside), refusals)

    def done(self, prepared: Prepared) -> bool:
        """Return True where a batch that the fence refused is stored: the answer to its commit was lost."""
        place = prepared.change.place
        if self._store.claim([place])[place] != prepared.change.next:
            return False
        self.stored[place] = prepared.change.next
        return True

    def give_up(self, place: Place) -> None:
        """Take no more batches of a partition that another worker writes, until it is claimed again."""
        self._next.pop(place, None)
        self.stored.pop(place, None)

    def asked(self) -> bool:
        """Return True where somebody has decided about a parked event of these partitions."""
        if not self.stored:
            return False
        if self._answering:
            return True  # what waits has to be looked up again, at least
        return bool(self._store.requests(list(self.stored)))

    def answer(self) -> int:
        """Do what people have decided about parked events; call it when nothing is in flight.

        Returns:
            How many requests were answered.

        Raises:
            Fenced: another worker wrote a partition.
            StoreUnavailable, Transient: the request is still open; call again.
        """
        requests = self._store.requests(list(self.stored))
        self._answering = self._answering or bool(requests)
        for request in requests:
            place = (request.event.topic, request.event.partition)
            waiting = self._store.parked_of(place, request.event.key)
            refused: dict[int, str] = {}
            while found := self._apply(self._answered(request, place, waiting, refused)):
                refused |= found
        if self._answering:  # also where the answer to an earlier commit was lost, or a later request failed
            self._parked = self._store.parked_keys(list(self.stored))
            self._refused = set()
            self._answering = False
        return len(requests)

    def _answered(
        self, request: Request, place: Place, waiting: list[Parked], refused: Mapping[int, str]
    ) -> Change:
        """Return the change that a request makes: the events of its key are tried in order.

        They come late, so a row is written only where nobody has written a newer one: an event (an edited
        one, mostly) of another row than its message key names waits on, and a newer row stays.
        """
        here = self.stored[place]
        target = request.event.offset
        if all(event.offset != target for event in waiting):
            return Change(place, here, here, None, answer=Answer(request, "it does not wait any more"))
        if request.action == "drop":
            waiting = [event for event in waiting if event.offset != target]
        elif request.action == "edit":
            waiting = [replace(e, value=request.value) if e.offset == target else e for e in waiting]
        batch = batch_of(place, waiting)
        places = {i: refused[e.offset] for i, e in enumerate(waiting) if e.offset in refused}
        table, folded, failed = self._fold(batch, self._own(batch), {}, places)
        first = min(failed, default=len(waiting))
        if failed:  # what comes before the first that fails is applied, it and the rest wait on
            batch = batch_of(place, waiting[:first])
            table, folded, _ = self._fold(batch, self._own(batch), {})
        kept = [
            replace(event, reason=failed[first] if i == first else WAITS)
            for i, event in enumerate(waiting)
            if i >= first
        ]
        released = [event.offset for event in waiting[:first]]
        upserts, deletes, newer = self._late(table, folded, place, max(released, default=-1))
        outcome = f"{first} applied"
        if newer:
            outcome += f" ({newer} behind a newer row, which stays)"
        if request.action == "drop":
            released.append(target)
            outcome = f"dropped, {outcome}"
        if kept:
            outcome += f", {len(kept)} still wait: {kept[0].reason}"
        answer = Answer(request, outcome, released, kept)
        return Change(place, here, here, table, upserts, deletes, answer=answer)

    def _own(self, batch: Batch) -> Decoded:
        """Decode events that waited; one whose row is not that of its message key is a bad one."""
        with self._preparing:
            decoded = self._decode(batch, {})
            if not decoded.groups:
                return decoded
            table = self._table_for(decoded)
            strangers = self._owners.strangers(table, batch, decoded.groups, self._row_key)
        return Decoded(without(decoded, set(strangers)).groups, {**decoded.bad, **strangers})

    def _late(
        self, table: Table | None, folded: Folded, place: Place, newest: int
    ) -> tuple[Sequence[tuple[Any, ...]], Sequence[tuple[Any, ...]], int]:
        """Return upserts and deletes without those behind a newer row, and how many these are."""
        if table is None:
            return folded.upserts, folded.deletes, 0
        at = [table.names.index(k) for k in table.key]
        keys = [tuple(row[i] for i in at) for row in folded.upserts]
        there = self._store.lineage(table, [*keys, *folded.deletes])

        def late(key: tuple[Any, ...], offset: int) -> bool:
            partition, newer = there.get(key, (place[1], -1))
            return partition != place[1] or newer > offset

        upserts = [row for key, row in zip(keys, folded.upserts, strict=True) if not late(key, row[-2])]
        deletes = [key for key in folded.deletes if not late(key, newest)]
        left_out = len(folded.upserts) - len(upserts) + len(folded.deletes) - len(deletes)
        return upserts, deletes, left_out

    def _decode(self, batch: Batch, parked: Mapping[int, str]) -> Decoded:
        wanted = batch.valued
        if parked:
            wanted = wanted & ~np.isin(np.arange(len(batch)), list(parked))
        return self._events.decode(batch.values, np.flatnonzero(wanted))

    def _poisoned(self, batch: Batch, failed: Mapping[int, str]) -> Poisoned:
        first = min(failed)
        return Poisoned(
            f"an event cannot be applied: {failed[first]}",
            where=f"{batch.topic}:{batch.partition}:{int(batch.offsets[first])}",
            fix='mend its cause, or declare on_poison="park_key" or "skip" and start the worker again',
        )

    def _fold(
        self, batch: Batch, decoded: Decoded, parked: dict[int, str], refused: Mapping[int, str] = {}
    ) -> tuple[Table | None, Folded, dict[int, str]]:
        failed = {**decoded.bad, **refused}
        while True:
            if self._projection.on_poison == "park_key":
                wait_behind(batch, failed, parked)
            alive = without(decoded, {*failed, *parked})
            tombstones, bad = self._tombstones(batch, alive, {*failed, *parked})
            if not alive.groups and not tombstones and not bad:
                return None, Folded([], []), failed
            table = self._table_for(decoded)
            folded = fold(self._projection, table, batch, alive, tombstones)
            if not (bad | folded.bad):
                return table, folded, failed
            failed |= bad | folded.bad

    def _tombstones(
        self, batch: Batch, decoded: Decoded, aside: set[int]
    ) -> tuple[dict[int, tuple[Any, ...]], dict[int, str]]:
        """Return the row keys of tombstones that a delete event does not precede, and the unreadable ones."""
        nulls = [i for i in np.flatnonzero(~batch.valued).tolist() if i not in aside]
        if not nulls:
            return {}, {}
        deletes = {i for g in decoded.groups for i in g.index[g.op == ord("d")].tolist()}
        alone = [i for i in nulls if not (i - 1 in deletes and batch.keys[i - 1] == batch.keys[i])]
        found: dict[int, tuple[Any, ...]] = {}
        bad: dict[int, str] = {}
        for i in alone:
            try:
                record = self._keys.decode([batch.keys[i] or b""])[0]
            except ValueError as error:
                bad[i] = str(error)
                continue
            if tuple(record) == ("pseudonym",) or self._table is None:
                continue  # the delete event before it named the row; without a table there is none
            found[i] = self._row_key(record)
        return found, bad

    def _row_key(self, record: dict[str, Any]) -> tuple[Any, ...]:
        assert self._table is not None
        types = {f["name"]: arrow_type(f["type"]) for f in self._newest_key_schema()["fields"]}
        columns = [self._table.column(k) for k in self._table.key]
        return tuple(stored(pa.array([record[c.field]], types[c.field]), c)[0].as_py() for c in columns)

    def _table_for(self, decoded: Decoded) -> Table:
        """Return the table, widened by every writer schema that has come by."""
        for group in decoded.groups:
            if id(group.envelope) not in self._known:
                key = self._newest_key_schema()
                table = table_of(self._projection, group.envelope, key, newest=False)
                self._known[id(group.envelope)] = table
                self._table = table if self._table is None else self._table.widened(table)
        assert self._table is not None
        return self._table

    def _newest_key_schema(self) -> dict[str, Any]:
        if self._key_schema is None:
            newest = self._schemas.latest(f"{self._topic}-key")
            if newest is None:
                raise SettingsError(
                    "no key schema is registered", where=f"{self._topic}-key", fix="publish with Avro keys"
                )
            self._key_schema = newest[1]
        return self._key_schema
