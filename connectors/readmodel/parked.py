"""The parked events of a read model, for the people who decide about them."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from connectors.readmodel.answers import Run
from connectors.readmodel.postgres_connection import connect, server_of, unavailable
from connectors.readmodel.reader import NotReady
from connectors.readmodel.store import Parked, StoreUnavailable
from schemas.errors import SettingsError

ACTIONS = ("retry", "edit", "drop")


@dataclass(frozen=True, slots=True)
class Decision:
    """One request and what came of it: a line of the audit trail."""

    id: int
    source: str
    action: str
    who: str
    why: str
    at_ms: int
    done_ms: int | None
    outcome: str | None


class ParkedEvents:
    """Looks at what waits, and leaves requests for the worker, which alone writes rows."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @classmethod
    def in_sqlite(cls, file: Path) -> ParkedEvents:
        """Return those of a SQLite file; it is opened for each statement, beside its worker."""

        def run(text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
            if not file.exists():
                raise NotReady("the read model is not there yet", where=file.name, fix="start the worker")
            db = sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, timeout=5.0)
            try:
                with db:
                    return db.execute(text, values).fetchall()
            except sqlite3.OperationalError as error:
                raise StoreUnavailable(
                    f"the read model does not answer: {error}", where=file.name, fix="try again"
                ) from error
            finally:
                db.close()

        return cls(run)

    @classmethod
    def in_postgres(cls, url: str, schema: str) -> ParkedEvents:
        """Return those of a PostgreSQL schema."""

        def run(text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
            try:
                with connect(url, schema, writes=True) as db:
                    cursor = db.execute(text.replace("?", "%s").encode(), values)
                    return cursor.fetchall() if cursor.description else []
            except psycopg.errors.UndefinedTable:
                raise NotReady(
                    "the read model is not there yet", where=schema, fix="start the worker"
                ) from None
            except psycopg.Error as error:
                raise unavailable(error, f"{server_of(url)} {schema}") from error

        return cls(run)

    def all(self) -> list[Parked]:
        """Return every event that waits, by place."""
        rows = self._run(
            'SELECT key, topic, partition, "offset", value, reason, at_ms FROM parked '
            'ORDER BY topic, partition, "offset"',
            (),
        )
        return [_parked(row) for row in rows]

    def one(self, partition: int, offset: int) -> Parked:
        """Return the event at a place.

        Raises:
            SettingsError: none waits there.
        """
        rows = self._run(
            'SELECT key, topic, partition, "offset", value, reason, at_ms FROM parked '
            'WHERE partition = ? AND "offset" = ?',
            (partition, offset),
        )
        if not rows:
            raise SettingsError(
                "no parked event is there",
                where=f"{partition}:{offset}",
                fix="see `banyan projection parked list`",
            )
        return _parked(rows[0])

    def ask(self, event: Parked, action: str, *, who: str, why: str, value: bytes | None = None) -> None:
        """Leave a request; the worker that owns the partition answers it within about a second."""
        self._run(
            'INSERT INTO requests (topic, partition, "offset", key, action, value, who, why, at_ms, was) '
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(event.topic, event.partition, event.offset, event.key),
                *(action, value, who, why, int(time.time() * 1000), event.value),
            ),
        )

    def history(self) -> list[Decision]:
        """Return every request that was ever made, oldest first, with what came of it."""
        rows = self._run(
            'SELECT id, topic, partition, "offset", action, who, why, at_ms, done_ms, outcome '
            "FROM requests ORDER BY id",
            (),
        )
        return [Decision(r[0], f"{r[1]}:{r[2]}:{r[3]}", *r[4:]) for r in rows]


def _parked(row: tuple[Any, ...]) -> Parked:
    key, topic, partition, offset, value, reason, at_ms = row
    return Parked(bytes(key), topic, partition, offset, value, reason, at_ms)
