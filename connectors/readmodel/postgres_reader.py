"""Read a projection's rows from PostgreSQL while its workers write them. Read-only, parameterised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from connectors.readmodel.postgres import NUL, REPLACEMENT
from connectors.readmodel.postgres_connection import connect, server_of, unavailable
from connectors.readmodel.reader import NotReady, Row, shown, status_of
from connectors.readmodel.statements import LINEAGE, quoted
from connectors.readmodel.statistics import added
from connectors.readmodel.table import Table


class PostgresReader:
    """Reads one schema; it may appear, widen or be replaced at any time. One thread at a time."""

    def __init__(self, url: str, schema: str) -> None:
        self._url, self._schema = url, schema
        self._db: psycopg.Connection[Any] | None = None
        self._text = ""
        self._table: Table | None = None
        self._topic = ""

    def __repr__(self) -> str:
        return f"<PostgresReader {server_of(self._url)} {self._schema}>"

    @property
    def table(self) -> Table:
        """The table as it is now.

        Raises:
            NotReady: there is none yet.
        """
        row = self._query("SELECT value FROM meta WHERE name = 'table'")
        if not row:
            raise self._not_ready()
        if row[0][0] != self._text or self._table is None:
            self._text = row[0][0]
            self._table = Table.from_json(self._text)
            self._topic = self._query("SELECT value FROM meta WHERE name = 'topic'")[0][0]
        return self._table

    def row(self, key: Sequence[Any]) -> Row | None:
        """Return the row with this key (values as stored), or None."""
        table = self.table
        if len(key) != len(table.key):
            return None
        where = " AND ".join(f"{_name(k)} = %s" for k in table.key)
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
        terms = [f"{_name(name)} = %s" for name in filters]
        values = list(filters.values())
        key = ", ".join(_name(k) for k in table.key)
        if after is not None:
            terms.append(f"({key}) > ({', '.join(['%s'] * len(table.key))})")
            values.extend(after)
        where = f"WHERE {' AND '.join(terms)}" if terms else ""
        most = f" LIMIT {int(limit)}" if limit is not None else ""
        return self._rows(table, f"{where} ORDER BY {key}{most}", values)

    def status(self) -> dict[str, Any]:
        """Return offsets, counts and freshness; empty counts before the table is there.

        Raises:
            NotReady: there is no schema yet.
        """
        offsets = self._query("SELECT partition, next, stats FROM offsets ORDER BY partition")
        parked = self._query("SELECT count(*), count(DISTINCT key) FROM parked")[0]
        made = self._query("SELECT 1 FROM meta WHERE name = 'table'")
        rows = self._query("SELECT count(*) FROM rows")[0][0] if made else 0
        return status_of([row[:2] for row in offsets], rows, parked, added(row[2] for row in offsets))

    def close(self) -> None:
        """Close the connection."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def _rows(self, table: Table, tail: str, values: Sequence[Any]) -> list[Row]:
        names = ", ".join([*(_name(n) for n in table.names), *LINEAGE])
        asked = [v.replace(NUL, REPLACEMENT) if isinstance(v, str) else v for v in values]
        found = self._query(f"SELECT {names} FROM rows {tail}", asked)  # noqa: S608 - names are quoted
        places = [table.names.index(k) for k in table.key]
        width = len(table.columns)
        return [
            Row(
                {column.name: shown(r[i], column) for i, column in enumerate(table.columns)},
                tuple(r[i] for i in places),
                self._topic,
                *r[width:],
            )
            for r in found
        ]

    def _query(self, text: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        try:
            try:
                return self._connection().execute(text.encode(), values).fetchall()
            except psycopg.OperationalError:  # the server was started again since the last question
                self.close()
                return self._connection().execute(text.encode(), values).fetchall()
        except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
            raise self._not_ready() from None
        except psycopg.Error as error:
            self.close()
            raise unavailable(error, f"{server_of(self._url)} {self._schema}") from error

    def _connection(self) -> psycopg.Connection[Any]:
        if self._db is None or self._db.closed:
            self._db = connect(self._url, self._schema, writes=False)
        return self._db

    def _not_ready(self) -> NotReady:
        return NotReady(
            "the read model is not there yet",
            where=self._schema,
            fix="start the worker: banyan worker ESTATE",
        )


def _name(name: str) -> str:
    return quoted(name).replace("%", "%%")
