"""The read model for several workers: one PostgreSQL schema a projection version (DESIGN 4.9)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import psycopg
from psycopg import sql

from connectors.readmodel import postgres_statements as statements
from connectors.readmodel.answers import answer_request, lineage_of, unanswered
from connectors.readmodel.origin import check_origin
from connectors.readmodel.postgres_connection import connect, refusal, server_of, unavailable
from connectors.readmodel.rows import Rows
from connectors.readmodel.statistics import Statistics, counted, fresh
from connectors.readmodel.store import Change, Fenced, Parked, Place, Request, RowRefused, key_identity
from connectors.readmodel.table import Column, Table
from schemas.errors import Transient

T = TypeVar("T")

#: What `text` in PostgreSQL cannot hold, and what stands for it: U+FFFD, the replacement character.
NUL, REPLACEMENT = "\0", "\ufffd"


class PostgresReadModel:
    """One writer of a read-model schema; any number of them share a projection, each with its partitions.

    A transaction's order: first COPY into temporary tables, where a slow or stopped client holds no lock that
    another needs; then the fence, which locks the partition's offset row; then the merge. So a worker that
    is stopped in the middle costs the next owner of its partition `_IDLE_SECONDS` at most.

    Not safe for several threads at once; the engine calls it from one.

    Raises:
        Terminal: the schema was written by a newer format, or holds rows of another topic.
        StoreUnavailable: the server does not answer now.
    """

    def __init__(self, url: str, schema: str, *, topic: str, topic_id: str = "") -> None:
        self._url = url
        self._schema = schema
        self._where = f"{server_of(url)} {schema}"
        self._origin = (topic, topic_id)
        self._db: psycopg.Connection[Any] | None = None
        self._table: Table | None = None
        #: By partition, as they are while the stored offset is the expected one.
        self._stats: dict[Place, Statistics] = {}
        self._staged: dict[str, tuple[Column, ...]] = {}
        self._transaction(self._prepare)

    def __repr__(self) -> str:
        return f"<PostgresReadModel {self._where}>"

    @property
    def table(self) -> Table | None:
        """The table as it stands; None before the first schema is known."""
        return self._table

    def ensure(self, table: Table) -> None:
        """Make the table, or widen it by the columns that it lacks."""
        if self._table is None or not set(table.names) <= set(self._table.names):
            self._transaction(lambda db: self._widen(db, table))

    def claim(self, places: Sequence[Place]) -> Mapping[Place, int]:
        """Return the next offset of each partition; 0 where nothing has been stored yet."""

        def read(db: psycopg.Connection[Any]) -> dict[Place, int]:
            with db.cursor() as cursor:
                cursor.executemany("INSERT INTO offsets VALUES (%s, %s, 0) ON CONFLICT DO NOTHING", places)
            rows = db.execute("SELECT topic, partition, next, stats FROM offsets").fetchall()
            self._stats = {(t, p): fresh(json.loads(text)) for t, p, _, text in rows}
            # Another worker may have widened it for the events that this one goes on from.
            self._table = _stored_table(db)
            return {(t, p): n for t, p, n, _ in rows}

        stored = self._transaction(read)
        return {place: stored[place] for place in places}

    def parked_keys(self, places: Sequence[Place]) -> set[bytes]:
        """Return the message keys whose events wait."""
        wanted = set(places)
        rows = self._transaction(
            lambda db: db.execute("SELECT DISTINCT topic, partition, key FROM parked").fetchall()
        )
        return {key_identity(bytes(key)) for topic, partition, key in rows if (topic, partition) in wanted}

    def parked_of(self, place: Place, key: bytes) -> list[Parked]:
        """Return the events of a message key that wait, in order."""
        rows = self._transaction(
            lambda db: db.execute(
                'SELECT key, topic, partition, "offset", value, reason, at_ms FROM parked '
                "WHERE topic = %s AND partition = %s AND "
                "CASE WHEN substring(key FROM 1 FOR 1) = '\\x00'::bytea AND length(key) > 5 "
                'THEN substring(key FROM 6) ELSE key END = %s ORDER BY "offset"',
                (*place, key_identity(key)),
            ).fetchall()
        )
        return [Parked(*row) for row in rows]

    def requests(self, places: Sequence[Place]) -> list[Request]:
        """Return the requests about parked events that nobody has answered, in order."""
        return self._transaction(lambda db: unanswered(_run(db), places))

    def apply(self, change: Change) -> None:
        """Store one batch: fence, rows, parked events and statistics in one transaction."""
        if change.table is not None:
            self.ensure(change.table)
        stats = counted(self._stats.get(change.place) or fresh(), change)
        try:
            self._transaction(lambda db: self._apply(db, change, stats, _as_is), rows=True)
        except RowRefused:
            # Rare, so it is looked for only when the server has refused the batch.
            self._transaction(lambda db: self._apply(db, change, stats, _without_nul), rows=True)
        self._stats[change.place] = stats

    def lineage(
        self, table: Table, keys: Sequence[tuple[Any, ...]]
    ) -> dict[tuple[Any, ...], tuple[int, int]]:
        """Return (partition, offset) of the event behind each row that there is of these few keys."""
        if self._table is None:
            return {}
        asked = dict(zip(_without_nul(keys), keys, strict=True))
        found = self._transaction(lambda db: lineage_of(_run(db), table, list(asked)))
        return {asked[key]: place for key, place in found.items()}

    def probe(self, table: Table, upserts: Sequence[tuple[Any, ...]]) -> None:
        """Write rows and take them back; RowRefused where one can never be stored."""
        self.ensure(table)

        def write(db: psycopg.Connection[Any]) -> None:
            assert self._table is not None
            self._stage(db, "staged_rows", table.columns, _without_nul(upserts), lineage=True)
            db.execute(statements.merge(table, self._table, "staged_rows").encode())
            raise psycopg.Rollback

        self._transaction(write, rows=True)
        self._staged = {}  # a table made in that transaction is gone with it

    def close(self) -> None:
        """Close the connection."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def _apply(
        self,
        db: psycopg.Connection[Any],
        change: Change,
        stats: Statistics,
        clean: Callable[[Sequence[tuple[Any, ...]]], Sequence[tuple[Any, ...]]],
    ) -> None:
        table, stored = change.table, self._table
        # 1. What no other worker can see.
        if table is not None and change.upserts:
            self._stage(db, "staged_rows", table.columns, clean(change.upserts), lineage=True)
        if table is not None and change.deletes:
            key = tuple(table.column(k) for k in table.key)
            self._stage(db, "staged_keys", key, clean(change.deletes), lineage=False)
        # 2. The fence.
        topic, partition = change.place
        fence = db.execute(
            "UPDATE offsets SET next = %s, stats = %s WHERE topic = %s AND partition = %s AND next = %s",
            (change.next, json.dumps(stats), topic, partition, change.expected),
        )
        if fence.rowcount != 1:
            raise Fenced(
                f"the stored offset is no longer {change.expected}: another worker wrote this partition",
                where=f"{topic}:{partition}",
                fix="nothing: this worker gives the partition up and starts again from the stored offset",
            )
        # 3. The rest.
        if table is not None and stored is not None:
            if change.deletes:
                db.execute(statements.delete(table, "staged_keys").encode())
            if change.upserts:
                db.execute(statements.merge(table, stored, "staged_rows").encode())
        if change.parked:
            now = int(time.time() * 1000)
            with db.cursor() as cursor:
                cursor.executemany(
                    "INSERT INTO parked VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                    [(p.topic, p.partition, p.offset, p.key, p.value, p.reason, now) for p in change.parked],
                )
        if change.answer is not None:
            answer_request(_run(db), change.answer)

    def _stage(
        self,
        db: psycopg.Connection[Any],
        name: str,
        columns: tuple[Column, ...],
        rows: Sequence[tuple[Any, ...]],
        *,
        lineage: bool,
    ) -> None:
        listed = list(columns)
        if self._staged.get(name) != columns:
            db.execute(sql.SQL("DROP TABLE IF EXISTS pg_temp.{}").format(sql.Identifier(name)))
            db.execute(statements.staging(name, listed, lineage=lineage).encode())
            self._staged[name] = columns
        with db.cursor() as cursor, cursor.copy(statements.copy(name).encode()) as copy:
            types = statements.copy_types(listed, lineage=lineage)
            if isinstance(rows, Rows):
                copy.write(rows.copied(types))
                return
            copy.set_types(types)
            write = copy.write_row
            for row in rows:
                write(row)

    def _widen(self, db: psycopg.Connection[Any], wanted: Table) -> None:
        self._alone(db)
        stored = _stored_table(db)
        new = wanted if stored is None else stored.widened(wanted)
        if stored is None or new is not stored:
            for statement in statements.create(new) if stored is None else statements.widen(stored, new):
                db.execute(statement.encode())
            db.execute(
                "INSERT INTO meta VALUES ('table', %s) "
                "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (new.to_json(),),
            )
        self._table = new

    def _prepare(self, db: psycopg.Connection[Any]) -> None:
        self._alone(db)
        db.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(self._schema)))
        db.execute(statements.CORE.encode())
        meta = dict(db.execute("SELECT name, value FROM meta").fetchall())
        facts = check_origin(meta, *self._origin, where=self._where)
        with db.cursor() as cursor:
            cursor.executemany("INSERT INTO meta VALUES (%s, %s) ON CONFLICT DO NOTHING", facts.items())
        self._table = _stored_table(db)

    def _alone(self, db: psycopg.Connection[Any]) -> None:
        """Keep workers that start at once from making the same things."""
        db.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (self._schema,))

    def _transaction(self, work: Callable[[psycopg.Connection[Any]], T], *, rows: bool = False) -> T:
        """Do `work` in one transaction; with `rows`, a row is to blame for what the server cannot hold."""
        table = self._table
        try:
            if self._db is None or self._db.closed:
                self._staged = {}
                self._db = connect(self._url, self._schema, writes=True, durable=False)
            with self._db.transaction():
                return work(self._db)
        except psycopg.Error as error:
            if rows and (refused := refusal(error, self._where)) is not None:
                self._table, self._staged = table, {}
                raise refused from None
            # Also where the answer to a COMMIT was lost: the fence tells whether it was done.
            self._table = table
            self.close()
            raise unavailable(error, self._where) from error
        except BaseException as error:
            self._table, self._staged = table, {}
            if not isinstance(error, (Fenced, Transient)):
                self.close()
            raise


def _run(db: psycopg.Connection[Any]) -> Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]:
    def run(text: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        cursor = db.execute(text.replace("?", "%s").encode(), values)
        return cursor.fetchall() if cursor.description else []

    return run


def _stored_table(db: psycopg.Connection[Any]) -> Table | None:
    row = db.execute("SELECT value FROM meta WHERE name = 'table'").fetchone()
    return Table.from_json(row[0]) if row else None


def _as_is(rows: Sequence[tuple[Any, ...]]) -> Sequence[tuple[Any, ...]]:
    return rows


def _without_nul(rows: Sequence[tuple[Any, ...]]) -> Sequence[tuple[Any, ...]]:
    """Low values of a mainframe decode to NUL, which `text` cannot hold."""
    if isinstance(rows, Rows):
        return rows.replaced(NUL, REPLACEMENT)
    return [tuple(v.replace(NUL, REPLACEMENT) if isinstance(v, str) else v for v in row) for row in rows]
