"""What the projection engine asks of a read-model store: SQLite or PostgreSQL.

The promise: rows, offset, parked events and statistics of one batch become visible together or not at
all, and only if the stored offset is still the one that the writer expects (DESIGN 10.5: the fence).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from connectors.readmodel.table import Table
from schemas.errors import Terminal, Transient

#: (topic, partition)
Place = tuple[str, int]


class Fenced(Terminal):
    """The stored offset is not the one expected: another worker wrote here, this one gives up."""


class StoreUnavailable(Transient):
    """The store is busy, full or gone; the batch was rolled back and may be tried again."""


class RowRefused(Terminal):
    """The store can never hold one of these rows: a text too long for its index, a key without a value.

    Nothing was stored. `what` names the kind of refusal and never a value.
    """


def key_identity(key: bytes) -> bytes:
    """Return what is the same in all message keys of one key: not the schema id in front of it (DESIGN 10.4).

    An event that waits for a schema, and a later one of its key under the next schema, keep their order.
    """
    return key[5:] if key[:1] == b"\0" and len(key) > 5 else key


@dataclass(frozen=True, slots=True)
class Parked:
    """One event that waits because it, or an earlier one of its key, could not be applied."""

    key: bytes
    topic: str
    partition: int
    offset: int
    value: bytes | None
    reason: str
    at_ms: int = 0

    @property
    def source(self) -> str:
        """`topic:partition:offset`."""
        return f"{self.topic}:{self.partition}:{self.offset}"


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asked about a parked event. Kept for good: answered requests are the audit trail.

    Attributes:
        id: given by the store.
        event: the parked event that it is about, as it was when asked.
        action: `retry` the event's key, `edit` the event's bytes and retry, or `drop` the event and retry.
        value: the new bytes, for `edit`.
        who: who asked.
        why: the reason given.
    """

    id: int
    event: Parked
    action: str
    value: bytes | None
    who: str
    why: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request; stored in the transaction of its effects.

    Attributes:
        request: which one.
        outcome: in words.
        released: offsets of parked events that wait no longer.
        kept: parked events that still wait, with the bytes and reason that they have now.
    """

    request: Request
    outcome: str
    released: Sequence[int] = ()
    kept: Sequence[Parked] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One batch of one partition, ready to be stored.

    Attributes:
        place: topic and partition.
        expected: the offset that must be stored now.
        next: the offset to store: last offset of the batch plus one.
        table: the shape of the rows below, None where there are none; the store widens itself to it.
        upserts: row tuples in the order of `table.columns`, then partition, offset, ts_ms; keys distinct.
        deletes: key tuples, none of them in `upserts`.
        parked: events set aside.
        events: how many events the batch had.
        ts_ms: newest `source.ts_ms` in the batch, 0 where there was none.
        append_ms: newest Kafka timestamp in the batch.
        arrival_ms: when each event was published by its adapter (`envelope.ts_ms`), one an event.
        appended_ms: each event's Kafka timestamp.
        skipped: how many events were left out for good.
        answer: the request that this answers; then `next` is `expected`.
    """

    place: Place
    expected: int
    next: int
    table: Table | None
    upserts: Sequence[tuple[Any, ...]] = ()
    deletes: Sequence[tuple[Any, ...]] = ()
    parked: Sequence[Parked] = ()
    events: int = 0
    ts_ms: int = 0
    append_ms: int = 0
    arrival_ms: Any = ()
    appended_ms: Any = ()
    skipped: int = 0
    answer: Answer | None = None


class ReadModel(Protocol):
    """A projection version's store, seen by its one writer."""

    @property
    def table(self) -> Table | None:
        """The table as it stands; None before the first schema is known."""
        ...

    def ensure(self, table: Table) -> None:
        """Make the table, or widen it by the columns that it lacks."""
        ...

    def claim(self, places: Sequence[Place]) -> Mapping[Place, int]:
        """Return the next offset of each partition; 0 where nothing has been stored yet."""
        ...

    def parked_keys(self, places: Sequence[Place]) -> set[bytes]:
        """Return the message keys whose events wait."""
        ...

    def parked_of(self, place: Place, key: bytes) -> list[Parked]:
        """Return the events of a message key that wait, in order."""
        ...

    def requests(self, places: Sequence[Place]) -> list[Request]:
        """Return the requests about parked events that nobody has answered, in order."""
        ...

    def lineage(
        self, table: Table, keys: Sequence[tuple[Any, ...]]
    ) -> dict[tuple[Any, ...], tuple[int, int]]:
        """Return (partition, offset) of the event behind each row that there is of these few keys."""
        ...

    def probe(self, table: Table, upserts: Sequence[tuple[Any, ...]]) -> None:
        """Write rows and take them back.

        Raises:
            RowRefused: one of them can never be stored.
            StoreUnavailable: not now.
        """
        ...

    def apply(self, change: Change) -> None:
        """Store one batch in one transaction.

        Raises:
            Fenced: the stored offset is not `change.expected`.
            RowRefused: a row can never be stored; nothing was.
            StoreUnavailable: nothing was stored; try again.
        """
        ...

    def close(self) -> None:
        """Release the store and its lock."""
        ...
