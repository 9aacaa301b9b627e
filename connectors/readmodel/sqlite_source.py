"""A SQLite read model to read from, while its worker writes it."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connectors.readmodel.reader import Facts, not_ready
from connectors.readmodel.selection import MARK
from connectors.readmodel.statistics import Statistics, fresh
from connectors.readmodel.store import StoreUnavailable

#: A page is there in milliseconds; what takes longer scans the table and is better asked otherwise.
_QUERY_SECONDS = 5.0
#: A snapshot keeps the worker's log from being folded into the file: it grows by what is written meanwhile.
_STREAM_SECONDS = 600.0
#: Instructions of SQLite between two looks at the clock: some milliseconds.
_TURN = 100_000


class SqliteSource:
    """Read-only connections to one file, as many as are used at once; it may be replaced at any time."""

    quick = True

    def __init__(self, file: Path) -> None:
        self.file, self._path = file, str(file)
        self._idle: list[_Connection] = []

    @property
    def where(self) -> str:
        """The file's name."""
        return self.file.name

    def facts(self) -> Facts:
        """Return what the file says about itself; one PRAGMA where nothing was written since."""
        connection = self._take()
        connection.until = time.monotonic() + _QUERY_SECONDS
        try:
            facts = connection.facts()
        except BaseException as error:
            self._failed(connection, error)
            raise
        self._idle.append(connection)
        return facts

    def query(self, text: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of one statement."""
        # Facts were asked for before, which looked whether the file is still the same.
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._take()
        connection.until = time.monotonic() + _QUERY_SECONDS
        try:
            rows = connection.db.execute(text.replace(MARK, "?"), values).fetchall()
        except BaseException as error:
            self._failed(connection, error)
            raise
        self._idle.append(connection)
        return rows

    def stream(
        self, parts: Sequence[tuple[str, Sequence[Any]]], size: int
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the rows of statements from one snapshot, `size` at a time."""
        with self._borrowed() as connection:
            connection.until = time.monotonic() + _STREAM_SECONDS
            connection.db.execute("BEGIN")
            try:
                for text, values in parts:
                    cursor = connection.db.execute(text.replace(MARK, "?"), values)
                    while rows := cursor.fetchmany(size):
                        yield rows
                        if time.monotonic() > connection.until:
                            raise sqlite3.OperationalError("interrupted")
            finally:
                connection.until = float("inf")
                connection.db.execute("ROLLBACK")

    def statistics(self) -> Statistics:
        """Return what was counted."""
        return fresh({name: json.loads(value) for name, value in self.query("SELECT name, value FROM stats")})

    def close(self) -> None:
        """Close every connection that is not in use."""
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.db.close()

    @contextmanager
    def _borrowed(self) -> Iterator[_Connection]:
        connection = self._take()
        try:
            yield connection
        except BaseException as error:
            self._failed(connection, error)
            raise
        self._idle.append(connection)

    def _take(self) -> _Connection:
        """Return a connection to the file as it is now; `pop` and `append` are safe among threads."""
        try:
            inode = os.stat(self._path).st_ino  # noqa: PTH116 - a third of the time of Path.stat
        except FileNotFoundError:
            self.close()
            raise not_ready(self.where) from None
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread took the last one
                break
            if connection.inode == inode:
                return connection
            connection.db.close()
        try:
            return _Connection(self.file, inode)
        except sqlite3.OperationalError as error:
            self._failed(None, error)
            raise

    def _failed(self, connection: _Connection | None, error: BaseException) -> None:
        """Use a connection no more; raise what SQLite's error means, where it is one."""
        if connection is not None:
            connection.db.close()
        if not isinstance(error, sqlite3.OperationalError):
            return
        if "no such" in str(error) or "unable to open" in str(error):
            raise not_ready(self.where) from None
        raise StoreUnavailable(
            "the read model does not answer in time",
            where=self.where,
            fix="try again; ask for less, or filter by an index",
        ) from error


class _Connection:
    """One connection, and what it knows of the file."""

    def __init__(self, file: Path, inode: int) -> None:
        # mode=rw makes no file; query_only lets nothing write; rw itself is what WAL's index needs.
        uri = f"{file.absolute().as_uri()}?mode=rw"
        self.db = sqlite3.connect(uri, uri=True, timeout=1.0, isolation_level=None, check_same_thread=False)
        self.db.execute("PRAGMA query_only=ON")
        self.db.set_progress_handler(lambda: time.monotonic() > self.until, _TURN)
        self.inode = inode
        self.until = float("inf")
        self._seen: Any = None
        self._facts = Facts("", "")

    def facts(self) -> Facts:
        seen = self.db.execute("PRAGMA data_version").fetchone()
        if seen != self._seen:
            meta = dict(self.db.execute("SELECT name, value FROM meta WHERE name IN ('table', 'topic')"))
            offsets = self.db.execute("SELECT topic, partition, next FROM offsets")
            stored = {(topic, partition): offset for topic, partition, offset in offsets}
            self._facts = Facts(meta.get("table", ""), meta.get("topic", ""), stored)
            self._seen = seen
        return self._facts
