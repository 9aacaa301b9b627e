"""A PostgreSQL read model to read from, while its workers write it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

from connectors.readmodel.postgres import NUL, REPLACEMENT
from connectors.readmodel.postgres_connection import connect, server_of, unavailable
from connectors.readmodel.reader import Facts, not_ready
from connectors.readmodel.selection import MARK
from connectors.readmodel.statistics import Statistics, added

#: A page is there in milliseconds; what takes longer scans the table and is better asked otherwise.
_QUERY_SECONDS = 5
#: A snapshot keeps PostgreSQL from cleaning up after updates; a client that stops reading loses it.
_STREAM_SECONDS, _STREAM_IDLE_SECONDS = 600, 60
_FACTS = (
    "SELECT name, value, 0, 0 FROM meta WHERE name IN ('table', 'topic') "
    "UNION ALL SELECT '', topic, partition, next FROM offsets"
)


class PostgresSource:
    """Read-only connections to one schema, as many as are used at once; it may be replaced at any time."""

    quick = False

    def __init__(self, url: str, schema: str) -> None:
        self._url, self._schema = url, schema
        self._idle: list[psycopg.Connection[Any]] = []
        self._lock = threading.Lock()
        self._last = Facts("", "")

    @property
    def where(self) -> str:
        """Server and schema."""
        return f"{server_of(self._url)} {self._schema}"

    def facts(self) -> Facts:
        """Return what the schema says about itself, in one question."""
        meta, offsets = {}, {}
        for name, value, partition, offset in self.query(_FACTS):
            if name:
                meta[name] = value
            else:
                offsets[value, partition] = offset
        facts = Facts(meta.get("table", ""), meta.get("topic", ""), offsets)
        last = self._last
        if facts.text and facts.text == last.text:
            facts.__dict__["table"] = last.table  # read once as long as it stays
        self._last = facts
        return facts

    def query(self, text: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of one statement; asked again where the server was started since the last one."""
        try:
            with self._borrowed() as db:
                return db.execute(_marked(text), _texts(values)).fetchall()
        except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
            raise not_ready(self.where) from None
        except psycopg.errors.QueryCanceled as error:
            raise unavailable(error, self.where) from error
        except psycopg.OperationalError:
            self.close()
        except psycopg.Error as error:
            raise unavailable(error, self.where) from error
        try:
            with self._borrowed() as db:
                return db.execute(_marked(text), _texts(values)).fetchall()
        except psycopg.Error as error:
            raise unavailable(error, self.where) from error

    def stream(
        self, parts: Sequence[tuple[str, Sequence[Any]]], size: int
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the rows of statements from one snapshot, `size` at a time."""
        try:
            with self._borrowed() as db, db.transaction():
                db.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                db.execute(f"SET LOCAL statement_timeout = '{_STREAM_SECONDS}s'".encode())
                db.execute(
                    f"SET LOCAL idle_in_transaction_session_timeout = '{_STREAM_IDLE_SECONDS}s'".encode()
                )
                for text, values in parts:
                    with db.cursor(name="export") as cursor:
                        cursor.execute(_marked(text), _texts(values))
                        while rows := cursor.fetchmany(size):
                            yield rows
        except psycopg.Error as error:
            raise unavailable(error, self.where) from error

    def statistics(self) -> Statistics:
        """Return what was counted, over all partitions."""
        return added(text for (text,) in self.query("SELECT stats FROM offsets"))

    def close(self) -> None:
        """Close every connection that is not in use."""
        with self._lock:
            idle, self._idle = self._idle, []
        for db in idle:
            db.close()

    @contextmanager
    def _borrowed(self) -> Iterator[psycopg.Connection[Any]]:
        with self._lock:
            db = self._idle.pop() if self._idle else None
        if db is None or db.closed:
            db = connect(self._url, self._schema, writes=False)
            db.execute(f"SET statement_timeout = '{_QUERY_SECONDS}s'".encode())
        try:
            yield db
        except BaseException:
            db.close()
            raise
        with self._lock:
            self._idle.append(db)


def _marked(text: str) -> bytes:
    return text.replace("%", "%%").replace(MARK, "%s").encode()


def _texts(values: Sequence[Any]) -> list[Any]:
    """Low values of a mainframe are NUL, which `text` cannot hold: rows are stored with a replacement."""
    return [v.replace(NUL, REPLACEMENT) if isinstance(v, str) else v for v in values]
