"""Read a projection's rows while its workers write them: one reader for both stores, for any threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from connectors.readmodel.freshness import quantile
from connectors.readmodel.selection import Condition, Selection, by_key
from connectors.readmodel.statistics import LATEST, SUMS, Statistics
from connectors.readmodel.store import Place
from connectors.readmodel.table import Table
from connectors.readmodel.values import as_stored, in_range, shown
from schemas.errors import Transient

__all__ = ["NotReady", "Row", "RowReader", "as_stored", "in_range", "shown"]


class NotReady(Transient):
    """The worker has not made the read model yet."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row as the API shows it, and the event that it comes from.

    Attributes:
        values: API name → value.
        key: as stored.
        topic, partition, offset: of the row's newest event.
        ts_ms: when that change was true in the legacy system.
        at: where it stands in its selection: sort value (where there is a sort) and key, as stored.
    """

    values: dict[str, Any]
    key: tuple[Any, ...]
    topic: str
    partition: int
    offset: int
    ts_ms: int
    at: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Facts:
    """What a read model says about itself; read before rows, it is true of them or older.

    Attributes:
        text: the table as stored, empty where there is none yet.
        topic: that it was built from.
        next: the next offset of each partition: every event before is in the rows.
    """

    text: str
    topic: str
    next: Mapping[Place, int] = field(default_factory=dict)

    @cached_property
    def table(self) -> Table:
        """The table."""
        return Table.from_json(self.text)

    @cached_property
    def lookup(self) -> str:
        """The statement that finds a row by its key: made once, because it is asked most."""
        ((text, _),) = by_key(self.table, [None] * len(self.table.key)).parts()
        return text

    @cached_property
    def key_places(self) -> tuple[int, ...]:
        """Where the key's columns stand among the columns."""
        return tuple(self.table.names.index(k) for k in self.table.key)

    def said_as(self, write: Callable[[Mapping[Place, int]], str]) -> str:
        """Return the position as a text, written once as long as it stays."""
        if "position" not in self.__dict__:
            self.__dict__["position"] = write(self.next)
        return str(self.__dict__["position"])


