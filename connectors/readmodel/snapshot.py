"""A read model as it stands at one moment, to be read from the first key to the last while it is written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import psycopg

from connectors.readmodel.postgres_connection import connect, server_of, unavailable
from connectors.readmodel.reader import NotReady
from connectors.readmodel.statements import quoted
from connectors.readmodel.store import StoreUnavailable
from connectors.readmodel.stores import Stores
from connectors.readmodel.table import Table

#: Rows a fetch: memory is two pages, one a side.
_PAGE = 2_000
#: A comparison may look at the other side for a while between two pages of this one.
_IDLE = "10min"


class Ask(Protocol):
    """Runs a statement with `?` for its values and yields its rows, a page at a time."""

    def __call__(self, text: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows."""
        ...


class Snapshot:
    """One read transaction: table, offsets and rows belong together.

    Attributes:
        table: the columns.
        topic: what it was built from.
        offsets: next offset by partition.
    """

    def __init__(self, ask: Ask, where: str) -> None:
        self._ask = ask
        facts = dict(ask("SELECT name, value FROM meta"))
        if "table" not in facts:
            raise NotReady("the read model has no table yet", where=where, fix="start the worker")
        self.table = Table.from_json(facts["table"])
        self.topic: str = facts["topic"]
        self.offsets: dict[int, int] = dict(ask("SELECT partition, next FROM offsets"))

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Yield each row in key order (texts by code point): key, `columns`, then partition and offset."""
        key = ", ".join(quoted(k) for k in self.table.key)
        return self._ask(f"SELECT {self._listed(columns)} FROM rows ORDER BY {key}")  # noqa: S608

    def row(self, key: Sequence[Any], columns: Sequence[str]) -> tuple[Any, ...] | None:
        """Return one row as `rows` yields it, or None."""
        where = " AND ".join(f"{quoted(k)} = ?" for k in self.table.key)
        text = f"SELECT {self._listed(columns)} FROM rows WHERE {where}"  # noqa: S608
        return next(iter(self._ask(text, key)), None)

    def _listed(self, columns: Sequence[str]) -> str:
        return ", ".join([*(quoted(c) for c in (*self.table.key, *columns)), "_partition", "_offset"])


@contextmanager
def snapshot(stores: Stores, name: str, version: int) -> Iterator[Snapshot]:
    """Open a version's read model as it stands now.

    Raises:
        NotReady: it is not there, or has no table yet.
        StoreUnavailable: it cannot be read now.
    """
    with _postgres(stores, name, version) if stores.shared else _sqlite(stores, name, version) as found:
        yield found


@contextmanager
def _sqlite(stores: Stores, name: str, version: int) -> Iterator[Snapshot]:
    file = stores.file(name, version)
    if not file.exists():
        raise NotReady("the read model is not there yet", where=file.name, fix="start the worker")
    db = sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, timeout=5.0, isolation_level=None)

    def ask(text: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        cursor = db.execute(text, values)
        while page := cursor.fetchmany(_PAGE):
            yield from page

    try:
        db.execute("PRAGMA query_only=ON")
        db.execute("BEGIN")
        yield Snapshot(ask, file.name)
    except sqlite3.OperationalError as error:
        raise StoreUnavailable(f"the read model does not answer: {error}", where=file.name) from error
    finally:
        db.close()


@contextmanager
def _postgres(stores: Stores, name: str, version: int) -> Iterator[Snapshot]:
    schema = stores.schema(name, version)
    where = f"{server_of(stores.url)} {schema}"
    try:
        with connect(stores.url, schema, writes=False) as db:
            db.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            with db.transaction():
                db.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{_IDLE}'".encode())

                def ask(text: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
                    # A server-side cursor: the client has a page, not the whole result.
                    with db.cursor(name="rows_of_a_snapshot") as cursor:
                        cursor.execute(text.replace("%", "%%").replace("?", "%s").encode(), values or None)
                        while page := cursor.fetchmany(_PAGE):
                            yield from page

                yield Snapshot(ask, where)
    except psycopg.errors.UndefinedTable:
        raise NotReady("the read model is not there yet", where=where, fix="start the worker") from None
    except psycopg.Error as error:
        raise unavailable(error, where) from error
