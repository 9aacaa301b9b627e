"""What the projection engine asks of a read-model store; SQLite is one, PostgreSQL can be another.

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


@dataclass(frozen=True, slots=True)
class Parked:
    """One event that waits because it, or an earlier one of its key, could not be applied."""

    key: bytes
    topic: str
    partition: int
    offset: int
    value: bytes | None
    reason: str


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

    def apply(self, change: Change) -> None:
        """Store one batch in one transaction.

        Raises:
            Fenced: the stored offset is not `change.expected`.
            StoreUnavailable: nothing was stored; try again.
        """
        ...

    def close(self) -> None:
        """Release the store and its lock."""
        ...