class Source(Protocol):
    """A store to read from, safe for several threads at once."""

    #: A lookup by key takes microseconds: less than handing it to another thread.
    quick: bool

    @property
    def where(self) -> str:
        """What it is called in messages."""
        ...

    def facts(self) -> Facts:
        """Return what it says about itself; NotReady where there is nothing."""
        ...

    def query(self, text: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of one statement; StoreUnavailable where it fails or takes too long."""
        ...

    def stream(
        self, parts: Sequence[tuple[str, Sequence[Any]]], size: int
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the rows of statements from one snapshot, `size` at a time; close it to stop."""
        ...

    def statistics(self) -> Statistics:
        """Return what was counted."""
        ...

    def close(self) -> None:
        """Close every connection."""
        ...


class RowReader:
    """Reads one read model; it may appear, widen or be replaced at any time."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def __repr__(self) -> str:
        return f"<RowReader {self._source.where}>"

    @property
    def quick(self) -> bool:
        """True where `row` and `facts` take microseconds."""
        return self._source.quick

    @property
    def facts(self) -> Facts:
        """What it says about itself, a table among it.

        Raises:
            NotReady: there is no table yet.
            StoreUnavailable: the store does not answer.
        """
        facts = self._source.facts()
        if not facts.text:
            raise not_ready(self._source.where)
        return facts

    @property
    def table(self) -> Table:
        """The table as it is now; NotReady where there is none yet."""
        return self.facts.table

    def row(
        self, key: Sequence[Any], *, facts: Facts | None = None, columns: tuple[str, ...] = ()
    ) -> Row | None:
        """Return the row with this key (values as stored), or None."""
        facts = facts or self.facts
        table = facts.table
        if len(key) != len(table.key):
            return None
        if columns:
            found = self.select(by_key(table, key, columns), facts=facts)
            return found[0] if found else None
        rows = self._source.query(facts.lookup, key)
        if not rows:
            return None
        r, width = rows[0], len(table.columns)
        values = {column.name: shown(r[i], column) for i, column in enumerate(table.columns)}
        stored = tuple(r[i] for i in facts.key_places)
        return Row(values, stored, facts.topic, r[width], r[width + 1], r[width + 2], stored)

    def rows(
        self, filters: Mapping[str, Any], *, after: Sequence[Any] | None = None, limit: int | None = None
    ) -> list[Row]:
        """Return rows in key order.

        Args:
            filters: column → value as stored; null matches nothing.
            after: key of the last row of the page before.
            limit: at most so many.
        """
        facts = self.facts
        where = tuple(Condition(facts.table.column(name), "eq", value) for name, value in filters.items())
        at = None if after is None else tuple(after)
        return self.select(Selection(facts.table, where, after=at, limit=limit), facts=facts)

    def select(self, selection: Selection, *, facts: Facts | None = None) -> list[Row]:
        """Return the rows of a selection, in its order."""
        topic = (facts or self.facts).topic
        found: list[Row] = []
        for text, values in selection.parts():
            rows = self._source.query(text, values)
            found.extend(_row(r, selection, topic) for r in rows)
            if selection.limit is not None and len(found) >= selection.limit:
                return found[: selection.limit]
        return found

    def stream(self, selection: Selection, size: int) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the rows of a selection from one snapshot, as stored (`selection.names` come first)."""
        return self._source.stream(list(selection.parts()), size)

    def status(self) -> dict[str, Any]:
        """Return offsets, counts and freshness; empty counts before the table is there.

        Raises:
            NotReady: there is no store yet.
        """
        facts = self._source.facts()
        parked = self._source.query("SELECT count(*), count(DISTINCT key) FROM parked")[0]
        rows = self._source.query("SELECT count(*) FROM rows")[0][0] if facts.text else 0
        offsets = [(partition, offset) for (_, partition), offset in sorted(facts.next.items())]
        return status_of(offsets, rows, parked, self._source.statistics())

    def close(self) -> None:
        """Close every connection."""
        self._source.close()


def not_ready(where: str) -> NotReady:
    """Return what to say where no worker has made the read model."""
    return NotReady(
        "the read model is not there yet", where=where, fix="start the worker: banyan worker ESTATE"
    )


def _row(r: tuple[Any, ...], selection: Selection, topic: str) -> Row:
    table, names = selection.table, selection.names
    width, keys = len(names), len(table.key)
    columns = table.columns if width == len(table.columns) else [table.column(n) for n in names]
    values = {column.name: shown(r[i], column) for i, column in enumerate(columns)}
    key = r[width + 3 : width + 3 + keys]
    partition, offset, ts_ms = r[width : width + 3]
    return Row(values, key, topic, partition, offset, ts_ms, r[width + 3 + keys :] + key)


def status_of(
    offsets: Sequence[tuple[Any, ...]], rows: int, parked: tuple[Any, ...], stats: Statistics
) -> dict[str, Any]:
    """Return what a read model tells about itself.

    Args:
        offsets: (partition, next offset).
        rows: how many there are.
        parked: how many events and keys wait.
        stats: what was counted.
    """
    return {
        "offsets": {str(partition): next_ for partition, next_ in offsets},
        "rows": rows,
        "parked": parked[0],
        "parked_keys": parked[1],
        **{name: stats[name] for name in (*SUMS, *LATEST) if name != "parked_events"},
        "freshness": {name: _freshness(stats[name]) for name in ("arrival_to_visible", "append_to_visible")},
    }


def _freshness(counts: list[int]) -> dict[str, Any]:
    histogram = np.asarray(counts, dtype=np.int64)
    return {
        "p50_s": quantile(histogram, 0.5),
        "p99_s": quantile(histogram, 0.99),
        "count": int(histogram.sum()),
    }
