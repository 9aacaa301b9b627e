"""The embedded read model: one SQLite file a projection version, written by one worker (DESIGN 4.9)."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sqlite3
import time
from collections.abc import Mapping, Sequence
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any

from connectors.readmodel import statements
from connectors.readmodel.answers import answer_request, lineage_of, unanswered
from connectors.readmodel.origin import check_origin
from connectors.readmodel.rows import Rows
from connectors.readmodel.statistics import counted, fresh
from connectors.readmodel.store import (
    Change,
    Fenced,
    Parked,
    Place,
    Request,
    RowRefused,
    StoreUnavailable,
    key_identity,
)
from connectors.readmodel.table import Table
from schemas.errors import SettingsError

#: Rows a statement (see `statements.upsert`); above 500 the gain is gone and statements get large.
_ROWS_A_STATEMENT = 500
#: A reader never blocks a WAL writer; only another tool's write lock does. Five seconds of patience
#: inside SQLite, then the engine's back-off takes over.
_BUSY_SECONDS = 5.0


#: What SQLite says to a row that it can never hold: a key without a value, a text beyond its limit.
_REFUSALS = (sqlite3.IntegrityError, sqlite3.DataError, OverflowError)


class _TakenBack(Exception):
    """Ends a transaction that was only a question."""


class SqliteReadModel:
    """The one writer of a read-model file.

    Not safe for several threads at once; the engine calls it from one.

    Raises:
        SettingsError: another worker holds the file.
        Terminal: the file was written by a newer format, or holds rows of another topic or of one that was
            made anew under the same name.
        StoreUnavailable: the file cannot be opened now.
    """

    def __init__(self, file: Path, *, topic: str, topic_id: str = "") -> None:
        self.file = file
        # Rows hold personal data: the owner's alone.
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = _lock(file)
        try:
            self._db = sqlite3.connect(
                file, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            # 16 KiB pages: rows of 20 columns update with fewer page splits (set before the first write).
            for pragma in ("page_size=16384", "journal_mode=WAL", "synchronous=NORMAL", "cache_size=-32768"):
                self._db.execute(f"PRAGMA {pragma}")
            _add_column(self._db, "parked", "at_ms INTEGER NOT NULL DEFAULT 0")
            self._db.executescript(statements.CORE)
            self._check(topic, topic_id)
        except sqlite3.OperationalError as error:
            self._lock.close()
            raise _unavailable(error, file) from error
        except BaseException:
            self._lock.close()
            raise
        self._table = self._stored_table()
        self._stats = self._stored_stats()

    def __repr__(self) -> str:
        return f"<SqliteReadModel {self.file}>"

    @property
    def table(self) -> Table | None:
        """The table as it stands; None before the first schema is known."""
        return self._table

    def ensure(self, table: Table) -> None:
        """Make the table, or widen it by the columns that it lacks."""
        self._transaction(lambda: self._widen(table))

    def claim(self, places: Sequence[Place]) -> Mapping[Place, int]:
        """Return the next offset of each partition; 0 where nothing has been stored yet."""

        def read() -> dict[Place, int]:
            self._db.executemany("INSERT OR IGNORE INTO offsets VALUES (?, ?, 0)", places)
            return {(t, p): n for t, p, n in self._db.execute("SELECT topic, partition, next FROM offsets")}

        stored = self._transaction(read)
        return {place: stored[place] for place in places}

    def parked_keys(self, places: Sequence[Place]) -> set[bytes]:
        """Return the message keys whose events wait."""
        wanted = set(places)
        rows = self._db.execute("SELECT DISTINCT topic, partition, key FROM parked")
        return {key_identity(bytes(key)) for topic, partition, key in rows if (topic, partition) in wanted}

    def parked_of(self, place: Place, key: bytes) -> list[Parked]:
        """Return the events of a message key that wait, in order."""
        rows = self._db.execute(
            "SELECT key, topic, partition, offset, value, reason, at_ms FROM parked "
            "WHERE topic = ? AND partition = ? AND "
            "CASE WHEN substr(key, 1, 1) = x'00' AND length(key) > 5 THEN substr(key, 6) ELSE key END = ? "
            "ORDER BY offset",
            (*place, key_identity(key)),
        )
        return [Parked(*row) for row in rows]

    def requests(self, places: Sequence[Place]) -> list[Request]:
        """Return the requests about parked events that nobody has answered, in order."""
        return unanswered(self._run, places)

    def lineage(
        self, table: Table, keys: Sequence[tuple[Any, ...]]
    ) -> dict[tuple[Any, ...], tuple[int, int]]:
        """Return (partition, offset) of the event behind each row that there is of these few keys."""
        return {} if self._table is None else lineage_of(self._run, table, keys)

    def apply(self, change: Change) -> None:
        """Store one batch: fence, rows, parked events and statistics in one transaction."""
        self._transaction(lambda: self._apply(change))

    def probe(self, table: Table, upserts: Sequence[tuple[Any, ...]]) -> None:
        """Write rows and take them back; RowRefused where one can never be stored."""

        def write() -> None:
            self._widen(table)
            self._upsert(table, upserts)
            raise _TakenBack

        with contextlib.suppress(_TakenBack):
            self._transaction(write)

    def close(self) -> None:
        """Fold the log into the file and let the next worker in."""
        try:
            self._db.close()
        finally:
            self._lock.close()

    def _apply(self, change: Change) -> None:
        topic, partition = change.place
        fence = self._db.execute(
            "UPDATE offsets SET next = ? WHERE topic = ? AND partition = ? AND next = ?",
            (change.next, topic, partition, change.expected),
        )
        if fence.rowcount != 1:
            raise Fenced(
                f"the stored offset is no longer {change.expected}: another worker wrote this partition",
                where=f"{topic}:{partition}",
                fix="nothing: this worker starts again from the stored offset",
            )
        if change.table is not None:
            self._widen(change.table)
            if change.deletes:
                self._db.executemany(statements.delete(change.table), change.deletes)
            if change.upserts:
                self._upsert(change.table, change.upserts)
        if change.parked:
            now = int(time.time() * 1000)
            self._db.executemany(
                "INSERT OR IGNORE INTO parked VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(p.topic, p.partition, p.offset, p.key, p.value, p.reason, now) for p in change.parked],
            )
        if change.answer is not None:
            answer_request(self._run, change.answer)
        self._count(change)

    def _upsert(self, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        # In key order neighbouring rows share their pages: twice as fast once the table is large (measured:
        # 81 k rows/s against 174 k at 200,000 keys). `Rows` come in key order.
        if isinstance(rows, Rows):
            width, values = len(rows.columns), rows.flat()
        else:
            width = len(rows[0])
            by_key = sorted(rows, key=itemgetter(*(table.names.index(k) for k in table.key)))
            values = list(chain.from_iterable(by_key))
        most = min(_ROWS_A_STATEMENT, self._db.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER) // width)
        start = 0
        # 500 at once, then 50, then one by one: three statements to keep prepared, whatever the batch.
        for size in (most, max(most // 10, 1), 1):
            sql = statements.upsert(table, size)
            while len(rows) - start >= size:
                self._db.execute(sql, values[start * width : (start + size) * width])
                start += size

    def _widen(self, wanted: Table) -> None:
        if self._table is not None and set(wanted.names) <= set(self._table.names):
            return
        if self._table is None:
            new, ddl = wanted, statements.create(wanted)
        else:
            new = self._table.widened(wanted)
            ddl = statements.widen(self._table, new)
        for statement in ddl:
            self._db.execute(statement)
        self._db.execute("INSERT OR REPLACE INTO meta VALUES ('table', ?)", (new.to_json(),))
        self._table = new

    def _count(self, change: Change) -> None:
        self._stats = counted(self._stats, change)
        self._db.executemany(
            "INSERT OR REPLACE INTO stats VALUES (?, ?)",
            [(k, json.dumps(v)) for k, v in self._stats.items()],
        )

    def _run(self, text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        return self._db.execute(text, values).fetchall()

    def _transaction(self, work: Any) -> Any:
        table = self._table
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                result = work()
                self._db.execute("COMMIT")
            except BaseException:
                self._table = table
                self._stats = {}
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                self._stats = self._stored_stats()
                raise
        except sqlite3.OperationalError as error:
            raise _unavailable(error, self.file) from error
        except _REFUSALS as error:
            # Their messages name columns, never values.
            raise RowRefused(
                f"the read model cannot hold the row ({type(error).__name__}: {error})", where=str(self.file)
            ) from None
        return result

    def _check(self, topic: str, topic_id: str) -> None:
        meta = dict(self._db.execute("SELECT name, value FROM meta"))
        facts = check_origin(meta, topic, topic_id, where=str(self.file))
        self._db.executemany("INSERT OR IGNORE INTO meta VALUES (?, ?)", facts.items())

    def _stored_table(self) -> Table | None:
        row = self._db.execute("SELECT value FROM meta WHERE name = 'table'").fetchone()
        return Table.from_json(row[0]) if row else None

    def _stored_stats(self) -> dict[str, Any]:
        return fresh({k: json.loads(v) for k, v in self._db.execute("SELECT name, value FROM stats")})


def _add_column(db: sqlite3.Connection, table: str, definition: str) -> None:
    """Bring a file that an older Banyan made to today's layout."""
    known = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    if known and definition.split()[0] not in known:
        db.execute(f"ALTER TABLE {table} ADD COLUMN {definition}")


def _lock(file: Path) -> Any:
    handle = file.with_suffix(file.suffix + ".lock").open("a+")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        raise SettingsError(
            "another worker writes this read model, and SQLite takes one writer",
            where=str(file),
            fix="stop the other worker; several workers need the PostgreSQL read model",
        ) from None
    handle.seek(0)
    handle.truncate()
    handle.write(f"{os.getpid()}\n")
    handle.flush()
    return handle


def _unavailable(error: sqlite3.OperationalError, file: Path) -> StoreUnavailable:
    return StoreUnavailable(
        f"the read model cannot be written now: {error}",
        where=str(file),
        fix="free disk space or close the tool that holds the file; the worker goes on by itself",
    )
