"""Read a projection's rows while its worker writes them. Read-only, parameterised, one thread."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from connectors.readmodel.freshness import quantile
from connectors.readmodel.statements import LINEAGE, quoted
from connectors.readmodel.statistics import LATEST, SUMS, Statistics, fresh
from connectors.readmodel.table import Column, Table
from schemas.errors import Transient


class NotReady(Transient):
    """The worker has not made the read model yet."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row as the API shows it, and the event that it comes from."""

    values: dict[str, Any]
    key: tuple[Any, ...]
    topic: str
    partition: int
    offset: int
    ts_ms: int


class RowReader(Protocol):
    """What the read API asks of a read model, whichever store it is in."""

    @property
    def table(self) -> Table:
        """The table as it is now; NotReady where there is none yet."""
        ...

    def row(self, key: Sequence[Any]) -> Row | None:
        """Return the row with this key (values as stored), or None."""
        ...

    def rows(
        self, filters: Mapping[str, Any], *, after: Sequence[Any] | None = None, limit: int | None = None
    ) -> list[Row]:
        """Return rows in key order."""
        ...

    def status(self) -> dict[str, Any]:
        """Return offsets, counts and freshness."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class Reader:
    """Reads one SQLite read model; the file may appear, widen or be replaced at any time."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._db: sqlite3.Connection | None = None
        self._inode = 0
        self._text = ""
        self._table: Table | None = None
        self._topic = ""

    def __repr__(self) -> str:
        return f"<Reader {self.file}>"

    @property
    def table(self) -> Table:
        """The table as it is now.

        Raises:
            NotReady: there is none yet.
        """
        row = self._query("SELECT value FROM meta WHERE name = 'table'")
        if not row:
            raise self._not_ready()
        if row[0][0] != self._text:
            self._text = row[0][0]
            self._table = Table.from_json(self._text)
            self._topic = self._query("SELECT value FROM meta WHERE name = 'topic'")[0][0]
        assert self._table is not None
        return self._table

    def row(self, key: Sequence[Any]) -> Row | None:
        """Return the row with this key (values as stored), or None."""
        table = self.table
        if len(key) != len(table.key):
            return None
        where = " AND ".join(f"{quoted(k)} = ?" for k in table.key)
        rows = self._rows(table, f"WHERE {where}", key)
        return rows[0] if rows else None

    def rows(
        self, filters: Mapping[str, Any], *, after: Sequence[Any] | None = None, limit: int | None = None
    ) -> list[Row]:
        """Return rows in key order.

        Args:
            filters: column → value as stored; null matches nothing.
            after: key of the last row of the page before.
            limit: at most so many.
        """
        table = self.table
        terms = [f"{quoted(name)} = ?" for name in filters]
        values = list(filters.values())
        key = ", ".join(quoted(k) for k in table.key)
        if after is not None:
            terms.append(f"({key}) > ({', '.join('?' * len(table.key))})")
            values.extend(after)
        where = f"WHERE {' AND '.join(terms)}" if terms else ""
        most = f" LIMIT {int(limit)}" if limit is not None else ""
        return self._rows(table, f"{where} ORDER BY {key}{most}", values)

    def status(self) -> dict[str, Any]:
        """Return offsets, counts and freshness; empty counts before the table is there.

        Raises:
            NotReady: there is no file yet.
        """
        offsets = self._query("SELECT partition, next FROM offsets ORDER BY partition")
        parked = self._query("SELECT count(*), count(DISTINCT key) FROM parked")[0]
        stats = {name: json.loads(value) for name, value in self._query("SELECT name, value FROM stats")}
        made = self._query("SELECT 1 FROM meta WHERE name = 'table'")
        rows = self._query("SELECT count(*) FROM rows")[0][0] if made else 0
        return status_of(offsets, rows, parked, fresh(stats))

    def close(self) -> None:
        """Close the connection."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def _rows(self, table: Table, tail: str, values: Sequence[Any]) -> list[Row]:
        names = ", ".join([*(quoted(n) for n in table.names), *LINEAGE])
        found = self._query(f"SELECT {names} FROM rows {tail}", values)  # noqa: S608 - names are quoted
        columns = [(c.name, c) for c in table.columns]
        places = [table.names.index(k) for k in table.key]
        width = len(columns)
        return [
            Row(
                {name: shown(r[i], column) for i, (name, column) in enumerate(columns)},
                tuple(r[i] for i in places),
                self._topic,
                *r[width:],
            )
            for r in found
        ]

    def _query(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._connection().execute(sql, values).fetchall()
        except sqlite3.OperationalError:
            self.close()
            if not self.file.exists():
                raise self._not_ready() from None
            try:  # a replaced file, or one that is just being made
                return self._connection().execute(sql, values).fetchall()
            except sqlite3.OperationalError:
                raise self._not_ready() from None

    def _connection(self) -> sqlite3.Connection:
        try:
            inode = self.file.stat().st_ino
        except FileNotFoundError:
            self.close()
            raise self._not_ready() from None
        if self._db is None or inode != self._inode:
            self.close()
            # mode=rw makes no file; query_only lets nothing write; rw itself is what WAL's index needs.
            uri = f"{self.file.absolute().as_uri()}?mode=rw"
            self._db = sqlite3.connect(
                uri, uri=True, timeout=1.0, isolation_level=None, check_same_thread=False
            )
            self._db.execute("PRAGMA query_only=ON")
            self._inode = inode
            self._text = ""
        return self._db

    def _not_ready(self) -> NotReady:
        return NotReady(
            "the read model is not there yet",
            where=self.file.name,
            fix="start the worker: banyan worker ESTATE",
        )


def as_stored(text: str, column: Column) -> Any:
    """Return a value of a URL as the store keeps it.

    Raises:
        ValueError: the text is no value of this column.
    """
    match column.kind:
        case "integer":
            return in_range(int(text))
        case "real":
            return float(text)
        case "boolean":
            if text not in ("true", "false"):
                raise ValueError(text)
            return int(text == "true")
        case "bytes":
            return base64.b64decode(text, validate=True)
        case _:
            return text


def in_range(number: int) -> int:
    """Return a whole number that SQLite can hold.

    Raises:
        ValueError: it needs more than 64 bits.
    """
    if not -(1 << 63) <= number < 1 << 63:
        raise ValueError("more than 64 bits")
    return number


def shown(value: Any, column: Column) -> Any:
    """Return a stored value as the API shows it."""
    if value is None:
        return None
    match column.kind:
        case "json":
            return json.loads(value)
        case "boolean":
            return bool(value)
        case "bytes":
            return base64.b64encode(value).decode()
        case _:
            return value


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
